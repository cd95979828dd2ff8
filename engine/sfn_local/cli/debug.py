"""debug: why an execution failed, and what would become of it with mended ASL or code."""

import importlib
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sfn_local.calls.boto import client_of_profile, method_name
from sfn_local.cli.command import DONE, command
from sfn_local.cli.definitions import load, machine_name, read_option
from sfn_local.cli.history import Asks, ask, endpoint_option, fetch_history
from sfn_local.cli.run import print_data, print_run
from sfn_local.cli.showing import echo
from sfn_local.document import Json
from sfn_local.errors import ApiError
from sfn_local.lint.model import Definition
from sfn_local.recording import (
    CASE,
    Recording,
    RecordingError,
    Replay,
    mock_configuration,
    read,
    replay,
)
from sfn_local.trace import Step

TOKEN_FIELD = re.compile("token", re.IGNORECASE)
LONG_SECRET = re.compile(r"[A-Za-z0-9+/=_-]{100,}")
MASK = "***"
HINTS = {
    "States.Timeout": "The task did not end, or show that it lives, in time: see TimeoutSeconds "
    "and HeartbeatSeconds, and whether somebody sends the token back.",
    "States.Runtime": "The data do not fit the state's paths, or no rule of a Choice: no Retry and "
    "no Catch handles that.",
    "States.DataLimitExceeded": "More than 256 KiB: keep the data elsewhere, pass where they are.",
    "States.QueryEvaluationError": "An expression has no value, or one of the wrong type.",
    "States.ExceedToleratedFailureThreshold": "More items failed than are tolerated: debug one of "
    "the failed children, whose histories list-executions --map-run-arn finds.",
    "States.ItemReaderFailed": "The items cannot be read: see the bucket, the key and the role.",
    "Lambda.TooManyRequestsException": "The function is throttled: retry it with a longer backoff, "
    "lower MaxConcurrency, or ask for more concurrency.",
    "Lambda.Unknown": "The function ended without an answer: out of memory or time; see its log.",
    "Lambda.ServiceException": "A passing error of Lambda: retry it.",
}


@command(
    examples=(
        "aws stepfunctions get-execution-history --execution-arn ARN > history.json",
        "sfn-local debug history.json --definition order.asl.json",
        "sfn-local debug history.json --definition fixed.asl.json --function charge=app:handler",
        "sfn-local debug history.json --definition order.asl.json --write-mock MockConfigFile.json",
    ),
)
@click.argument("execution", metavar="HISTORY|ARN")
@click.option(
    "--definition", metavar="MACHINE|FILE", help="The definition to run, mended or as it was."
)
@click.option(
    "--child-of",
    metavar="STATE",
    help="The history is that of a child of this Distributed Map state.",
)
@click.option(
    "--function",
    "functions",
    multiple=True,
    metavar="NAME=MODULE:HANDLER",
    help="Call this in the place of the function's last failure; may be repeated.",
)
@click.option(
    "--write-mock",
    metavar="FILE",
    help="Write the answers as a MockConfigFile.json, unmasked.",
)
@click.option("--write-test", metavar="FILE", help="Write a pytest that repeats the execution.")
@endpoint_option("Where an ARN's history is")
@click.option("--profile", metavar="NAME", help="Ask AWS itself, with this profile's credentials.")
def debug(
    execution: str,
    definition: str | None,
    child_of: str | None,
    functions: tuple[str, ...],
    write_mock: str | None,
    write_test: str | None,
    endpoint_url: str,
    profile: str | None,
) -> int:
    """Show why an execution failed, from its history, and run it again on the recorded answers.

    The history is the JSON of get-execution-history, or the lines of an EXPRESS machine's log. In
    the replay, tasks give their recorded answers and no time passes, so you see how a corrected
    definition continues. With --function the replay calls your code in place of the call that
    failed. The output masks long secrets, and the values of fields whose name has "token".
    """
    asks = asks_of(endpoint_url, profile)
    is_arn = execution.startswith("arn:")
    recording = history_of(execution, asks)
    _tell(recording, execution if is_arn else "ARN")
    machine, name = _machine(definition, execution if is_arn else None, asks)
    if machine is None:
        echo("\n--definition FILE replays it")
        return DONE
    if child_of is not None:
        machine = _processor(machine, child_of)
    handlers = dict(_handler(each) for each in functions)
    _tell_replay(recording, _replay(machine, recording, handlers), is_mended=bool(handlers))
    if write_mock is not None:
        text = json.dumps(mock_configuration(name, recording), ensure_ascii=False, indent=2)
        _write(write_mock, f"{text}\n")
    if write_test is not None:
        _write(write_test, _test_of(name, recording))
    return DONE


def asks_of(endpoint_url: str, profile: str | None) -> Asks:
    """Return what asks Step Functions: an endpoint, or AWS with a profile's credentials."""
    if profile is None:
        return lambda operation, given: ask(endpoint_url, operation, given)
    try:
        client = client_of_profile(profile, "stepfunctions")
    except Exception as error:  # boto3 is not installed, or has no such profile or region
        raise click.ClickException(f"--profile {profile}: {error}") from None

    def asks(operation: str, given: dict[str, Any]) -> dict[str, Any]:
        try:
            return dict(getattr(client, method_name(operation))(**given))
        except Exception as error:  # AWS refuses, or does not answer
            raise click.ClickException(f"--profile {profile}: {error}") from None

    return asks


def history_of(execution: str, asks: Asks) -> Recording:
    """Return the recording of an execution, from its ARN or from a file with its history."""
    is_arn = execution.startswith("arn:")
    given = fetch_history(execution, asks) if is_arn else read_option("HISTORY", execution)
    return _read(given)


def _read(given: str | list[dict[str, Any]]) -> Recording:
    text = given if isinstance(given, str) else json.dumps({"events": given}, default=str)
    try:
        return read(text)
    except RecordingError as error:
        raise click.ClickException(str(error)) from None


def _machine(definition: str | None, arn: str | None, asks: Asks) -> tuple[Json, str]:
    if definition is not None:
        return load(definition), machine_name(definition)
    if arn is None:
        return None, ""
    described = asks("DescribeStateMachineForExecution", {"executionArn": arn})
    return json.loads(described["definition"]), str(described["name"])


def _processor(machine: Json, state: str) -> Json:
    """Return the definition that a child of a Distributed Map runs."""
    for each in Definition(machine).of_type("Map"):
        if each.name == state and isinstance(each.fields.get("ItemProcessor"), dict):
            processor = dict(each.fields["ItemProcessor"])
            processor.pop("ProcessorConfig", None)
            return {"QueryLanguage": each.language, **processor}
    raise click.UsageError(f"--child-of: there is no Map state {state} with an ItemProcessor")


def _handler(text: str) -> tuple[str, Callable[[Json], Json]]:
    name, _, place = text.partition("=")
    module, _, attribute = place.partition(":")
    if not name or not module or not attribute:
        raise click.UsageError(f"--function: {text} is not NAME=MODULE:HANDLER")
    sys.path.insert(0, str(Path.cwd()))
    try:
        handler = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise click.UsageError(f"--function: {error}") from None
    return name, lambda event: handler(event, None)


def _replay(machine: Json, recording: Recording, handlers: dict[str, Any]) -> Replay:
    try:
        return replay(machine, recording, handlers)
    except ApiError as error:
        raise click.ClickException(str(error)) from None


def _tell(recording: Recording, arn: str) -> None:
    """Return the lines that tell what happened, state by state, and why."""
    print_run(_described(recording), recording.events, with_data=False, show_data=_print_data)
    for step in recording.caught:
        error = step.error or "an error that this history leaves out"
        echo(f"\n{step.name} caught {error}{f': {step.cause}' if step.cause else ''}")
        _print_data(step, "  ")
    errors = {step.error for step in (*recording.stopped, *recording.caught)} | {recording.error}
    for error in sorted(str(each) for each in errors if each):
        if error in HINTS:
            echo(f"\n{error}: {HINTS[error]}")
    because = recording.not_redrivable_because(datetime.now(UTC))
    if because is None:
        command = f"aws stepfunctions redrive-execution --execution-arn {arn}"
        echo(f"\nAWS can redrive it: {command}")
    elif recording.status != "SUCCEEDED":
        echo(f"\nAWS cannot redrive it: {because}")


def _described(recording: Recording) -> dict[str, Any]:
    first, last = recording.events[0], recording.events[-1]
    described = {"status": recording.status, "startDate": first["timestamp"]}
    if recording.status != "RUNNING":
        described["stopDate"] = last["timestamp"]
    reasons = {"error": recording.error, "cause": recording.cause}
    return described | {name: text for name, text in reasons.items() if text is not None}


def _tell_replay(recording: Recording, replayed: Replay, *, is_mended: bool) -> None:
    difference = replayed.difference(recording)
    if difference is None and replayed.described["status"] == recording.status and not is_mended:
        echo("\nThe replay takes the same path, on the same data.")
        return
    echo(f"\nThe replay differs: {difference or 'it ends otherwise'}\n")
    print_run(replayed.described, replayed.events, with_data=False, show_data=_print_data)


def _print_data(step: Step, margin: str) -> None:
    print_data(step, margin, _masked)


def _masked(value: Json) -> Json:
    if isinstance(value, dict):
        return {
            name: MASK if TOKEN_FIELD.search(name) and isinstance(inner, str) else _masked(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return MASK if isinstance(value, str) and LONG_SECRET.fullmatch(value) else value


def _test_of(name: str, recording: Recording) -> str:
    path = [step.name for step in recording.steps]
    data = json.loads(recording.input)
    return (
        f"def test_a_recorded_execution_of_{re.sub(chr(92) + 'W', '_', name)}(run_machine):\n"
        f"    run = run_machine({name!r}, input={data!r}, mock={CASE!r})\n"
        "\n"
        f"    assert run.path == {path!r}\n"
        f"    assert (run.status, run.error) == ({recording.status!r}, {recording.error!r})\n"
    )


def _write(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")
    echo(f"\nwrote {path}")
