"""The progress of an archive's import, file by file."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.stream import Outbox
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.job import ArchivedFile, ZipJob
from sfn_cqrs.machines.zip_orchestrator.notices import zip_alarms, zip_status


@dataclass(frozen=True, slots=True)
class FileProgress:
    """A file as it is now; `total` is the number of its rows that are known."""

    file: ArchivedFile
    total: int
    id: str | None = None

    @property
    def bytes_done(self) -> float:
        """Return how many of the file's bytes are processed, estimated by its rows."""
        file = self.file
        if not file.status.is_open:
            return file.place.size
        return file.place.size * file.counts.total / self.total if self.total else 0.0

    @property
    def error(self) -> Problem | None:
        """Return why the file failed."""
        return self.file.problem


@dataclass(frozen=True, slots=True)
class ZipProgress:
    """A job and its files as they are now.

    `rate` is rows a second and `eta` seconds, by the bytes of the files, where they are known. If
    the client may not see all files, the job is not whole, and its texts are not shown.
    """

    job: ZipJob
    files: list[FileProgress]
    rate: float | None = None
    eta: float | None = None
    is_whole: bool = True

    @property
    def counts(self) -> Counts:
        """Return the sum of the files' counts."""
        return sum((each.file.counts for each in self.files), Counts())

    @property
    def total(self) -> int:
        """Return how many rows the files have, as far as they are known."""
        return sum(each.total for each in self.files)

    @property
    def cancelled(self) -> int:
        """Return how many rows were not processed, because the import was cancelled."""
        return sum(each.file.cancelled for each in self.files)

    @property
    def failed_hooks(self) -> dict[str, str] | None:
        """Return the errors of the functions that were called at the end, by function."""
        return {**self.job.failed_hooks} if self.job.failed_hooks and self.is_whole else None

    @property
    def file_statuses(self) -> dict[str, int]:
        """Return how many files have which status."""
        counted = Counter(each.file.status for each in self.files)
        return {status.lower(): count for status, count in sorted(counted.items())}

    @property
    def error(self) -> Problem | None:
        """Return why the import failed as a whole."""
        problem = self.job.ending.problem if self.job.ending else self.job.problem
        if problem is None or self.is_whole:
            return problem
        return Problem(problem.code, "is of files that you may not see")


def progress_of(job: ZipJob) -> ZipProgress:
    """Return a job's progress: its files, and the imports of those under way."""
    files = bootstrap.zip_jobs().files(job.key)
    begun = [file.index for file in files if file.begun and file.status.is_open]
    children = bootstrap.zip_jobs().children(job.key, begun)
    live = [_live(job, file, children.get(file.index)) for file in files]
    return _timed(ZipProgress(job, live))


def tell_zip(job: ZipJob, outbox: Outbox) -> None:
    """Send the notices about an archive's job: that its files are known, and its end."""
    table = bootstrap.import_table_name()
    if job.ending is not None:
        outbox.notices.append(zip_status(job, table))
        execution = bootstrap.zip_executions().arn_of(job.ref)
        outbox.alarms += zip_alarms(job, table, execution)
    elif job.files and not job.is_cancelled:
        outbox.notices.append(zip_status(job, table))


def _timed(progress: ZipProgress) -> ZipProgress:
    """Return the progress with rate and time left, from the first processed row to the end."""
    job, rows = progress.job, progress.counts.total
    if job.ending is not None or not job.started_at or not rows:
        return progress
    seconds = (bootstrap.now() - datetime.fromisoformat(job.started_at)).total_seconds()
    importable = [each for each in progress.files if each.file.begun or each.file.status.is_open]
    size = sum(each.file.place.size for each in importable)
    done = sum(each.bytes_done for each in importable)
    rate = rows / seconds if seconds > 0 else 0.0
    eta = round(seconds * (size - done) / done, 1) if done else None
    return replace(progress, rate=rate, eta=eta)


def _live(job: ZipJob, file: ArchivedFile, child: Job | None) -> FileProgress:
    id_ = job.key.child(file.index).id if file.begun else None
    if child is None:
        return FileProgress(file, file.total, id_)
    if child.ending is not None:
        ended = file.ended(child.ending)
        return FileProgress(ended, ended.total, id_)
    counts = bootstrap.imports().counts(child.key)
    return FileProgress(replace(file, counts=counts), max(child.total, counts.total), id_)
