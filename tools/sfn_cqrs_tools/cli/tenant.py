"""tenant: list tenants, take one to another stack, bring one back to a moment, delete one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import click

from sfn_cqrs_tools.cli.options import one_line_errors, rate_option, stack_options, template_option
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.client.tables import tables_of
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_cqrs_tools.terminal.printing import print_answer, print_list, progress_console
from sfn_cqrs_tools.terminal.progress import counting
from sfn_local.cli.command import (
    FAILED,
    Group,
    always_json_option,
    json_option,
    print_json,
    print_shown,
)
from sfn_local.cli.showing import echo

ERASURES: Final = "0-erasures"
"""A file that is read before those of the types."""
SHOWN: Final = 20
SECOND: Final = "%Y-%m-%dT%H:%M:%S"
MOMENTS: Final = ["%Y-%m-%d", SECOND, f"{SECOND}Z", f"{SECOND}.%fZ"]
RESTORES: Final = "sfn_cqrs_tools.replay.tenant_restore"
folder = click.Path(file_okay=False, path_type=Path)


@click.group(name="tenant", cls=Group)
def tenant() -> None:
    """List tenants, export one, import it into another stack, restore or delete it."""


@tenant.command("list", examples=("sfn-cqrs tenant list",))
@rate_option
@stack_options
@json_option
def list_tenants(rate: float, state: Path, stack: str | None, as_json: bool) -> None:
    """List the tenants that have items, with the number of items by type.

    It reads the data table with your credentials.
    """
    from sfn_cqrs.care.tenants.service import tenants  # noqa: PLC0415 - it imports much

    with one_line_errors(), tables_of(find_target(state, stack)):
        found = tenants(rate=rate)
    rows = [
        {"tenant": name, "items": sum(types.values()), "types": dict(sorted(types.items()))}
        for name, types in found.items()
    ]
    print_list(rows, ("tenant", "items", "types"), as_json=as_json)


@tenant.command(
    "export",
    examples=(
        "sfn-cqrs tenant export acme -o acme",
        "sfn-cqrs tenant export acme -o acme --stack sfn-cqrs-prod",
    ),
)
@click.argument("name", metavar="TENANT")
@click.option("--output", "-o", type=folder, required=True, help="A folder, made for it.")
@rate_option
@stack_options
@json_option
def export_tenant(
    name: str, output: Path, rate: float, state: Path, stack: str | None, as_json: bool
) -> None:
    """Write all items of a tenant, a file of JSON lines for each type.

    Versions with their processes, history and rows, with all attributes. Tasks, sagas, approvals
    and imports once they have ended. It reads the tables with your credentials, and writes nothing
    there.
    """
    from sfn_cqrs.care.tenants.service import exported  # noqa: PLC0415
    from sfn_cqrs.care.tenants.work import OPEN  # noqa: PLC0415 - it imports much

    if output.exists():
        raise click.UsageError(f"{output} exists already: name a new folder")
    output.mkdir(0o700, parents=True)  # it has everything of a tenant
    counts: Counter[str] = Counter()
    with one_line_errors(), tables_of(find_target(state, stack)), ExitStack() as opened:
        files: dict[str, TextIO] = {}
        told = opened.enter_context(counting(progress_console(as_json=True), "lines written"))
        for line in exported(name, rate=rate):
            counts[str(line["kind"])] += 1
            told(counts.total())
            if line["kind"] == OPEN:
                continue
            item: Any = line["item"]
            name_ = str(line.get("table") or item.get("type", ERASURES))
            if name_ not in files:
                path = output / f"{name_}.jsonl"
                path.touch(0o600)
                file = path.open("w", encoding="utf-8")
                files[name_] = opened.enter_context(file)
            files[name_].write(f"{json.dumps(line, ensure_ascii=False)}\n")
    left = _left(counts[OPEN], "tasks, sagas, approvals and imports that are still open")
    print_answer(counts, f"{_said(counts)}{left}", as_json=as_json)


@tenant.command("import", examples=("sfn-cqrs tenant import acme acme --stack sfn-cqrs-eu",))
@click.argument("name", metavar="TENANT")
@click.argument("source", metavar="FOLDER", type=folder)
@stack_options
@json_option
def import_tenant(name: str, source: Path, state: Path, stack: str | None, as_json: bool) -> None:
    """Write an exported tenant into a stack, under this name.

    It does not change items that are stored already, so you can run a stopped import again.
    Then rebuild the read models. Tasks, sagas, approvals and imports need the tenant's own name. It
    writes the tables with your credentials.
    """
    from sfn_cqrs.care.tenants.service import LEFT_OUT, import_lines  # noqa: PLC0415
    from sfn_cqrs.kernel.errors import InvalidInputError  # noqa: PLC0415 - it imports much

    with one_line_errors(InvalidInputError), tables_of(find_target(state, stack)):
        counts = import_lines(name, _lines(source))
    left = _left(counts[LEFT_OUT], "lines of work, which keeps the tenant's name")
    print_answer(counts, f"{_said(counts)} are new{left}", as_json=as_json)


@tenant.command(
    "restore",
    examples=(
        "sfn-cqrs tenant restore acme --to 2026-11-29T08:00:00 --dry-run",
        "sfn-cqrs tenant restore acme --to 2026-11-29T08:00:00 --report left.jsonl",
    ),
)
@click.argument("name", metavar="TENANT")
@click.option("--to", type=click.DateTime(MOMENTS), required=True, help="The moment (UTC).")
@click.option("--dry-run", is_flag=True, help="Only count; publish nothing.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file with a line of JSON for each item that was kept or has failed.",
)
@rate_option
@stack_options
@template_option
@json_option
@click.pass_context
def restore_tenant(
    context: click.Context,
    /,
    name: str,
    to: datetime,
    dry_run: bool,
    report: Path | None,
    rate: float,
    state: Path,
    stack: str | None,
    template: Path,
    as_json: bool,
) -> None:
    """Bring a tenant's items back to their state at a moment, by publishing the differences.

    Items that were made later are deleted. Items that change after the restore has begun are kept.
    If it is stopped, the same command continues. Your working copy's types check the versions.
    It reads and writes the tables with your credentials. Exits 1 if an item has failed.
    """
    from sfn_cqrs.kernel.clock import iso  # noqa: PLC0415 - it and what follows import much
    from sfn_cqrs_tools.replay.process import NotReplayedError, asked_of  # noqa: PLC0415

    moment = iso(to.replace(tzinfo=UTC))
    path = str(report.absolute()) if report else ""
    asked = {"tenant": name, "to": moment, "writes": not dry_run, "rate": rate, "report": path}
    with one_line_errors(NotReplayedError):
        target, read = find_target(state, stack), load_template(template)
        found = asked_of(RESTORES, target, read, asked)
    print_shown(found, _print_restored, as_json=as_json)
    if found["counts"]["failed"]:
        context.exit(FAILED)


def _print_restored(found: dict[str, Any]) -> None:
    for one in found["left"][:SHOWN]:
        echo(f"{one['result']}: {one['type']}/{one['item']}: {one['reason']}")
    counts = found["counts"]
    left = counts["kept"] + counts["failed"]
    if left > SHOWN:
        echo(f"… and {left - SHOWN:,} more; --report has all")
    said = ", ".join(f"{count:,} {fate}" for fate, count in counts.items())
    echo(f"{said}{'; nothing was published' if found['isDryRun'] else ''}")


@tenant.command(
    "erase",
    examples=("sfn-cqrs tenant erase acme", "sfn-cqrs tenant erase acme --yes > certificate.json"),
)
@click.argument("name", metavar="TENANT")
@click.option(
    "--yes", "is_sure", is_flag=True, help="Delete; without it, only show what would be deleted."
)
@rate_option
@stack_options
@always_json_option
def erase_tenant(name: str, is_sure: bool, rate: float, state: Path, stack: str | None) -> None:
    """Delete all data of a tenant, or show how much there is.

    Also its rows in PostgreSQL. It cannot be undone. It prints a certificate as JSON. Stop the
    tenant's traffic first, and run it again after 20 minutes, when no function runs any more that
    began before. It reads and writes the tables and buckets with your credentials.
    """
    from sfn_cqrs.care.tenants.service import remove  # noqa: PLC0415
    from sfn_cqrs.kernel.erasure import not_covered  # noqa: PLC0415 - it imports much
    from sfn_cqrs.kernel.errors import InvalidInputError  # noqa: PLC0415

    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with one_line_errors(InvalidInputError), tables_of(find_target(state, stack)):
        found = remove(name, writes=is_sure, rate=rate)
    shown = {"tenant": name, "at": at, "isErased": is_sure, "found": dict(sorted(found.items()))}
    print_json({**shown, "notCovered": not_covered(at) if is_sure else []})


def _lines(source: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(source.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)


WORDS: Final = {
    "command": "versions",
    "state": "earlier states",
    "row": "items",
    "task": "tasks",
    "saga": "sagas",
    "approval": "approvals",
    "job": "imports",
    "zip": "archives",
}


def _said(counts: Counter[str]) -> str:
    """Return what was written, in words; work only if there is any."""
    always = list(WORDS)[:3]
    return ", ".join(
        f"{counts[kind]:,} {word}" for kind, word in WORDS.items() if kind in always or counts[kind]
    )


def _left(count: int, why: str) -> str:
    return f"; left out: {count:,} {why}" if count else ""
