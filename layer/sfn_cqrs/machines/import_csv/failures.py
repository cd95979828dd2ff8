"""The failed and the uncounted rows of a job, in the order of its file."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from heapq import merge
from itertools import islice

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.job import Job, Loaded, Reader
from sfn_cqrs.machines.import_csv.results import FailedRow, Marker

READERS = 16
MISSING = Problem("batch_failed", "the batch of this row failed; the row may be applied, retry it")


def failures(job: Job, loaded: Loaded, problem: Problem | None = None) -> Iterator[FailedRow]:
    """Yield the rows that failed, and the rows without a marker, which failed with the problem."""
    missing = missing_rows(job, loaded)
    return merge(
        counted_failures(job.key),
        (FailedRow(row, problem or MISSING) for row in missing),
        key=lambda failed: failed.row.number,
    )


def missing_rows(job: Job, loaded: Loaded) -> Iterator[Row]:
    """Yield the rows that no marker covers, read again from the file as far as possible."""
    spans = bootstrap.imports().markers(job.key)
    span = next(spans, None)
    for row in _rows_of(job, loaded):
        while span is not None and span.last < row.number:
            span = next(spans, None)
        if span is None or row.number < span.first:
            yield row.fitting()


def counted_failures(key: ImportKey) -> Iterator[FailedRow]:
    """Yield the failed rows of the counted batches, and read some parts ahead."""
    bucket = bootstrap.import_bucket()

    def part(marker: Marker) -> list[FailedRow]:
        return list(bucket.errors(key, marker.first))

    bad = (marker for marker in bootstrap.imports().markers(key) if marker.has_errors)
    with ThreadPoolExecutor(READERS) as pool:
        while some := list(islice(bad, READERS)):
            for rows in pool.map(part, some):
                yield from rows


def _rows_of(job: Job, loaded: Loaded) -> Iterator[Row]:
    bucket = bootstrap.import_bucket()
    try:
        if job.cells is not None:
            yield Row(1, job.row)
        elif loaded.reader is Reader.JSONL or job.undoes:
            yield from map(Row.of_json_line, bucket.lines(loaded.source))
        else:
            yield from strategies.opened(job, bucket.chunks(job.source)).rows()
    except InvalidFileError as error:
        logger.warning("not all rows that are missing can be read", reason=str(error))
