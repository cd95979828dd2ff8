"""Listing and extracting an archive's files; a repeated call finds the work done."""

from collections.abc import Callable

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidFileError, NotPermittedError
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.files import in_time
from sfn_cqrs.machines.import_csv.reserving import measure_archive
from sfn_cqrs.machines.zip_orchestrator.directory import (
    LOCAL_HEADER_BYTES,
    TAIL_BYTES,
    Entry,
    data_offset,
    directory_start,
    entries_of,
)
from sfn_cqrs.machines.zip_orchestrator.inflate import extracted
from sfn_cqrs.machines.zip_orchestrator.job import (
    RETRIED_STATUSES,
    ArchivedFile,
    KeepListed,
    Refuse,
    ZipJob,
    files_of,
)


def list_files(job: ZipJob) -> ZipJob:
    """Store the files of an archive, or why there are none to import; return the job."""
    zips = bootstrap.zip_jobs()
    try:
        files = files_of(_entries(job), job.table, strategies.tables())
        files = [_permitted(job, file) for file in files]
        files = _to_retry(job, files) if job.retries else files
        measure_archive(job, sum(file.place.size for file in files if file.status.is_open))
    except InvalidFileError as error:
        refused = Refuse(Problem(error.problem, str(error)))
        return zips.change(job.key, refused, job).record or job
    zips.put_files(job.key, files)
    return zips.change(job.key, KeepListed(len(files)), job).record or job


def _permitted(job: ZipJob, file: ArchivedFile) -> ArchivedFile:
    """Return the file, refused if the archive's sender may not import into its table."""
    if file.table is None or not file.status.is_open:
        return file
    try:
        strategies.check_publish(file.table, job.client, job.publish_mode)
        strategies.check_step_function(file.table, job.client)
    except NotPermittedError as error:
        return file.refused(Problem(error.code, str(error)))
    return file


def _to_retry(job: ZipJob, files: list[ArchivedFile]) -> list[ArchivedFile]:
    """Return the files that did not succeed in the job before, which had the same archive."""
    before = {file.index: file.status for file in bootstrap.zip_jobs().files(job.retries[0])}
    if not before:
        return files
    return [file for file in files if before.get(file.index) in RETRIED_STATUSES]


def _entries(job: ZipJob) -> list[Entry]:
    bucket, size = bootstrap.zip_bucket(), job.size
    tail = bucket.read(job.source, max(0, size - TAIL_BYTES), min(size, TAIL_BYTES))
    start = directory_start(tail, size)
    missing = size - len(tail) - start
    window = bucket.read(job.source, start, missing) + tail if missing > 0 else tail
    return entries_of(window, size)


def extract(
    job: ZipJob, file: ArchivedFile, remaining_ms: Callable[[], int]
) -> ArchivedFile | None:
    """Put a file where it can be imported, or keep why it cannot.

    Return the file, or None if another function has done it.

    Raises:
        TransientError: the connection to S3 broke.
    """
    zips, bucket = bootstrap.zip_jobs(), bootstrap.zip_bucket()
    try:
        place = file.place
        offset = data_offset(bucket.read(job.source, place.offset, LOCAL_HEADER_BYTES), place)
        data = bucket.windows(job.source, offset, place.compressed)
        pieces = in_time(extracted(data, place), remaining_ms, "extract")
        source = bucket.put_file(job.key, file.index, pieces)
    except InvalidFileError as error:
        return zips.refused(job.key, file.index, Problem(error.problem, str(error)))
    return zips.extracted(job.key, file.index, source)
