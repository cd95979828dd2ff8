"""The requests and answers of imports."""

from sfn_cqrs.domain.import_job import JobStatus, ProcessingMode
from sfn_cqrs.domain.imports import Fate, PublishMode
from sfn_cqrs.domain.zip_job import FileStatus
from sfn_cqrs.routes.schemas.shapes import Schema, body, list_of, page_of, record
from sfn_cqrs.routes.schemas.values import (
    COUNT,
    FLAG,
    MOMENT,
    TEXT,
    VERSION,
    by_rule,
    nullable,
    one_of,
    text,
)

KINDS = ("csv", "zip")
LISTS = (*KINDS, "row")

UPLOAD = body(
    "Upload",
    {"name": text("must be the name of a file", description="the file's name; its end is kept")},
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
            "description": "columns by the headings of the file; kept for the table until the next",
        },
    },
)
UNDO = body(
    "UndoImport",
    {},
    {"dryRun": {**FLAG, "default": False, "description": "count, and change nothing"}},
)
_CHANGES = {"created": COUNT, "updated": COUNT, "unchanged": COUNT}
_ACCEPTED = {
    **COUNT,
    "description": "in place of created, updated and unchanged, for who may import and not read",
}
_ALWAYS = {"total": COUNT, "failed": COUNT, "cancelled": COUNT}
_COUNTS = {**_ALWAYS, **_CHANGES}
_REASON = record("Reason", {"code": TEXT, "message": TEXT})
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
_HOW = {
    "publishMode": one_of(*PublishMode),
    "dryRun": FLAG,
    **_ALWAYS,
    "createdAt": MOMENT,
    "startedAt": nullable(MOMENT),
    "finishedAt": nullable(MOMENT),
}
_JOB = {
    "id": TEXT,
    "kind": one_of("csv", "row"),
    "table": TEXT,
    "status": one_of(*JobStatus),
    "processingMode": one_of(*ProcessingMode),
    **_HOW,
}
_PACE = {
    "rowsPerSecond": {"type": "number", "minimum": 0},
    "etaSeconds": {"type": ["number", "null"], "minimum": 0},
}
_FILE_NAME = {**TEXT, "description": "the file's name, as it was uploaded"}
_LIVE = {
    **_CHANGES,
    "file": _FILE_NAME,
    "accepted": _ACCEPTED,
    "error": _REASON,
    "stopping": one_of("cancelled"),
    "retries": {**TEXT, "description": "the import whose failed rows this one goes through"},
    "retriedBy": {**TEXT, "description": "the import that goes through the failed rows again"},
    "undoes": {**TEXT, "description": "the import that this one takes back"},
    "undoneBy": {**TEXT, "description": "the import that takes this one back"},
    "parent": {**TEXT, "description": "the ZIP import that this file is an entry of"},
    **_PACE,
}
JOB = record("Import", _JOB, optional=_LIVE)
_FILE = record(
    "ZipFile",
    {
        "index": COUNT,
        "name": TEXT,
        "table": nullable(TEXT),
        "status": one_of(*FileStatus),
        "id": {**nullable(TEXT), "description": "of the file's own import, once it has begun"},
        **_COUNTS,
    },
    optional={"error": _REASON},
)
_ZIP = record(
    "ZipImport",
    {
        "id": TEXT,
        "kind": one_of("zip"),
        "table": nullable(TEXT),
        "status": one_of(*JobStatus),
        **_HOW,
        **_CHANGES,
        "fileStatuses": {"type": "object", "additionalProperties": COUNT},
    },
    optional={
        "file": _FILE_NAME,
        "retries": {**TEXT, "description": "the import whose failed files these are"},
        "retriedBy": {**TEXT, "description": "the import that goes through them again"},
        **_PACE,
        "files": list_of(_FILE),
        "failedHooks": {"type": "object", "additionalProperties": TEXT},
        "error": _REASON,
    },
)
_CELL = record("PreviewCell", {"field": TEXT, "before": {}, "after": {}})
_PREVIEWED = record(
    "PreviewRow",
    {"row": {**COUNT, "description": "as a spreadsheet counts"}, "result": one_of(*Fate)},
    optional={"item": TEXT, "code": TEXT, "reason": TEXT, "cells": list_of(_CELL)},
)
PREVIEW = record("ImportPreview", {"items": list_of(_PREVIEWED)})
ANY = Schema("AnyImport", {"oneOf": [JOB, _ZIP]})
ANY_PAGE = page_of(ANY)
_ROW = record(
    "ImportedRow",
    {"row": {**COUNT, "description": "as a spreadsheet counts"}, "result": one_of(*Fate)},
    optional={"version": VERSION, "code": TEXT, "reason": TEXT},
)
IMPORTED = record("Imported", _JOB, optional={**_LIVE, "rows": list_of(_ROW)})
