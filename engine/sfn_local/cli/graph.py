"""graph: a state machine as a picture, with the path of an execution."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click

from sfn_local.cli.command import Command
from sfn_local.cli.definitions import definition_argument, load, read_option
from sfn_local.graph import Taken, mermaid, svg, taken
from sfn_local.server import CONTENT_TYPE, TARGET

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the engine is near
PATIENCE_SECONDS = 30
LARGEST_PAGE = 1000


@click.command(
    cls=Command,
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
@click.option(
    "--endpoint-url",
    metavar="URL",
    envvar="AWS_ENDPOINT_URL_SFN",
    default="http://127.0.0.1:8083",
    show_default=True,
    help="Where the execution's history is; else AWS_ENDPOINT_URL_SFN.",
)
def graph(definition: str, svg_path: str | None, execution: str | None, endpoint_url: str) -> None:
    """Draw a state machine: Mermaid text on stdout, or an SVG picture in a file.

    With --execution, green states succeeded, yellow ones failed and were caught, red ones ended
    the execution, blue ones it is in; grey ones were never entered.
    """
    machine = load(definition)
    path = None if execution is None else _read_path(execution, endpoint_url)
    try:
        picture = mermaid(machine, path) if svg_path is None else svg(machine, path)
    except ValueError as error:
        raise click.ClickException(f"{definition}: {error}") from error
    if svg_path in (None, "-"):
        click.echo(picture, nl=False)
    else:
        Path(svg_path).write_text(picture, encoding="utf-8")


def _read_path(execution: str, endpoint_url: str) -> Taken:
    """The path of an execution, from the file of its history or from an engine."""
    is_arn = execution.startswith("arn:")
    events = _fetch_history(execution, endpoint_url) if is_arn else _load_history(execution)
    try:
        return taken(events)
    except ValueError as error:
        raise click.ClickException(f"--execution {execution}: {error}") from error


def _load_history(path: str) -> list[dict[str, Any]]:
    try:
        history = json.loads(read_option("--execution", path))
    except ValueError as error:
        raise click.UsageError(f"--execution: {path} is no JSON: {error}") from error
    events = history.get("events") if isinstance(history, dict) else history
    if not isinstance(events, list):
        message = f"--execution: {path} has no events; it is the answer of get-execution-history"
        raise click.UsageError(message)
    return events


def _fetch_history(arn: str, endpoint_url: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    given: dict[str, Any] = {"executionArn": arn, "maxResults": LARGEST_PAGE}
    while True:
        page = _ask(endpoint_url, "GetExecutionHistory", given)
        events += page.get("events", [])
        if "nextToken" not in page:
            return events
        given["nextToken"] = page["nextToken"]


def _ask(endpoint_url: str, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """An answer of Step Functions behind its protocol, from a server that reads no signature."""
    headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": f"{TARGET}{operation}"}
    try:
        request = urllib.request.Request(endpoint_url, json.dumps(given).encode(), headers)
        with OPENER.open(request, timeout=PATIENCE_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        reason = error.read().decode(errors="replace")
        raise click.ClickException(f"{endpoint_url}: {reason}") from error
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{endpoint_url}: {error}") from error
