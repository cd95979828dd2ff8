"""Imports of files, and of single rows."""

from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs import bootstrap
from sfn_cqrs.api.imports_schemas import (
    ANY,
    ANY_PAGE,
    FORM,
    IMPORTED,
    IMPORTED_ROW,
    JOB,
    LISTS,
    PREVIEW,
    ROW,
    START,
    UNDO,
    UPLOAD,
    job_view,
    zip_view,
)
from sfn_cqrs.kernel.errors import (
    FileTooLargeError,
    ForeignFileError,
    IdempotencyMismatchError,
    InvalidInputError,
    NoSuchFileError,
    NotFailedError,
    NotFoundError,
    NotOpenError,
    NotUndoableError,
    TooManyImportsError,
    UnknownTableError,
)
from sfn_cqrs.kernel.http.http import Routes, code_of
from sfn_cqrs.kernel.http.operation import (
    CURSOR,
    IDEMPOTENCY_KEY,
    Declared,
    Media,
    Redirect,
    operation,
    publishing,
    reading,
)
from sfn_cqrs.kernel.http.request import Request, answer, listed
from sfn_cqrs.kernel.http.shapes import must_be, needed
from sfn_cqrs.kernel.http.values import one_of
from sfn_cqrs.kernel.keys import ImportKind
from sfn_cqrs.kernel.tables.paging import bytes_of, fitting
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.bucket import FORM_SECONDS
from sfn_cqrs.machines.import_csv.job import Job, ProcessingMode
from sfn_cqrs.machines.import_csv.progress import Progress
from sfn_cqrs.machines.import_csv.results import PublishMode
from sfn_cqrs.machines.import_csv.service import Imported
from sfn_cqrs.machines.import_csv.service import Request as ImportRequest
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs.machines.zip_orchestrator.progress import ZipProgress
from sfn_cqrs.machines.zip_orchestrator.service import ZipRequest

MAX_INLINE_BYTES = 4 * 1024 * 1024
"""Of errors.csv: Lambda answers at most 6 MB, and content other than JSON grows by a third."""
CSV = "text/csv; charset=utf-8"
ZIP = "z-"
routes = Routes()


@routes.post("/imports/uploads")
@operation(
    rule=publishing(Declared.TABLES),
    body=UPLOAD,
    answers={200: FORM},
    problems=(UnknownTableError,),
)
def allow_upload() -> Response[str]:
    """Return a form that uploads a file, before it is imported."""
    request = Request()
    body = request.body(UPLOAD)
    if not body["name"]:
        raise InvalidInputError("name", "must be the name of a file")
    strategies.check_upload(body.get("tableName"), request.identity.client)
    key = request.service(ImportService).upload_key(body["name"])
    largest = bootstrap.largest_upload()
    form = bootstrap.import_bucket().upload_form(key, largest)
    return answer(
        HTTPStatus.OK,
        {
            "key": key,
            "url": form.url,
            "fields": form.fields,
            "maxBytes": largest,
            "expiresInSeconds": FORM_SECONDS,
        },
    )


@routes.post("/imports")
@operation(
    rule=publishing(Declared.TABLES),
    body=START,
    headers=IDEMPOTENCY_KEY,
    answers={200: IMPORTED, 202: ANY},
    problems=(
        UnknownTableError,
        ForeignFileError,
        NoSuchFileError,
        FileTooLargeError,
        IdempotencyMismatchError,
        NotFailedError,
        NotFoundError,
        TooManyImportsError,
    ),
)
def start_import() -> Response[str]:
    """Import a file that was uploaded."""
    request = Request()
    body = request.body(START)
    if body["kind"] == "zip":
        if body.get("repairs") is not None:
            raise InvalidInputError("repairs", "is of a csv")
        started = request.service(ImportService).start_zip(_zip_asked(body), request.caller)
        return answer(HTTPStatus.ACCEPTED, zip_view(started))
    imported = request.service(ImportService).submit(_asked(body), request.caller)
    if imported.progress.job.status.is_open:
        return answer(HTTPStatus.ACCEPTED, _shown(imported.progress, request))
    return answer(HTTPStatus.OK, _imported_view(imported, request))


@routes.post("/imports/rows")
@operation(
    rule=publishing(Declared.TABLES),
    body=ROW,
    headers=IDEMPOTENCY_KEY,
    answers={202: JOB},
    problems=(UnknownTableError, IdempotencyMismatchError),
)
def import_row() -> Response[str]:
    """Import a single row, in the background."""
    request = Request()
    body = request.body(ROW)
    mode = PublishMode(body["publishMode"])
    progress = request.service(ImportService).import_row(
        body["tableName"], body["cells"], request.caller, publish_mode=mode
    )
    return answer(HTTPStatus.ACCEPTED, _shown(progress, request))


@routes.get("/imports")
@operation(
    rule=reading(Declared.TABLES),
    query={"kind": {**one_of(*LISTS), "default": "csv"}, **CURSOR},
    answers={200: ANY_PAGE},
)
def list_imports() -> Response[str]:
    """List the imports of a kind, the newest first."""
    request = Request()
    kind = request.choice("kind", LISTS, "csv")
    service = request.service(ImportService)
    if kind == "zip":
        archives = service.list_zips(**request.paging)
        return listed(archives, partial(zip_view, with_files=False))
    page = service.list(kind=ImportKind[kind.upper()], **request.paging)
    return listed(page, lambda each: _shown(each, request))


@routes.get("/imports/<id_>")
@operation(rule=reading(Declared.TABLES), answers={200: ANY}, problems=(NotFoundError,))
def get_import(id_: str) -> Response[str]:
    """Show an import with its current counts, its rate and the time left."""
    request = Request()
    return answer(HTTPStatus.OK, _shown(_service(request).get(code_of(id_)), request))


@routes.get("/imports/<id_>/errors.csv")
@operation(
    rule=reading(Declared.TABLES),
    answers={
        200: Media(CSV),
        303: Redirect("More than 4 MiB: they are at Location, without a token, for five minutes."),
    },
    problems=(NotFoundError,),
)
def get_errors(id_: str) -> Response[Any]:
    """Show the rows that failed, each with the reason."""
    id_ = code_of(id_)
    if id_.startswith(ZIP):
        raise NotFoundError("each file of an archive has its own: see the ids of its files")
    service = Request().service(ImportService)
    key = service.readable(id_)
    size = bootstrap.import_bucket().report_size(key)
    if size is not None and size > MAX_INLINE_BYTES:
        headers = {"Location": bootstrap.import_bucket().report_link(key)}
        return Response(HTTPStatus.SEE_OTHER.value, CSV, "", headers)
    headers = {"Content-Disposition": f'attachment; filename="{key.id}-errors.csv"'}
    return Response(HTTPStatus.OK.value, CSV, b"".join(service.errors(id_)), headers)


@routes.get("/imports/<id_>/preview")
@operation(rule=reading(Declared.TABLES), answers={200: PREVIEW}, problems=(NotFoundError,))
def get_preview(id_: str) -> Response[str]:
    """Show what a dry run would do with the first hundred rows, cell by cell."""
    rows = Request().service(ImportService).preview(code_of(id_))
    return answer(HTTPStatus.OK, {"items": fitting(rows, len(rows) or 1, bytes_of) if rows else []})


@routes.post("/imports/<id_>/cancel")
@operation(
    rule=publishing(Declared.TABLES), answers={202: ANY}, problems=(NotFoundError, NotOpenError)
)
def cancel_import(id_: str) -> Response[str]:
    """Cancel an import: no further batch begins; what is done stays and is counted."""
    request = Request()
    progress = _service(request).cancel(code_of(id_))
    return answer(HTTPStatus.ACCEPTED, _shown(progress, request))


@routes.post("/imports/<id_>/retry")
@operation(
    rule=publishing(Declared.TABLES),
    answers={202: ANY},
    problems=(NotFoundError, NotFailedError, TooManyImportsError),
)
def retry_import(id_: str) -> Response[str]:
    """Retry the rows that failed or were not processed, as a new import."""
    request = Request()
    progress = _service(request).retry(code_of(id_), request.caller)
    return answer(HTTPStatus.ACCEPTED, _shown(progress, request))


@routes.post("/imports/<id_>/undo")
@operation(
    rule=publishing(Declared.TABLES),
    body=UNDO,
    answers={202: JOB},
    problems=(NotFoundError, NotUndoableError, TooManyImportsError),
)
def undo_import(id_: str) -> Response[str]:
    """Undo an import: items return to their earlier states, unless they have changed since."""
    request = Request()
    dry_run = request.body(UNDO)["dryRun"]
    progress = _service(request).undo(code_of(id_), request.caller, dry_run=dry_run)
    return answer(HTTPStatus.ACCEPTED, _shown(progress, request))


def _zip_asked(body: dict[str, Any]) -> ZipRequest:
    _mode(body, ProcessingMode.STEP_FUNCTION)
    table = body.get("tableName")
    if table is not None and not isinstance(table, str):
        raise InvalidInputError("tableName", "must be text")
    return ZipRequest(table=table, **_how(body))


def _asked(body: dict[str, Any]) -> ImportRequest:
    needed(body, "tableName")
    mode = _mode(body, *ProcessingMode)
    mapping = body.get("mapping")
    return ImportRequest(
        table=body["tableName"],
        processing_mode=mode,
        mapping=mapping,
        repairs=body.get("repairs"),
        **_how(body),
    )


def _mode(body: dict[str, Any], *modes: ProcessingMode) -> ProcessingMode | None:
    mode = body.get("processingMode")
    if mode is not None and mode not in modes:
        raise InvalidInputError("processingMode", must_be(modes))
    return mode and ProcessingMode(mode)


def _how(body: dict[str, Any]) -> dict[str, Any]:
    """Return the options that files and archives have in common."""
    return {
        "key": bootstrap.import_bucket().key_of(body["key"]),
        "publish_mode": PublishMode(body["publishMode"]),
        "encoding": body.get("encoding"),
        "delimiter": body.get("delimiter"),
        "dry_run": body["dryRun"],
    }


def _service(request: Request) -> ImportService:
    """Return the service of imports for the caller, who may cancel and retry their own imports."""
    return request.service(partial(ImportService, user=request.identity.user))


def _may_read(job: Job, request: Request) -> bool:
    return strategies.may_read(job.table, request.identity.client)


def _shown(progress: Progress | ZipProgress, request: Request) -> dict[str, Json]:
    if isinstance(progress, ZipProgress):
        return zip_view(progress)
    return job_view(progress, may_read=_may_read(progress.job, request))


def _imported_view(imported: Imported, request: Request) -> dict[str, Json]:
    view, job = _shown(imported.progress, request), imported.progress.job
    if imported.rows is not None and _may_read(job, request):
        rows = sorted(imported.rows.items())
        view["rows"] = [IMPORTED_ROW.view(planned, row=row) for row, planned in rows]
    return view
