"""saga: steps that are all made, or all undone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import click
from click.exceptions import Exit
from rich.markup import escape
from rich.table import Table

from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs_tools.cli import FAILED_ROWS
from sfn_cqrs_tools.cli.beginning import Beginning, beginning_options
from sfn_cqrs_tools.cli.options import api_options, limit_option, no_wait_option
from sfn_cqrs_tools.client.api import Api, work_path
from sfn_cqrs_tools.client.ids import Id
from sfn_cqrs_tools.client.pauses import awaited, going_on
from sfn_cqrs_tools.client.saga_parts import Part, parts_of
from sfn_cqrs_tools.terminal.ages import duration
from sfn_cqrs_tools.terminal.causes import code_of, reason_of, result_of
from sfn_cqrs_tools.terminal.printing import console, print_answer, print_list
from sfn_cqrs_tools.terminal.progress import waits_for
from sfn_local.cli.command import DONE, FAILED, Group, print_shown
from sfn_local.cli.showing import echo

EXIT_CODES: Final = {"COMPLETED": DONE, "COMPENSATED": FAILED_ROWS, "PARKED": FAILED}
COLOURS: Final = {
    "COMPLETED": "green",
    "DONE": "green",
    "COMPENSATED": "yellow",
    "COMPENSATING": "yellow",
    "REFUSED": "yellow",
    "UNKNOWN": "yellow",
    "FAILED": "red",
    "PARKED": "red",
}

_path: Final = partial(work_path, "sagas")
id_argument = click.argument("id_", metavar="ID", type=Id("saga"))


@click.group(cls=Group)
def saga() -> None:
    """Start sagas, read their logs, and retry parked ones."""


@saga.command(
    examples=(
        "sfn-cqrs saga start order-saga @purchase.json",
        "sfn-cqrs saga start order-saga @purchase.json --name 'purchase o-10' --no-wait",
    ),
)
@click.argument("saga_", metavar="SAGA")
@beginning_options("the saga's", "started")
@api_options
def start(saga_: str, beginning: Beginning, api: Api, as_json: bool) -> None:
    """Start a saga and wait for its end.

    INPUT is a JSON object; @FILE reads it from a file, @- from standard input. Exits 0 if every
    step is completed, 2 if the saga is undone, 1 if it is parked.
    """
    beginning.begin(api, "/sagas", {"saga": saga_}, _follow, as_json=as_json)


@saga.command(examples=("sfn-cqrs saga show g-01KAXK3V9Q0M3W8C5R6T7Y8Z9G",))
@id_argument
@click.option("--watch", is_flag=True, help="Wait for the end of the saga first.")
@api_options
def show(id_: str, watch: bool, api: Api, as_json: bool) -> None:
    """Show a saga's log: each step, each compensation, and the remaining steps.

    A declared saga is shown as it was declared, with what is to do and what was not chosen.

    A try is written as attempt.try: 2.1 is the first one of the second attempt.
    """
    if watch:
        _follow(api, id_, as_json=as_json)
    else:
        print_shown(api.get(_path(id_)), _print, as_json=as_json)


@saga.command(name="list", examples=("sfn-cqrs saga list --status PARKED",))
@click.option("--status", type=click.Choice([*SagaStatus]), help="Only sagas with this status.")
@limit_option
@api_options
def list_(status: str | None, limit: int, api: Api, as_json: bool) -> None:
    """List the sagas, the newest first."""
    found = api.first(limit, "/sagas", status=status)
    fields = ("id", "saga", "name", "status", "attempt", "error", "createdAt")
    none = f"no sagas are {status}" if status else "no sagas yet"
    spare = ("attempt", "saga", "createdAt")
    print_list(found, fields, as_json=as_json, spare=spare, none=none)


@saga.command(examples=("sfn-cqrs saga retry g-01KAXK3V9Q0M3W8C5R6T7Y8Z9G",))
@id_argument
@no_wait_option
@api_options
def retry(id_: str, no_wait: bool, api: Api, as_json: bool) -> None:
    """Resume a parked saga where it stopped; for operators."""
    answer = api.post(_path(id_, "retry"))
    if no_wait:
        print_answer(answer, f"{id_} continues, attempt {answer['attempt']}", as_json=as_json)
    else:
        _follow(api, id_, as_json=as_json)


def _follow(api: Api, id_: str, *, as_json: bool) -> None:
    """Wait for the end of a saga, and exit as it ended."""
    watching = going_on(id_, f"sfn-cqrs saga show {id_} --watch")
    with watching, waits_for(id_, is_shown=not as_json):
        found = awaited(lambda: api.get(_path(id_)), lambda found: found["status"] in EXIT_CODES)
    print_shown(found, _print, as_json=as_json)
    raise Exit(EXIT_CODES[found["status"]])


def _print(found: dict[str, Any]) -> None:
    name = escape(found["name"])
    sentence = f"{found['id']} {name} is {_coloured(found['status'])}, attempt {found['attempt']}"
    console().print(f"{sentence}{_reason(found)}", soft_wrap=True)
    parts = parts_of(found)
    rows = _declared(parts, found) if parts else map(_line, found["log"])
    _print_table(list(rows))
    for line in found["log"]:
        if code := code_of(line.get("cause")):
            echo("\n".join((f"{line['name']}:", *code)))
    if found["left"]:
        console().print(f"left: {', '.join(found['left'])}")
    if found["status"] == "PARKED":
        echo(f"once it is repaired: sfn-cqrs saga retry {found['id']}")


def _print_table(rows: list[tuple[str, ...]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("step", "status", "began (UTC)", "took", "try"):
        table.add_column(column, no_wrap=True)
    table.add_column("result or error", overflow="fold")
    for row in rows:
        table.add_row(*row)
    if rows:
        console().print(table)


def _declared(parts: list[Part], found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the parts in their order, then what undoes them, as the log has it."""
    for part in parts:
        if part.line is not None:
            _, *cells = _line(part.line)
            yield _named(part), *cells
        else:
            yield _named(part), f"[dim]{part.state}[/]"
    for line in found["log"]:
        if line["kind"] == "compensation":
            yield _line(line)


def _named(part: Part) -> str:
    waits = f" ({part.waits} {duration(part.seconds)})" if part.waits else ""
    indent = "  " if part.when else ""
    when = f"  [dim]{escape(part.when)}[/]" if part.when else ""
    return f"{indent}{part.name}{waits}{when}"


def _line(line: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a line of the log as a row."""
    is_undo = line["kind"] == "compensation"
    return (
        f"{'undo: ' if is_undo else ''}{line['name']}",
        _coloured(line["status"]),
        _moment(line["beganAt"]).strftime("%H:%M:%S"),
        _took(line),
        f"{line['attempt']}.{line['try']}",
        escape(result_of(line)),
    )


def _reason(found: dict[str, Any]) -> str:
    if "error" not in found:
        return ""
    return escape(f": {found['error']}: {reason_of(found.get('cause'))}")


def _took(line: Mapping[str, Any]) -> str:
    if "endedAt" not in line:
        return ""
    began, ended = (_moment(line[key]) for key in ("beganAt", "endedAt"))
    return f"{(ended - began).total_seconds():.2f} s"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _coloured(status: str) -> str:
    colour = COLOURS.get(status)
    return f"[{colour}]{status}[/]" if colour else status
