"""graph: a state machine as a picture, with the path of an execution."""

import json
from pathlib import Path
from typing import Any

import click

from sfn_local.cli.command import command
from sfn_local.cli.definitions import definition_argument, load, read_option
from sfn_local.cli.history import ask, endpoint_option, fetch_history
from sfn_local.cli.showing import echo
from sfn_local.graph import Taken, mermaid, svg, taken


@command(
    examples=(
        "sfn-local graph order.asl.json",
        "sfn-local graph order.asl.json --svg order.svg",
        "sfn-local run order.asl.json --history history.json",
        "sfn-local graph order.asl.json --execution history.json",
    ),
)
@definition_argument
@click.option("--svg", "svg_path", metavar="FILE", help="Write an SVG picture; - is stdout.")
@click.option(
    "--execution",
    metavar="FILE|ARN",
    help="Colour the path of an execution: the JSON of GetExecutionHistory, or an ARN.",
)
@endpoint_option("Where the execution's history is")
def graph(definition: str, svg_path: str | None, execution: str | None, endpoint_url: str) -> None:
    """Draw a state machine: Mermaid text on stdout, or an SVG picture in a file.

    With --execution, colours show the path: green states succeeded, yellow ones failed and were
    caught, a red one ended the execution, and the execution is in a blue one. Grey states were not
    entered.
    """
    machine = load(definition)
    path = None if execution is None else _read_path(execution, endpoint_url)
    try:
        picture = mermaid(machine, path) if svg_path is None else svg(machine, path)
    except ValueError as error:
        raise click.ClickException(f"{definition}: {error}") from error
    if svg_path in (None, "-"):
        echo(picture, nl=False)
    else:
        Path(svg_path).write_text(picture, encoding="utf-8")


def _read_path(execution: str, endpoint_url: str) -> Taken:
    """The path of an execution, from the file of its history or from an engine."""
    is_arn = execution.startswith("arn:")
    events = (
        fetch_history(execution, lambda operation, given: ask(endpoint_url, operation, given))
        if is_arn
        else _load_history(execution)
    )
    try:
        return taken(events)
    except ValueError as error:
        raise click.ClickException(f"--execution {execution}: {error}") from error


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
