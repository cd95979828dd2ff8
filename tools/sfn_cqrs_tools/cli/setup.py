"""setup: a project's needs besides its Python packages."""

from __future__ import annotations

import click

from sfn_cqrs_tools.cli.options import one_line_errors
from sfn_cqrs_tools.project import project
from sfn_cqrs_tools.stack.fabric_environment import fabric_python
from sfn_cqrs_tools.stack.framework import FOLDER, bring_up_to_date, is_nested
from sfn_cqrs_tools.stack.project_template import MAKE_ONE
from sfn_cqrs_tools.terminal.printing import print_answer
from sfn_local.cli.command import command, json_option


@command(examples=("sfn-cqrs setup",))
@json_option
def setup(as_json: bool) -> None:
    """Copy the framework's application into the project, and set up the AWS services.

    `up`, `sam build` and the tests need both. Every command updates the copy.
    """
    with one_line_errors():
        root = project()
        if not is_nested(root):
            raise click.UsageError(f"{root} has no project that nests the framework; {MAKE_ONE}")
        bring_up_to_date(root)
        fabric_python()
    folder = str(root / FOLDER)
    print_answer({"framework": folder}, f"ready: the framework is in {folder}", as_json=as_json)
