"""Importing a small file before returning, or as much of it as the time allows."""

from collections.abc import Callable, Iterator
from itertools import islice

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.batch import RowBatch
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.end import end
from sfn_cqrs.machines.import_csv.job import HandOver, Job, Load, Loaded, Reader
from sfn_cqrs.machines.import_csv.results import Plan

MAX_DIRECT_ROWS = 1_000
BATCH = 100
"""Rows per batch: as many as one read of current rows takes, and as the machine hands on."""


class TooManyRowsError(InvalidFileError):
    """The error that the file has more rows than are imported before returning."""

    def __init__(self) -> None:
        """Make the error with its advice."""
        super().__init__(
            "too_many_rows", f"the file has more than {MAX_DIRECT_ROWS} rows; start it as a job"
        )


class _LateError(Exception):
    """The error that the time is over before the file is read."""


def import_direct(
    job: Job, is_late: Callable[[], bool], *, hands_over: bool
) -> tuple[Job | None, Plan]:
    """Go through a job's rows; return the job, and the result of each row.

    Return None for the job if it is left to the machine: because time is short or AWS is busy, or,
    if it `hands_over`, because there are too many rows.
    """
    jobs = bootstrap.import_jobs()
    try:
        rows, loaded = _read(job, is_late)
    except _LateError:
        return _hand_over(job, {})
    except InvalidFileError as error:
        if hands_over and isinstance(error, TooManyRowsError):
            return _hand_over(job, {})
        return end(job, Problem(error.problem, str(error))), {}
    job = jobs.change(job.key, Load(loaded)).record or job
    fates: Plan = {}
    for start in range(0, len(rows), BATCH):
        if is_late():
            return _hand_over(job, fates)
        try:
            fates |= RowBatch.of(job, rows[start : start + BATCH], is_last_try=True).run().plan
        except Exception as error:
            if is_transient(error):
                return _hand_over(job, fates)
            end(job, Problem("failed", f"{type(error).__name__}; see the log"))
            raise
    return end(job), fates


def _hand_over(job: Job, fates: Plan) -> tuple[None, Plan]:
    bootstrap.import_jobs().change(job.key, HandOver())
    return None, fates


def _read(job: Job, is_late: Callable[[], bool]) -> tuple[list[Row], Loaded]:
    """Return all rows of a file that has few; it may still be large because of blank lines."""
    file = strategies.opened(job, _in_time(bootstrap.import_bucket().chunks(job.source), is_late))
    rows = [row.fitting() for row in islice(file.rows(), MAX_DIRECT_ROWS + 1)]
    if len(rows) > MAX_DIRECT_ROWS:
        raise TooManyRowsError
    strategies.check_rows(job.table, job.client, job.publish_mode, len(rows))
    return rows, Loaded(len(rows), tuple(file.header), file.columns, Reader.NONE, job.source)


def _in_time(chunks: Iterator[bytes], is_late: Callable[[], bool]) -> Iterator[bytes]:
    for chunk in chunks:
        if is_late():
            raise _LateError
        yield chunk
