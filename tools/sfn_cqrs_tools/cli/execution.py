"""start and resume: executions of a stack's machines, the user's own above all."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from botocore.exceptions import ClientError

from sfn_cqrs.kernel.errors import SfnCqrsError
from sfn_cqrs.machines.workflow.executions import StepFunctionService, execution_name
from sfn_cqrs.machines.workflow.wait_table import WaitTable
from sfn_cqrs_tools.cli.arguments import parsed
from sfn_cqrs_tools.cli.options import one_line_errors, stack_options
from sfn_cqrs_tools.client.aws import Target, find_target
from sfn_cqrs_tools.client.executions import (
    Executions,
    described_with_events,
    hints_to_resume,
    machines_of,
    waiting,
)
from sfn_cqrs_tools.client.pauses import awaited, going_on
from sfn_cqrs_tools.client.runs import Runs
from sfn_cqrs_tools.project import project
from sfn_cqrs_tools.runtime.identity import DEFAULT_TENANT
from sfn_cqrs_tools.stack.framework import FOLDER
from sfn_cqrs_tools.stack.sample_items import START, Ready, Rehearsal
from sfn_cqrs_tools.terminal.commands import look_at
from sfn_cqrs_tools.terminal.printing import print_answer
from sfn_cqrs_tools.terminal.progress import waits_for
from sfn_local.cli.command import command, json_option, print_json
from sfn_local.cli.definitions import input_of
from sfn_local.cli.run import print_run, run_report
from sfn_local.cli.showing import echo
from sfn_local.words import unknown

CALLBACK: Final = ".waitForTaskToken"
KEYS_SHOWN: Final = 20


@command(
    examples=(
        "sfn-cqrs start order-refund",
        """echo '{"id": "o-1"}' | sfn-cqrs start order-refund -i -""",
    ),
)
@click.argument("machine")
@click.option(
    "-i",
    "--input",
    "path",
    metavar="FILE",
    help="The input; - reads it from stdin.  [default: events/MACHINE/start_execution.json]",
)
@click.option("--name", help="The execution's name.  [default: made from the input's id, or new]")
@click.option("--no-wait", is_flag=True, help="Print the name, and do not wait for the end.")
@stack_options
@json_option
@click.pass_context
def start(
    context: click.Context,
    machine: str,
    path: str | None,
    name: str | None,
    no_wait: bool,
    state: Path,
    stack: str | None,
    as_json: bool,
) -> None:
    """Start a machine of the stack, and watch the execution until it ends or waits for a person.

    An execution of the same name and input is the same execution: it is watched, not run again.
    On the local stack the items that a sample input refers to are made first, as `invoke` does.
    """
    with one_line_errors():
        target = find_target(state, stack)
    arn = _machine_arn(target, machine)
    data = parsed(input_of(machine, path or _sample(machine)), "--input")
    ready = _with_its_items(target, machine, data) if path is None else Ready(data)
    name = name or ready.execution or _name_of(machine, data)
    client = target.client("stepfunctions")
    with one_line_errors(SfnCqrsError, ClientError):
        execution = StepFunctionService(client).start_execution(arn, ready.event, name)
        if not no_wait:
            name_of = execution.rpartition(":")[2]
            watching = going_on(name_of, f"sfn-cqrs execution show {name_of}")
            with watching, waits_for(name_of, is_shown=not as_json):
                described, events = _watch(client, execution)
    if no_wait:
        echo(execution.rpartition(":")[2])
        return
    if as_json:
        print_json({"name": described["name"], **run_report(described, events)})
    else:
        echo(f"{described['name']}\n")
        print_run(described, events, with_data=False)
        if described["status"] == "RUNNING":
            _print_waits(machine, Runs(target).definition_of(execution), described, events)
    if described["status"] not in ("SUCCEEDED", "RUNNING"):
        context.exit(1)


def _print_waits(
    machine: str, definition: object, described: Mapping[str, Any], events: list[dict[str, Any]]
) -> None:
    """Print what shows the work that an execution is about, and what ends its waits."""
    if more := look_at(json.loads(described.get("input", "{}"))):
        echo(more)
    for line in hints_to_resume(described["name"], waiting(machine, definition, events)):
        echo(line)


@command(examples=("""sfn-cqrs resume order-refund-o-1-… approve '{"result": "approved"}'""",))
@click.argument("execution")
@click.argument("state_name", metavar="STATE")
@click.argument("result", default="{}")
@click.option(
    "--key",
    metavar="KEY",
    help="The key of the wait, if there are several: in a Map the item's index.",
)
@click.option("--error", metavar="NAME", help="End the wait with this error instead.")
@click.option("--cause", default="", help="Why.")
@stack_options
@json_option
def resume(
    execution: str,
    state_name: str,
    result: str,
    key: str | None,
    error: str | None,
    cause: str,
    state: Path,
    stack: str | None,
    as_json: bool,
) -> None:
    """Resume an execution that waits in a callback state, by its name or the beginning of it.

    RESULT is JSON: the input of the next state. This works for states whose functions store their
    tokens with `waits.park`, like those of `new workflow --callback` do. A state inside a Map waits
    once for each item: without --key the waits are listed, if there are several.
    """
    value = parsed(result, "RESULT")
    with one_line_errors():
        target = find_target(state, stack)
    waits = _waits_of(target)
    service = StepFunctionService(target.client("stepfunctions"))
    with one_line_errors(SfnCqrsError, ClientError):
        execution = _meant(target, waits, execution, state_name)
        if key is None:
            key = _only_key(target, waits.tokens(execution, state_name), execution, state_name)
        token = waits.token(execution, state_name, key)
        if token is None:
            wait = f"{state_name} with the key {key}" if key else state_name
            raise click.ClickException(f"{execution} does not wait in {wait}, or not yet")
        if error is None:
            is_done = service.resume_execution(token, value)
        else:
            is_done = service.send_task_failure(token, error, cause)
    if not is_done:
        raise click.ClickException(f"the wait of {execution} in {state_name} has ended already")
    how = "continues" if error is None else f"continues with the error {error}"
    of_key = f" (key {key})" if key else ""
    sentence = f"{execution} {how} after {state_name}{of_key}: sfn-cqrs execution show {execution}"
    answer = {"execution": execution, "state": state_name, "key": key, "error": error}
    print_answer(answer, sentence, as_json=as_json)


def _waits_of(target: Target) -> WaitTable:
    """Return the table with the tokens of waiting states."""
    table = target.outputs["RequestsTableName"]
    return WaitTable(target.client("dynamodb"), table, partial(datetime.now, UTC))


def _meant(target: Target, waits: WaitTable, named: str, state: str) -> str:
    """Return the name of the execution that waits in a state, from the beginning of its name."""
    if waits.tokens(named, state):
        return named
    return Executions(target, DEFAULT_TENANT).find(named).name


def _only_key(target: Target, tokens: Mapping[str, str], execution: str, state: str) -> str:
    """Return the key of the one wait in a state, or say which ones there are."""
    keys = list(tokens)
    if len(keys) > 1:
        found = Executions(target, DEFAULT_TENANT).waiting(execution, state, tokens)
        keys = sorted(found or keys, key=lambda key: (len(key), key))
    if len(keys) > 1:
        listed = ", ".join(keys[:KEYS_SHOWN]) + (", …" if len(keys) > KEYS_SHOWN else "")
        text = f"{execution} waits {len(keys)} times in {state}; give the --key of one: {listed}"
        raise click.ClickException(text)
    return keys[0] if keys else ""


def _sample(machine: str) -> str | None:
    """Return the file of a machine's sample input: the project's, or the framework's inside it."""
    folder = Path("events", machine.replace("-", "_"), f"{START}.json")
    paths = (project() / folder, project() / FOLDER / folder)
    return next((str(path) for path in paths if path.is_file()), None)


def _machine_arn(target: Target, machine: str) -> str:
    arns = machines_of(target.outputs)
    if machine not in arns:
        raise click.ClickException(
            f"{unknown('machine', machine, arns)}; start the stack again if the machine is new"
        )
    return arns[machine]


def _with_its_items(target: Target, machine: str, sample: Any) -> Ready:
    """Make the items of a sample input of the framework's machines, on the local stack."""
    if target.stack is not None:
        return Ready(sample)
    with one_line_errors():
        return Rehearsal(target, lambda _machine, _state: sample).ready(machine, START)


def _name_of(machine: str, data: Any) -> str:
    is_about = isinstance(data, dict) and isinstance(data.get("id"), (str, int))
    return execution_name(machine, data["id"] if is_about else uuid.uuid4().hex)


def _watch(client: Any, execution: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Wait until an execution has ended, or waits in a callback state.

    Two looks must see it there, because an execution that was just resumed soon moves on.
    """
    waiting_since: set[int] = set()

    def look() -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return described_with_events(client, execution)

    def is_over(seen: tuple[dict[str, Any], list[dict[str, Any]]]) -> bool:
        described, (*_, last) = seen
        stands = last["id"] in waiting_since
        if _waits(last):
            waiting_since.add(last["id"])
        return described["status"] != "RUNNING" or stands

    return awaited(look, is_over)


def _waits(event: dict[str, Any]) -> bool:
    """Return whether an event belongs to a callback state whose token was given out."""
    resource: str = event.get("taskSubmittedEventDetails", {}).get("resource", "")
    return resource.endswith(CALLBACK)
