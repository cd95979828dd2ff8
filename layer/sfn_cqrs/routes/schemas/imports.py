"""What is sent and answered of imports."""

from sfn_cqrs.domain.import_job import JobStatus, ProcessingMode
from sfn_cqrs.domain.imports import Fate, PublishMode
from sfn_cqrs.domain.keys import ImportKind
from sfn_cqrs.routes.operation import (
    COUNT,
    FLAG,
    MOMENT,
    TEXT,
    VERSION,
    body,
    list_of,
    nullable,
    one_of,
    page_of,
    record,
)

KINDS = ("csv",)
LISTS = {kind.name.lower(): kind for kind in (ImportKind.CSV, ImportKind.ROW)}

UPLOAD = body(
    "Upload",
    {"name": {**TEXT, "description": "the file's name; its end is kept"}},
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
    {"key": {**TEXT, "description": "of an upload; also as s3://bucket/key"}},
    {
        "kind": {**one_of(*KINDS), "default": "csv"},
        "tableName": TEXT,
        "processingMode": {
            **one_of(*ProcessingMode),
            "description": "DIRECT: at most 1,000 rows, within the request; by size if not given",
        },
        "publishMode": {
            **one_of(*PublishMode),
            "default": "SYNC",
            "description": "SYNC: a row has succeeded when it is applied; ASYNC: when accepted",
        },
        "encoding": TEXT,
        "delimiter": TEXT,
        "dryRun": {**FLAG, "default": False},
    },
)
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
_JOB = {
    "id": TEXT,
    "kind": one_of(*LISTS),
    "table": TEXT,
    "status": one_of(*JobStatus),
    "processingMode": one_of(*ProcessingMode),
    "publishMode": one_of(*PublishMode),
    "dryRun": FLAG,
    "total": COUNT,
    "created": COUNT,
    "updated": COUNT,
    "unchanged": COUNT,
    "failed": COUNT,
    "cancelled": COUNT,
    "createdAt": MOMENT,
    "startedAt": nullable(MOMENT),
    "finishedAt": nullable(MOMENT),
}
_LIVE = {
    "error": _REASON,
    "stopping": one_of("cancelled"),
    "retries": {**TEXT, "description": "the import whose failed rows this one goes through"},
    "retriedBy": {**TEXT, "description": "the import that goes through the failed rows again"},
    "parent": {**TEXT, "description": "the ZIP import that this file is an entry of"},
    "rowsPerSecond": {"type": "number", "minimum": 0},
    "etaSeconds": {"type": ["number", "null"], "minimum": 0},
}
JOB = record("Import", _JOB, optional=_LIVE)
JOBS = page_of(JOB)
_ROW = record(
    "ImportedRow",
    {"row": {**COUNT, "description": "as a spreadsheet counts"}, "result": one_of(*Fate)},
    optional={"version": VERSION, "code": TEXT, "reason": TEXT},
)
IMPORTED = record("Imported", _JOB, optional={**_LIVE, "rows": list_of(_ROW)})
