"""The requests and answers of imports."""

from sfn_cqrs.kernel.http.shapes import Schema, body, list_of, page_of, record
from sfn_cqrs.kernel.http.values import (
    COUNT,
    FLAG,
    MOMENT,
    TEXT,
    VERSION,
    Shape,
    by_rule,
    given,
    nullable,
    of,
    one_of,
    text,
)
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.import_csv.job import JobStatus, ProcessingMode
from sfn_cqrs.machines.import_csv.progress import Progress
from sfn_cqrs.machines.import_csv.results import Fate, PublishMode
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus
from sfn_cqrs.machines.zip_orchestrator.progress import ZipProgress

KINDS = ("csv", "zip")
LISTS = (*KINDS, "row")

UPLOAD = body(
    "Upload",
    {"name": text("must be the name of a file", description="its last 128 characters are kept")},
    {"tableName": {**TEXT, "description": "refused at once if there is no such table"}},
)
FORM = record(
    "UploadForm",
    {
        "key": {**TEXT, "description": "what to import once the form is sent"},
        "url": {**TEXT, "format": "uri"},
        "fields": {
            "type": "object",
            "additionalProperties": TEXT,
            "description": "to be sent first, as multipart/form-data; `file` comes last",
        },
        "maxBytes": COUNT,
        "expiresInSeconds": COUNT,
    },
)
START = body(
    "StartImport",
    {"key": text(description="of an upload; also as s3://bucket/key")},
    {
        "kind": {**one_of(*KINDS), "default": "csv"},
        "tableName": {**TEXT, "description": "needed, but for a zip whose files' names say it"},
        "processingMode": by_rule(
            {
                **one_of(*ProcessingMode),
                "description": "DIRECT: at most 1,000 rows, within the request; "
                "by size if not given",
            }
        ),
        "publishMode": {
            **one_of(*PublishMode),
            "default": "SYNC",
            "description": "SYNC: a row has succeeded when it is applied; ASYNC: when accepted",
        },
        "encoding": text(),
        "delimiter": text(),
        "dryRun": {**FLAG, "default": False},
        "mapping": {
            "type": "object",
            "additionalProperties": TEXT,
            "description": "columns by the headings of the file; "
            "kept for your next imports into the table",
        },
        "repairs": text(description="of a csv: the failed import whose rows it has, corrected"),
    },
)
UNDO = body(
    "UndoImport",
    {},
    {"dryRun": {**FLAG, "default": False, "description": "count, and change nothing"}},
)
_REASON = record("Reason", {"code": TEXT, "message": of("reason", TEXT)})
ROW = body(
    "ImportRow",
    {
        "tableName": TEXT,
        "cells": {
            "type": "object",
            "additionalProperties": TEXT,
            "description": "text by the names of columns, as a file has it",
        },
    },
    {"publishMode": {**one_of(*PublishMode), "default": "SYNC"}},
)


def _counts(of_whom: str, total: str, cancelled: str) -> dict[str, Shape]:
    """Return the schema of the counts that everybody sees."""
    failed = of(f"{of_whom}.failed", COUNT)
    return {"total": of(total, COUNT), "failed": failed, "cancelled": of(cancelled, COUNT)}


def _changes(of_whom: str) -> dict[str, Shape]:
    """Return the schema of the counts that only who may read sees."""
    return {name: of(f"{of_whom}.{name}", COUNT) for name in ("created", "updated", "unchanged")}


def _job(name: str, shape: Shape, description: str = "") -> Shape:
    """Return a field that shows an attribute of the job; an empty one is left out or null."""
    told = {"description": description} if description else {}
    return of(lambda progress: getattr(progress.job, name) or None, {**shape, **told})


_CHANGED = _changes("counts")
_HOW = {
    "status": of("job.status", one_of(*JobStatus)),
    "publishMode": of("job.publish_mode", one_of(*PublishMode)),
    "dryRun": of("job.dry_run", FLAG),
    **_counts("counts", "total", "cancelled"),
    "createdAt": of("job.by.at", MOMENT),
    "startedAt": _job("started_at", nullable(MOMENT)),
    "finishedAt": _job("finished_at", nullable(MOMENT)),
}
_EITHER = {
    "file": of(
        lambda progress: progress.job.file_name or None,
        {**TEXT, "description": "the file's name, as it was uploaded"},
    ),
    "error": _REASON,
    "rowsPerSecond": of(
        lambda progress: progress.rate and round(progress.rate, 1), {"type": "number", "minimum": 0}
    ),
    "etaSeconds": given({"type": ["number", "null"], "minimum": 0}),
}
_JOB = {
    "id": of("job.key.id", TEXT),
    "kind": of(lambda progress: progress.job.key.kind.name.lower(), one_of("csv", "row")),
    "table": of("job.table", TEXT),
    "processingMode": of("job.mode", one_of(*ProcessingMode)),
    **_HOW,
}
_LIVE = {
    **_CHANGED,
    **_EITHER,
    "accepted": given(
        {
            **COUNT,
            "description": "instead of created, updated and unchanged, if the caller may not read",
        }
    ),
    "handlerPercent": of(
        lambda progress: dict(progress.handlers) or None,
        {
            "type": "object",
            "additionalProperties": COUNT,
            "description": "of the time that the rows took: the percents of each sync handler",
        },
    ),
    "stopping": one_of("cancelled"),
    "retries": of(
        lambda progress: progress.job.retries[0] if progress.job.retries else None,
        {**TEXT, "description": "the import whose failed rows this import retries"},
    ),
    "retriedBy": _job("retried_by", TEXT, "the import that retries the failed rows"),
    "mapping": _job(
        "mapping",
        {"type": "object", "additionalProperties": TEXT},
        "the columns by the headings that are read beside the table's own names",
    ),
    "undoes": _job("undoes", TEXT, "the import that this import undoes"),
    "undoneBy": _job("undone_by", TEXT, "the import that undoes this import"),
    "parent": of(
        lambda progress: progress.job.parent.id if progress.job.parent else None,
        {**TEXT, "description": "the ZIP import that this file is an entry of"},
    ),
}
JOB = record("Import", _JOB, optional=_LIVE)
_FILE = record(
    "ZipFile",
    {
        "index": of("file.index", COUNT),
        "name": of("file.name", TEXT),
        "table": of("file.table", nullable(TEXT)),
        "status": of("file.status", one_of(*FileStatus)),
        "id": {**nullable(TEXT), "description": "of the file's own import, once it has begun"},
        **_counts("file.counts", "total", "file.cancelled"),
        **_changes("file.counts"),
    },
    optional={"error": _REASON},
)
ZIP = record(
    "ZipImport",
    {
        "id": of("job.key.id", TEXT),
        "kind": of(lambda _progress: "zip", one_of("zip")),
        "table": of("job.table", nullable(TEXT)),
        **_HOW,
        **_CHANGED,
        "fileStatuses": {"type": "object", "additionalProperties": COUNT},
    },
    optional={
        **_EITHER,
        "retries": of(
            lambda progress: progress.job.retries[0].id if progress.job.retries else None,
            {**TEXT, "description": "the import whose failed files these are"},
        ),
        "retriedBy": _job("retried_by", TEXT, "the import that retries them"),
        "undoneBy": _job("undone_by", TEXT, "the import that undoes this import"),
        "files": list_of(_FILE),
        "failedHooks": {"type": "object", "additionalProperties": TEXT},
    },
)
_CELL = record("PreviewCell", {"field": TEXT, "before": {}, "after": {}})
_PREVIEWED = record(
    "PreviewRow",
    {"row": {**COUNT, "description": "as a spreadsheet counts"}, "result": one_of(*Fate)},
    optional={"item": TEXT, "code": TEXT, "reason": TEXT, "cells": list_of(_CELL)},
)
PREVIEW = record("ImportPreview", {"items": list_of(_PREVIEWED)})
ANY = Schema("AnyImport", {"oneOf": [JOB, ZIP]})
ANY_PAGE = page_of(ANY)
IMPORTED_ROW = record(
    "ImportedRow",
    {
        "row": {**COUNT, "description": "as a spreadsheet counts"},
        "result": of("fate", one_of(*Fate)),
    },
    optional={
        "version": of(lambda planned: planned.version or None, VERSION),
        "code": of(lambda planned: planned.problem.code if planned.problem else None, TEXT),
        "reason": of(
            lambda planned: planned.problem.reason if planned.problem else planned.reason or None,
            TEXT,
        ),
    },
)
IMPORTED = record("Imported", _JOB, optional={**_LIVE, "rows": list_of(IMPORTED_ROW)})


def job_view(progress: Progress, *, may_read: bool = True) -> dict[str, Json]:
    """Show an import.

    A client that may import but not read sees how many rows were accepted, but not whether they
    changed anything: that would reveal the items' content, one guess a row.
    """
    if may_read:
        return JOB.view(progress, **_eta(progress))
    hidden = dict.fromkeys([*_CHANGED, "handlerPercent"])
    if progress.job.cells is not None:
        hidden["error"] = None
    return JOB.view(progress, accepted=progress.counts.accepted, **hidden, **_eta(progress))


def zip_view(progress: ZipProgress, *, with_files: bool = True) -> dict[str, Json]:
    """Show an archive's import; in a list without its files."""
    return ZIP.view(progress, **({} if with_files else {"files": None}), **_eta(progress))


def _eta(progress: Progress | ZipProgress) -> dict[str, Json]:
    """Return the seconds that are left, or null, of an import whose rate is known."""
    return {} if progress.rate is None else {"etaSeconds": progress.eta}
