"""repair: bulk repairs: first a list, then a task that carries it out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import click
from click.exceptions import Exit

from sfn_cqrs.machines.task.rules import CLOSED
from sfn_cqrs_tools.cli import FAILED_ROWS
from sfn_cqrs_tools.cli.options import api_options, limit_option, no_wait_option
from sfn_cqrs_tools.client.api import Api, given, work_path
from sfn_cqrs_tools.client.ids import Id
from sfn_cqrs_tools.client.pauses import awaited, going_on
from sfn_cqrs_tools.terminal.printing import Columns, print_list, print_table
from sfn_cqrs_tools.terminal.progress import waits_for
from sfn_local.cli.command import DONE, FAILED, Group, print_json, print_shown, several
from sfn_local.cli.showing import echo

PLANNED: Final = "PLANNED"
KINDS: Final = ("command", "task", "import", "saga")
ACTIONS: Final = ("retry", "skip")
COLUMNS: Final[Columns] = {
    "id": "id",
    "status": "status",
    "what": lambda one: f"{one['filter']['action']} {one['filter']['kind']}",
    "type": lambda one: one["filter"].get("type"),
    "error": lambda one: one["filter"].get("error"),
    "total": "total",
    "by": "createdBy",
    "at": "createdAt",
}

_path: Final = partial(work_path, "repairs")
id_argument = click.argument("id_", metavar="ID", type=Id("repair"))


@click.group(cls=Group)
def repair() -> None:
    """Repair many failures at once, for operators: plan, look, start."""


@repair.command(
    examples=(
        "sfn-cqrs repair plan command retry --since 2026-11-25T08:00:00Z --error Throttling",
        "sfn-cqrs repair plan command skip --type ORDER",
        "sfn-cqrs repair plan task retry --type ORDER_REMINDER",
    ),
)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("action", type=click.Choice(ACTIONS))
@click.option("--type", metavar="TYPE", help="Of this type, task type, saga or table.")
@click.option("--since", metavar="MOMENT", help="Failed then or later, such as 2026-11-25T08:00Z.")
@click.option("--until", metavar="MOMENT", help="Failed before then.")
@click.option("--error", metavar="TEXT", help="With this in the error or its cause.")
@click.option("--after", metavar="ID", help="Continue where this plan with the same filter ended.")
@api_options
def plan(
    kind: str, action: str, after: str | None, api: Api, as_json: bool, **wanted: str | None
) -> None:
    """List failures, and keep the list for `repair start`; nothing is repaired yet.

    Everything can be retried; commands can be skipped instead. The stack's operators plan
    for all tenants at once with --tenant '*'.
    """
    found = _planned(api, kind, action, wanted, after)
    if as_json:
        print_json(found)
        return
    _print_list(found)
    if found["total"]:
        echo(f"{action} them: sfn-cqrs repair start {found['id']}")
    if not found["isComplete"]:
        echo(f"there may be more: plan again with --after {found['id']}")


@repair.command(examples=("sfn-cqrs repair start p-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",))
@id_argument
@no_wait_option
@api_options
def start(id_: str, no_wait: bool, api: Api, as_json: bool) -> None:
    """Repair everything in a plan, and wait for the end; starting it again repairs nothing twice.

    A repair that ended early continues with the rest.
    Exits 0 if everything is done or had already continued, 2 if some could not be repaired.
    """
    started = api.post(_path(id_, "start"))
    if no_wait:
        print_shown(started, _print, as_json=as_json)
    else:
        _follow(api, id_, as_json=as_json)


@repair.command(examples=("sfn-cqrs repair show p-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",))
@id_argument
@click.option("--watch", is_flag=True, help="Wait for the end first.")
@api_options
def show(id_: str, watch: bool, api: Api, as_json: bool) -> None:
    """Show a plan, and the progress of its repair."""
    found = api.get(_path(id_))
    if watch and found["status"] != PLANNED:
        _follow(api, id_, as_json=as_json)
    elif found["status"] == PLANNED and not as_json:
        _print_list(found)
    else:
        print_shown(found, _print, as_json=as_json)


@repair.command(name="list", examples=("sfn-cqrs repair list", "sfn-cqrs repair list --planned"))
@click.option("--planned", is_flag=True, help="Only plans that were not started.")
@limit_option
@api_options
def list_(planned: bool, limit: int, api: Api, as_json: bool) -> None:
    """List all plans of the last 30 days, newest first."""
    found = api.first(limit, "/repairs")
    shown = [one for one in found if not planned or one["status"] == PLANNED]
    none = "no repairs were planned yet"
    print_list(shown, COLUMNS, as_json=as_json, spare=("at", "error"), none=none)
    if as_json:
        return
    if waiting := [one for one in shown if one["status"] == PLANNED and one["total"]]:
        echo(f"start one: sfn-cqrs repair start {waiting[0]['id']}")


def repair_all(
    api: Api, action: str, wanted: Mapping[str, str | None], *, is_sure: bool, as_json: bool
) -> None:
    """Retry or skip the commands that match a filter: a list, a question, then progress.

    This repeats, plan by plan, until no command is left.
    """
    after, code = None, DONE
    while True:
        found = _planned(api, "command", action, wanted, after)
        if not as_json:
            _print_list(found)
        if found["total"]:
            if not is_sure:
                click.confirm(f"{action} these {found['total']}?", abort=True, err=True)
            api.post(_path(found["id"], "start"))
            code = max(code, _followed(api, found["id"], as_json=as_json))
        elif as_json:
            print_json(found)
        if found["isComplete"] or code == FAILED:
            raise Exit(code)
        after = found["id"]


filter_options = several(
    click.option("--failed", is_flag=True, help="All failed versions that match the filter."),
    click.option("--type", "of_type", metavar="TYPE", help="With --failed: of this type."),
    click.option("--since", metavar="MOMENT", help="With --failed: failed then or later."),
    click.option("--until", metavar="MOMENT", help="With --failed: failed before then."),
    click.option("--error", metavar="TEXT", help="With --failed: this in error or cause."),
    click.option("--yes", "is_sure", is_flag=True, help="With --failed: do not ask first."),
)
"""--failed and its filter, for commands that may repair one or many."""


def _planned(
    api: Api, kind: str, action: str, wanted: Mapping[str, str | None], after: str | None
) -> dict[str, Any]:
    """Plan, and plan again while an incomplete plan is empty."""
    while True:
        body = given({"kind": kind, "action": action, **wanted, "after": after})
        found = api.post("/repairs", json.dumps(body))
        if found["total"] or found["isComplete"]:
            return found
        after = found["id"]


def _follow(api: Api, id_: str, *, as_json: bool) -> None:
    raise Exit(_followed(api, id_, as_json=as_json))


def _followed(api: Api, id_: str, *, as_json: bool) -> int:
    """Wait for the end of a repair, and show it; return the exit code."""
    watching = going_on(id_, f"sfn-cqrs repair show {id_} --watch")
    with watching, waits_for(id_, is_shown=not as_json):
        found = awaited(lambda: api.get(_path(id_)), lambda found: found["status"] in CLOSED)
    print_shown(found, _print, as_json=as_json)
    if found["status"] != "COMPLETED":
        return FAILED
    return FAILED_ROWS if found["failed"] else DONE


def _print_list(found: dict[str, Any]) -> None:
    more = "" if found["isComplete"] else ", and there may be more"
    echo(f"{found['total']} have failed{more}")
    fields = ("at", "tenant", "type", "code", "version", "id", "attempt", "error", "cause")
    shown = [name for name in fields if any(name in one for one in found["items"])]
    if found["items"]:
        rows = [[one.get(name, "") for name in shown] for one in found["items"]]
        print_table(shown, rows, spare=("cause", "attempt"))
    if "nextCursor" in found:
        echo(f"and {found['total'] - len(found['items'])} more")


def _print(found: dict[str, Any]) -> None:
    counts = ", ".join(f"{found[name]} {name}" for name in ("done", "unchanged", "left"))
    echo(f"{found['id']} is {found['status']}: {counts}, {len(found['failed'])} failed")
    for one in found["failed"]:
        where = one.get("id") or f"{one['type']} {one['code']} version {one['version']}"
        echo(f"  {where}: {one['problem']}")
    if found["status"] in ("FAILED", "CANCELLED"):
        echo(f"to continue: sfn-cqrs repair start {found['id']}")
