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

    `refusal` is why the loader did not take the file. `step` counts the twentieths of the rows
    that the world was told of, from 0 when the file is read.
    """

    key: ImportKey
    table: str
    source: Source
    by: Audit
    encoding: str | None = None
    delimiter: str | None = None
    publish_mode: PublishMode = PublishMode.SYNC
    dry_run: bool = False
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
        )


def ending_of(job: Job, counted: Counts, problem: Problem | None = None) -> Ending:
    """How a job ends: what is not counted was cancelled, or has failed with its batch.

    A problem that has kept no row from being counted is none of the job's.
    """
    missing = max(0, job.total - counted.total)
    if job.loaded is not None and not missing:
        problem = None
    if job.is_cancelled:
        return Ending(JobStatus.CANCELLED, counted, missing, problem)
    counts = counted + Counts(failed=missing)
    failed = problem is not None or counts.failed > 0
    return Ending(JobStatus.FAILED if failed else JobStatus.COMPLETED, counts, 0, problem)
