"""mcp and skill: for agents that look after a stack."""

from __future__ import annotations

from pathlib import Path

import click

from sfn_cqrs_tools.cli.options import AS_HELP, headers_of, one_line_errors, stack_options
from sfn_local.cli.command import always_json_option, command
from sfn_local.cli.showing import echo


@command(
    examples=(
        "sfn-cqrs mcp",
        "sfn-cqrs mcp --as nina:operator --allow-writes",
        "SFN_CQRS_TOKEN=… sfn-cqrs mcp --stack clinic-prod",
    )
)
@click.option(
    "--allow-writes", is_flag=True, help="Add a tool that retries or skips a failed version."
)
@stack_options
@click.option("--as", "person", metavar="USER[:GROUPS]", help=AS_HELP)
@always_json_option
def mcp(allow_writes: bool, state: Path, stack: str | None, person: str | None) -> None:
    """Serve a stack to an agent, by the Model Context Protocol: what is stuck, and why.

    The server reads stdin and writes stdout: an agent starts it. It reads, and prepares repairs as
    commands; --allow-writes lets the agent carry one out, as the person whose token this is. On AWS
    the token is in SFN_CQRS_TOKEN; on this machine --as names the person.
    """
    from sfn_cqrs_tools.agents.server import make_server  # noqa: PLC0415 - --help needs none
    from sfn_cqrs_tools.client.api import connect  # noqa: PLC0415

    if allow_writes and stack is None and person is None:
        raise click.UsageError("--allow-writes needs --as: each write keeps a person's name")
    with one_line_errors():
        api = connect(state, stack, None)
        if person is not None:
            api = api.with_headers(headers_of(person, is_local=stack is None))
        options = [] if stack is None else ["--stack", stack]
        try:
            server = make_server(api, options=options, allow_writes=allow_writes)
        except ImportError:
            raise click.ClickException("install 'sfn-cqrs-tools[mcp]' to serve an agent") from None
    server.run("stdio")


@command(examples=("sfn-cqrs skill > .agents/skills/sfn-cqrs/SKILL.md",))
@always_json_option
def skill() -> None:
    """Print a skill for agents: how to work on a project of sfn-cqrs, and look after its stack."""
    from sfn_cqrs_tools.scaffold.texts import text  # noqa: PLC0415 - --help needs no jinja

    echo(text("project/SKILL.md"), nl=False)
