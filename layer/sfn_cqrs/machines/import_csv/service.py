"""Imports of files and rows from the outside: start, look, cancel, retry."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import timedelta
from itertools import takewhile
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso, new_ulid, ulid_of
from sfn_cqrs.kernel.errors import (
    InvalidFileError,
    InvalidInputError,
    NotFailedError,
    NotFoundError,
    NotOpenError,
    SupersededError,
)
from sfn_cqrs.kernel.functions.requests import create_once, seen_id
from sfn_cqrs.kernel.keys import ImportKey, ImportKind, MappingKey, ZipKey, checked_tenant
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.kernel.values import digest
from sfn_cqrs.machines.import_csv import files, strategies
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.direct import MAX_DIRECT_ROWS, import_direct
from sfn_cqrs.machines.import_csv.job import (
    NO_SOURCE,
    AwaitBy,
    Cancel,
    Job,
    JobStatus,
    Loaded,
    Parent,
    ProcessingMode,
    Reader,
    RetryBy,
    Source,
)
from sfn_cqrs.machines.import_csv.parent import answer_parent
from sfn_cqrs.machines.import_csv.preview import LAST_SHOWN
from sfn_cqrs.machines.import_csv.progress import Progress, progress_of
from sfn_cqrs.machines.import_csv.reserving import take_place
from sfn_cqrs.machines.import_csv.results import Counts, Plan, PublishMode

MAX_DIRECT_BYTES = 256 * 1024
"""The machine imports a larger file, unless the request says otherwise."""
LONGEST_NAME = 128
"""Characters of a file's name that are kept, from its end; a key has at most 1,024 bytes."""
DIRECT_SECONDS = 25.0
"""API Gateway waits 30 seconds for an answer."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A job, and the result of each row that was processed before returning.

    There are no results if the machine processes the rows, or if the same request was answered
    before.
    """

    progress: Progress
    rows: Plan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The file to import, and its settings; a declared setting beats a detected one.

    Without a processing mode, the size of the file decides. `mapping` gives headings of the file
    their columns; by default those of the caller's last import into the table. `repairs` is the
    failed import whose errors.csv this file is, corrected: it needs nobody any more.
    """

    table: str
    key: str
    processing_mode: ProcessingMode | None = None
    publish_mode: PublishMode = PublishMode.SYNC
    encoding: str | None = None
    delimiter: str | None = None
    dry_run: bool = False
    mapping: dict[str, str] | None = None
    repairs: str | None = None

    @property
    def digest(self) -> str:
        """Return what tells two requests with one idempotency key apart."""
        given = astuple(self)
        return digest(["import", *(given if self.repairs else given[:-1])])


class FileImports:
    """The imports of a tenant's files and rows. The files are below `uploads/<tenant>/`."""

    def __init__(self, tenant: str, client: Client | None = None, user: str = "") -> None:
        """Work for one tenant, and for a client, or for code. Each table declares who may do what.

        The user, whom AWS has verified, may cancel and retry what they have sent.

        Raises:
            InvalidInputError: no key can hold this tenant.
        """
        self._tenant = checked_tenant(tenant)
        self._client = client
        self._user = user

    def upload_key(self, name: str) -> str:
        """Return a new key for a file; of its name, letters of any script are kept."""
        last = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
        kept = re.sub(r"[^\w.() -]", "_", last)[-LONGEST_NAME:].strip(" .") or "file.csv"
        return f"{self._uploads}{new_ulid(bootstrap.now())}/{kept}"

    def submit(
        self, request: Request, caller: Caller | None = None, *, seconds: float = DIRECT_SECONDS
    ) -> Imported:
        """Import a small file before returning, a larger one by the machine; return the job.

        After so many seconds, the machine takes over the remaining rows: then the job's status is
        still open. If the caller's idempotency key was used for the same request before, return
        that job as it is now.

        Raises:
            InvalidInputError: there is no such table or file.
            IdempotencyMismatchError: the caller's idempotency key was used for something else.
            NotFailedError, NotFoundError: there is no such import to repair.
            TooManyImportsError: a client's tenant has its maximum of open imports.
        """
        caller = caller or Caller()
        strategies.check_publish(request.table, caller.client, request.publish_mode)
        asked = request.digest
        seen = seen_id(self._tenant, caller.request_key, asked)
        if seen is not None:
            return Imported(progress_of(self._find(seen)))
        if request.mapping is not None:
            strategies.check_mapping(request.table, request.mapping)
        repaired = self._repaired_by(request, caller)
        source, head = files.found(self._uploads, request.key)
        mode = request.processing_mode
        if mode is None:
            is_small = head.size <= MAX_DIRECT_BYTES
            mode = ProcessingMode.DIRECT if is_small else ProcessingMode.STEP_FUNCTION
        job = self._new(request, caller, source, mode, size=head.size)
        take_place(job.key, job.size, caller.client)
        id_ = create_once(bootstrap.import_jobs(), job, caller.request_key, asked)
        if id_ != job.key.id:
            return Imported(progress_of(self._find(id_)))
        if repaired is not None and not request.dry_run:
            bootstrap.import_jobs().change(repaired.key, RetryBy(job.key.id), repaired)
        if request.mapping is not None and not request.dry_run:
            bootstrap.imports().keep_mapping(self._headings(request.table, caller), request.mapping)
        if mode is ProcessingMode.STEP_FUNCTION:
            return Imported(Progress(job, Counts()))
        until = bootstrap.now() + timedelta(seconds=seconds)
        ended, fates = import_direct(
            job,
            lambda: bootstrap.now() >= until,
            hands_over=request.processing_mode is None
            and strategies.may_use_machine(job.table, caller.client),
        )
        return Imported(progress_of(ended or self._find(job.key.id)), fates)

    def _repaired_by(self, request: Request, caller: Caller) -> Job | None:
        """Return the import whose failed rows a file has, if it says so."""
        if request.repairs is None:
            return None
        job = self._find(request.repairs)
        strategies.check_steers(job.table, caller.client, job, caller.user)
        if job.table != request.table:
            raise InvalidInputError("repairs", f"is an import into {job.table}")
        if not job.status.is_repairable:
            raise NotFailedError(f"the import is {job.status}, not FAILED or CANCELLED")
        return job

    def start(self, request: Request, caller: Caller | None = None) -> Progress:
        """Let the machine import a file of any size, and return the job.

        Raises:
            InvalidInputError: there is no such table or file.
        """
        mode = ProcessingMode.STEP_FUNCTION
        return self.submit(replace(request, processing_mode=mode), caller).progress

    def start_version(
        self, request: Request, version_id: str | None = None, caller: Caller | None = None
    ) -> str:
        """Let the machine import a version of a file once, however often this is called.

        Return the job's id, which is derived from the version. By default it is the current
        version.

        Raises:
            InvalidInputError: there is no such table or file.
        """
        source, head = files.found(self._uploads, request.key, version_id)
        identity = (source.bucket, source.key, source.version_id)
        key = ImportKey(self._tenant, ulid_of(head.modified, *identity))
        mode = ProcessingMode.STEP_FUNCTION
        job = self._new(request, caller or Caller(), source, mode, size=head.size, key=key)
        bootstrap.import_jobs().create(job)
        return key.id

    def import_now(self, request: Request, caller: Caller | None = None) -> Imported:
        """Import a file of at most 1,000 rows, as far as 25 seconds allow, and return the result.

        A file that cannot be imported makes the job FAILED. A resource that stays busy does too:
        errors.csv then lists the rows that were not processed.

        Raises:
            InvalidInputError: there is no such table or file.
        """
        return self.submit(replace(request, processing_mode=ProcessingMode.DIRECT), caller)

    def import_row(
        self,
        table: str,
        cells: Mapping[str, str],
        caller: Caller | None = None,
        *,
        publish_mode: PublishMode = PublishMode.SYNC,
    ) -> Progress:
        """Import a single row in the background; return its job, with an id `r-…`.

        Raises:
            InvalidInputError: there is no such table, or the row does not fit it.
            IdempotencyMismatchError: the caller's idempotency key was used for something else.
        """
        caller = caller or Caller()
        strategies.check_publish(table, caller.client, publish_mode)
        header, values = self._row_of(cells)
        try:
            columns = strategies.find(table).known_columns().assigned(header)
        except InvalidFileError as error:
            raise InvalidInputError("cells", str(error)) from error
        asked = digest(["import-row", table, dict(cells), publish_mode])
        seen = seen_id(self._tenant, caller.request_key, asked)
        if seen is not None:
            return progress_of(self._find(seen))
        loaded = Loaded(1, header, columns, Reader.NONE, NO_SOURCE)
        job = Job(
            key=ImportKey(self._tenant, new_ulid(bootstrap.now()), ImportKind.ROW),
            table=table,
            source=NO_SOURCE,
            publish_mode=publish_mode,
            cells=dict(zip(header, values, strict=True)),
            loaded=loaded,
            **files.made_by(caller, iso(bootstrap.now())),
        )
        id_ = create_once(bootstrap.import_jobs(), job, caller.request_key, asked)
        return Progress(job, Counts()) if id_ == job.key.id else progress_of(self._find(id_))

    def start_child(
        self,
        zip_key: ZipKey,
        index: int,
        request: Request,
        token: str,
        *,
        seq: int = 0,
        caller: Caller | None = None,
        earlier: Job | None = None,
    ) -> Progress:
        """Let the machine import a file of an archive; the archive waits for it with a task token.

        Return the job: the same archive and index always give the same job. The token of a later
        try (`seq`) replaces an earlier one. Once the job has ended, the wait ends with
        `{"Payload": …}`: the job's id, index, status and counts. With an earlier job of the same
        file, only the rows that failed there are imported.

        Raises:
            InvalidInputError: there is no such table or file.
            SupersededError: a later try is waiting already.
        """
        parent = Parent(zip_key.id, index, token, seq)
        key = zip_key.child(index)
        job = bootstrap.import_jobs().find(key)
        if job is None:
            source, _ = files.found(f"jobs/{self._tenant}/", request.key)
            mode = ProcessingMode.STEP_FUNCTION
            new = self._new(
                request, caller or Caller(), source, mode, key=key, parent=parent, earlier=earlier
            )
            bootstrap.import_jobs().create(new)
        awaited = bootstrap.import_jobs().change(key, AwaitBy(parent), job)
        if not awaited.done or awaited.record is None:
            raise SupersededError(f"a later try waits for {key.id}")
        answer_parent(awaited.record)
        return progress_of(awaited.record)

    def list(
        self,
        *,
        kind: ImportKind = ImportKind.CSV,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Progress]:
        """Return a page of jobs of a kind, the newest first; limit 1 to 100.

        The page leaves out jobs that the client may not see, so it may be short.
        """
        page = bootstrap.import_jobs().page(ImportKey(self._tenant, "", kind), limit, cursor)
        seen = [job for job in page.items if strategies.may_read(job.table, self._client)]
        return Page([progress_of(job) for job in seen], page.next_cursor)

    def errors(self, id_: str) -> Iterator[bytes]:
        """Return a job's errors.csv, a piece at a time.

        Raises:
            NotFoundError: there is no such job, or none of its rows failed.
        """
        report = bootstrap.import_bucket().report(self.readable(id_))
        if report is None:
            raise NotFoundError(f"{id_} has no failed rows, or has not ended yet")
        return report

    def preview(self, id_: str) -> Sequence[dict[str, Any]]:
        """Return the first hundred rows of a dry run: each cell before and after the import.

        Raises:
            NotFoundError: there is no such job, or it is not a dry run.
        """
        key = self.readable(id_)
        if not self._find(id_).dry_run:
            raise NotFoundError(f"{id_} is not a dry run, and has no preview")
        first = takewhile(
            lambda marker: marker.first <= LAST_SHOWN, bootstrap.imports().markers(key)
        )
        bucket = bootstrap.import_bucket()
        return [row for marker in first for row in bucket.preview(key, marker.first)]

    def readable(self, id_: str) -> ImportKey:
        """Return the key of a job whose rows the client may see.

        Raises:
            NotFoundError, NotPermittedError: there is no such job, or the client may not see it.
        """
        job = self._find(id_)
        strategies.check_read(job.table, self._client)
        return job.key

    def _get_file(self, id_: str) -> Progress:
        job = self._find(id_)
        strategies.check_read(job.table, self._client)
        return progress_of(job)

    def _cancel_file(self, id_: str) -> Progress:
        job = self._find(id_)
        strategies.check_publish(job.table, self._client)
        strategies.check_steers(job.table, self._client, job, self._user)
        written = bootstrap.import_jobs().change(job.key, Cancel(), job)
        job = written.record or job
        if not written.done:
            raise NotOpenError(f"import {id_} has ended as {job.status}")
        return progress_of(job)

    def _retry_file(self, id_: str, caller: Caller) -> Progress:
        job = self._find(id_)
        strategies.check_publish(job.table, caller.client, job.publish_mode)
        strategies.check_steers(job.table, caller.client, job, caller.user)
        sender = caller.client or job.client  # what a client sent stays a client's
        if job.cells is not None:
            return self._retried_row(job, replace(caller, client=sender))
        if job.loaded is None or job.loaded.rows > MAX_DIRECT_ROWS:
            strategies.check_step_function(job.table, caller.client)
        jobs, at = bootstrap.import_jobs(), iso(bootstrap.now())
        wanted = ImportKey(self._tenant, new_ulid(bootstrap.now()))
        noted = jobs.change(job.key, RetryBy(wanted.id), job).record
        if noted is None or noted.retried_by is None:
            raise NotFailedError(f"the import is {job.status}, not FAILED or CANCELLED")
        key = ImportKey.of(self._tenant, noted.retried_by)
        found = jobs.find(key)
        if found is not None:
            return progress_of(found)
        take_place(key, job.size, caller.client)
        again = Job(
            key=key,
            table=job.table,
            **job.file,
            **files.made_by(replace(caller, client=sender), at),
            mapping=job.mapping,
            **_retrying(job),
        )
        jobs.create(again)
        return progress_of(self._find(key.id))

    @property
    def _uploads(self) -> str:
        return f"uploads/{self._tenant}/"

    def _find(self, id_: str) -> Job:
        key = ImportKey.of(self._tenant, id_)
        job = bootstrap.import_jobs().find(key)
        if job is None:
            raise NotFoundError(f"there is no import {id_!r}")
        return job

    def _new(
        self,
        request: Request,
        caller: Caller,
        source: Source,
        mode: ProcessingMode,
        *,
        size: int = 0,
        key: ImportKey | None = None,
        parent: Parent | None = None,
        earlier: Job | None = None,
    ) -> Job:
        strategies.check_publish(request.table, caller.client, request.publish_mode)
        if mode is ProcessingMode.STEP_FUNCTION:
            strategies.check_step_function(request.table, caller.client)
        at = iso(bootstrap.now())
        is_direct = mode is ProcessingMode.DIRECT
        return Job(
            key=key or ImportKey(self._tenant, new_ulid(bootstrap.now())),
            table=request.table,
            source=source,
            size=size,
            mode=mode,
            status=JobStatus.PROCESSING if is_direct else JobStatus.CREATED,
            started_at=at if is_direct else "",
            parent=parent,
            mapping=self._mapping_of(request, caller),
            publish_mode=request.publish_mode,
            dry_run=request.dry_run,
            **files.read_as(request.encoding, request.delimiter),
            **files.made_by(caller, at),
            **(_retrying(earlier) if earlier else {}),
        )

    def _mapping_of(self, request: Request, caller: Caller) -> dict[str, str]:
        """Return the request's mapping of headings, or else the caller's last one, or code's.

        What was kept never gives another meaning to a heading that is a column's name.
        """
        if request.mapping is not None:
            return request.mapping
        keys = (self._headings(request.table, each) for each in (caller, Caller()))
        found = (bootstrap.imports().mapping(key) for key in keys)
        kept: dict[str, str] = next((each for each in found if each is not None), {})
        return strategies.find(request.table).known_columns().unless_named(kept)

    def _headings(self, table: str, caller: Caller) -> MappingKey:
        """Return where a caller's mapping for a table is kept; all code has one."""
        client = caller.client
        kind = "" if client is None else "machine" if client.is_machine else "user"
        return MappingKey(self._tenant, table, kind, caller.user if client else "")

    def _row_of(self, cells: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        for name, value in cells.items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise InvalidInputError("cells", "must be strings by the names of columns")
        problem = Row(1, list(cells.values())).fitting().problem
        if problem is not None:
            raise InvalidInputError("cells", problem.reason)
        return tuple(cells), tuple(cells.values())

    def _retried_row(self, job: Job, caller: Caller) -> Progress:
        if job.status is not JobStatus.FAILED or job.cells is None:
            raise NotFailedError(f"the import is {job.status}, not FAILED")
        return self.import_row(job.table, job.cells, caller, publish_mode=job.publish_mode)


def _retrying(earlier: Job) -> dict[str, Any]:
    """Return the fields that a retry takes over from the job whose failed rows it imports."""
    return {
        "retries": (earlier.key.id, *earlier.retries),
        "since": earlier.since or earlier.by.at,
        "undoes": earlier.undoes,
    }
