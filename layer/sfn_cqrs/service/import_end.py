"""Ending a job: every row accounted for, and errors.csv written before the status is."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from heapq import merge
from io import TextIOWrapper
from tempfile import TemporaryFile

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.import_bucket import FailedRow
from sfn_cqrs.domain.csv_report import write_report
from sfn_cqrs.domain.csv_rows import Problem, Row, open_csv
from sfn_cqrs.domain.errors import InvalidFileError, SupersededError, TransientError
from sfn_cqrs.domain.failure import Failure
from sfn_cqrs.domain.import_job import Job, Loaded, Reader, ending_of
from sfn_cqrs.domain.imports import Counts, Marker
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.service import strategies
from sfn_cqrs.service.logs import logger

READERS = 16
Failed = tuple[int, list[str], str, str]


def end_job(key: ImportKey, problem: Problem | None = None) -> Job:
    """End the job of an execution that has come to its end, or has died.

    Raises:
        SupersededError: there is no such job.
        TransientError: a batch may still be counting.
    """
    job = bootstrap.import_jobs().find(key)
    if job is None:
        raise SupersededError(f"there is no import {key.id}")
    return end(job, problem or job.refusal)


def sweep_import(key: ImportKey) -> str:
    """Repair a job that has been open for long, or whose execution has ended.

    A start that was lost is made good. An execution that came to its end without ending the
    job did not get as far as it, so its job is ended by what was counted.
    """
    job = bootstrap.import_jobs().find(key)
    if job is None or not job.status.is_open:
        return "closed"
    execution = bootstrap.import_executions().describe(key)
    if execution is None:
        bootstrap.import_executions().start(key)
        return "started"
    if execution.is_running:
        return "running"
    problem = job.refusal or Problem("execution_ended", f"its execution ended: {execution.error}")
    end(job, problem)
    return "closed"


def problem_of(state_input: object) -> Problem | None:
    """What a Catch caught, as a job tells it; None for anything else."""
    if not isinstance(state_input, dict) or "Error" not in state_input:
        return None
    failure = Failure.of(state_input)
    reason = failure.summary.partition("\n")[0]
    if failure.error == "States.ItemReaderFailed":
        return Problem("unreadable", f"the rows could not be read: {reason}")
    return Problem("failed", f"{failure.error}: {reason}")


def end(job: Job, problem: Problem | None = None) -> Job:
    """End a job, once; whoever comes later is answered how it has ended.

    Where rows are missing, their batches are kept from being counted later: a function that
    nobody waits for any more may still be at work. The problem is what kept the rows, or some
    of them, from being gone through.

    Raises:
        TransientError: the markers and the counters disagree; a batch may still be counting.
    """
    if not job.status.is_open:
        return job
    imports = bootstrap.imports()
    counted = imports.counts(job.key)
    if counted.total < job.total:
        imports.seal(job.key)
        counted = imports.counts(job.key)
    markers = list(imports.markers(job.key))
    if sum((each.counts for each in markers), Counts()) != counted:
        raise TransientError("the markers and the counters of the job disagree")
    ending = ending_of(job, counted, problem)
    if job.loaded is not None and ending.counts.failed:
        _report(job, job.loaded, markers, problem, has_missing=counted != ending.counts)
    return bootstrap.import_jobs().end(job.key, ending)


def _report(
    job: Job, loaded: Loaded, markers: list[Marker], problem: Problem | None, *, has_missing: bool
) -> None:
    with TemporaryFile() as file:
        text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
        failed: Iterable[Failed] = _failed_rows(job, markers)
        if has_missing:
            missing = _missing_rows(job, loaded, markers, problem)
            failed = merge(failed, missing, key=lambda one: one[0])
        write_report(text, loaded.header, failed)
        text.detach()
        file.seek(0)
        bootstrap.import_bucket().put_report(job.key, file)


def _failed_rows(job: Job, markers: list[Marker]) -> Iterator[Failed]:
    """The failed rows of the batches that are counted, read some parts ahead."""
    bucket = bootstrap.import_bucket()

    def part(marker: Marker) -> list[FailedRow]:
        return list(bucket.errors(job.key, marker.first))

    bad = [marker for marker in markers if marker.has_errors]
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(bad), READERS):
            for rows in pool.map(part, bad[start : start + READERS]):
                for each in rows:
                    problem = each.problem
                    yield each.row.number, each.row.cells, problem.code, problem.reason


def _missing_rows(
    job: Job, loaded: Loaded, markers: list[Marker], problem: Problem | None
) -> Iterator[Failed]:
    """The rows of the batches that are not counted, read from the file again."""
    reason = problem or Problem(
        "batch_failed", "the batch of this row failed; the row may be applied, retry it"
    )
    spans = iter(markers)
    span = next(spans, None)
    for row in _rows_of(job, loaded):
        while span is not None and span.last < row.number:
            span = next(spans, None)
        if span is None or row.number < span.first:
            yield row.number, row.cells, reason.code, reason.reason


def _rows_of(job: Job, loaded: Loaded) -> Iterator[Row]:
    """The rows of a job's file, as far as it can still be read."""
    bucket = bootstrap.import_bucket()
    try:
        if loaded.reader is Reader.JSONL:
            yield from map(Row.of_json_line, bucket.lines(loaded.source))
        else:
            yield from open_csv(
                bucket.chunks(job.source),
                strategies.find(job.table).known_columns(),
                encoding=job.encoding,
                delimiter=job.delimiter,
            ).rows()
    except InvalidFileError as error:
        logger.warning("not all rows that are missing can be listed", reason=str(error))
