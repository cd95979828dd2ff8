"""what-if: the effect that the working copy's handlers would have on stored versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from sfn_cqrs_tools.cli.options import one_line_errors, rate_option, stack_options, template_option
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_cqrs_tools.terminal.printing import print_table, progress_console
from sfn_cqrs_tools.terminal.progress import counting
from sfn_local.cli.command import FAILED, command, json_option, print_shown
from sfn_local.cli.showing import echo

LIMIT: Final = 10_000
SHOWN: Final = 20
DATES: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@command(
    examples=(
        "sfn-cqrs what-if",
        "sfn-cqrs what-if --type ORDER --handler orders_by_customer",
        "sfn-cqrs what-if --type ORDER --item o-1 --tenant tenant1",
        "sfn-cqrs what-if --twice",
        "sfn-cqrs what-if --since 2026-11-01 --limit 1000 --json --stack sfn-cqrs-prod",
    ),
)
@click.option("--type", "types", multiple=True, metavar="TYPE", help="A type.  [default: all]")
@click.option("--handler", metavar="NAME", default="", help="One handler.  [default: all]")
@click.option("--item", metavar="CODE", default="", help="One item; it needs --type.")
@click.option("--tenant", metavar="CODE", help="Of one tenant.  [default: of all]")
@click.option(
    "--since", type=click.DateTime(DATES), help="Only items that were changed since then (UTC)."
)
@click.option(
    "--limit", type=click.IntRange(1), default=LIMIT, show_default=True, help="Items at most."
)
@click.option("--ignore", multiple=True, metavar="CELL", help="A cell that is not compared.")
@click.option(
    "--twice",
    is_flag=True,
    help="Bring each version again, at once and late, and show the rows that it changes then.",
)
@rate_option
@stack_options
@template_option
@json_option
@click.pass_context
def what_if(
    context: click.Context,
    /,
    types: tuple[str, ...],
    since: datetime | None,
    state: Path,
    stack: str | None,
    template: Path,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Run stored versions through the handlers of your working copy, and compare the rows.

    It reads the stack with your credentials, and writes nothing there: handlers write to tables in
    memory. It shows rows that would change, appear or disappear, and handlers that fail. Exits 1 if
    it finds such a row or handler.
    """
    from sfn_cqrs.kernel.clock import iso  # noqa: PLC0415 - it and what follows import much
    from sfn_cqrs_tools.replay.process import NotReplayedError, replayed  # noqa: PLC0415

    after = iso(since.replace(tzinfo=UTC)) if since else ""
    if wanted["item"] and wanted["tenant"] is None:
        wanted["tenant"] = "tenant1"
    with one_line_errors(NotReplayedError):
        target, read = find_target(state, stack), load_template(template)
        with counting(progress_console(as_json=True), "items replayed") as told:
            report = replayed(target, read, {**wanted, "types": types, "since": after}, told)
    print_shown(report, _print, as_json=as_json)
    if report["rows"] or report["errors"]:
        context.exit(FAILED)


def _print(report: dict[str, Any]) -> None:
    for one in report["notCovered"]:
        echo(f"{one['handler']} is not covered: {one['reason']}")
    _table(("handler", "kind", "count", "item", "version", "message"), report["errors"])
    alike = _alike(report["rows"])
    for one, *others in alike[:SHOWN]:
        _print_row(one, len(others))
    if len(alike) > SHOWN:
        echo(f"… and {sum(map(len, alike[SHOWN:])):,} more; --json has all")
    _table(
        ("name", "rows", "changes", "appears", "disappears", "notCompared"), report["readModels"]
    )
    for one in report["asked"]:
        echo(f"handlers also ask for: {one['what']} ({one['count']:,} times)")
    part = "" if report["isComplete"] else ", a part of all"
    echo(
        f"{report['items']:,} items{part}, {report['versions']:,} versions,"
        f" {len(report['rows']):,} rows differ"
    )


def _table(fields: tuple[str, ...], found: list[dict[str, Any]]) -> None:
    if found:
        print_table(fields, [[str(one[name]) for name in fields] for one in found])


def _alike(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the rows that differ, those together that differ in the same cells and values."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number, one in enumerate(rows):
        cells = json.dumps(one["cells"], sort_keys=True) if one["cells"] else number
        found.setdefault(f"{one['what']} {one['model']} {cells}", []).append(one)
    return list(found.values())


def _print_row(one: dict[str, Any], others: int) -> None:
    by = f", by {one['item']}" if one["item"] else ""
    more = f", and {others:,} more rows alike" if others else ""
    place = f"{one['model']} {one['tenant']} {one['partition']} {one['sort']}"
    echo(f"{one['what']}: {place}{by}{more}")
    if one["what"] in ("changes", "repeated"):
        for cell, (before, now) in one["cells"].items():
            echo(f"  {cell}: {before!r} -> {now!r}")
