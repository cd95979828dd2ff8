"""translate and definition: template.yaml as plain CloudFormation, and its machines as ASL."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sfn_cqrs_tools.cli.options import one_line_errors, template_option
from sfn_cqrs_tools.runtime.fabric import name_of_function
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_local.cli.command import FILE, always_json_option, command
from sfn_local.cli.showing import echo
from sfn_local.lint.template_file import TemplateError
from sfn_local.words import unknown


@command(examples=("sfn-cqrs translate --output .build/template.json",))
@click.option("--output", type=FILE, help="Write to this file instead of standard output.")
@template_option
@always_json_option
def translate(output: Path | None, template: Path) -> None:
    """Print the CloudFormation template that SAM makes of template.yaml, without a network."""
    with one_line_errors():
        read = load_template(template)
        text = json.dumps(read.translate(), indent=2) + "\n"
    if output is None:
        echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")


@command(
    examples=(
        "sfn-cqrs definition command",
        "sfn-cqrs definition command --for sam-local > command.json",
    ),
)
@click.argument("machine")
@click.option(
    "--for",
    "purpose",
    type=click.Choice(("stack", "sam-local")),
    default="stack",
    show_default=True,
    help="Functions are named as in the local stack, or as `sam local start-lambda` names them.",
)
@template_option
@always_json_option
def definition(machine: str, purpose: str, template: Path) -> None:
    """Print the definition of a state machine, every placeholder replaced.

    For sam-local, functions have their logical ids: create the machine by it at `sfn-local serve`,
    which calls functions at `sam local start-lambda`.
    """
    with one_line_errors():
        read = load_template(template)
        if machine not in read.machines:
            raise TemplateError(unknown("machine", machine, read.machines))
        names = {
            one: one if purpose == "sam-local" else name_of_function(read.stack, one)
            for one in read.functions
        }
        text = read.named(names).machine(machine).definition
    echo(text.rstrip("\n"))
