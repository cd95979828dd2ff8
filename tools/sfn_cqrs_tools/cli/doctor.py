"""doctor: stuck, failed and undelivered work."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.cells import cell_len

from sfn_cqrs_tools.cli.options import one_line_errors, stack_options, template_option
from sfn_cqrs_tools.client.aws import Target, find_target
from sfn_cqrs_tools.runtime.state import StackError
from sfn_cqrs_tools.terminal.ages import duration
from sfn_cqrs_tools.terminal.causes import cut, shortened
from sfn_cqrs_tools.terminal.printing import console, print_table
from sfn_local.cli.command import FAILED, command, json_option, print_json
from sfn_local.cli.showing import echo, styled
from sfn_local.lint.template_file import TemplateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfn_cqrs_tools.client.app_check import AppCheck
    from sfn_cqrs_tools.client.diagnosis import Diagnosis, Finding, Work
    from sfn_cqrs_tools.client.failed_work import FailedWork

MOST_SHOWN: Final = 20
"""How many failed tasks and imports, and refused plans, are listed at most."""
FAILED_LATELY: Final = (
    "task or import failed within a week",
    "tasks and imports failed within a week",
)
MOST_LINES: Final = 24
LAST_LINES: Final = 3
"""What there is more of, and the verdict, which may take two lines."""


@command(
    examples=(
        "sfn-cqrs doctor",
        "sfn-cqrs doctor --older-than 60 --stack sfn-cqrs-dev",
        "sfn-cqrs doctor --quotas --stack sfn-cqrs-prod",
    ),
)
@click.option(
    "--older-than",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    metavar="MINUTES",
    help="Age from which open work counts as stuck, in minutes.",
)
@click.option(
    "--behind",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Age of the oldest open version from which versions are behind.",
)
@click.option(
    "--quotas",
    is_flag=True,
    help="Show the account's quotas and the throughput that they allow; for the local stack,"
    " assumptions.",
)
@click.option("--all", "is_whole", is_flag=True, help="List each finding, however many.")
@stack_options
@template_option
@json_option
@click.pass_context
def doctor(
    context: click.Context,
    older_than: float,
    behind: float,
    quotas: bool,
    is_whole: bool,
    state: Path,
    stack: str | None,
    template: Path,
    as_json: bool,
) -> None:
    """Find stuck, late, blocked, failed or broken work, and dead letters.

    First comes what needs a person, in groups with one cause, each with the command that repairs
    or shows it: at most 24 lines. --all lists each finding, --json has all fields.

    Modules of the local app that cannot be imported, and its machines that cannot run; versions,
    tasks, imports, archives, approvals and sagas; handlers that within a day were too slow for the
    express lane; functions behind an alias that run other code, layers or variables than the last
    deploy has brought; and, of a stack on AWS with tokens of Cognito, who lets users write their
    tenant.
    The local stack also says if its disk is full or PostgreSQL is down. Exits 1 if there is any.
    Of the local stack, it also names read models whose rows no handler is named after.
    The list has refused plans, and tasks and imports that failed within a week, as well. The exit
    code leaves them out, because the stack is well even if one tenant's row is bad. See more with
    `chain show`, `task show`, `import show`, `approval show` and `saga show`.
    """
    from sfn_cqrs_tools.client.diagnosis import diagnose, troubles_of  # noqa: PLC0415
    from sfn_cqrs_tools.client.failed_work import failed_work  # noqa: PLC0415
    from sfn_cqrs_tools.client.published import behind_aliases  # noqa: PLC0415
    from sfn_cqrs_tools.client.refused_plans import refused_plans  # noqa: PLC0415
    from sfn_cqrs_tools.client.unwritten import unwritten_read_models  # noqa: PLC0415
    from sfn_cqrs_tools.stack.slow_handlers import slow_handlers  # noqa: PLC0415

    if quotas:
        _print_quotas(stack, as_json=as_json)
        return
    with one_line_errors():
        target = find_target(state, stack)
        check, damage = (None, []) if stack else _begun(template, target)
        troubles = [*troubles_of(target), *damage]
        now = datetime.now(UTC)
        try:
            diagnosis = replace(
                diagnose(target, timedelta(minutes=older_than), late=timedelta(seconds=behind)),
                slow_handlers=list(slow_handlers(target, now)),
                behind_alias=list(behind_aliases(target)),
                troubles=troubles,
                failed_work=[*refused_plans(target, now), *failed_work(target, now)],
            )
        except (BotoCoreError, ClientError) as error:
            if not troubles:
                raise
            raise StackError("\n".join([*troubles, f"what is open is unknown: {error}"])) from error
    if check is not None:
        diagnosis = replace(diagnosis, broken=check.result())
        if check.known is not None:
            diagnosis = replace(diagnosis, unwritten=unwritten_read_models(target, check.known))
    if as_json:
        print_json(asdict(diagnosis))
    else:
        show = _print if is_whole else _print_briefly
        show(diagnosis)
    if not diagnosis.is_well:
        context.exit(FAILED)


def _begun(template: Path, target: Target) -> tuple[AppCheck | None, list[str]]:
    """Begin to import the project's code; return why its template or a machine cannot run."""
    from sfn_cqrs_tools.client.app_check import AppCheck  # noqa: PLC0415 - it imports much
    from sfn_cqrs_tools.stack.project_template import load_template  # noqa: PLC0415

    try:
        read = load_template(template)
        check = AppCheck(read, target.environment)
        refused = [one for machine in read.machines.values() for one in machine.refusals()]
    except TemplateError as error:
        return None, [f"{error}; the stack continues with the last one that could be read"]
    return check, [f"{one}; the stack continues with the last definition" for one in refused]


def _print_quotas(stack: str | None, *, as_json: bool) -> None:
    from sfn_cqrs_tools.client.aws import client_on_aws  # noqa: PLC0415
    from sfn_cqrs_tools.client.quotas import quotas_of  # noqa: PLC0415
    from sfn_cqrs_tools.runtime.fabric import session  # noqa: PLC0415

    client = client_on_aws("service-quotas") if stack else None
    region = client.meta.region_name if client else str(session().region_name)
    found = quotas_of(region, client)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    rows = [
        (each.service, each.quota, f"{each.value:,.0f}", _said(each.is_assumed), each.allows)
        for each in found
    ]
    print_table(("service", "quota", "value", "", "allows"), rows)


def _said(is_assumed: bool) -> str:
    return "assumed" if is_assumed else ""


def _print_briefly(diagnosis: Diagnosis) -> None:
    """Print at most 24 lines: what needs a person first, then what to do next."""
    lines, width = [*_briefly(diagnosis)], console().width
    room = MOST_LINES - LAST_LINES
    ends = accumulate(ceil(max(cell_len(click.unstyle(line)), 1) / width) for line in lines)
    kept = sum(end <= room for end in ends)
    for line in lines[:kept]:
        echo(line)
    if kept < len(lines):
        echo(f"and {len(lines) - kept} lines more: sfn-cqrs doctor --all")
    _print_verdict(diagnosis)


def _briefly(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what the doctor has found, the gravest first; each line fits the terminal."""
    from sfn_cqrs_tools.client.finding_groups import groups_of  # noqa: PLC0415

    width = console().width
    for line in (*diagnosis.troubles, *_broken(diagnosis)):
        yield styled(cut(line, width), fg="red")
    for group in groups_of(diagnosis):
        mark = "✗" if group.status in ("FAILED", "PARKED") else "◌"
        yield cut(f"{mark} {group.line}", width)
        yield f"  {group.next}"
    for queue, depth in diagnosis.dead_letters.items():
        if depth:
            yield cut(_dead(queue, depth), width)
    behind = [str(one) for one in diagnosis.behind_alias]
    for line in (*diagnosis.writable_tenants, *diagnosis.slow_handlers, *behind):
        yield cut(str(line), width)
    yield from diagnosis.unwritten
    if behind:
        yield _remedy()
    yield from _open_lines(diagnosis)
    for one in diagnosis.failed_work:
        ended = "was refused" if one.kind == "plan" else "failed"
        told = f"{one.kind} of {one.tenant} {ended}: {one.what}, {one.error}"
        yield cut(f"· {told}, {duration(one.age)} ago", width)
        yield f"  {one.shown_by} --tenant {shlex.quote(one.tenant)}"


def _broken(diagnosis: Diagnosis) -> Iterator[str]:
    for broken in diagnosis.broken:
        yield f"{broken.module} cannot be imported: {broken.reason}"
        yield from shortened(broken.code.splitlines())


def _dead(queue: str, depth: int) -> str:
    messages = "message" if depth == 1 else "messages"
    return f"{queue}: {depth} {messages}; `sfn-cqrs console` shows them under Queues"


def _remedy() -> str:
    from sfn_cqrs_tools.client.published import REMEDY  # noqa: PLC0415

    return REMEDY


def _open_lines(diagnosis: Diagnosis) -> Iterator[str]:
    behind = ": versions are behind" if diagnosis.is_behind else ""
    oldest = f"{diagnosis.open} open, the oldest for {duration(diagnosis.oldest_open)}{behind}"
    yield oldest if diagnosis.open else "nothing open"
    for item_type, seconds in diagnosis.oldest_unapplied.items():
        yield f"  {item_type}: {duration(seconds)} behind"
    for name, kind in diagnosis.kinds.items():
        if kind.open:
            yield f"{name}s: {kind.open} open, the oldest for {duration(kind.oldest)}"


def _print_findings(diagnosis: Diagnosis) -> None:
    if diagnosis.findings:
        headings = (
            "tenant",
            "type",
            "code",
            "version",
            "outcome",
            "status",
            "age",
            "error",
            "cause",
        )
        print_table(headings, map(_aged, diagnosis.findings))
    if diagnosis.repairs:
        echo("\n  ".join(["once the cause is repaired:", *diagnosis.repairs]))


def _print_kinds(diagnosis: Diagnosis) -> None:
    for name, kind in diagnosis.kinds.items():
        if kind.findings:
            columns = ("tenant", name, "status", "attempt", "age", "error")
            print_table(columns, map(_aged, kind.findings))


def _print(diagnosis: Diagnosis) -> None:
    for trouble in (*diagnosis.troubles, *_broken(diagnosis)):
        echo(styled(trouble, fg="red"))
    for line in _open_lines(diagnosis):
        echo(line)
    _print_findings(diagnosis)
    _print_kinds(diagnosis)
    for queue, depth in diagnosis.dead_letters.items():
        if depth:
            echo(_dead(queue, depth))
    for finding in (
        *diagnosis.writable_tenants,
        *diagnosis.slow_handlers,
        *diagnosis.unwritten,
    ):
        echo(finding)
    for one in diagnosis.behind_alias:
        echo(str(one))
    if diagnosis.behind_alias:
        echo(_remedy())
    _print_failed_work(diagnosis)
    _print_verdict(diagnosis)


def _print_verdict(diagnosis: Diagnosis) -> None:
    """Print whether all is well, and the command to go on with."""
    if not diagnosis.is_well:
        echo(styled("something needs attention", fg="red"), "; next: ", _next(diagnosis))
    elif diagnosis.failed_work:
        first = diagnosis.failed_work[0]
        next_ = f"{first.shown_by} --tenant {shlex.quote(first.tenant)}"
        echo(styled("the stack is well", fg="green"), "; next: ", next_)
    else:
        echo(styled("all is well", fg="green"))


def _print_failed_work(diagnosis: Diagnosis) -> None:
    refused = [one for one in diagnosis.failed_work if one.kind == "plan"]
    failed = [one for one in diagnosis.failed_work if one.kind != "plan"]
    _print_work(refused, "plan was refused", "plans were refused")
    _print_work(failed, *FAILED_LATELY)


def _print_work(found: Sequence[FailedWork], one_has: str, many_have: str) -> None:
    if not found:
        return
    many = len(found)
    echo(f"{many} {one_has if many == 1 else many_have}:")
    rows = [
        (one.kind, one.tenant, one.id, one.what, duration(one.age), one.error)
        for one in found[:MOST_SHOWN]
    ]
    print_table(("kind", "tenant", "id", "what", "age", "error"), rows, spare=("tenant", "age"))
    if many > MOST_SHOWN:
        echo(f"and {many - MOST_SHOWN} more: --json lists all")


def _aged(one: Finding | Work) -> list[object]:
    """Return a finding's fields, with its age as people read it."""
    return [*{**asdict(one), "age": duration(one.age)}.values()]


def _next(diagnosis: Diagnosis) -> str:
    """Return the command that shows more about the gravest finding."""
    if diagnosis.troubles or diagnosis.broken:
        return "sfn-cqrs logs --level ERROR"
    for name, kind in diagnosis.kinds.items():
        for work in kind.findings:
            command = "import" if name == "archive" else name
            return f"sfn-cqrs {command} show {work.id} --tenant {shlex.quote(work.tenant)}"
    for one in diagnosis.findings:
        code = shlex.quote(one.code)
        return f"sfn-cqrs chain show {one.type} {code} --tenant {shlex.quote(one.tenant)}"
    return "sfn-cqrs console"
