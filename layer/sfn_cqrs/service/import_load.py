"""Loading a job's file: counted in one pass, and rewritten in another if it is not plain."""

from collections.abc import Callable, Iterator

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.import_bucket import results_prefix
from sfn_cqrs.domain.csv_rows import CsvFile, Problem, open_csv
from sfn_cqrs.domain.errors import InvalidFileError, SupersededError
from sfn_cqrs.domain.import_job import MAX_ROWS, Job, Loaded, Reader, Source
from sfn_cqrs.service import strategies
from sfn_cqrs.service.logs import logger

MARGIN_MS = 30_000
"""What a loader that gives up in time still needs."""


def load_job(job: Job, remaining_ms: Callable[[], int]) -> dict[str, object]:
    """Load a job's file, and tell its machine who reads the rows; nobody reads a bad file.

    Raises:
        SupersededError: the job has ended meanwhile.
    """
    try:
        loaded = job.loaded or load(job, remaining_ms)
    except InvalidFileError as error:
        problem = Problem(error.problem, str(error))
        _still_open(job, bootstrap.import_jobs().refuse(job.key, problem))
        return {"result": str(Reader.NONE)}
    if job.loaded is None:
        _still_open(job, bootstrap.import_jobs().loaded(job.key, loaded))
    source = loaded.source
    return {
        "result": str(loaded.reader),
        "id": job.key.id,
        "tenant": job.key.tenant,
        "source": {
            "bucket": source.bucket,
            "key": source.key,
            "versionId": source.version_id,
        },
        "results": results_prefix(job.key),
    }


def load(job: Job, remaining_ms: Callable[[], int]) -> Loaded:
    """Go through a job's file.

    What is known at the head of the file not to be plain is rewritten at once.

    Raises:
        InvalidFileError: it cannot be imported; the message says why and what to do.
    """
    file = _opened(job, remaining_ms)
    if file.may_be_plain:
        scan = file.scan()
        if scan.obstacle is None:
            return _loaded(file, scan.rows, Reader.NATIVE, job.source)
        logger.info("the file is rewritten", reason=scan.obstacle)
        file = _opened(job, remaining_ms)
    rows = _Counted(file)
    source = bootstrap.import_bucket().put_rows(job.key, rows.lines())
    return _loaded(file, rows.count, Reader.JSONL, source)


def _still_open(job: Job, written: Job | None) -> None:
    if written is None:
        raise SupersededError(f"{job.key.id} has ended")


class _Counted:
    def __init__(self, file: CsvFile) -> None:
        self._file = file
        self.count = 0

    def lines(self) -> Iterator[str]:
        for row in self._file.rows():
            self.count += 1
            yield row.as_json_line()


def _opened(job: Job, remaining_ms: Callable[[], int]) -> CsvFile:
    return open_csv(
        _in_time(bootstrap.import_bucket().chunks(job.source), remaining_ms),
        strategies.find(job.table).known_columns(),
        encoding=job.encoding,
        delimiter=job.delimiter,
    )


def _in_time(chunks: Iterator[bytes], remaining_ms: Callable[[], int]) -> Iterator[bytes]:
    for chunk in chunks:
        if remaining_ms() < MARGIN_MS:
            raise InvalidFileError("too_slow", "the file takes too long to read; split it")
        yield chunk


def _loaded(file: CsvFile, rows: int, reader: Reader, source: Source) -> Loaded:
    if rows > MAX_ROWS:
        raise InvalidFileError("too_many_rows", f"the file has more than {MAX_ROWS} rows; split it")
    return Loaded(rows, tuple(file.header), file.columns, reader if rows else Reader.NONE, source)
