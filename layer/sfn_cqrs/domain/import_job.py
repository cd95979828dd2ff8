"""An import job: one CSV file, from its start to its end."""

from dataclasses import dataclass, field
from enum import StrEnum

from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.imports import Counts, PublishMode, Settings
from sfn_cqrs.domain.keys import ImportKey

MAX_FILE_BYTES = 10 * 1024**3
MAX_ROWS = 100_000_000
"""What a Distributed Map reads."""


class JobStatus(StrEnum):
    """Where a job stands; any failed row makes a finished one FAILED, with its counts."""

    CREATED = "CREATED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_open(self) -> bool:
        """The job has not ended."""
        return self in (JobStatus.CREATED, JobStatus.PROCESSING)


class ProcessingMode(StrEnum):
    """Who goes through the rows: whoever asks for the import, or the machine."""

    DIRECT = "DIRECT"
    STEP_FUNCTION = "STEP_FUNCTION"


class Reader(StrEnum):
    """Who reads the rows: AWS's own CSV reader, its reader of JSON Lines, or nobody."""

    NATIVE = "native"
    JSONL = "jsonl"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Source:
    """An object, pinned to the version that the job was started with."""

    bucket: str
    key: str
    version_id: str


NO_SOURCE = Source("", "", "")
"""What a single row has."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the loader found: how many rows, their header and columns, and who reads them."""

    rows: int
    header: tuple[str, ...]
    columns: tuple[str | None, ...]
    reader: Reader
    source: Source


@dataclass(frozen=True, slots=True)
class Parent:
    """The ZIP import that a file is an entry of, and that waits for its end.

    `token` is the wait's task token, and there until it is answered; a later `seq` replaces it.
    """

    id: str
    index: int
    token: str | None = field(default=None, repr=False)
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ends; `cancelled` rows were not gone through because somebody asked so."""

    status: JobStatus
    counts: Counts = field(default_factory=Counts)
    cancelled: int = 0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as stored; `loaded` once its file is read, `ending` once it has ended.

    `cells` are those of a single row, by column. `retries` are the jobs whose failed rows this
    one goes through again, the latest first, and `since` is when the first of them was made;
    `retried_by` is the job that does so with this one's. `refusal` is why the loader did not
    take the file. `step` counts the twentieths of the rows that the world was told of, from 0
    when the file is read.
    """

    key: ImportKey
    table: str
    source: Source
    by: Audit
    encoding: str | None = None
    delimiter: str | None = None
    publish_mode: PublishMode = PublishMode.SYNC
    dry_run: bool = False
    mode: ProcessingMode = ProcessingMode.STEP_FUNCTION
    cells: dict[str, str] | None = None
    retries: tuple[str, ...] = ()
    since: str = ""
    retried_by: str | None = None
    status: JobStatus = JobStatus.CREATED
    started_at: str = ""
    finished_at: str = ""
    is_cancelled: bool = False
    loaded: Loaded | None = None
    refusal: Problem | None = None
    step: int | None = None
    parent: Parent | None = None
    ending: Ending | None = None

    @property
    def opened_at(self) -> str:
        """Since when the job has been open."""
        return self.by.at

    @property
    def total(self) -> int:
        """The rows of the file; 0 as long as nobody has counted them."""
        return self.loaded.rows if self.loaded else 0

    @property
    def is_unread(self) -> bool:
        """Nobody has made the rows ready for the machine, or not those that are left."""
        return self.loaded is None or (self.loaded.reader is Reader.NONE and self.loaded.rows > 0)

    @property
    def row(self) -> list[str]:
        """The cells of a single row, in the order of its header."""
        header = self.loaded.header if self.loaded else ()
        return [(self.cells or {})[name] for name in header]

    def settings(self) -> Settings:
        """What a batch has to know.

        Raises:
            ValueError: the file is not read yet.
        """
        if self.loaded is None:
            raise ValueError("the job's file is not read yet")
        return Settings(
            key=self.key,
            table=self.table,
            columns=self.loaded.columns,
            by=self.by,
            publish_mode=self.publish_mode,
            dry_run=self.dry_run,
            earlier=self.retries,
            since=self.since,
        )


def ending_of(job: Job, counted: Counts, problem: Problem | None = None) -> Ending:
    """How a job ends: what is not counted was cancelled, or has failed with its batch.

    A problem that has kept no row from being counted is none of a file's.
    """
    missing = max(0, job.total - counted.total)
    if job.loaded is not None and job.cells is None and not missing:
        problem = None
    if job.loaded is not None and counted.total > job.total:
        reason = f"{counted.total} rows were gone through, and the file has {job.total}"
        problem = Problem("miscounted", reason)
    if job.is_cancelled:
        return Ending(JobStatus.CANCELLED, counted, missing, problem)
    counts = counted + Counts(failed=missing)
    failed = problem is not None or counts.failed > 0
    return Ending(JobStatus.FAILED if failed else JobStatus.COMPLETED, counts, 0, problem)
