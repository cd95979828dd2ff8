"""Imports and archives: drop a file, check it, send it, and watch until every row has ended."""

from __future__ import annotations

import csv
import io
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sfn_cqrs.kernel.errors import SfnCqrsError
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.csv.header import REPORT_COLUMNS, Columns
from sfn_cqrs.machines.import_csv.csv.rows import open_csv
from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs_tools.client.api import ApiProblem
from sfn_cqrs_tools.client.imports import COUNTS, ENDED, job_path
from sfn_cqrs_tools.client.upload import upload
from sfn_cqrs_tools.console.application import (
    Ask,
    File,
    GoTo,
    Refused,
    Taker,
    View,
    begun,
    execution_page,
    stepping,
)
from sfn_cqrs_tools.console.differences import if_there
from sfn_cqrs_tools.console.lists import Shape, listing, shown
from sfn_cqrs_tools.console.names import names
from sfn_cqrs_tools.terminal.causes import without_value

PREVIEWED_ROWS: Final = 6
MOST_ERRORS: Final = 20_000
"""Of errors.csv that are read; the file has all."""
SHOWN_REASONS: Final = 20
EDITED_ROWS: Final = 20
LARGEST_REPORT: Final = 16 * 1024 * 1024
KINDS: Final = (("csv", "Files"), ("zip", "Archives"), ("row", "Single rows"))
IMPORTS: Final = Shape[dict[str, Any]](
    sorts={
        "file": lambda one: one.get("file") or one["table"] or "",
        "table": lambda one: one["table"] or "",
        "status": lambda one: one["status"],
        "rows": lambda one: one["total"],
        "failed": lambda one: one["failed"],
        "began": lambda one: one["createdAt"],
    },
    texts=lambda one: (one.get("file"), one["table"], one["id"]),
    at=lambda one: one["createdAt"],
)
ZIP_MAGIC: Final = b"PK\x03\x04"


@dataclass(frozen=True)
class FailedRow:
    """A row that failed; `bad` is the place of the cell that is wrong, where the reason says it.

    `alike` is what its reason has in common with those of other rows.
    """

    number: int
    code: str
    reason: str
    cells: list[str]
    bad: int | None
    alike: str


FAILED_ROWS: Final = Shape[FailedRow](
    sorts={"row": lambda one: one.number, "reason": lambda one: one.reason},
    texts=lambda one: (one.reason, *one.cells),
    most=20_000,
    fixed=("reason",),
)
NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
DELIMITERS: Final = ("", "comma", "semicolon", "tab", "pipe")
ENCODINGS: Final = ("", "utf-8", "cp932", "shift_jis", "euc_jp", "utf-16", "latin-1", "cp1252")


def listed(ask: Ask) -> View | File:
    """List imports of a kind."""
    kind = ask.query.get("kind") or "csv"
    if kind not in dict(KINDS):
        raise Refused(HTTPStatus.BAD_REQUEST, "invalid_input", "There is no such kind of import.")

    def fetch(limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        page = ask.api.get("/imports", kind=kind, limit=limit, cursor=cursor)
        return [one for one in page["items"] if _has(one, ask.query)], page.get("nextCursor")

    found = listing(ask, fetch, IMPORTS)
    values = {"kind": kind, "kinds": KINDS, "statuses": tuple(JobStatus)}
    return shown(ask, "imports.html", found, fetch, tables=names(ask, "imports"), **values)


def job(ask: Ask) -> View:
    """Show one import."""
    found = ask.api.get(job_path(ask.parts["id"]))
    is_over = found["status"] in ENDED
    header, failed = _failed_rows(ask, found) if is_over and found["failed"] else ([], [])
    reason = ask.query.get("reason", "")
    meant = [one for one in failed if reason in ("", one.alike)]

    def fetch(limit: int, cursor: str | None) -> tuple[list[FailedRow], str | None]:
        first = int(cursor) if cursor and cursor.isdecimal() else 0
        last = first + limit
        return meant[first:last], str(last) if last < len(meant) else None

    rows = listing(ask, fetch, FAILED_ROWS)
    return View(
        "import.html",
        {
            "job": found,
            "path": f"/imports/{found['id']}",
            "counts": [name for name in (*COUNTS, "accepted") if name in found],
            "execution": _execution(ask, found),
            "done": sum(found.get(name, 0) for name in COUNTS),
            "is_over": is_over,
            "header": header,
            "found": rows,
            "reasons": Counter(one.alike for one in failed).most_common(SHOWN_REASONS),
            "reason": reason,
            "read": len(failed),
            "cells": _cells(ask, found) if is_over and found["dryRun"] else [],
            "undone": if_there(ask.api, job_path(found["undoes"])) if "undoes" in found else None,
            "can_correct": is_over and _may_correct(found) and bool(failed),
            "can_undo": is_over and not found["dryRun"] and "undoneBy" not in found,
            "can_retry": is_over
            and found.get("retriedBy") is None
            and bool(found["failed"] or found["cancelled"]),
        },
        is_live=not is_over,
    )


def _cells(ask: Ask, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the first rows of a dry run, each with the cells that it would change."""
    answer = if_there(ask.api, job_path(found["id"], "preview"))
    return list(answer["items"]) if answer else []


def _may_correct(found: Mapping[str, Any]) -> bool:
    """Return whether the failed rows of an import can be edited here, and be sent again."""
    is_file = found["kind"] == "csv" and "undoes" not in found and "error" not in found
    return is_file and not found["dryRun"] and found.get("retriedBy") is None


def errors_file(ask: Ask) -> File:
    """Return the rows that failed, as the file that corrects them."""
    id_ = ask.parts["id"]
    content = b"".join(ask.api.content(job_path(id_, "errors.csv")))
    return File(content, f"{id_}-errors.csv", "text/csv; charset=utf-8")


def new(ask: Ask) -> View:
    """Show where to drop a file."""
    values = {"tables": names(ask, "imports"), "encodings": ENCODINGS, "delimiters": DELIMITERS}
    return View("import_new.html", values)


def preview(path: Path, ask: Ask) -> View:
    """Show how the first bytes of a file would be read."""
    head = path.read_bytes()
    if head.startswith(ZIP_MAGIC):
        return View("preview.html", {"is_zip": True, "file": None, "rows": [], "problem": ""})
    end = head.rfind(b"\n")
    whole = head[: end + 1] if end > 0 and ask.query.get("cut") == "true" else head
    try:
        file = open_csv(
            iter([whole]),
            Columns((), frozenset(), refuses_unknown=False),
            encoding=ask.query.get("encoding") or None,
            delimiter=ask.query.get("delimiter") or None,
        )
        rows = [row.cells for row in islice(file.rows(), PREVIEWED_ROWS)]
    except SfnCqrsError as error:
        return View(
            "preview.html", {"is_zip": False, "file": None, "rows": [], "problem": str(error)}
        )
    return View(
        "preview.html",
        {
            "is_zip": False,
            "file": file,
            "rows": rows,
            "delimiter": NAMES.get(file.delimiter, file.delimiter),
            "problem": "",
        },
    )


def take(path: Path, ask: Ask) -> GoTo:
    """Send a file to the stack and import it."""
    asked = ask.query
    with path.open("rb") as file:
        is_zip = file.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    name, table = asked.get("name") or "import.csv", asked.get("table") or None
    key = upload(ask.api, path, table, _silently, name)
    body = {
        "key": key,
        "kind": "zip" if is_zip else "csv",
        "tableName": table,
        "encoding": asked.get("encoding") or None,
        "delimiter": asked.get("delimiter") or None,
        "dryRun": asked.get("dry") == "true",
    }
    given = {name: value for name, value in body.items() if value is not None}
    return begun(ask, "/imports", given)


def correcting(ask: Ask) -> View:
    """Show failed rows to be edited: one, those of a reason, or the first of all."""
    found, header, failed = _to_correct(ask)
    asked = ask.given or ask.query
    chosen = {name: asked.get(name, "") for name in ("row", "reason")}
    meant = [
        one
        for one in failed
        if chosen["row"] in ("", str(one.number)) and chosen["reason"] in ("", one.alike)
    ]
    values = {"job": found, "path": f"/imports/{found['id']}", "header": header, "chosen": chosen}
    return View(
        "correct_rows.html",
        {
            **values,
            "rows": meant[:EDITED_ROWS],
            "cut": len(meant) > EDITED_ROWS,
            "total": len(failed),
            "may": _may_correct(found) and found["failed"] == len(failed) and bool(meant),
        },
    )


def corrected(ask: Ask) -> GoTo:
    """Import all failed rows again, those that were edited with their new cells."""
    found, header, failed = _to_correct(ask)
    if not _may_correct(found) or found["failed"] != len(failed):
        text = "These rows have been sent again already, or are too many: correct errors.csv."
        raise Refused(HTTPStatus.CONFLICT, "not_failed", text)
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, quoting=csv.QUOTE_ALL)
        lines.writerow([*header, *REPORT_COLUMNS])
        for one in failed:
            edited = [
                ask.form.get(f"{one.number}.{place}", cell) for place, cell in enumerate(one.cells)
            ]
            lines.writerow([*edited, one.number, one.code, one.reason])
        file.flush()
        name = found.get("file") or "errors.csv"
        key = upload(ask.api, Path(file.name), found["table"], _silently, name)
    asked = {"key": key, "tableName": found["table"], "repairs": found["id"], "delimiter": "comma"}
    return begun(ask, "/imports", {**asked, "encoding": "utf-8", "kind": "csv"})


def _to_correct(ask: Ask) -> tuple[dict[str, Any], list[str], list[FailedRow]]:
    found = ask.api.get(job_path(ask.parts["id"]))
    return found, *_failed_rows(ask, found)


def retry(ask: Ask) -> GoTo:
    """Import the failed rows again, as an import of their own."""
    return begun(ask, job_path(ask.parts["id"], "retry"), page="/imports")


def _has(found: dict[str, Any], wanted: Mapping[str, str]) -> bool:
    """Return whether an import has the requested status and table."""
    return all(wanted.get(name, "") in ("", found[name]) for name in ("status", "table"))


def undoing(ask: Ask) -> View:
    """Show the effect of undoing an import before it runs."""
    found = ask.api.get(job_path(ask.parts["id"]))
    may = found["status"] in ENDED and not found["dryRun"] and "undoneBy" not in found
    return View("undo.html", {"job": found, "path": f"/imports/{found['id']}", "may": may})


def undo(ask: Ask) -> GoTo:
    """Undo an import, as an import of its own, or try how that would end."""
    body = {"dryRun": ask.form.get("dry", "") == "true"}
    return begun(ask, job_path(ask.parts["id"], "undo"), body, "/imports")


def _execution(ask: Ask, found: dict[str, Any]) -> str:
    """Return the path of the execution that imports a file; single rows and archives have none."""
    if found["kind"] != "csv" or found["processingMode"] != "STEP_FUNCTION":
        return ""
    key = ImportKey.of(ask.who.tenant, found["id"])
    return execution_page(ask, "import-csv", key, "ImportTmpTableName")


def _silently(done: int, *, total: int | None = None, note: str = "") -> None:
    """Say nothing: the browser has shown how far its sending is."""
    del done, total, note


def _failed_rows(ask: Ask, found: dict[str, Any]) -> tuple[list[str], list[FailedRow]]:
    """Return the header of the file and the rows that failed, as errors.csv has them."""
    if found["kind"] == "zip" or "error" in found:
        return [], []
    try:
        content = ask.api.content(job_path(found["id"], "errors.csv"))
        text = b"".join(_up_to(content, LARGEST_REPORT)).decode("utf-8-sig", "replace")
    except ApiProblem:
        return [], []
    rows = csv.reader(io.StringIO(text, newline=""))
    header = next(rows, [])[: -len(REPORT_COLUMNS)]
    return header, [_failed_row(header, one) for one in islice(rows, MOST_ERRORS)]


def _failed_row(header: list[str], row: list[str]) -> FailedRow:
    """Return a line of errors.csv; its reason begins with the column that is wrong."""
    cells, (number, code, reason) = row[: len(header)], row[-len(REPORT_COLUMNS) :]
    named = reason.partition(":")[0].strip().casefold()
    names = [one.strip().casefold() for one in header]
    bad = names.index(named) if named in names else None
    at = int(number) if number.isdecimal() else 0
    return FailedRow(at, code, reason, cells, bad, without_value(reason))


def _up_to(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    taken = 0
    for chunk in chunks:
        yield chunk
        taken += len(chunk)
        if taken >= most:
            return


_ONE: Final = "/imports/{id}"
PAGES: Final = {
    "/imports": listed,
    "/imports/new": new,
    _ONE: job,
    f"{_ONE}/errors.csv": errors_file,
    f"{_ONE}/undo": undoing,
    f"{_ONE}/correct": correcting,
}
FORMS: Final = {
    f"{_ONE}/cancel": stepping("imports", "cancel"),
    f"{_ONE}/retry": retry,
    f"{_ONE}/undo": undo,
    f"{_ONE}/correct": corrected,
}
FILES: Final[dict[str, Taker]] = {"/imports/preview": preview, "/imports/take": take}
