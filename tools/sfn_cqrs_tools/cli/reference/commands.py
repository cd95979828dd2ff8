"""The page of the command line: the output of `--help` for each command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from sfn_cqrs_tools.cli import cli

WIDTH: Final = 100
HEAD: Final = """# Command line

The output of `sfn-cqrs COMMAND --help` for every command. Made by `make reference`; do not edit.
[errors.md](errors.md) explains the errors.
"""


def command_line() -> str:
    """Return the page, in Markdown."""
    parts = [HEAD, *(_page(path, context) for path, context in _contexts())]
    return "\n".join(parts)


def _contexts() -> Iterator[tuple[str, click.Context]]:
    """Yield every command in the order of the list, each group before its commands."""
    settings = {**cli.context_settings, "terminal_width": WIDTH}
    yield from _below(click.Context(cli, info_name="sfn-cqrs", **settings))


def _below(context: click.Context) -> Iterator[tuple[str, click.Context]]:
    """Yield a command and those of its group; a child has its parent's settings."""
    yield context.command_path, context
    if not isinstance(context.command, click.Group):
        return
    for name in context.command.list_commands(context):
        command = context.command.get_command(context, name)
        if command is not None:
            child = click.Context(command, parent=context, info_name=name)
            yield from _below(child)


def _page(path: str, context: click.Context) -> str:
    level = "#" * min(4, 1 + len(path.split()))
    text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
    return f"{level} {path}\n\n```text\n{text}\n```\n"
