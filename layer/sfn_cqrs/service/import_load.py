"""Loading a job's file: counted in one pass, and rewritten in another if it is not plain."""

from collections.abc import Iterator

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.csv_rows import CsvFile, open_csv
from sfn_cqrs.domain.import_job import Job, Loaded, Reader, Source
from sfn_cqrs.service import strategies
from sfn_cqrs.service.logs import logger


def load(job: Job) -> Loaded:
    """Go through a job's file.

    What is known at the head of the file not to be plain is rewritten at once.

    Raises:
        InvalidFileError: it cannot be imported; the message says why and what to do.
    """
    file = _opened(job)
    if file.may_be_plain:
        scan = file.scan()
        if scan.obstacle is None:
            return _loaded(file, scan.rows, Reader.NATIVE, job.source)
        logger.info("the file is rewritten", reason=scan.obstacle)
        file = _opened(job)
    rows = _Counted(file)
    source = bootstrap.import_bucket().put_rows(job.key, rows.lines())
    return _loaded(file, rows.count, Reader.JSONL, source)


class _Counted:
    def __init__(self, file: CsvFile) -> None:
        self._file = file
        self.count = 0

    def lines(self) -> Iterator[str]:
        for row in self._file.rows():
            self.count += 1
            yield row.as_json_line()


def _opened(job: Job) -> CsvFile:
    return open_csv(
        bootstrap.import_bucket().chunks(job.source),
        strategies.find(job.table).known_columns(),
        encoding=job.encoding,
        delimiter=job.delimiter,
    )


def _loaded(file: CsvFile, rows: int, reader: Reader, source: Source) -> Loaded:
    return Loaded(rows, tuple(file.header), file.columns, reader if rows else Reader.NONE, source)
