"""mcp and skill: for agents that write state machines."""

from pathlib import Path

import click

from sfn_local import mcp_server
from sfn_local.cli.command import command
from sfn_local.cli.showing import echo

SKILL = Path(mcp_server.__file__).with_name("skill.md")


@command(examples=("sfn-local mcp", "uvx --from 'sfn-local[mcp]' sfn-local mcp"))
def mcp() -> None:
    """Serve lint, run, explain, record and test to an agent, by the Model Context Protocol.

    The server reads stdin and writes stdout: an agent starts it, in the folder of a project. It
    reads files below this folder, and writes none.
    """
    try:
        server = mcp_server.make_server()
    except ImportError:
        raise click.ClickException("install 'sfn-local[mcp]' to serve an agent") from None
    server.run("stdio")


@command(examples=("sfn-local skill > skills/sfn-local/SKILL.md",))
def skill() -> None:
    """Print a skill for agents: how to write, check and test a state machine with sfn-local."""
    echo(SKILL.read_text("utf-8"), nl=False)
