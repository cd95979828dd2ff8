"""invoke and event: one function with one event."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from sfn_cqrs_local.cli.options import one_line_errors, stack_option, state_option, template_option
from sfn_cqrs_local.client.aws import find_target
from sfn_cqrs_local.template import Function, Template
from sfn_local.cli.command import Command
from sfn_local.lint.template_file import TemplateError
from sfn_local.words import unknown


@click.command(
    cls=Command,
    examples=(
        "sfn-cqrs invoke command check_version",
        "sfn-cqrs invoke command sync_data -e my-event.json",
        "sfn-cqrs event schedule sweep_commands | sfn-cqrs invoke schedule sweep_commands -e -",
    ),
)
@click.argument("machine")
@click.argument("state_name", metavar="STATE")
@click.option("-e", "--event", "path", metavar="FILE", help="The event; - reads it from stdin.")
@state_option
@stack_option
@template_option
def invoke(
    machine: str, state_name: str, path: str | None, state: Path, stack: str | None, template: Path
) -> None:
    """Invoke the function of a state and print what it returns.

    Without --event it gets its sample event of the folder events/. A function that fails shows
    its error and stack trace, and the exit code is 1.
    """
    with one_line_errors():
        read = Template.load(template)
        function = _find(read, machine, state_name)
        payload = _payload(path) if path else _sample(read, machine, state_name)
        target = find_target(state, stack)
    name = target.function_name(function.logical_id)
    answer = target.client("lambda").invoke(FunctionName=name, Payload=payload)
    result = json.load(answer["Payload"])
    if "FunctionError" not in answer:
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    click.echo("".join(result.get("stackTrace", [])), err=True, nl=False)
    kind = result.get("errorType", "Error")
    raise click.ClickException(f"{kind}: {result.get('errorMessage', '')}")


@click.command(cls=Command, examples=("sfn-cqrs event command wait_prev_command",))
@click.argument("machine")
@click.argument("state_name", metavar="STATE")
@template_option
def event(machine: str, state_name: str, template: Path) -> None:
    """Print the sample event of a state, or of start_execution."""
    with one_line_errors():
        read = Template.load(template)
        click.echo(_sample(read, machine, state_name).decode(), nl=False)


def _find(template: Template, machine: str, state: str) -> Function:
    """Return the function in functions/<machine>/<state>, or the one that the state calls."""
    folder = template.root / "functions" / machine.replace("-", "_") / state
    for function in template.functions.values():
        if function.folder.resolve() == folder:
            return function
    _check_names(template, machine, state)
    return template.state_function(machine, state)


def _check_names(template: Template, machine: str, state: str) -> None:
    """Refuse a machine or a state that there is none of, with those that there are."""
    machines = {one.key: one for one in template.machines.values()}
    folders = {one.folder.parent.name: one for one in template.functions.values()}
    if machine in machines:
        names = [name for name, _ in machines[machine].states()]
    elif machine.replace("-", "_") in folders:
        folder = machine.replace("-", "_")
        every = template.functions.values()
        names = [one.folder.name for one in every if one.folder.parent.name == folder]
    else:
        raise TemplateError(unknown("machine", machine, {*machines, *folders}))
    if state not in names:
        raise TemplateError(unknown(f"state of {machine}", state, names))


def _sample(template: Template, machine: str, state: str) -> bytes:
    path = template.root / "events" / machine.replace("-", "_") / f"{state}.json"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        there = [
            f"{one.parent.name} {one.stem}" for one in (template.root / "events").glob("*/*.json")
        ]
        raise TemplateError(unknown("event", f"{machine} {state}", there)) from None


def _payload(path: str) -> bytes:
    try:
        payload = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        json.loads(payload)
    except OSError as error:
        raise click.UsageError(f"--event: {error}") from error
    except ValueError as error:
        raise click.UsageError(f"--event is no JSON: {error}") from error
    return payload
