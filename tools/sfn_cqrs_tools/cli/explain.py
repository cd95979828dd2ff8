"""explain: the meaning of a code, its causes, and its remedy."""

from __future__ import annotations

from dataclasses import asdict
from shutil import get_terminal_size
from typing import Final

import click

from sfn_cqrs_tools.client.explanations import code_of, explanations
from sfn_cqrs_tools.terminal.printing import print_table
from sfn_local.cli.command import command, json_option, print_json
from sfn_local.cli.showing import echo
from sfn_local.words import meant

WIDEST: Final = 100
"""The width of text that is easy to read, in columns."""


@command(
    examples=(
        "sfn-cqrs explain version_conflict",
        "sfn-cqrs explain SyncHandlerError",
        "sfn-cqrs explain",
    ),
)
@click.argument("code", required=False)
@json_option
def explain(code: str | None, as_json: bool) -> None:
    """Say what a code means, why you see it, and what to do.

    CODE is the code of an error: in a message, in errors.csv, or in a failed job, chain or
    execution. Without one, all codes are listed.
    """
    known = explanations()
    if code is None:
        if as_json:
            print_json({"items": [asdict(one) for one in known.values()]})
        else:
            print_table(("code", "where"), ((one.code, one.part) for one in known.values()))
        return
    found = known.get(code_of(code))
    if found is None:
        raise click.ClickException(
            f"there is no code {code}{meant(code, known)}; `sfn-cqrs explain` lists them"
        )
    if as_json:
        print_json(asdict(found))
        return
    echo(f"{found.code}  ({found.part})")
    for title, text in (("what", found.what), ("why", found.why), ("fix", found.fix)):
        indent = " " * len("what  ")
        echo(
            click.wrap_text(
                text.replace("`", ""),
                width=min(WIDEST, get_terminal_size().columns),
                initial_indent=f"{title:<4}  ",
                subsequent_indent=indent,
            )
        )
