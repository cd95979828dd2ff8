"""completion: let a shell complete commands and options."""

from typing import Any

import click

from sfn_local.cli.command import PROGRAM, command, json_option, print_json
from sfn_local.cli.showing import echo


@command(
    examples=(
        f'eval "$({PROGRAM} completion bash)"',
        f"{PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish",
    ),
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@json_option
@click.pass_context
def completion(context: click.Context, shell: str, as_json: bool) -> None:
    """Print the script that lets a shell complete commands and options with the Tab key."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - asked for once

    kind: Any = get_completion_class(shell)
    program = context.find_root().command
    variable = f"_{program.name}_COMPLETE".replace("-", "_").upper()
    script = kind(program, {}, program.name, variable).source()
    if as_json:
        print_json({"shell": shell, "script": script})
    else:
        echo(script)
