"""An import job: one CSV file, from its start to its end, and who may change it.

A write carries its rule, which the tests explore and production runs: see `records`.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit, Command, DataRow
from sfn_cqrs.kernel.keys import ImportKey, ZipKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.sweeps import QUEUE_LIFE, QUEUE_PATIENCE
from sfn_cqrs.machines.import_csv.csv.header import without_report
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.results import Counts, PublishMode

MAX_FILE_BYTES = 10 * 1024**3
MAX_ROWS = 100_000_000
"""The input of a Distributed Map."""
LATE_ROWS = timedelta(seconds=60)
"""A function that has outlived its job applies no row after so long: it has ended."""
UNDONE_WITHIN = timedelta(days=34)
"""Plans say which versions an import made; they are kept for 35 days."""
CLOCK_SKEW = timedelta(minutes=1)
TOLD_EVERY = timedelta(seconds=1)
"""The shortest time between two reports of progress."""


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

    @property
    def is_repairable(self) -> bool:
        """A retry applies."""
        return self in (JobStatus.FAILED, JobStatus.CANCELLED)


class ProcessingMode(StrEnum):
    """The one that applies the rows: the request itself, or the machine."""

    DIRECT = "DIRECT"
    STEP_FUNCTION = "STEP_FUNCTION"


class Reader(StrEnum):
    """The reader of the rows: AWS's own CSV reader, its reader of JSON Lines, or none."""

    NATIVE = "native"
    JSONL = "jsonl"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Source:
    """An object, pinned to the version that the job was started with."""

    bucket: str
    key: str
    version_id: str


FAULTS = frozenset({"failed", "unreadable", "miscounted"})
"""Problems of the import itself, and not of a file or its rows: somebody has to mend it."""
DRY_RUN = "it was a dry run, and wrote nothing"
NO_SOURCE = Source("", "", "")
"""The count of a single row."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The loader's result: the number of rows, their header and columns, and their reader."""

    rows: int
    header: tuple[str, ...]
    columns: tuple[str | None, ...]
    reader: Reader
    source: Source

    @property
    def own_header(self) -> tuple[str, ...]:
        """Return the header without the columns of a report, if the file was an errors.csv."""
        return without_report(self.header, self.columns)

    def rows_of(self, items: list[dict[str, Any]]) -> list[Row]:
        """The rows of a batch of `{index, value}`, as the reader gives them.

        AWS's reader counts from the row after the header, which is row 2 of a plain file.
        """
        if self.reader is Reader.NATIVE:
            return [
                Row(item["index"] + 2, [item["value"][name] for name in self.header])
                for item in items
            ]
        return [Row.of_json(item["value"]) for item in items]


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
    """How a job ends; `cancelled` rows were not gone through because somebody asked so.

    `handlers` are percents of the batches' time.
    """

    status: JobStatus
    counts: Counts = field(default_factory=Counts)
    cancelled: int = 0
    problem: Problem | None = None
    handlers: dict[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRecord(Record):
    """The base of the jobs of files and of archives; `ending` once one has ended.

    `client` is who asked for it over HTTP, None: code. `size` is the file's, in bytes.
    `retried_by` is the job that goes through what has failed here again. `depth` is how many
    handlers of notices led to it.
    """

    key: ImportKey | ZipKey
    source: Source
    size: int = 0
    by: Audit
    client: Client | None = None
    encoding: str | None = None
    delimiter: str | None = None
    publish_mode: PublishMode = PublishMode.SYNC
    dry_run: bool = False
    status: JobStatus = JobStatus.CREATED
    started_at: str = ""
    finished_at: str = ""
    is_cancelled: bool = False
    ending: Ending | None = None
    retried_by: str | None = None
    undone_by: str = ""
    trace: str = ""
    depth: int = 0

    def is_sent_by(self, user: str) -> bool:
        """Return whether a client has sent it, and a user whom AWS has verified is that client."""
        return self.client is not None and user != "" and user == self.by.by

    @property
    def takes_a_place(self) -> bool:
        """Whether it queues for a place among the running imports."""
        return True

    @property
    def file(self) -> dict[str, Any]:
        """Return the fields that another job of the same file shares with this one."""
        return {
            "source": self.source,
            "size": self.size,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "publish_mode": self.publish_mode,
            "dry_run": self.dry_run,
        }

    @property
    def file_name(self) -> str:
        """Return the name that the file was uploaded with; empty if nothing of it was kept."""
        name = self.source.key.rpartition("/")[2]
        return name if name.rpartition(".")[0].strip("_") else ""

    @property
    def wrote_nothing(self) -> str:
        """Say why an import that has ended wrote nothing; empty if it may have written."""
        raise NotImplementedError

    def why_not_undone(self, at: str) -> str:
        """Say why an import cannot be taken back; empty if it can."""
        if self.status.is_open:
            return "it has not ended: cancel it first"
        if not self.wrote_nothing and _between(self.by.at, at) > UNDONE_WITHIN:
            days = UNDONE_WITHIN.days
            return f"it is older than {days} days, and what it wrote is not known any more"
        return self.wrote_nothing

    def begun(self, at: str) -> Self:
        """Somebody works on the job; the first beginning stays."""
        if self.status is JobStatus.PROCESSING:
            return self
        return replace(self, status=JobStatus.PROCESSING, started_at=self.started_at or at)

    def ended(self, ending: Ending, at: str) -> Self:
        """Return the ended job; a cancellation may have arrived while it was ending."""
        if self.is_cancelled:
            ending = replace(ending, status=JobStatus.CANCELLED)
        return replace(self, status=ending.status, ending=ending, finished_at=at)


J = TypeVar("J", bound=ImportRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(ImportRecord):
    """A job as stored; `loaded` once its file is read.

    `cells` are those of a single row, by column. `retries` are the jobs whose failed rows this
    one goes through again, the latest first, and `since` is when the first of them was made.
    `sent_at` is when a single row's message was sent again.
    `mapping` are headings of the file, each with the column that it stands for.
    `undoes` is the import that this one takes back, `undone_by` the one that takes this one back.
    `refusal` is why the loader did not take the file. `step` counts the twentieths of the rows
    that notices have reported, from 0 when the file is read.
    """

    key: ImportKey
    table: str
    mode: ProcessingMode = ProcessingMode.STEP_FUNCTION
    cells: dict[str, str] | None = None
    retries: tuple[str, ...] = ()
    since: str = ""
    sent_at: str = ""
    loaded: Loaded | None = None
    refusal: Problem | None = None
    step: int | None = None
    parent: Parent | None = None
    undoes: str = ""
    mapping: dict[str, str] = field(default_factory=dict)

    @property
    def takes_a_place(self) -> bool:
        """A single row is a message of its own, and a file of an archive uses its place."""
        return self.cells is None and self.parent is None

    @property
    def opened_at(self) -> str:
        """Since when the job has been open."""
        return self.by.at

    @property
    def has_fault(self) -> bool:
        """The job failed, and neither its file nor its rows are to blame."""
        problem = self.ending.problem if self.ending else None
        return self.status is JobStatus.FAILED and problem is not None and problem.code in FAULTS

    @property
    def wrote_nothing(self) -> str:
        """Say why the import wrote nothing; empty if it may have written."""
        if self.dry_run:
            return DRY_RUN
        return "" if self.loaded else "its file was never read, so it wrote nothing"

    @property
    def is_awaited(self) -> bool:
        """Somebody waits for the end, and was not answered yet."""
        return self.parent is not None and self.parent.token is not None

    @property
    def total(self) -> int:
        """The rows of the file; 0 as long as nobody has counted them."""
        return self.loaded.rows if self.loaded else 0

    @property
    def is_unread(self) -> bool:
        """Nobody has made the rows ready for the machine, or not those that are left."""
        return self.loaded is None or (self.loaded.reader is Reader.NONE and self.loaded.rows > 0)

    @property
    def takes_rows(self) -> bool:
        """A batch may be gone through."""
        return self.loaded is not None and self.status.is_open and not self.is_cancelled

    def may_have_lost(self, at: str) -> bool:
        """Return whether a single row's message may be lost, and nobody will deliver it.

        The first one is asked about soon. A second lost one cannot be distinguished from one that
        waits until no message lives so long; each further one would process the row again.
        """
        lives = QUEUE_LIFE if self.sent_at else QUEUE_PATIENCE
        return self.status.is_open and _between(self.sent_at or self.by.at, at) > lives

    @property
    def row(self) -> list[str]:
        """The cells of a single row, in the order of its header."""
        header = self.loaded.header if self.loaded else ()
        return [(self.cells or {})[name] for name in header]

    def cells_of(self, row: Row) -> dict[str, str]:
        """Return a row's cells by the table's columns, without blanks around them.

        Raises:
            ValueError: the file is not read yet.
        """
        if self.loaded is None:
            raise ValueError("the job's file is not read yet")
        pairs = zip(self.loaded.columns, row.cells, strict=True)
        return {column: cell.strip() for column, cell in pairs if column is not None}

    def supersedes(self, row: int, version: DataRow | Command) -> bool:
        """Return whether a version was written by a later row of the same file."""
        is_later = version.source_row is not None and version.source_row > row
        return self._is_ours(version) and is_later

    def may_hide_ours(self, version: DataRow | Command) -> bool:
        """Return whether another writer's version may be later than this job's."""
        return not self._is_ours(version) and version.updated.at >= self._since

    def has_applied(self, row: int, current: DataRow | None) -> bool:
        """Return whether this very row wrote the item as it is."""
        is_ours = current is not None and current.source == self.key.id
        return is_ours and current is not None and current.source_row == row

    def _is_ours(self, version: DataRow | Command) -> bool:
        return version.source in (self.key.id, *self.retries)

    @property
    def _since(self) -> str:
        """A little before the first job was made: clocks differ."""
        since = self.since or self.by.at
        return iso(datetime.fromisoformat(since) - CLOCK_SKEW) if since else ""

    def left_rows_at(self, at: str) -> bool:
        """Return whether a function may still apply a row that the job has not counted."""
        ending = self.ending
        is_whole = ending is not None and not ending.counts.failed and not ending.cancelled
        return not is_whole and _between(self.finished_at, at) < LATE_ROWS


@dataclass(frozen=True, slots=True)
class Begin:
    """Somebody works on the job; the first beginning stays."""

    def on(self, job: Job, at: str) -> Job | None:
        return job.begun(at) if job.status.is_open else None


@dataclass(frozen=True, slots=True)
class SendAgain:
    """A single row's message is sent again, since the last one may be lost."""

    def on(self, job: Job, at: str) -> Job | None:
        return replace(job, sent_at=at) if job.may_have_lost(at) else None


@dataclass(frozen=True, slots=True)
class Load:
    """The file is read; from now on there is something to tell the world."""

    loaded: Loaded

    def on(self, job: Job, _at: str) -> Job | None:
        if not job.status.is_open:
            return None
        return replace(job, loaded=self.loaded, step=job.step or 0)


@dataclass(frozen=True, slots=True)
class Refuse:
    """The file cannot be imported; the job's last state ends it with this."""

    problem: Problem

    def on(self, job: Job, _at: str) -> Job | None:
        return replace(job, refusal=self.problem) if job.status.is_open else None


@dataclass(frozen=True, slots=True)
class Advance:
    """The job is further than the world was told; of one that has just changed it was told."""

    step: int

    def on(self, job: Job, at: str) -> Job | None:
        if not job.status.is_open or job.step is None or job.step >= self.step:
            return None
        if job.updated_at and _between(job.updated_at, at) < TOLD_EVERY:
            return None  # the next rows that are counted ask again, and the end tells all
        return replace(job, step=self.step)


@dataclass(frozen=True, slots=True)
class Cancel:
    """No further batch is begun, and no further file of an archive."""

    def on(self, job: J, _at: str) -> J | None:
        return replace(job, is_cancelled=True) if job.status.is_open else None


@dataclass(frozen=True, slots=True)
class HandOver:
    """The rows that are left are the machine's, which the stream starts; once."""

    def on(self, job: Job, _at: str) -> Job | None:
        if not job.status.is_open or job.mode is ProcessingMode.STEP_FUNCTION:
            return None
        return replace(job, status=JobStatus.CREATED, mode=ProcessingMode.STEP_FUNCTION)


@dataclass(frozen=True, slots=True)
class RetryBy:
    """Another job goes through what has failed again; the first that is noted stays."""

    id: str

    def on(self, job: J, _at: str) -> J | None:
        if not job.status.is_repairable:
            return None
        return job if job.retried_by else replace(job, retried_by=self.id)


@dataclass(frozen=True, slots=True)
class UndoBy:
    """Another job takes this one back; the first that is noted stays."""

    id: str

    def on(self, job: J, at: str) -> J | None:
        if job.why_not_undone(at):
            return None
        return job if job.undone_by else replace(job, undone_by=self.id)


@dataclass(frozen=True, slots=True)
class AwaitBy:
    """The ZIP import waits with this token, until it is answered; no earlier try's any more."""

    parent: Parent

    def on(self, job: Job, _at: str) -> Job | None:
        if job.parent is None or job.parent.seq > self.parent.seq:
            return None
        return job if job.parent == self.parent else replace(job, parent=self.parent)


@dataclass(frozen=True, slots=True)
class Answer:
    """Record that the holder of this token knows how the job has ended."""

    token: str

    def on(self, job: Job, _at: str) -> Job | None:
        if job.parent is None or job.parent.token != self.token:
            return None
        return replace(job, parent=replace(job.parent, token=None))


@dataclass(frozen=True, slots=True)
class End:
    """The job has ended; one that is cancelled by now, whatever was counted before, ends so."""

    ending: Ending

    def on(self, job: Job, at: str) -> Job | None:
        return job.ended(self.ending, at) if job.status.is_open else None


def ending_of(job: Job, counted: Counts, problem: Problem | None = None) -> Ending:
    """How a job ends: what is not counted was cancelled, or has failed with its batch.

    A problem that has kept no row from being counted is not stored with a file, or with a single
    row that has succeeded.
    """
    missing = max(0, job.total - counted.total)
    is_fine = job.cells is None or not counted.failed
    if job.loaded is not None and not missing and is_fine:
        problem = None
    if job.loaded is not None and counted.total > job.total:
        reason = f"{counted.total} rows were gone through, and the file has {job.total}"
        problem = Problem("miscounted", reason)
    if job.is_cancelled:
        return Ending(JobStatus.CANCELLED, counted, missing, problem)
    counts = counted + Counts(failed=missing)
    failed = problem is not None or counts.failed > 0
    return Ending(JobStatus.FAILED if failed else JobStatus.COMPLETED, counts, 0, problem)


def _between(before: str, after: str) -> timedelta:
    return datetime.fromisoformat(after) - datetime.fromisoformat(before)
