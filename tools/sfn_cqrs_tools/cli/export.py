"""export: the stored states of items, for other systems."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TextIO

import click

from sfn_cqrs_tools.cli.options import one_line_errors, rate_option, stack_options, template_option
from sfn_cqrs_tools.client.aws import Target, find_target
from sfn_cqrs_tools.client.lake import FORMATS as LAKE_FORMATS
from sfn_cqrs_tools.client.lake import Bucket, Folder, Lake, NoParquetError, written
from sfn_cqrs_tools.client.tables import tables_of
from sfn_cqrs_tools.terminal.printing import progress_console
from sfn_cqrs_tools.terminal.progress import counting
from sfn_local.cli.command import Group, always_json_option
from sfn_local.cli.showing import echo

MARGIN: Final = timedelta(minutes=5)
"""The next export begins this much earlier, because clocks differ."""
FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@click.group(name="export", cls=Group)
def export() -> None:
    """Export history, for a lake or another system."""


@export.command(
    examples=(
        "sfn-cqrs export history -o states.jsonl",
        "sfn-cqrs export history --since 2026-11-01 --tenant tenant1 -o states.jsonl",
        "sfn-cqrs export history --to lake --format parquet",
        "sfn-cqrs export history --to s3://my-lake/sfn-cqrs --format parquet --stack sfn-cqrs-prod",
        "sfn-cqrs export history --to lake --format parquet --rewrite",
    ),
)
@click.option("--tenant", metavar="CODE", help="Of one tenant.  [default: of all]")
@click.option(
    "--since",
    type=click.DateTime(FORMATS),
    help="Only states that were written since then (UTC).  [default: everything]",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="A file.  [default: standard output]"
)
@click.option(
    "--to",
    metavar="PLACE",
    help="A folder, or s3://BUCKET/PREFIX. The next export continues from its last one.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(LAKE_FORMATS),
    default="jsonl",
    show_default=True,
    help="Lines of JSON, or Parquet.",
)
@click.option(
    "--rewrite",
    is_flag=True,
    help="With --to: export everything again, and delete the files that are there.",
)
@rate_option
@template_option
@stack_options
@always_json_option
def history(
    output: Path | None,
    to: str | None,
    format_: str,
    template: Path,
    state: Path,
    stack: str | None,
    **asked: Any,
) -> None:
    """Write every state that items have and had, with all attributes: lines of JSON, or Parquet.

    It reads the tables with your credentials. A state may come twice, but none is missing; tenant,
    type, code and version identify states apart. At the end it says from when to export next time;
    a lake (--to) keeps that itself. The upcasts of the working copy convert old versions. After an
    erasure, --rewrite lets a lake forget the person.
    """
    if to is not None and (output is not None or asked["since"] is not None):
        raise click.UsageError("--to knows since when: leave out --since and --output")
    if to is None and asked["rewrite"]:
        raise click.UsageError("--rewrite needs --to")
    begun = f"{datetime.now(UTC) - MARGIN:%Y-%m-%dT%H:%M:%SZ}"
    with one_line_errors(NoParquetError):
        target = find_target(state, stack)
        with tables_of(target), knowing_types(template):
            if to is None:
                count = _to_file(output, format_, **asked)
            else:
                count = _to_lake(target, to, format_, begun, **asked)
    after = f"next time --since {begun}" if to is None else f"{to} continues from {begun}"
    echo(f"{count:,} states; {after}", err=True)


@contextmanager
def knowing_types(template: Path) -> Iterator[None]:
    """Import the project's package; without a project, old versions are written as stored."""
    from sfn_cqrs.kernel.errors import SfnCqrsError  # noqa: PLC0415 - it imports much
    from sfn_cqrs.machines.command import handlers  # noqa: PLC0415
    from sfn_cqrs_tools.stack.project_template import load_template  # noqa: PLC0415

    if not template.is_file():
        echo("no project here: versions of an old shape are written as they are stored", err=True)
        yield
        return
    with one_line_errors():
        read = load_template(template)
    before = list(sys.path)
    sys.path[:0] = map(str, read.layers)
    os.environ["APP_PACKAGE"] = read.environment["APP_PACKAGE"]
    try:
        handlers.load()
        yield
    except SfnCqrsError as error:
        raise click.ClickException(str(error).splitlines()[0]) from error
    finally:
        sys.path[:] = before


def _to_file(
    output: Path | None,
    format_: str,
    tenant: str | None,
    since: datetime | None,
    rate: float,
    **_: Any,
) -> int:
    found = _states(tenant, _moment(since), rate)
    if format_ == "parquet":
        if output is None:
            raise click.UsageError("Parquet needs --output or --to")
        with written(found, format_) as (file, count):
            shutil.copyfile(file, output)
        return count
    if output is None:
        return _printed(sys.stdout, found)
    with output.open("w", encoding="utf-8") as file:
        return _printed(file, found)


def _to_lake(
    target: Target,
    to: str,
    format_: str,
    begun: str,
    tenant: str | None,
    rate: float,
    rewrite: bool,
    **_: Any,
) -> int:
    is_bucket = to.startswith("s3://")
    place = Bucket(target.client("s3"), to) if is_bucket else Folder(Path(to))
    lake = Lake(place, format_)
    note = lake.note()
    if note.files and note.tenant != tenant:
        of = f"of {note.tenant}" if note.tenant else "of all tenants"
        raise click.UsageError(f"{to} has states {of}: export others to another place")
    found = _states(tenant, "" if rewrite else note.next, rate)
    return lake.add(found, replace(note, tenant=tenant), begun, is_whole=rewrite)


def _states(tenant: str | None, after: str, rate: float) -> Iterator[dict[str, Any]]:
    from sfn_cqrs.care.tenants.export import states  # noqa: PLC0415 - it imports much

    with counting(progress_console(as_json=True), "states written") as told:
        for count, each in enumerate(states(tenant, after, rate=rate), 1):
            told(count)
            yield each


def _moment(since: datetime | None) -> str:
    from sfn_cqrs.kernel.clock import iso  # noqa: PLC0415 - it imports much

    return iso(since.replace(tzinfo=UTC)) if since else ""


def _printed(file: TextIO, found: Iterator[dict[str, Any]]) -> int:
    count = 0
    for count, each in enumerate(found, 1):  # noqa: B007
        file.write(f"{json.dumps(each, ensure_ascii=False)}\n")
    return count
