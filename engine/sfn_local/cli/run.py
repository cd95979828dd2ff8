"""run and mock: a state machine on stand-ins for its tasks."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sfn_local.cli.command import (
    Group,
    always_json_option,
    command,
    json_option,
    print_json,
)
from sfn_local.cli.definitions import (
    definition_argument,
    input_of,
    input_option,
    load,
    machine_name,
    mock_config_option,
    mocks_of,
    read_option,
)
from sfn_local.cli.showing import Shown, echo, json_of, styled
from sfn_local.document import Json, dumps
from sfn_local.errors import ApiError
from sfn_local.graph.notes import show_seconds
from sfn_local.mock_skeleton import mock_skeleton
from sfn_local.mocks import MockConfig, MockError
from sfn_local.rehearsal import rehearse
from sfn_local.stubs import StubFunctions, parse_stubs
from sfn_local.trace import Step, owners, stopped_in, trace

BAR = 24
"""As wide is the time of an execution in a terminal."""
FAILING = ("Failed", "TimedOut")
"""How the type of the event of a try that failed ends."""


@command(
    examples=(
        "sfn-local run order.asl.json -i keys.json --stubs stubs.json",
        """echo '{"check": [{"Throw": {"Error": "Busy"}}, {"ok": true}]}' > stubs.json""",
        "sfn-local run order.asl.json --mock HappyPath",
    ),
)
@definition_argument
@input_option("The input; - reads it from stdin.")
@click.option("--stubs", "stubs_path", metavar="FILE", help="Stand-ins for functions, by state.")
@click.option("--mock", "case", metavar="CASE", help="A test case of the mock configuration.")
@mock_config_option
@click.option("--trace", "with_data", is_flag=True, help="Also print the data at each step.")
@click.option("--history", metavar="FILE", help="Write the events, as GetExecutionHistory does.")
@json_option
def run(
    definition: str,
    path: str | None,
    stubs_path: str | None,
    case: str | None,
    mock_config: str | None,
    with_data: bool,
    history: str | None,
    as_json: bool,
) -> None:
    """Run a state machine with stand-ins for its functions, without waiting.

    Waits, retries and time limits pass on a virtual clock. --stubs names a JSON object with the
    answer of each state's function. An answer is a value, {"Return": value} or
    {"Throw": {"Error": "...", "Cause": "..."}}; a list has one answer for each call. --mock takes
    the answers of a test case of Step Functions Local; --stubs adds the others. If the execution
    fails, the command prints the state and its data; --trace prints those of every state.
    """
    machine = load(definition)
    functions = StubFunctions(_read_stubs(stubs_path))
    mocks = None if case is None else mocks_of(definition, mock_config)
    name = "run" if mocks is None else _mocked_machine(mocks, definition)
    try:
        data = input_of(definition, path)
        runner, execution = rehearse(name, machine, data, functions, mocks, case)
    except (ApiError, MockError) as error:
        raise click.ClickException(str(error)) from error
    runner.run_until(execution)
    described = runner.describe_execution(execution)
    events = runner.history(execution)
    if history is not None:
        _write_history(history, events)
    if as_json:
        print_json(run_report(described, events))
    else:
        print_run(described, events, with_data=with_data)
    if functions.complaints:
        complaints = "; ".join(dict.fromkeys(functions.complaints))
        raise click.ClickException(f"{complaints}; answer with --stubs, or take a case with --mock")
    if described["status"] != "SUCCEEDED":
        raise click.exceptions.Exit(1)


@click.group(cls=Group)
def mock() -> None:
    """Mock configurations, as Step Functions Local reads them."""


@mock.command(
    examples=(
        "sfn-local mock new order.asl.json > MockConfigFile.json",
        "sfn-local run order.asl.json --mock HappyPath",
    ),
)
@definition_argument
@click.option("--name", metavar="MACHINE", help="The machine's name, if it is not the file's.")
@always_json_option
def new(definition: str, name: str | None) -> None:
    """Print a MockConfigFile.json for a state machine: a test case for each of its outcomes.

    In HappyPath every task succeeds; further cases throw what the tasks catch. Edit what is under
    Return: the real services answer with more.
    """
    machine = load(definition)
    if not isinstance(machine, dict):
        raise click.ClickException(f"{definition}: the definition must be a JSON object")
    try:
        print_json(mock_skeleton(name or machine_name(definition), machine))
    except ValueError as error:
        raise click.ClickException(f"{definition}: {error}") from error


def _read_stubs(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return parse_stubs(read_option("--stubs", path))
    except ValueError as error:
        raise click.UsageError(f"--stubs: {error}") from error


def _mocked_machine(mocks: MockConfig, definition: str) -> str:
    """The machine of a mock configuration that a definition is for: its only one, or by name."""
    machines = mocks.machines
    return machines[0] if len(machines) == 1 else machine_name(definition)


def _write_history(path: str, events: list[dict[str, Any]]) -> None:
    shown = [{**event, "timestamp": event["timestamp"].isoformat()} for event in events]
    text = json.dumps({"events": shown}, ensure_ascii=False, indent=2)
    Path(path).write_text(f"{text}\n", encoding="utf-8")


def run_report(described: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the object that --json prints, from DescribeExecution and the events."""
    output = described.get("output")
    steps = trace(events)
    return {
        "status": described["status"],
        "output": None if output is None else json.loads(output),
        "error": described.get("error"),
        "cause": described.get("cause"),
        "seconds": _seconds(described),
        "path": [
            {
                "state": step.name,
                "type": step.type,
                "depth": step.depth,
                "start": (step.entered - described["startDate"]).total_seconds(),
                "seconds": step.seconds,
                "attempts": step.attempts,
                "error": step.error,
                "cause": step.cause,
                "input": _parsed(step.input),
                "arguments": _parsed(step.arguments),
                "output": _parsed(step.output),
            }
            for step in steps
        ],
        "stoppedIn": [step.name for step in stopped_in(events)],
    }


def _parsed(text: str | None) -> Json:
    return None if text is None else json.loads(text)


def _seconds(described: dict[str, Any]) -> float | None:
    if "stopDate" not in described:
        return None
    return float((described["stopDate"] - described["startDate"]).total_seconds())


def print_run(
    described: dict[str, Any],
    events: list[dict[str, Any]],
    *,
    with_data: bool,
    show_data: Callable[[Step, str], None] | None = None,
) -> None:
    """Print the path of an execution with durations, and how it ended or where it stands.

    Show_data prints the data of a state in the place of what does so here.
    """
    show_data = show_data or print_data
    steps = trace(events)
    width = max((2 * step.depth + len(step.name) for step in steps), default=0)
    for step in steps:
        name = f"{'  ' * step.depth}{step.name}"
        took = "" if step.seconds is None else show_seconds(step.seconds)
        more = f"  {step.attempts} attempts" if step.attempts > 1 else ""
        error = styled(f"  {step.error}", fg=_colour(step)) if step.error else ""
        echo(f"{name:<{width}}  {step.type:<8}  {took:>10}{more}", bar(step, described), error)
        if with_data:
            show_data(step, "  " * (step.depth + 2))
    seconds = _seconds(described)
    after = "" if seconds is None else f" after {show_seconds(seconds)}"
    color = "green" if described["status"] == "SUCCEEDED" else "red"
    echo("\n", styled(described["status"], fg=color, bold=True), after)
    if described["status"] == "RUNNING":
        echo(_awaited(events))
    if "output" in described:
        print_json(json.loads(described["output"]))
    for name in ("error", "cause"):
        if name in described:
            echo(f"{name}: {described[name]}")
    for step in stopped_in(events):
        echo("\nin the state ", styled(step.name, bold=True), ", with")
        show_data(step, "  ")


def _awaited(events: list[dict[str, Any]]) -> str:
    """Say what a running execution waits for: its next try of a state, or an answer."""
    tried = owners(events).get(events[-1]["id"]) if events[-1]["type"].endswith(FAILING) else None
    if tried is None:
        return "it waits for a token or a function"
    return f"it tries {tried.name} again after a pause"


def bar(step: Step, described: dict[str, Any]) -> Shown:
    """Draw when a step was at work, in the time of its execution; only a terminal shows it."""
    total = _seconds(described)
    if not sys.stdout.isatty() or not total or step.seconds is None:
        return Shown()
    begun = (step.entered - described["startDate"]).total_seconds()
    first = min(int(BAR * begun / total), BAR - 1)
    length = max(min(round(BAR * step.seconds / total), BAR - first), 1)
    return Shown("  " + " " * first + styled("━" * length, fg=_colour(step)))


def _colour(step: Step) -> str:
    """Green without an error, yellow if a retry or a Catch got over it, red if nothing did."""
    if step.error is None:
        return "green"
    return "red" if step.exited is None else "yellow"


def print_data(
    step: Step, margin: str, shown: Callable[[Json], Json] = lambda value: value
) -> None:
    """Print what went into a step and what came out, as it is to be shown."""
    data = {"input": step.input, "arguments": step.arguments, "output": step.output}
    for name, text in data.items():
        if text is not None and (name != "arguments" or text != step.input):
            echo(margin, styled(name, dim=True), " ", json_of(dumps(shown(json.loads(text)))))
