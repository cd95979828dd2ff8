"""env: the environment of the running stack's functions, for scripts, notebooks and tools."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

import click

from sfn_cqrs_tools.cli.options import one_line_errors, state_option
from sfn_cqrs_tools.runtime.listening import HOST, for_containers, up_for_us
from sfn_cqrs_tools.runtime.state import StateFolder
from sfn_local.cli.command import command, json_option, print_json
from sfn_local.cli.showing import echo

SPREAD: Final = "SFN_CQRS_ENVIRONMENT"
"""All other variables, as one, for a project's own functions."""


@command(
    examples=(
        'eval "$(sfn-cqrs env)"',
        "sfn-cqrs env --for sam-local > env.json",
        "sfn-cqrs env --json",
    ),
)
@click.option(
    "--for",
    "purpose",
    type=click.Choice(("shell", "dotenv", "sam-local")),
    default="shell",
    show_default=True,
    help="export lines, NAME=VALUE lines, or the file of sam local's --env-vars.",
)
@click.option(
    "--host",
    metavar="NAME",
    help="The name of this machine for containers.  [default: the first --host of `up`]",
)
@state_option
@json_option
def env(purpose: str, host: str | None, state: Path, as_json: bool) -> None:
    """Print the environment variables of the running stack's functions.

    With them, boto3 and the package sfn_cqrs call the stack, from anywhere on this machine.
    For sam local every address has the name by which a container reaches this machine.
    """
    with one_line_errors():
        info = StateFolder(state).read()
    environment = dict(info.environment)
    if as_json:
        print_json(environment)
    elif purpose == "sam-local":
        host = host or info.container_host
        if not host:
            echo(f"no container reaches {HOST}: start the stack by `{up_for_us()}`", err=True)
        print_json({"Parameters": for_containers(environment, host) if host else environment})
    else:
        export = "export " if purpose == "shell" else ""
        environment.pop(SPREAD, None)  # its lines are the others
        for name, value in sorted(environment.items()):
            echo(f"{export}{name}={shlex.quote(value)}")
