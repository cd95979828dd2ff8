"""audit: check stored data against the invariants."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sfn_cqrs_tools.cli.options import one_line_errors, rate_option, stack_options, template_option
from sfn_cqrs_tools.client.aws import Target, find_target
from sfn_cqrs_tools.client.tables import tables_of
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_cqrs_tools.terminal.printing import print_table, progress_console
from sfn_cqrs_tools.terminal.progress import Count, counting
from sfn_local.cli.command import FAILED, command, json_option, print_json
from sfn_local.cli.showing import echo

if TYPE_CHECKING:
    from sfn_cqrs.care.audit.service import Report, Sample

MOST_REPLAYED = 100_000
"""Items whose rows are compared: they are in memory."""


@command(
    examples=(
        "sfn-cqrs audit",
        "sfn-cqrs audit --tenant tenant1 --json",
        "sfn-cqrs audit --sample 1/14 --rate 50 --stack sfn-cqrs-prod",
        "sfn-cqrs audit --read-models",
        "sfn-cqrs audit --tenant tenant1 --repair",
        "sfn-cqrs audit --count",
    ),
)
@click.option("--tenant", metavar="CODE", help="Of one tenant.  [default: of all]")
@click.option(
    "--sample",
    default="1/1",
    show_default=True,
    metavar="1/N",
    help="A part of the tables, another part each day; in N days all of them.",
)
@rate_option
@click.option(
    "--read-models",
    is_flag=True,
    help="Also compare read models with the rows that the working copy's handlers write.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Write data rows that are lost, behind or different again, from their versions.",
)
@click.option(
    "--count", is_flag=True, help="Also count what each tenant uses, for `sfn-cqrs usage`."
)
@stack_options
@template_option
@json_option
@click.pass_context
def audit(
    context: click.Context,
    tenant: str | None,
    sample: str,
    rate: float,
    read_models: bool,
    repair: bool,
    count: bool,
    state: Path,
    stack: str | None,
    template: Path,
    as_json: bool,
) -> None:
    """Look for damage: gaps, lost or wrong data, history, counters and pointers.

    It reads the tables with your credentials, and writes nothing without --repair or --count. It
    reads a suspect again before it reports it. Exits 1 if there is any.
    """
    if count and (tenant or repair or sample != "1/1"):
        raise click.UsageError("--count looks at everything, and goes with --rate only")
    with one_line_errors():
        target, part = find_target(state, stack), _sample(sample)
        console = progress_console(as_json=True)
        with counting(console, "looked at") as told, tables_of(target):
            report = _counted(rate, told) if count else _audited(tenant, part, rate, repair, told)
        if read_models:
            with counting(console, "items replayed") as told:
                _replay(report, target, template, tenant, part, rate, told)
    if as_json:
        print_json(report.as_json())
    else:
        _print(report)
    if report.findings:
        context.exit(FAILED)


def _sample(text: str) -> Sample:
    from sfn_cqrs.care.audit.service import Sample  # noqa: PLC0415
    from sfn_cqrs.kernel.errors import InvalidInputError  # noqa: PLC0415 - it imports much

    try:
        return Sample.parse(text, datetime.now(UTC).toordinal())
    except InvalidInputError as error:
        raise click.UsageError(f"--sample: {error}") from error


def _audited(tenant: str | None, part: Sample, rate: float, repair: bool, told: Count) -> Report:
    from sfn_cqrs.care.audit.service import Audit  # noqa: PLC0415 - it imports much

    return Audit(tenant, rate=rate, repairs=repair, told=told).run(part)


def _counted(rate: float, told: Count) -> Report:
    from sfn_cqrs.care.audit.service import count_all  # noqa: PLC0415 - it imports much

    return count_all(rate=rate, told=told)


def _replay(
    report: Report,
    target: Target,
    template: Path,
    tenant: str | None,
    part: Sample,
    rate: float,
    told: Count,
) -> None:
    """Add what is wrong with read models to a report."""
    from sfn_cqrs_tools.replay.findings import findings  # noqa: PLC0415 - it imports much
    from sfn_cqrs_tools.replay.process import NotReplayedError, replayed  # noqa: PLC0415

    wanted = {
        "tenant": tenant,
        "segment": part.segment,
        "segments": part.segments,
        "rate": rate,
        "limit": MOST_REPLAYED,
        "is_audit": True,
    }
    with one_line_errors(NotReplayedError):
        found = replayed(target, load_template(template), wanted, told)
    for one in found["notCovered"]:
        echo(f"{one['handler']} is not covered: {one['reason']}", err=True)
    report.is_complete &= found["items"] < MOST_REPLAYED
    report.findings += findings(found)


def _print(report: Report) -> None:
    if report.findings:
        rows = [(one.key, one.rule, one.evidence, one.repair) for one in report.findings]
        print_table(("key", "rule", "evidence", "repair"), rows)
    for each in report.repaired:
        echo(f"{each}: the data row is written again")
    whole = "" if report.is_complete else ", and not to the end: there are more"
    echo(
        f"{report.items:,} items, {report.imports:,} imports, {report.work:,} tasks, sagas,"
        f" approvals and archives, {len(report.findings):,} findings{whole}"
    )
