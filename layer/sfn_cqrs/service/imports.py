"""Imports for Python code: import a file, look at its job, cancel it, read what failed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.adapters.passing import is_passing
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import Problem, checked_delimiter, open_csv
from sfn_cqrs.domain.csv_text import checked_encoding
from sfn_cqrs.domain.errors import (
    FileTooLargeError,
    ForeignFileError,
    InvalidFileError,
    NoSuchFileError,
    NotFoundError,
    NotOpenError,
    TransientError,
)
from sfn_cqrs.domain.ids import new_ulid
from sfn_cqrs.domain.import_job import MAX_FILE_BYTES, Job, Loaded, Reader
from sfn_cqrs.domain.imports import Counts, InputRow, Plan, PublishMode
from sfn_cqrs.domain.keys import ImportKey, ItemKey
from sfn_cqrs.domain.values import Json
from sfn_cqrs.service import strategies
from sfn_cqrs.service.commands import Caller
from sfn_cqrs.service.import_batch import BATCH
from sfn_cqrs.service.import_end import end
from sfn_cqrs.service.import_rows import RowBatch

MAX_DIRECT_ROWS = 1_000
_ID = re.compile(r"c-([0-9A-HJKMNP-TV-Z]{26})")


@dataclass(frozen=True, slots=True)
class Progress:
    """A job and how far it is; `rate` is rows a second, `eta` seconds, where they can be told."""

    job: Job
    counts: Counts
    rate: float | None = None
    eta: float | None = None

    def as_json(self) -> dict[str, Json]:
        """The job as the HTTP API and `--json` print it."""
        job, ending = self.job, self.job.ending
        view: dict[str, Json] = {
            "id": job.key.id,
            "kind": "csv",
            "table": job.table,
            "status": str(job.status),
            "publishMode": str(job.publish_mode),
            "dryRun": job.dry_run,
            "total": job.total,
            "created": self.counts.created,
            "updated": self.counts.updated,
            "unchanged": self.counts.unchanged,
            "failed": self.counts.failed,
            "cancelled": ending.cancelled if ending else 0,
            "createdAt": job.by.at,
            "startedAt": job.started_at or None,
            "finishedAt": job.finished_at or None,
        }
        if ending is not None and ending.problem is not None:
            view["error"] = {"code": ending.problem.code, "message": ending.problem.reason}
        if self.rate is not None:
            view |= {"rowsPerSecond": round(self.rate, 1), "etaSeconds": self.eta}
        return view


@dataclass(frozen=True, slots=True)
class Imported:
    """A job that was done at once, and what has become of each row."""

    progress: Progress
    rows: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to import, and how; what is declared beats what is detected."""

    table: str
    key: str
    publish_mode: PublishMode = PublishMode.SYNC
    encoding: str | None = None
    delimiter: str | None = None
    dry_run: bool = False


class ImportService:
    """The imports of a tenant, whose files lie below `uploads/<tenant>/` in the import bucket."""

    def __init__(self, tenant: str) -> None:
        """Work for one tenant."""
        self._tenant = ItemKey.checked(tenant, "TENANT", "-").tenant

    def upload_key(self, name: str) -> str:
        """A new key for a file; only the end of its name is kept."""
        last = re.split(r"[/\\]", name)[-1]
        kept = re.sub(r"[^A-Za-z0-9._-]", "_", last)[-64:] or "file.csv"
        return f"{self._prefix}{new_ulid(bootstrap.now())}/{kept}"

    def start(self, request: Request, caller: Caller | None = None) -> Progress:
        """Have the machine import a file, of whatever size.

        Raises:
            InvalidInputError: there is no such table or file.
        """
        return Progress(self._created(request, caller or Caller()), Counts())

    def import_now(self, request: Request, caller: Caller | None = None) -> Imported:
        """Import a file of at most 1,000 rows before returning.

        A file that cannot be imported makes the job FAILED, and so does what stays busy: the
        rows that were not gone through are in errors.csv then.

        Raises:
            InvalidInputError: there is no such table or file.
        """
        job = self._created(request, caller or Caller())
        jobs = bootstrap.import_jobs()
        jobs.begin(job.key)
        try:
            rows, loaded = _read(job)
        except InvalidFileError as error:
            return Imported(_progress(end(job, Problem(error.problem, str(error)))), {})
        job = jobs.loaded(job.key, loaded) or job
        fates: Plan = {}
        strategy, problem = strategies.find(job.table), None
        try:
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                fates |= RowBatch(job.settings(), strategy, batch, is_last_try=True).run().plan
        except Exception as error:
            if not isinstance(error, TransientError) and not is_passing(error):
                end(job, Problem("failed", f"{type(error).__name__}; see the log"))
                raise
            problem = Problem("busy", f"{error}; import the rows of errors.csv again")
        return Imported(_progress(end(job, problem)), fates)

    def get(self, id_: str) -> Progress:
        """A job with its live counts.

        Raises:
            NotFoundError: there is no such job.
        """
        return _progress(self._find(id_))

    def list(self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[Progress]:
        """A page of jobs, the newest first; limit 1 to 100."""
        page = bootstrap.import_jobs().page(self._tenant, limit, cursor)
        return Page([_progress(job) for job in page.items], page.next_cursor)

    def cancel(self, id_: str) -> Progress:
        """Have no further batch begun; what is done stays and is counted.

        Raises:
            NotFoundError: there is no such job.
            NotOpenError: it has ended.
        """
        job = bootstrap.import_jobs().cancel(self._find(id_).key)
        if job is None:
            raise NotOpenError(f"import {id_} has ended as {self._find(id_).status}")
        return _progress(job)

    def errors(self, id_: str) -> Iterator[bytes]:
        """A job's errors.csv, a piece at a time.

        Raises:
            NotFoundError: there is no such job, or no row of it has failed.
        """
        job = self._find(id_)
        report = bootstrap.import_bucket().report(job.key)
        if report is None:
            raise NotFoundError(f"{id_} has no failed rows, or has not ended yet")
        return report

    @property
    def _prefix(self) -> str:
        return f"uploads/{self._tenant}/"

    def _find(self, id_: str) -> Job:
        found = _ID.fullmatch(id_)
        job = bootstrap.import_jobs().find(ImportKey(self._tenant, found[1])) if found else None
        if job is None:
            raise NotFoundError(f"there is no import {id_!r}")
        return job

    def _created(self, request: Request, caller: Caller) -> Job:
        strategies.find(request.table)
        if not request.key.startswith(self._prefix):
            raise ForeignFileError(self._prefix)
        head = bootstrap.import_bucket().head(request.key)
        if head is None:
            raise NoSuchFileError(request.key)
        if head.size > MAX_FILE_BYTES:
            raise FileTooLargeError(MAX_FILE_BYTES)
        now = bootstrap.now()
        job = Job(
            key=ImportKey(self._tenant, new_ulid(now)),
            table=request.table,
            source=bootstrap.import_bucket().source(request.key, head.version_id),
            by=Audit(iso(now), caller.user, caller.ip),
            encoding=checked_encoding(request.encoding) if request.encoding else None,
            delimiter=checked_delimiter(request.delimiter) if request.delimiter else None,
            publish_mode=request.publish_mode,
            dry_run=request.dry_run,
        )
        bootstrap.import_jobs().create(job)
        return job


def _read(job: Job) -> tuple[list[InputRow], Loaded]:
    """All rows of a small file."""
    file = open_csv(
        bootstrap.import_bucket().chunks(job.source),
        strategies.find(job.table).known_columns(),
        encoding=job.encoding,
        delimiter=job.delimiter,
    )
    rows = [
        InputRow(row.number, row.cells, row.problem)
        for row in (row.fitting() for row in islice(file.rows(), MAX_DIRECT_ROWS + 1))
    ]
    if len(rows) > MAX_DIRECT_ROWS:
        raise InvalidFileError(
            "too_many_rows", f"the file has more than {MAX_DIRECT_ROWS} rows; start it as a job"
        )
    return rows, Loaded(len(rows), tuple(file.header), file.columns, Reader.NONE, job.source)


def _progress(job: Job) -> Progress:
    if job.ending is not None:
        return Progress(job, job.ending.counts)
    counts = bootstrap.imports().counts(job.key)
    if not job.started_at or not counts.total:
        return Progress(job, counts)
    seconds = (bootstrap.now() - datetime.fromisoformat(job.started_at)).total_seconds()
    rate = counts.total / seconds if seconds > 0 else 0.0
    eta = (job.total - counts.total) / rate if rate else None
    return Progress(job, counts, rate, eta)
