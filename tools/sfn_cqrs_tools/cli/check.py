"""check: whether a project's template, machines, handlers, mocks and events fit together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from sfn_cqrs_tools.cli.options import one_line_errors, template_option
from sfn_cqrs_tools.client.app_check import AppCheck
from sfn_cqrs_tools.runtime.circles import circle_told
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.scaffold.names import LONGEST_STACK
from sfn_cqrs_tools.stack import laws
from sfn_cqrs_tools.stack.framework import FOLDER
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_cqrs_tools.stack.samconfig import FILE, parameters_of, stack_names
from sfn_cqrs_tools.terminal.causes import shortened
from sfn_local.cli.command import command, json_option, print_json
from sfn_local.cli.showing import echo, styled
from sfn_local.lint.template_file import load_yaml

ARCHITECTURE = "Architecture"


@command(examples=("sfn-cqrs check", "sfn-cqrs check --json"))
@template_option
@json_option
def check(template: Path, as_json: bool) -> None:
    """Check the project: template, machines, permissions, handlers, mocks and sample events.

    It starts nothing. Exit code 1: something is wrong, and every finding is a line.
    """
    with one_line_errors():
        read = load_template(template)
        own = _own(read)
        found = [
            *(one for key in own for one in read.machines[key].refusals()),
            *(one for key in own for one in laws.broken(read, template, read.machines[key])),
            *_circles(template, read),
            *_stacks(read.root),
            *_built_for_others(template),
            *_functions(read),
            *_handlers(read),
            *_events(read),
        ]
    if as_json:
        print_json({"findings": found})
    else:
        for finding in found:
            first, *code = finding.splitlines()
            echo(styled("wrong", fg="red"), f"  {first}")
            for line in shortened(code):
                echo(f"         {line}")
        if not found:
            echo(
                f"{len(own)} machine{'' if len(own) == 1 else 's'} of your own,"
                f" {len(read.functions)} functions: "
                "nothing is wrong"
            )
    if found:
        raise click.exceptions.Exit(1)


def _own(template: Template) -> list[str]:
    """Return the machines of the project itself."""
    framework = (template.root / FOLDER / "statemachine").resolve()
    machines = template.machines.items()
    return [key for key, one in machines if framework != one.path.resolve().parent]


def _circles(template: Path, read: Template) -> Iterator[str]:
    """Yield the resources that need one another: as they are written, or as they are deployed."""
    written = circle_told(load_yaml(template)["Resources"])
    if told := written or circle_told(read.translate()["Resources"]):
        yield f"{template.name}: {told}"


def _stacks(project: Path) -> Iterator[str]:
    """Yield the stacks whose names leave no room for what AWS names after them."""
    for stage, name in stack_names(project).items():
        if (project / FOLDER).is_dir() and len(name) > LONGEST_STACK:
            yield (
                f"{FILE}: the stack of {stage}, {name}, has {len(name)} letters; a project's has at"
                f" most {LONGEST_STACK}"
            )


def _built_for_others(template: Path) -> Iterator[str]:
    """Yield the stages whose functions cannot load the native code that a layer is built with."""
    written = load_yaml(template)
    default = written.get("Parameters", {}).get(ARCHITECTURE, {}).get("Default")
    for layer, resource in written["Resources"].items():
        built = resource.get("Metadata", {}).get("BuildArchitecture")
        for stage, given in parameters_of(template.parent).items():
            runs = given.get(ARCHITECTURE) or default
            if built and runs and built != runs:
                yield (
                    f"{FILE}: the functions of {stage} run on {runs}, and {layer} is built for"
                    f" {built}: write BuildArchitecture: {runs} in {template.name}"
                )


def _functions(template: Template) -> Iterator[str]:
    for logical_id, function in template.functions.items():
        module = function.handler.rpartition(".")[0]
        if not (function.folder / f"{module}.py").is_file():
            yield f"{logical_id}: there is no {function.folder / module}.py"


def _handlers(template: Template) -> Iterator[str]:
    check = AppCheck(template, template.environment)
    for broken in check.result():
        yield f"{broken.module} cannot be imported: {broken.reason}\n{broken.code}".rstrip()
    for table in check.unwritten:
        yield (
            f'sql_read_model("{table}"): no handler is called {table}, so nobody writes it: call'
            " the handler as its table"
        )


def _events(template: Template) -> Iterator[str]:
    for path in sorted((template.root / "events").rglob("*.json")):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            yield f"{path.relative_to(template.root)} is not JSON: {error}"
