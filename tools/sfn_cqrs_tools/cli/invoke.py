"""invoke and event: one function with one event."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sfn_cqrs_tools.cli.options import one_line_errors, stack_options, template_option
from sfn_cqrs_tools.client.api import ApiProblem, connect
from sfn_cqrs_tools.client.aws import Target, find_target
from sfn_cqrs_tools.client.declared import declared
from sfn_cqrs_tools.client.executions import SAMPLE_TOKEN, Executions
from sfn_cqrs_tools.runtime.identity import DEFAULT_TENANT
from sfn_cqrs_tools.runtime.template import Function, Template
from sfn_cqrs_tools.stack.framework import FOLDER
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_local.cli.command import always_json_option, command, print_json, several
from sfn_local.cli.showing import echo, json_of
from sfn_local.lint.template_file import TemplateError
from sfn_local.words import unknown

if TYPE_CHECKING:
    from sfn_cqrs_tools.stack.sample_items import Ready

KINDS: Final = {"approvals": "approval type", "imports": "import table", "tasks": "task type"}
"""What a declaration is called, by its kind."""

state_options = several(
    click.argument("machine"),
    click.argument("state_name", metavar="STATE"),
    stack_options,
    template_option,
)


@command(
    examples=(
        "sfn-cqrs invoke command check_version",
        "sfn-cqrs invoke command sync_data -e my-event.json",
        "sfn-cqrs event schedule sweep_commands | sfn-cqrs invoke schedule sweep_commands -e -",
    ),
)
@click.option("-e", "--event", "path", metavar="FILE", help="The event; - reads it from stdin.")
@state_options
@always_json_option
def invoke(
    machine: str, state_name: str, path: str | None, state: Path, stack: str | None, template: Path
) -> None:
    """Invoke the function of a state and print its result.

    Without --event it gets its sample event of the folder events/. On the local stack the items
    that the sample refers to are made first, for a tenant of their own: `--tenant sample` of
    other commands shows them. STATE may be any file of the folder, such as on_import_changed_zip.
    A function that fails shows its error and stack trace, and the exit code is 1.
    """
    with one_line_errors():
        read = load_template(template)
        function = _find(read, machine, state_name)
        target = find_target(state, stack)
        ready = None if path or stack else rehearsed(read, machine, state_name, target)
        if ready is not None:
            tell_what_is_missing(ready, state, f"{machine} {state_name}")
            payload = _with_what_it_needs(read, machine, ready, target)
        else:
            payload = _payload(path) if path else _sample(read, machine, state_name)
    print_json(_answer(target, function, payload))
    if ready is not None:
        _settle(ready, state)


def _settle(ready: Ready, state: Path) -> None:
    """Let the stack finish a sample's begun or failed work, so that none of it stays."""
    if ready.go_on is not None:
        echo(f"the stack continues with it: {ready.go_on()}", err=True)
    if ready.repair is not None:
        connect(state, None, ready.tenant).post(ready.repair)
        echo("what has failed as the sample says runs again", err=True)


def tell_what_is_missing(ready: Ready, state: Path, sample: str) -> None:
    """Say if nobody declares what a sample is about, and what to invoke in its place."""
    if ready.about is None:
        return
    kind, name = ready.about
    try:
        known = declared(connect(state, None, ready.tenant))
    except ApiProblem:
        return
    if name in known[kind]:
        return
    echo(f"no module of app/ declares the {KINDS[kind]} {name}: the sample needs it", err=True)
    if ready.execution is not None:
        mine = f"sfn-cqrs event {sample} --from EXECUTION | sfn-cqrs invoke {sample} -e -"
        echo(f"with the event of an execution of yours: {mine}", err=True)


def rehearsed(template: Template, machine: str, state: str, target: Target) -> Ready:
    """Return the sample event of a state; on the local stack, make all that it refers to."""
    from sfn_cqrs_tools.stack.sample_items import Rehearsal  # noqa: PLC0415 - --help needs none of it

    def read(of: str, name: str) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(_sample(template, of, name))
        return event

    shared = machine.replace("_", "-").removesuffix("-express")  # its samples are the other lane's
    return Rehearsal(target, read).ready(shared, state)


def _with_what_it_needs(template: Template, machine: str, ready: Ready, target: Target) -> bytes:
    """Run the earlier states for their results; return the event."""
    from sfn_cqrs_tools.stack.sample_items import each_of  # noqa: PLC0415 - --help needs none of it

    answer: Any = None
    for name, event in ready.before:
        before = _find(template, machine, name)
        echo(f"{name} runs first, for what it leaves", err=True)
        for one in each_of(name, event, answer):
            answer = _answer(target, before, json.dumps(one).encode())
    if ready.tenant is not None:
        echo(f"the items are those of --tenant {ready.tenant}", err=True)
    return json.dumps(ready.event).encode()


def _answer(target: Target, function: Function, payload: bytes) -> Any:
    """Return a function's answer.

    Raises:
        click.ClickException: the function failed.
    """
    name = target.function_name(function.logical_id)
    answer = target.client("lambda").invoke(FunctionName=name, Payload=payload)
    result = json.load(answer["Payload"])
    if "FunctionError" not in answer:
        return result
    echo("".join(result.get("stackTrace", [])), err=True, nl=False)
    kind = result.get("errorType", "Error")
    raise click.ClickException(f"{kind}: {result.get('errorMessage', '')}")


@command(
    examples=(
        "sfn-cqrs event command wait_prev_command",
        "sfn-cqrs event command check_version --from ORDER/o-1",
        "sfn-cqrs event command sync_data --from @ > events/command/sync_data.json",
    ),
)
@click.option(
    "--from",
    "execution",
    metavar="EXECUTION",
    help="The event that the state's function got in this execution: a name, ARN or prefix, @ is"
    " the last one.",
)
@state_options
@always_json_option
def event(
    machine: str,
    state_name: str,
    execution: str | None,
    state: Path,
    stack: str | None,
    template: Path,
) -> None:
    """Print the sample event of a state, or of start_execution.

    With --from it is the real event of an execution, the last event if there were several. The
    token of a waiting state is left out; a sample's stands for it.
    """
    with one_line_errors():
        read = load_template(template)
        if execution is None:
            echo(json_of(_sample(read, machine, state_name).decode()), nl=False)
            return
        _check_names(read, machine, state_name)
        target = find_target(state, stack)
        echo(json_of(_captured(target, execution, state_name)))


def _captured(target: Target, execution: str, state: str) -> str:
    """Return the event that a state's function got in an execution, without a token.

    Raises:
        click.ClickException: there is no such execution, or the state has called no function.
    """
    executions = Executions(target, DEFAULT_TENANT)
    found = executions.find(execution)
    payload = executions.payload(found, state)
    if payload is None:
        raise click.ClickException(
            f"{found.name} has called no function in {state} that its history shows;"
            f" `sfn-cqrs execution history {found.name}` lists what it did"
        )
    if "taskToken" in payload:
        payload["taskToken"] = SAMPLE_TOKEN
        payload.get("context", {}).get("Task", {})["Token"] = SAMPLE_TOKEN
    return json.dumps(payload, ensure_ascii=False, indent=2)


def _find(template: Template, machine: str, state: str) -> Function:
    """Return the function in functions/<machine>/<state>, or the one that the state calls.

    A sample may be a variant: `sweep_tasks_ended` is an event of `sweep_tasks`.
    """
    group = ("functions", machine.replace("-", "_"))
    for function in template.functions.values():
        folder = function.folder
        if folder.parts[-3:-1] == group and f"{state}_".startswith(f"{folder.name}_"):
            return function
    _check_names(template, machine, state)
    return template.state_function(machine, state)


def _check_names(template: Template, machine: str, state: str) -> None:
    """Refuse an unknown machine or state, and list the known ones."""
    machines = {one.key: one for one in template.machines.values()}
    folders = {one.folder.parent.name: one for one in template.functions.values()}
    if machine in machines:
        names = [name for name, _ in machines[machine].states()]
    elif machine.replace("-", "_") in folders:
        folder = machine.replace("-", "_")
        every = template.functions.values()
        names = [one.folder.name for one in every if one.folder.parent.name == folder]
    else:
        others = {one for one in folders if one.replace("_", "-") not in machines}
        raise TemplateError(unknown("machine", machine, {*machines, *others}))
    if state not in names:
        raise TemplateError(unknown(f"state of {machine}", state, names))


def _sample(template: Template, machine: str, state: str) -> bytes:
    folder = machine.removesuffix("-express").replace("-", "_")
    folders = [template.root / "events", template.root / FOLDER / "events"]
    for path in (events / folder / f"{state}.json" for events in folders):
        if path.is_file():
            return path.read_bytes()
    there = {
        f"{one.parent.name} {one.stem}" for events in folders for one in events.glob("*/*.json")
    }
    raise TemplateError(unknown("event", f"{machine} {state}", there))


def _payload(path: str) -> bytes:
    try:
        payload = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        json.loads(payload)
    except OSError as error:
        raise click.UsageError(f"--event: {error}") from error
    except ValueError as error:
        raise click.UsageError(f"--event is not JSON: {error}") from error
    return payload
