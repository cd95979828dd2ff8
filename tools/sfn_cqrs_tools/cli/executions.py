"""execution: the executions of a stack's machines, found by name, by item or by id."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import click

from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.machines.command.process import Process
from sfn_cqrs_tools.cli.options import one_line_errors, stack_options
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.client.executions import (
    EXPRESS,
    Executions,
    hints_to_resume,
    waiting,
)
from sfn_cqrs_tools.client.runs import STATUSES, Run
from sfn_cqrs_tools.runtime.identity import DEFAULT_TENANT
from sfn_cqrs_tools.terminal.ages import duration
from sfn_cqrs_tools.terminal.causes import cut, shortened
from sfn_cqrs_tools.terminal.commands import look_at
from sfn_cqrs_tools.terminal.printing import print_table
from sfn_local.cli.command import Group, json_option, print_json
from sfn_local.cli.drawing import drawing_options, print_drawing
from sfn_local.cli.run import print_run, run_report
from sfn_local.cli.showing import echo, json_of, styled
from sfn_local.graph import stays, taken
from sfn_local.trace import stopped_in

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_ERROR: Final = 80
name_argument = click.argument("name", metavar="NAME|ITEM|ID|@")


def executions_of_stack(command: Callable[P, T]) -> Callable[..., T]:
    """Add --state, --stack and --tenant, and pass on the executions that they name."""

    @click.option("--tenant", metavar="CODE", default=DEFAULT_TENANT, help="Of an item.")
    @stack_options
    @functools.wraps(command)
    def wrapped(*args: Any, state: Path, stack: str | None, tenant: str, **kwargs: Any) -> T:
        with one_line_errors():
            executions = Executions(find_target(state, stack), tenant)
        return command(*args, executions=executions, **kwargs)  # type: ignore[arg-type]

    return wrapped


@click.group(cls=Group)
def execution() -> None:
    """Show executions: a NAME may be a prefix, an item, an id, or @ for the latest."""


@execution.command(
    name="list",
    examples=(
        "sfn-cqrs execution list",
        "sfn-cqrs execution list --machine command --status FAILED",
        "sfn-cqrs execution list --item ORDER/o-1",
    ),
)
@click.option("--machine", metavar="M", help="Of one machine.")
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False))
@click.option("--item", metavar="TYPE/CODE", help="Only executions of the versions of this item.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@executions_of_stack
@json_option
def list_(
    machine: str | None,
    status: str | None,
    item: str | None,
    limit: int,
    executions: Executions,
    as_json: bool,
) -> None:
    """List executions, the newest first."""
    status = status and status.upper()
    found = executions.latest(machine, status, limit)
    if item is not None:
        found = [
            one for one in executions.about(item, limit) if status is None or one.status == status
        ][:limit]
    found = executions.with_data(found)
    if as_json:
        print_json([_listed(one) for one in found])
        return
    rows = [
        (
            _subject(one),
            one.status,
            one.machine,
            f"{one.started.astimezone():%m-%d %H:%M:%S}",
            _took(one),
            cut(_error(one), LONGEST_ERROR),
            one.name,
        )
        for one in found
    ]
    none = "no such executions" if machine or status or item else "no executions yet"
    started = f"started ({datetime.now().astimezone():%Z})"
    headings = ("about", "status", "machine", started, "took", "error", "name")
    print_table(headings, rows, spare=("machine", "took", started), none=none)
    if len(found) == limit:
        echo(f"the latest {limit} of more: --limit {limit * 5}")


@execution.command(
    examples=(
        "sfn-cqrs execution show @",
        "sfn-cqrs execution show ORDER/o-1 --data",
        "sfn-cqrs execution show t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    ),
)
@name_argument
@click.option("--data", "with_data", is_flag=True, help="With the input and output of each state.")
@executions_of_stack
@json_option
def show(name: str, with_data: bool, executions: Executions, as_json: bool) -> None:
    """Show the path of an execution, how long each state took, and why it failed.

    For an execution in the express lane it shows the machine's log. On AWS the log has only
    failures; for other executions it shows the item.
    """
    process = executions.unlogged(name)
    if process is not None:
        _print_unlogged(name, process, as_json=as_json)
        return
    found = executions.find(name)
    described, events = executions.describe(found)
    if as_json:
        print_json({**_shown(found), **run_report(described, events)})
        return
    echo(f"{found.name} of {found.machine}\n")
    failure = Failure.of({"error": described.pop("error", ""), "cause": described.pop("cause", "")})
    print_run(described, events, with_data=with_data)
    if found.status not in ("RUNNING", "SUCCEEDED"):
        _print_failure(failure.error, failure.summary)
    if more := look_at(json.loads(described.get("input", "{}"))):
        echo(more)
    if described["status"] == "RUNNING":
        _print_waits(found, executions.definition(found), events)


def _print_waits(found: Run, definition: object, events: list[dict[str, Any]]) -> None:
    """Print why a state is tried again, and what ends the waits for somebody."""
    for step in stopped_in(events):
        if step.error:
            failure = Failure.of({"error": step.error, "cause": step.cause})
            _print_failure(failure.error, failure.summary)
    for line in hints_to_resume(found.name, waiting(found.machine, definition, events)):
        echo(line)


def _listed(one: Run) -> dict[str, Any]:
    told = {"about": _subject(one), "error": one.error, "cause": one.cause}
    return _shown(one) | {name: text for name, text in told.items() if text}


def _subject(one: Run) -> str:
    """Return the item, with its version, or the id that an execution is about."""
    given = json.loads(one.input or "{}")
    about = given if isinstance(given, dict) else {}
    if "code" in about and "type" in about:
        version = f" v{about['version']}" if "version" in about else ""
        return f"{about['type']}/{about['code']}{version}"
    return str(about.get("id", ""))


def _error(one: Run) -> str:
    failure = Failure.of({"error": one.error, "cause": one.cause}) if one.error else None
    first = failure.summary.partition("\n")[0] if failure else ""
    return ": ".join(text for text in (one.error, first) if text)


def _took(one: Run) -> str:
    return "" if one.seconds is None else duration(one.seconds)


@execution.command(examples=("sfn-cqrs execution history @ --json",))
@name_argument
@executions_of_stack
@json_option
def history(name: str, executions: Executions, as_json: bool) -> None:
    """List the events of an execution, as Step Functions keeps them; task tokens are left out."""
    found = executions.find(name)
    described, events = executions.describe(found)
    if as_json:
        shown = {"executionArn": found.arn, "events": events}
        echo(json_of(json.dumps(shown, default=str, ensure_ascii=False, indent=2)))
        return
    began = described["startDate"]
    rows = [
        (
            event["id"],
            f"{(event['timestamp'] - began).total_seconds():.3f}",
            event["type"],
            _detail(event),
        )
        for event in events
    ]
    print_table(("id", "seconds", "event", "what"), rows)


@execution.command(
    examples=(
        "sfn-cqrs execution graph @",
        "sfn-cqrs execution graph ORDER/o-1 --svg o-1.svg",
    ),
)
@name_argument
@drawing_options
@executions_of_stack
def graph(name: str, executions: Executions, **form: Any) -> None:
    """Draw the path of an execution on its machine, in the terminal, as Mermaid text or as SVG.

    Marks and colours show how each state ended; heavy lines show the path; dotted lines are
    those of a Catch. A Map says how many of its iterations failed.
    """
    found = executions.find(name)
    _, events = executions.describe(found)
    definition, notes = executions.definition(found), executions.map_runs(events)
    print_drawing(definition, taken(events), stays(events), notes, **form)
    if form["svg_path"] not in (None, "-") and not form["as_json"]:
        echo(f"{found.name} is drawn in {form['svg_path']}")


def _print_unlogged(item: str, process: Process, *, as_json: bool) -> None:
    """Print the known facts of a version's express run that has logged nothing."""
    shown = {
        "machine": EXPRESS,
        "version": process.version,
        "attempt": process.attempt,
        "outcome": str(process.outcome),
        "lastStatus": process.status,
        "updatedAt": process.updated_at,
        "error": process.error,
        "cause": process.cause,
    }
    if as_json:
        print_json(shown)
        return
    claimed = "a run has claimed it" if process.run else "no run has claimed it"
    echo(f"version {process.version} of {item}, attempt 1 of {EXPRESS}: {claimed}\n")
    echo(f"{process.outcome} by {process.status} at {process.updated_at}")
    if process.error:
        _print_failure(process.error, process.cause or "")
    echo("Step Functions keeps no EXPRESS executions, and the machine has logged none of it")
    echo(f"sfn-cqrs logs --item {item}")


def _print_failure(error: str, cause: str) -> None:
    first, *code = cause.splitlines() or [""]
    echo(styled(f"{error}: {first}", fg="red"))
    echo("\n".join(shortened(code)), nl=bool(code))


def _shown(found: Run) -> dict[str, Any]:
    return {
        "name": found.name,
        "machine": found.machine,
        "status": found.status,
        "startedAt": found.started.isoformat(),
        "arn": found.arn,
    }


def _detail(event: dict[str, Any]) -> str:
    """Return an event's detail: its state, or its error."""
    for name, details in event.items():
        if name.endswith("EventDetails") and isinstance(details, dict):
            shown = details.get("name") or details.get("error") or details.get("resource")
            if shown:
                return str(shown)
    return ""
