"""import: files into items, by the HTTP API."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar
from zipfile import BadZipFile

import click
from click.exceptions import Exit

from sfn_cqrs_tools.cli import FAILED_ROWS
from sfn_cqrs_tools.cli.options import api_options, limit_option
from sfn_cqrs_tools.client.api import Api, given
from sfn_cqrs_tools.client.ids import Id
from sfn_cqrs_tools.client.imports import COUNTS, ENDED, job_path, watched
from sfn_cqrs_tools.client.upload import upload
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.terminal.causes import code_at, without_value
from sfn_cqrs_tools.terminal.printing import (
    print_answer,
    print_list,
    print_table,
    progress_console,
    show_file,
)
from sfn_cqrs_tools.terminal.progress import progress
from sfn_local.cli.command import DONE, FAILED, FILE, Group, json_option, print_json, several
from sfn_local.cli.showing import echo

if TYPE_CHECKING:
    from sfn_cqrs_tools.client.plan import Plan

C = TypeVar("C", bound=Callable[..., Any])
P = ParamSpec("P")
T = TypeVar("T")

NO_IMPORTS: Final = {
    "csv": "no imports of files yet; --kind zip and --kind row list the others",
    "zip": "no imports of archives yet",
    "row": "no imports of single rows yet",
}
TEXT_FILES: Final = ("", ".csv", ".tsv", ".tab", ".txt")
ZIP_MAGIC: Final = b"PK\x03\x04"
KINDS: Final = 10
"""As many reasons of failed rows are printed."""
MOST_PERCENT: Final = 50
"""Below it, handlers are not what an import waits for."""
_EXAMPLE: Final = "c-01KAXK3V9Q0M3W8C5R6T7Y8Z9A"


id_argument = click.argument("id_", metavar="ID", type=Id("import"))


@click.group(name="import", cls=Group)
def import_() -> None:
    """Import files, and show their progress and their failed rows."""


@dataclass(frozen=True)
class GivenFile:
    """A file to import, with its options."""

    name: str
    table: str | None
    kind: str | None
    encoding: str | None
    delimiter: str | None

    @property
    def is_in_s3(self) -> bool:
        """Return whether it is already in S3."""
        return self.name.startswith("s3://")

    @property
    def format(self) -> dict[str, str | None]:
        """Return the given options for reading it."""
        return {"encoding": self.encoding, "delimiter": self.delimiter}


_file_arguments = several(
    click.argument("file", metavar="FILE|s3://…"),
    click.option(
        "--table",
        metavar="TABLE",
        help="The table of the rows; in a zip, the names of the files can name it.",
    ),
    click.option(
        "--kind",
        type=click.Choice(["csv", "zip"]),
        help="The kind of the file.  [default: by its name and its first bytes]",
    ),
    click.option("--encoding", help="The encoding of the file.  [default: detected]"),
    click.option("--delimiter", help="The delimiter of the cells.  [default: detected]"),
)


def _file_options(command: Callable[P, T]) -> Callable[..., T]:
    """Add FILE and its options, and pass it on as `file`."""

    @_file_arguments
    @functools.wraps(command)
    def wrapped(*args: Any, file: str, **kwargs: Any) -> T:
        given = {name: kwargs.pop(name) for name in ("table", "kind", "encoding", "delimiter")}
        return command(*args, file=GivenFile(file, **given), **kwargs)  # type: ignore[arg-type]

    return wrapped


def _publish_mode_option(about: str) -> Callable[[C], C]:
    modes = click.Choice(["sync", "async"], case_sensitive=False)
    return click.option("--publish-mode", type=modes, default="sync", show_default=True, help=about)


_map_option = click.option(
    "--map",
    "headings",
    multiple=True,
    metavar="HEADING=FIELD",
    help="Map a heading of the file to a column; kept for your next imports into the table.",
)


@import_.command(
    examples=(
        "sfn-cqrs import start airports.csv --table airports --watch",
        "sfn-cqrs import start sales.txt --table airports --encoding cp932 --delimiter tab",
        "sfn-cqrs import start exports.zip --watch",
        f"sfn-cqrs import start errors.csv --table airports --repairs {_EXAMPLE}",
        "sfn-cqrs import start s3://BUCKET/uploads/tenant1/…/airports.csv --table airports",
    ),
)
@_file_options
@click.option(
    "--mode",
    type=click.Choice(["direct", "step-function"], case_sensitive=False),
    help="Within the request, or by the machine.  [default: by size]",
)
@_publish_mode_option("A row has succeeded when it is applied, or when its command is accepted.")
@click.option("--dry-run", is_flag=True, help="Report what would happen, and change nothing.")
@_map_option
@click.option(
    "--repairs",
    metavar="ID",
    help="The failed import whose errors.csv this file is, corrected: it needs nobody any more.",
)
@click.option(
    "--max-cost",
    type=click.FloatRange(0, min_open=True),
    metavar="DOLLARS",
    help="Refuse the import if it would cost more by `import plan`.",
)
@click.option("--watch", is_flag=True, help="Wait for the end.")
@api_options
def start(
    file: GivenFile,
    mode: str | None,
    publish_mode: str,
    dry_run: bool,
    headings: tuple[str, ...],
    repairs: str | None,
    max_cost: float | None,
    watch: bool,
    api: Api,
    as_json: bool,
) -> None:
    """Upload and import a file, or import a file from the import bucket.

    Exits 2 if rows failed, and 1 if the file could not be imported at all.
    """
    asked: dict[str, Any] = {"publishMode": publish_mode.upper(), "dryRun": dry_run}
    asked |= {"mapping": _mapping(headings), "repairs": repairs}
    asked |= {"processingMode": mode.upper().replace("-", "_") if mode else None}
    if max_cost is not None:
        _check_cost(_planned(file, publish_mode), max_cost)
    job = _started(api, file, asked, as_json=as_json)
    _conclude(job, api, wait=watch, as_json=as_json)


@import_.command(
    examples=(
        "sfn-cqrs import plan airports.csv",
        "sfn-cqrs import plan exports.zip --publish-mode async",
    ),
)
@_file_options
@_publish_mode_option("Each ASYNC row runs through the command machine.")
@json_option
def plan(file: GivenFile, publish_mode: str, as_json: bool) -> None:
    """Count the rows of a file on this machine, and print the highest cost of importing them.

    It uses list prices of us-east-1, and does not count calls of your handlers. It sends nothing.
    In a project, --table also names the handlers that each row runs alone.
    """
    planned = _planned(file, publish_mode)
    alone = _run_alone(file.table) if publish_mode == "sync" else []
    express = planned.express_dollars
    if as_json:
        print_json(
            {
                "rows": planned.rows,
                "files": planned.files,
                "publishMode": planned.publish_mode,
                "dollars": round(planned.dollars, 4),
                "expressDollars": None if express is None else round(express, 4),
                "seconds": round(planned.seconds, 1),
                "handlersAlone": alone,
            }
        )
        return
    if len(planned.files) > 1:
        print_table(("file", "rows"), planned.files.items())
    echo(_plan_in_words(planned))
    if alone:
        echo(
            f"each row runs {', '.join(alone)} by itself: with @up_many, a hundred rows run it once"
        )


@import_.command(
    name="dry-run",
    examples=("sfn-cqrs import dry-run airports.csv --table airports",),
)
@_file_options
@_map_option
@api_options
def dry_run(file: GivenFile, headings: tuple[str, ...], api: Api, as_json: bool) -> None:
    """Show the result that each row would have, and write nothing.

    It shows each cell of the first hundred rows, before and after the import.
    """
    if not as_json and not file.is_in_s3:
        echo(f"the import itself: {_plan_in_words(_planned(file, 'sync'))}")
    asked = {"dryRun": True, "mapping": _mapping(headings)}
    job = _started(api, file, asked, as_json=as_json)
    if not as_json and "files" not in job:
        job = watched(api, job, progress_console(as_json=as_json))
        _print_preview(api, job)
    _conclude(job, api, wait=True, as_json=as_json)


@import_.command(examples=(f"sfn-cqrs import status {_EXAMPLE} --watch",))
@id_argument
@click.option("--watch", is_flag=True, help="Wait for the end.")
@api_options
def status(id_: str, watch: bool, api: Api, as_json: bool) -> None:
    """Show an import: its counts, its rate and the time left."""
    _conclude(api.get(job_path(id_)), api, wait=watch, as_json=as_json)


import_.add_command(status, "show")


@import_.command(name="list", examples=("sfn-cqrs import list --limit 50",))
@click.option(
    "--kind",
    type=click.Choice(["csv", "zip", "row"]),
    default="csv",
    show_default=True,
    help="Of files, of archives, or of single rows.",
)
@limit_option
@api_options
def list_(kind: str, limit: int, api: Api, as_json: bool) -> None:
    """List the imports, the newest first."""
    found = api.first(limit, "/imports", kind=kind)
    fields = ("id", "table", "status", "total", *COUNTS, "createdAt")
    spare = ("cancelled", "unchanged", "updated", "created", "createdAt")
    if not as_json:
        found = [{**job, "status": job["status"] + _trial(job)} for job in found]
    print_list(found, fields, as_json=as_json, spare=spare, none=NO_IMPORTS[kind])


@import_.command(examples=(f"sfn-cqrs import errors {_EXAMPLE} > errors.csv",))
@id_argument
@click.option("--output", "-o", type=FILE, help="Where to write it.  [default: standard output]")
@api_options
def errors(id_: str, output: Path | None, api: Api, as_json: bool) -> None:
    """Get errors.csv: the rows that failed, each with the reason; correct and import it again.

    With --json it is a list with an object for each row.
    """
    content = api.content(job_path(id_, "errors.csv"))
    if as_json:
        rows = list(csv.DictReader(io.StringIO(b"".join(content).decode("utf-8-sig"), newline="")))
        if output is None:
            print_json(rows)
        else:
            output.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        return
    first = next(content, b"")  # a refusal comes before the file is opened
    if output is None:
        show_file(chain((first,), content))
        return
    with output.open("wb") as file:
        for chunk in (first, *content):
            file.write(chunk)


@import_.command(examples=(f"sfn-cqrs import cancel {_EXAMPLE}",))
@id_argument
@api_options
def cancel(id_: str, api: Api, as_json: bool) -> None:
    """Cancel an import: no further batch starts, and imported rows stay and are counted."""
    job = api.post(job_path(id_, "cancel"))
    print_answer(job, f"{id_} begins no further batch", as_json=as_json)


@import_.command(examples=(f"sfn-cqrs import retry {_EXAMPLE} --watch",))
@id_argument
@click.option("--watch", is_flag=True, help="Wait for the end.")
@api_options
def retry(id_: str, watch: bool, api: Api, as_json: bool) -> None:
    """Import failed and cancelled rows again, as a separate import."""
    _conclude(api.post(job_path(id_, "retry")), api, wait=watch, as_json=as_json)


@import_.command(
    examples=(
        f"sfn-cqrs import undo {_EXAMPLE} --dry-run",
        f"sfn-cqrs import undo {_EXAMPLE} --watch",
    ),
)
@id_argument
@click.option(
    "--dry-run", is_flag=True, help="Count the rows that would be reversed, and change nothing."
)
@click.option("--watch", is_flag=True, help="Wait for the end.")
@api_options
def undo(id_: str, dry_run: bool, watch: bool, api: Api, as_json: bool) -> None:
    """Undo an import: its items return to their state before it.

    Each row ends reversed, kept (somebody has changed the item since) or failed; errors.csv lists
    those that are kept or failed, with the reason. The undo is an import, which you can undo.
    """
    body = json.dumps({"dryRun": dry_run})
    _conclude(api.post(job_path(id_, "undo"), body), api, wait=watch or dry_run, as_json=as_json)


def _planned(file: GivenFile, publish_mode: str) -> Plan:
    from sfn_cqrs.kernel.errors import SfnCqrsError  # noqa: PLC0415 - this and plans import much
    from sfn_cqrs_tools.client.plan import plan_of  # noqa: PLC0415

    if file.is_in_s3:
        raise click.UsageError("a file in S3 cannot be counted here: give the file itself")
    path = _existing(file.name)
    try:
        return plan_of(path, file.kind or _kind_of(path), publish_mode.upper(), **file.format)
    except (SfnCqrsError, BadZipFile) as error:
        raise click.ClickException(f"{path}: {error}") from error


def _run_alone(table: str | None) -> list[str]:
    """Return the handlers of a table's type that have no bulk version, by the project's code."""
    from sfn_cqrs.kernel.errors import UnknownTableError  # noqa: PLC0415 - this and code import much
    from sfn_cqrs.machines.command.handlers import registry  # noqa: PLC0415
    from sfn_cqrs.machines.import_csv import strategies  # noqa: PLC0415
    from sfn_cqrs_tools.cli.export import knowing_types  # noqa: PLC0415

    template = Path("template.yaml")
    if table is None or not template.is_file():
        return []
    with knowing_types(template):
        try:
            named = registry.sync.get(strategies.find(table).type, {})
        except UnknownTableError as error:
            raise click.ClickException(str(error)) from error
        return [name for name, handler in named.items() if handler not in registry.bulk]


def _plan_in_words(planned: Plan) -> str:
    express = planned.express_dollars
    return (
        f"{planned.rows:,} rows, {planned.publish_mode}: at most {_money(planned.dollars)}"
        f"{'' if express is None else f' ({_money(express)} in the express lane)'}, and at least"
        f" {planned.seconds:,.0f} s"
    )


def _mapping(headings: tuple[str, ...]) -> dict[str, str] | None:
    """Return the columns by the file's headings, or None to keep the table's last ones."""
    pairs = [each.rpartition("=") for each in headings]
    if any(not heading or not name for heading, _, name in pairs):
        raise click.UsageError('--map takes "Heading=field", such as --map "Airport code=icao"')
    return {heading: name for heading, _, name in pairs} or None


def _print_preview(api: Api, job: dict[str, Any]) -> None:
    """Print the cells that the first rows would change, before and after."""
    cells = [
        (row["row"], row.get("item", ""), row["result"], cell["field"], *_shown(cell))
        for row in api.get(job_path(job["id"], "preview"))["items"]
        for cell in row.get("cells", ())
    ]
    if cells:
        print_table(("row", "item", "result", "field", "is", "would be"), cells)


def _shown(cell: dict[str, Any]) -> tuple[str, str]:
    was, will = (
        "" if cell[name] is None else json.dumps(cell[name], ensure_ascii=False)
        for name in ("before", "after")
    )
    return was, will


def _check_cost(planned: Plan, max_cost: float) -> None:
    if planned.dollars > max_cost:
        raise click.ClickException(
            f"{planned.rows:,} rows, {planned.publish_mode}, cost at most"
            f" {_money(planned.dollars)}, which is more than {_money(max_cost)}: nothing was sent"
        )


def _money(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.6f}"


def _existing(file: str) -> Path:
    path = Path(file)
    if not path.is_file():
        sample = CHECKOUT / "examples" / path.name
        hint = f"; examples/{path.name} is one" if sample.is_file() else ""
        raise click.UsageError(f"there is no file {path}{hint}")
    return path


def _started(api: Api, file: GivenFile, asked: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
    path = Path(file.name) if file.is_in_s3 else _existing(file.name)
    kind = file.kind or (_kind_by_name(path) if file.is_in_s3 else _kind_of(path))
    if kind == "csv" and file.table is None:
        raise click.UsageError("--table says whose rows they are, such as --table airports")
    key = file.name if file.is_in_s3 else _uploaded(api, path, file.table, as_json=as_json)
    body = {**file.format, **asked, "kind": kind, "key": key, "tableName": file.table}
    return api.post("/imports", json.dumps(given(body)))


def _uploaded(api: Api, path: Path, table: str | None, *, as_json: bool) -> str:
    size = path.stat().st_size
    with progress(progress_console(as_json=as_json), "Uploaded", size, in_bytes=True) as update:
        return upload(api, path, table, update)


def _kind_of(path: Path) -> str:
    """Return the kind of a file; an unknown kind is refused before it is sent."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        is_zip = file.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    if suffix in TEXT_FILES and is_zip:
        return "zip"
    if suffix not in (*TEXT_FILES, ".zip"):
        raise click.UsageError(
            f"{path.name} does not look like a CSV file: save it as CSV, or say --kind csv"
        )
    return _kind_by_name(path)


def _kind_by_name(path: Path) -> str:
    return "zip" if path.suffix.lower() == ".zip" else "csv"


def _conclude(job: dict[str, Any], api: Api, *, wait: bool, as_json: bool) -> None:
    """Print a job; wait for its end first if asked to.

    Exits 1 if its file was refused, 2 if rows failed or were not processed.
    """
    if wait:
        job = watched(api, job, progress_console(as_json=as_json))
    if as_json:
        print_json(job)
    else:
        _print_job(job)
        if job["failed"] and job["status"] in ENDED and "files" not in job:
            _print_failures(api, job)
        if job["status"] not in ENDED:
            echo(f"wait for its end: sfn-cqrs import show {job['id']} --watch", err=True)
    if job["status"] not in ENDED or job["status"] == "COMPLETED":
        raise Exit(DONE)
    raise Exit(FAILED if "error" in job else FAILED_ROWS)


def _print_job(job: dict[str, Any]) -> None:
    back = f", it undoes {job['undoes']}" if "undoes" in job else ""
    counts = ", ".join(f"{count:,} {name}" for name, count in _counts_of(job))
    echo(f"{job['id']} is {job['status']}{_trial(job)}{back}: {job['total']:,} rows, {counts}")
    if "etaSeconds" in job and job["status"] not in ENDED:
        left = "" if job["etaSeconds"] is None else f", {job['etaSeconds']:.0f} s left"
        echo(f"{job['rowsPerSecond']:,.0f} rows/s{left}")
    if (told := _handlers_in_words(job.get("handlerPercent", {}))) and not job["dryRun"]:
        echo(told)
    if "error" in job:
        echo(f"{job['error']['code']}: {job['error']['message']}")
    if "files" in job:
        _print_files(job)


def _handlers_in_words(percent: dict[str, int]) -> str:
    """Say which handlers an import waits for, if they are most of it."""
    whole = sum(percent.values())
    if whole < MOST_PERCENT:
        return ""
    each = ", ".join(f"{name} {share} %" for name, share in percent.items())
    return f"handlers took {min(whole, 100)} % of its time: {each}; @up_many does a batch at once"


def _trial(job: dict[str, Any]) -> str:
    return ", a dry run" if job["dryRun"] else ""


def _counts_of(job: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the counts of an import by their names; those of an undo have other names."""
    counts: list[tuple[str, int]] = [
        (name, job[name]) for name in (*COUNTS, "accepted") if name in job
    ]
    if "undoes" not in job or "unchanged" not in job:
        return counts
    changed = ("reversed", job["created"] + job["updated"])
    return [changed, ("kept", job["unchanged"]), *counts[-2:]]


def _print_files(job: dict[str, Any]) -> None:
    """Print a line for each file of an archive; failed ones name the import to look at."""
    fields = ("name", "table", "status", "total", *COUNTS, "id")
    rows = [[*(file[field] for field in fields), _why(file)] for file in job["files"]]
    print_table((*fields, "error"), rows, spare=("cancelled", "unchanged", "updated", "created"))
    for name, error in job.get("failedHooks", {}).items():
        echo("\n".join((f"the hook {name} failed: {error}", *code_at(error))))


def _print_failures(api: Api, job: dict[str, Any]) -> None:
    """Print the reasons of failed rows, the most frequent first; a long report is read in part."""
    head = next(api.content(job_path(job["id"], "errors.csv")), b"").decode(errors="replace")
    kinds = kinds_of(head)
    for row, reason, count in kinds[:KINDS]:
        more = f" and {count - 1:,} more" if count > 1 else ""
        echo("\n".join((f"row {row}{more}: {reason}", *code_at(reason))))
    if len(kinds) > KINDS:
        echo(f"other reasons: {len(kinds) - KINDS:,}")
    read = sum(count for _, _, count in kinds)
    if read < job["failed"]:
        echo(f"counted in the first {read:,} of {job['failed']:,} failed rows")
    echo(f"the failed rows: sfn-cqrs import errors {job['id']} > errors.csv")


def kinds_of(report: str) -> list[tuple[str, str, int]]:
    """Return the first row of each kind of failure in errors.csv, its reason, and how many fail so.

    The report may be cut off: its last line is left out if it is not whole.
    """
    lines = csv.reader(io.StringIO(report, newline=""))
    width, found = len(next(lines, ())), dict[str, tuple[str, str, int]]()
    for line in lines:
        if len(line) == width:
            row, _, reason = line[-3:]
            kind = without_value(reason)
            row, reason, count = found.get(kind, (row, reason, 0))
            found[kind] = row, reason, count + 1
    return sorted(found.values(), key=lambda kind: -kind[2])


def _why(file: dict[str, Any]) -> str:
    return file["error"]["message"] if "error" in file else ""
