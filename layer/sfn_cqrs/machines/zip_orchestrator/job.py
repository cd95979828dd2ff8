"""An import of a ZIP archive: its files, one child job each, and how it ends.

A write of the job carries its rule, which the tests explore and production runs: see `records`.
Its files change by conditional writes; a contract test holds these equal to the rules here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.kernel.keys import ZipKey, ZipRef
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import DRY_RUN, Ending, ImportRecord, Job, JobStatus, Source
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.directory import Entry, Kind, Place
from sfn_cqrs.machines.zip_orchestrator.names import table_in

MAX_TOTAL_BYTES = 5 * 1024**3
MAX_ATTEMPTS = 5
"""The attempt after the last one does nothing but end the job."""


class FileStatus(StrEnum):
    """Where a file of an archive stands; it only moves down this list."""

    CREATED = "CREATED"
    EXTRACTED = "EXTRACTED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"

    @property
    def is_open(self) -> bool:
        """The file has not ended."""
        return self in OPEN_STATUSES


RETRIED_STATUSES = (FileStatus.FAILED, FileStatus.CANCELLED)
OPEN_STATUSES = (FileStatus.CREATED, FileStatus.EXTRACTED, FileStatus.PROCESSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedFile:
    """A file of an archive, as stored; the name is for people only.

    `source` is where it was extracted to. Once it has `begun`, its child job says how far it
    is; how that has ended is kept here at the end.
    """

    index: int
    name: str
    place: Place
    table: str | None = None
    status: FileStatus = FileStatus.CREATED
    source: Source | None = None
    begun: bool = False
    counts: Counts = field(default_factory=Counts)
    cancelled: int = 0
    problem: Problem | None = None

    @property
    def total(self) -> int:
        """The rows that are accounted for."""
        return self.counts.total + self.cancelled

    @property
    def ending(self) -> Ending:
        """How a file has ended that came to a job of its own, or should have."""
        return Ending(JobStatus(self.status), self.counts, self.cancelled, self.problem)

    def refused(self, problem: Problem) -> "ArchivedFile":
        """The file cannot be imported."""
        return replace(self, status=FileStatus.FAILED, problem=problem)

    def ended(self, ending: Ending) -> "ArchivedFile":
        """The file as its child job has ended."""
        return replace(
            self,
            status=FileStatus(ending.status),
            counts=ending.counts,
            cancelled=ending.cancelled,
            problem=ending.problem,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipJob(ImportRecord):
    """A job as stored; `files` is how many there are, once they are listed.

    It is `settled` once its end has been told, and nothing is left to do. `problem` is why it
    cannot be read. `hooks` says of each finalization hook that has run how it went: an empty
    text, or its error. `retries` are the jobs whose failed files this one imports again, the
    latest first.
    """

    key: ZipKey
    table: str | None = None
    attempt: int = 1
    opened_at: str = ""
    files: int | None = None
    problem: Problem | None = None
    hooks: dict[str, str] = field(default_factory=dict)
    settled: bool = False
    retries: tuple[ZipKey, ...] = ()

    @property
    def ref(self) -> ZipRef:
        """The attempt that owns this job now."""
        return ZipRef(self.key, self.attempt)

    @property
    def wrote_nothing(self) -> str:
        """Say why the import wrote nothing; empty if it may have written."""
        if not self.files:
            return "it has no file, so it wrote nothing"
        return DRY_RUN if self.dry_run else ""

    @property
    def failed_hooks(self) -> dict[str, str]:
        """The finalization hooks that have failed, with their errors."""
        return {name: error for name, error in sorted(self.hooks.items()) if error}

    def is_mine(self, attempt: int) -> bool:
        """Only the current attempt ends the job, and only while it is open."""
        return self.attempt == attempt and self.status.is_open


@dataclass(frozen=True, slots=True)
class Begin:
    """The attempt works on the job; the first beginning stays."""

    attempt: int

    def on(self, job: ZipJob, at: str) -> ZipJob | None:
        return job.begun(at) if job.is_mine(self.attempt) else None


@dataclass(frozen=True, slots=True)
class KeepListed:
    """Every file is stored; so many there are."""

    files: int

    def on(self, job: ZipJob, _at: str) -> ZipJob | None:
        return replace(job, files=self.files) if job.status.is_open else None


@dataclass(frozen=True, slots=True)
class Refuse:
    """The archive has no file that can be imported."""

    problem: Problem

    def on(self, job: ZipJob, _at: str) -> ZipJob | None:
        return replace(job, files=0, problem=self.problem) if job.status.is_open else None


@dataclass(frozen=True, slots=True)
class End:
    """The attempt has ended the job; the hooks may run. One that is cancelled by now ends so."""

    attempt: int
    ending: Ending

    def on(self, job: ZipJob, at: str) -> ZipJob | None:
        return job.ended(self.ending, at) if job.is_mine(self.attempt) else None


@dataclass(frozen=True, slots=True)
class Settle:
    """The hooks have run, each as it did; nothing is left to do."""

    hooks: dict[str, str]

    def on(self, job: ZipJob, _at: str) -> ZipJob | None:
        if job.status.is_open or job.settled:
            return None
        return replace(job, hooks=self.hooks, settled=True)


@dataclass(frozen=True, slots=True)
class Restart:
    """The next attempt goes on with what an attempt has left that ended before its job did."""

    attempt: int

    def on(self, job: ZipJob, at: str) -> ZipJob | None:
        if job.attempt != self.attempt or job.settled:
            return None
        return replace(job, attempt=job.attempt + 1, opened_at=at)


def files_of(entries: list[Entry], table: str | None, known: frozenset[str]) -> list[ArchivedFile]:
    """Return the decision on each entry: the index is its place in the order of the names.

    Raises:
        InvalidFileError: there is nothing to import, or too much.
    """
    files = [_file_of(index, entry, table, known) for index, entry in enumerate(entries)]
    if all(file.status is FileStatus.SKIPPED for file in files):
        raise InvalidFileError("no_files", "the archive has no file whose name ends in .csv")
    total = sum(file.place.size for file in files if file.status.is_open)
    if total > MAX_TOTAL_BYTES:
        raise InvalidFileError(
            "too_large",
            f"the archive's files have {total} bytes, and at most {MAX_TOTAL_BYTES} are extracted;"
            " make several archives",
        )
    return files


def ending_of(job: ZipJob, files: Iterable[ArchivedFile]) -> Ending:
    """How a job ends whose files have all ended: the sum of them."""
    counts, cancelled, has_failed = Counts(), 0, job.problem is not None
    for file in files:
        counts += file.counts
        cancelled += file.cancelled
        has_failed |= file.status is FileStatus.FAILED
    if job.is_cancelled:
        return Ending(JobStatus.CANCELLED, counts, cancelled, job.problem)
    status = JobStatus.FAILED if has_failed else JobStatus.COMPLETED
    return Ending(status, counts, cancelled, job.problem)


def settled(
    job: ZipJob, file: ArchivedFile, child: Job | None, error: str | None = None
) -> ArchivedFile:
    """An open file as it ends with its job.

    Its child's ending is its own. Without one it has failed by the error that its state ended
    with, or it was cancelled.
    """
    if child is not None and child.ending is not None:
        return file.ended(child.ending)
    if error is None and job.is_cancelled:
        return replace(file, status=FileStatus.CANCELLED)
    problem = Problem("abandoned", "the import came to its end before this file did; retry it")
    if error is not None:
        problem = Problem("failed", f"{error}; the execution's history has more")
    return file.refused(problem)


def _file_of(index: int, entry: Entry, table: str | None, known: frozenset[str]) -> ArchivedFile:
    file = ArchivedFile(index=index, name=entry.name, place=entry.place)
    if entry.kind is Kind.SKIPPED:
        return replace(file, status=FileStatus.SKIPPED, problem=entry.problem)
    table = table or table_in(entry.name)
    file = replace(file, table=table)
    if entry.problem is not None:
        return file.refused(entry.problem)
    if table is None:
        return file.refused(
            Problem("no_table", "call it yyyymmddHHMMSS-{table}.csv, or name the table to import")
        )
    if table not in known:
        names = ", ".join(sorted(known))
        return file.refused(
            Problem("unknown_table", f"{table!r} has no strategy; known tables: {names}")
        )
    return file
