"""import-original: the tables of the TypeScript framework, into a stack."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from sfn_cqrs_tools.cli import FAILED_ROWS
from sfn_cqrs_tools.cli.options import one_line_errors, stack_options
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.client.tables import tables_of
from sfn_cqrs_tools.terminal.printing import print_table
from sfn_local.cli.command import command, json_option, print_json
from sfn_local.cli.showing import echo

if TYPE_CHECKING:
    from sfn_cqrs_tools.original.report import Problem, Report

C = TypeVar("C", bound=Callable[..., Any])

SHOWN: Final = 20
"""Problems that are printed; the file of problems has all."""
_RENAMED: Final = re.compile(r"([^=]+)=([A-Z][A-Z0-9_]{0,63})")


def _source(name: str, what: str) -> Callable[[C], C]:
    summary = f"{what}: a file, a folder, or dynamodb:TABLE; may be repeated."
    return click.option(f"--{name}", name, metavar="SOURCE", multiple=True, help=summary)


def _types(_context: object, _parameter: object, given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        match = _RENAMED.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"{text!r} is not of the form product=PRODUCT")
        found[match[1]] = match[2]
    return found


@command(
    examples=(
        "sfn-cqrs import-original --commands c/ --data d/ --history h/ --tasks t/ --dry-run",
        "sfn-cqrs import-original --data d/ --history h/ --type product=PRODUCT --stack new-prod",
        "sfn-cqrs import-original --data dynamodb:prod-clinic-product-data --attributes bucket/",
    ),
)
@_source("commands", "Rows of a table ...-command")
@_source("data", "Rows of a table ...-data")
@_source("history", "Rows of a table ...-history")
@_source("tasks", "Rows of the table ...-tasks")
@click.option(
    "--type",
    "types",
    metavar="THERE=HERE",
    multiple=True,
    callback=_types,
    help="The name here of a type there; may be repeated.",
)
@click.option("--tenant", metavar="CODE", help="Of one tenant.  [default: of all]")
@click.option(
    "--attributes",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A copy of the bucket of large attributes.  [default: the bucket itself]",
)
@click.option(
    "--work",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the rows that were read in this file; the next run does not read them again.",
)
@click.option(
    "--problems",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write every row that is not imported to this file, as a line of JSON.",
)
@click.option("--dry-run", "is_dry", is_flag=True, help="Read and count; write nothing.")
@stack_options
@json_option
@click.pass_context
def import_original(
    context: click.Context,
    /,
    types: dict[str, str],
    tenant: str | None,
    attributes: Path | None,
    work: Path | None,
    problems: Path | None,
    is_dry: bool,
    state: Path,
    stack: str | None,
    as_json: bool,
    **sources: tuple[str, ...],
) -> None:
    """Import the tables of MBC CQRS Serverless, the TypeScript framework.

    A source is a DynamoDB export to S3 that you have copied to a folder, a file with one item a
    line, or a table. Versions keep their numbers, states, authors and times. Run it again after
    an interruption, or with newer exports: it writes only what is missing. It uses your
    credentials. Exits 2 if an item or a task was refused.
    """
    if not any(sources.values()):
        raise click.UsageError("give at least one of --commands, --data, --history, --tasks")
    from sfn_cqrs_tools.original.report import Report  # noqa: PLC0415 - it imports much

    with one_line_errors(), _told(problems) as tell:
        report = Report(tell)
        target = find_target(state, stack)
        _take(partial(tables_of, target), report, sources, types, tenant, attributes, work, is_dry)
    if as_json:
        print_json({"dryRun": is_dry, **report.as_json()})
    else:
        _print(report, is_dry=is_dry)
    if report.refused:
        context.exit(FAILED_ROWS)


def _take(
    tables: Callable[[], Any],
    report: Report,
    sources: dict[str, tuple[str, ...]],
    types: dict[str, str],
    tenant: str | None,
    attributes: Path | None,
    work: Path | None,
    is_dry: bool,
) -> None:
    from sfn_cqrs_tools.original.rows import Reading  # noqa: PLC0415
    from sfn_cqrs_tools.original.shelf import Kind  # noqa: PLC0415
    from sfn_cqrs_tools.original.sources import SourceError  # noqa: PLC0415
    from sfn_cqrs_tools.original.taking import loader, shelf_of, take  # noqa: PLC0415

    given = {kind: sources[kind] for kind in Kind}
    if attributes is None:
        _client("s3")  # with your own environment: `tables` sets that of the stack
    reading = Reading(types, loader(attributes, partial(_client, "s3")))
    shelves = shelf_of(given, partial(_client, "dynamodb"), work)
    with one_line_errors(SourceError), shelves as shelf, tables():
        take(shelf, reading, report, tenant=tenant, is_dry=is_dry)


@cache
def _client(service: str) -> Any:
    """Return a client for the original's account."""
    from sfn_cqrs_tools.client.aws import client_on_aws  # noqa: PLC0415 - slow to import

    return client_on_aws(service)


@contextmanager
def _told(path: Path | None) -> Iterator[Callable[[Problem], None]]:
    """Yield what writes each problem to a file, if there is one."""
    if path is None:
        yield lambda _problem: None
        return
    with path.open("w", encoding="utf-8") as file:

        def tell(problem: Problem) -> None:
            file.write(f"{json.dumps(problem.as_json(), ensure_ascii=False)}\n")

        yield tell


def _print(report: Report, *, is_dry: bool) -> None:
    found = report.as_json()
    names = ("created", "unchanged", "kept", "versions")
    rows = [(type_, *(counts[each] for each in names)) for type_, counts in found["types"].items()]
    print_table(("type", *names), rows, none="nothing was taken")
    if report.problems:
        shown = [(p.what, f"{p.pk} {p.sk}", p.reason) for p in report.problems[:SHOWN]]
        echo("")
        print_table(("what", "key", "reason"), shown)
    more = max(0, report.refused + report.left - SHOWN)
    also = f"; {more:,} more problems, which --problems FILE writes" if more else ""
    dry = " (a dry run: nothing was written)" if is_dry else ""
    echo(f"{report.refused:,} refused, {report.left:,} left there{also}{dry}")
