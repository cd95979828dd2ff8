"""What is sent and answered of imports."""

from sfn_cqrs.domain.import_job import JobStatus
from sfn_cqrs.domain.imports import Fate, PublishMode
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
MODES = ("DIRECT", "STEP_FUNCTION")

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
            **one_of(*MODES),
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
_JOB = {
    "id": TEXT,
    "kind": one_of(*KINDS),
    "table": TEXT,
    "status": one_of(*JobStatus),
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
