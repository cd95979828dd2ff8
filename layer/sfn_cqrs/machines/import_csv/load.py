"""Loading a job's file: one pass counts it, and a second one rewrites it if it is not plain."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv import files, strategies
from sfn_cqrs.machines.import_csv.csv.rows import READ_PROBLEMS, CsvFile, Row
from sfn_cqrs.machines.import_csv.failures import failures, missing_rows
from sfn_cqrs.machines.import_csv.job import MAX_ROWS, Job, Loaded, Reader, Source
from sfn_cqrs.machines.import_csv.reserving import measure_rows
from sfn_cqrs.machines.import_csv.results import KEPT, FailedRow
from sfn_cqrs.machines.import_csv.undo import undone_rows


def load(job: Job, remaining_ms: Callable[[], int]) -> Loaded:
    """Go through a job's file, or write what is left of a job; return what was loaded.

    If the head of the file shows that it is not plain, the file is rewritten at once.

    Raises:
        InvalidFileError: the file cannot be imported; the message says why and what to do.
    """
    loaded = _gone_through(job, remaining_ms)
    strategies.check_rows(job.table, job.client, job.publish_mode, loaded.rows)
    measure_rows(job, loaded.rows)
    return loaded


def _gone_through(job: Job, remaining_ms: Callable[[], int]) -> Loaded:
    if job.loaded is not None:
        return _left(job, job.loaded)
    earlier = _earlier(job) if job.retries else None
    if earlier is not None:
        return _failed_of(earlier, job)
    return undone_rows(job, remaining_ms) if job.undoes else _whole(job, remaining_ms)


def _whole(job: Job, remaining_ms: Callable[[], int]) -> Loaded:
    file = _opened(job, remaining_ms)
    if file.may_be_plain:
        scan = file.scan()
        if scan.obstacle is None:
            return _loaded(file, scan.rows, Reader.NATIVE, job.source)
        logger.info("the file is rewritten", reason=scan.obstacle)
        file = _opened(job, remaining_ms)
    source, count = files.put_rows(job.key, file.rows())
    return _loaded(file, count, Reader.JSONL, source)


def _left(job: Job, loaded: Loaded) -> Loaded:
    """Return the rows of a job that was handed over, without those that are counted."""
    source, _ = files.put_rows(job.key, missing_rows(job, loaded))
    return replace(loaded, reader=Reader.JSONL, source=source)


def _earlier(job: Job) -> Job | None:
    """Return the job whose failed rows this one processes, or None if it has not read its file."""
    earlier = bootstrap.import_jobs().find(ImportKey.of(job.key.tenant, job.retries[0]))
    return earlier if earlier is not None and earlier.loaded is not None else None


def _failed_of(earlier: Job, job: Job) -> Loaded:
    """Return the failed rows of an earlier job, by their numbers in its file."""
    loaded = cast("Loaded", earlier.loaded)
    columns: tuple[str | None, ...] = loaded.header
    if not job.undoes:
        columns = strategies.columns_of(job.table, job.mapping).assigned(loaded.header)
    failed = (each for each in failures(earlier, loaded) if each.problem.code not in KEPT)
    source, count = files.put_rows(job.key, map(_as_retried, failed))
    reader = Reader.JSONL if count else Reader.NONE
    return Loaded(count, loaded.header, columns, reader, source)


def _as_retried(failed: FailedRow) -> Row:
    """Return a row to process again; an error in the row itself stays an error."""
    is_rows_own = failed.problem.code in READ_PROBLEMS
    problem = failed.problem if is_rows_own else failed.row.problem
    return Row(failed.row.number, failed.row.cells, problem)


def _opened(job: Job, remaining_ms: Callable[[], int]) -> CsvFile:
    chunks = bootstrap.import_bucket().chunks(job.source)
    return strategies.opened(job, files.in_time(chunks, remaining_ms, "read"))


def _loaded(file: CsvFile, rows: int, reader: Reader, source: Source) -> Loaded:
    if rows > MAX_ROWS:
        raise InvalidFileError("too_many_rows", f"the file has more than {MAX_ROWS} rows; split it")
    return Loaded(rows, tuple(file.header), file.columns, reader if rows else Reader.NONE, source)
