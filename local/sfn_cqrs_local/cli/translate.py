"""translate: template.yaml as plain CloudFormation."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sfn_cqrs_local.cli.options import one_line_errors, template_option
from sfn_cqrs_local.stack import LOCAL_PARAMETERS
from sfn_cqrs_local.template import Template
from sfn_local.cli.command import Command


@click.command(
    cls=Command,
    examples=("sfn-cqrs translate --output .build/template.json",),
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of standard output.",
)
@template_option
def translate(output: Path | None, template: Path) -> None:
    """Print the CloudFormation template that SAM makes of template.yaml, without a network."""
    with one_line_errors():
        read = Template.load(template, parameters=LOCAL_PARAMETERS)
        text = json.dumps(read.translate(), indent=2) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
