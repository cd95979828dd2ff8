"""logs: the logs of a stack's functions."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs_tools.cli.options import one_line_errors, stack_options
from sfn_cqrs_tools.client.aws import Target, find_target
from sfn_cqrs_tools.client.log_lines import LEVELS, LogLine, Wanted
from sfn_cqrs_tools.client.log_source import lines_of_aws, lines_of_file
from sfn_cqrs_tools.runtime.identity import DEFAULT_TENANT
from sfn_cqrs_tools.runtime.state import StateFolder
from sfn_local.cli.command import command, json_option
from sfn_local.cli.showing import echo, json_of, styled

COLOURS: Final = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red", "DEBUG": "bright_black"}
VERSIONS: Final = 200
"""How many of an item's latest versions have their executions looked up."""


@command(
    examples=(
        "sfn-cqrs logs --follow",
        "sfn-cqrs logs --level ERROR",
        "sfn-cqrs logs --item ORDER/o-1",
        "sfn-cqrs logs --function CommandSyncDataFunction --stack sfn-cqrs-dev --minutes 60",
    ),
)
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines.")
@click.option("--function", metavar="F", help="Only one function, by its logical id.")
@click.option(
    "--item",
    metavar="TYPE/CODE",
    help="Only lines about an item, or about a task, saga, approval or import by its id.",
)
@click.option(
    "--level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="DEBUG",
    help="This level or above.  [default: all]",
)
@click.option("-n", "--lines", type=click.IntRange(0), default=200, show_default=True)
@click.option(
    "--minutes",
    type=click.FloatRange(0),
    default=15.0,
    show_default=True,
    help="How far back, with --stack.",
)
@click.option("--tenant", metavar="CODE", default=DEFAULT_TENANT, show_default=True)
@stack_options
@json_option
def logs(
    follow: bool,
    function: str | None,
    item: str | None,
    level: str,
    lines: int,
    minutes: float,
    tenant: str,
    state: Path,
    stack: str | None,
    as_json: bool,
) -> None:
    """Print the latest lines that the functions have logged.

    --json prints each line as it was logged: JSON, where the function's logger wrote it.
    """
    with one_line_errors():
        target = find_target(state, stack)
        named = target.function_name(function) if function else None
        values = None if item is None else frozenset(_names_of(target, item, tenant))
    wanted = Wanted(named, level.upper(), values)
    if stack is None:
        source = lines_of_file(StateFolder(state).stack_log, follow=follow)
    else:
        source = lines_of_aws(target, int((time.time() - minutes * 60) * 1000), follow=follow)
    is_empty = True
    for line in _latest(source, wanted, lines):
        echo(*([json_of(line.text)] if as_json else _pretty(line)))
        is_empty = False
    if is_empty and not as_json:
        echo("nothing is logged that fits", err=True)


def _latest(source: Iterator[LogLine | None], wanted: Wanted, count: int) -> Iterator[LogLine]:
    """Yield the last present lines, then all that follow."""
    kept: deque[LogLine] = deque(maxlen=count)
    for line in source:
        if line is None:
            break
        if wanted(line):
            kept.append(line)
    yield from kept
    for line in source:
        if line is not None and wanted(line):
            yield line


def _names_of(target: Target, item: str, tenant: str) -> Iterator[str]:
    """Yield the names in lines about an item: its id, and its versions' executions."""
    type_, slash, code = item.partition("/")
    if not slash:
        yield item
        return
    table, key = target.outputs["CommandsTableName"], ItemKey(tenant, type_, code)
    for version in range(1, VERSIONS + 1):
        name = CommandRef(key, version, 1).execution_name(table)
        yield name.removesuffix("-a1")


def _pretty(line: LogLine) -> Iterator[str]:
    level = styled(f"{line.level:<8}", fg=COLOURS.get(line.level))
    name = styled(line.function, bold=True) if line.function else ""
    notes = " ".join(f"{name}={value}" for name, value in line.notes.items())
    for number, part in enumerate(filter(None, (line.at, level, name, line.message))):
        yield from (" ", part) if number else (part,)
    if notes:
        yield from ("  ", styled(notes, dim=True))
    yield from (f"\n{code}" for code in line.code)
