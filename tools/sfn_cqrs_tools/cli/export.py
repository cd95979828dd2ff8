"""export: the stored states of items, for other systems."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

import click

from sfn_cqrs_tools.cli.options import one_line_errors, stack_options
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.client.tables import tables_of
from sfn_local.cli.command import Group, always_json_option
from sfn_local.cli.showing import echo

MARGIN: Final = timedelta(minutes=5)
"""The next export begins this much earlier, because clocks differ."""
RATE: Final = 200.0
FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@click.group(name="export", cls=Group)
def export() -> None:
    """Export what is stored, for a lake or another system."""


@export.command(
    examples=(
        "sfn-cqrs export history -o states.jsonl",
        "sfn-cqrs export history --since 2026-11-01 --tenant tenant1 -o states.jsonl",
    ),
)
@click.option("--tenant", metavar="CODE", help="Of one tenant.  [default: of all]")
@click.option(
    "--since",
    type=click.DateTime(FORMATS),
    help="Only what was written since then (UTC).  [default: everything]",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="A file.  [default: standard output]"
)
@click.option(
    "--rate",
    type=click.FloatRange(0),
    default=RATE,
    show_default=True,
    metavar="UNITS",
    help="Read units a second at most; 0 is no limit.",
)
@stack_options
@always_json_option
def history(
    tenant: str | None,
    since: datetime | None,
    output: Path | None,
    rate: float,
    state: Path,
    stack: str | None,
) -> None:
    """Write every state that items have and had, a line of JSON each, with all attributes.

    It reads the tables with your credentials. A state may come twice, never not at all; tenant,
    type, code and version tell states apart. At the end it says from when to export next time.
    """
    begun = datetime.now(UTC) - MARGIN
    with one_line_errors():
        target = find_target(state, stack)
        with tables_of(target):
            if output is None:
                count = _written(sys.stdout, tenant, since, rate)
            else:
                with output.open("w", encoding="utf-8") as file:
                    count = _written(file, tenant, since, rate)
    said = f"{count:,} states; next time --since {begun:%Y-%m-%dT%H:%M:%SZ}"
    echo(said, err=True)


def _written(file: TextIO, tenant: str | None, since: datetime | None, rate: float) -> int:
    from sfn_cqrs.domain.clock import iso  # noqa: PLC0415 - it and what follows import much
    from sfn_cqrs.service.export import states  # noqa: PLC0415

    after = iso(since.replace(tzinfo=UTC)) if since else ""
    count = 0
    for count, each in enumerate(states(tenant, after, rate=rate), 1):  # noqa: B007
        file.write(f"{json.dumps(each, ensure_ascii=False)}\n")
    return count
