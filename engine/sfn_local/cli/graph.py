"""graph: a state machine as a picture, with the path of an execution."""

import json
from datetime import UTC, datetime
from typing import Any

import click

from sfn_local.cli.command import command
from sfn_local.cli.definitions import definition_argument, load, read_option
from sfn_local.cli.drawing import drawing_options, print_drawing
from sfn_local.cli.history import ask, endpoint_option, fetch_history
from sfn_local.graph import stays, taken


@command(
    examples=(
        "sfn-local graph order.asl.json",
        "sfn-local graph order.asl.json --svg order.svg",
        "sfn-local run order.asl.json --history history.json",
        "sfn-local graph order.asl.json --execution history.json",
    ),
)
@definition_argument
@click.option(
    "--execution",
    metavar="FILE|ARN",
    help="Show the path of an execution: the JSON of GetExecutionHistory, or an ARN.",
)
@endpoint_option("Where the execution's history is")
@drawing_options
def graph(definition: str, execution: str | None, endpoint_url: str, **form: Any) -> None:
    """Draw a state machine in the terminal, as Mermaid text or as an SVG picture.

    With --execution, marks and colours show the path: green states succeeded, yellow ones failed
    and were caught, a red one ended the execution, and the execution is in a blue one. Grey states
    were not entered. Heavy lines are ways that were taken; dotted ones are those of a Catch.
    """
    machine = load(definition)
    events = None if execution is None else _read_events(execution, endpoint_url)
    try:
        path = None if events is None else taken(events)
    except ValueError as error:
        raise click.ClickException(f"--execution {execution}: {error}") from error
    try:
        print_drawing(machine, path, stays(events or ()), {}, **form)
    except ValueError as error:
        raise click.ClickException(f"{definition}: {error}") from error


def _read_events(execution: str, endpoint_url: str) -> list[dict[str, Any]]:
    """Return the events of an execution, from the file of its history or from an engine."""
    events = (
        fetch_history(execution, lambda operation, given: ask(endpoint_url, operation, given))
        if execution.startswith("arn:")
        else _load_history(execution)
    )
    return [
        {**event, "timestamp": _moment(event.get("timestamp"))}
        if isinstance(event, dict)
        else event
        for event in events
    ]


def _moment(written: Any) -> datetime:
    """Return a moment as JSON has it: ISO 8601, or seconds since 1970."""
    if isinstance(written, (int, float)):
        return datetime.fromtimestamp(written, UTC)
    try:
        return datetime.fromisoformat(str(written))
    except ValueError as error:
        raise click.ClickException(f"--execution: {written!r} is not a timestamp") from error


def _load_history(path: str) -> list[dict[str, Any]]:
    try:
        history = json.loads(read_option("--execution", path, "; an ARN begins with arn:"))
    except ValueError as error:
        raise click.UsageError(f"--execution: {path} is not JSON: {error}") from error
    events = history.get("events") if isinstance(history, dict) else history
    if not isinstance(events, list):
        message = f"--execution: {path} has no events; it is the answer of get-execution-history"
        raise click.UsageError(message)
    return events
