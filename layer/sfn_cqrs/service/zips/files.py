"""Listing and extracting an archive's files; whoever does it again finds it done."""

from collections.abc import Callable, Iterator

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.errors import InvalidFileError, SupersededError
from sfn_cqrs.domain.keys import ZipKey, ZipRef
from sfn_cqrs.domain.zip_directory import (
    LOCAL_HEADER_BYTES,
    TAIL_BYTES,
    Entry,
    data_offset,
    directory_start,
    entries_of,
)
from sfn_cqrs.domain.zip_inflate import extracted
from sfn_cqrs.domain.zip_job import (
    MAX_ATTEMPTS,
    RETRIED_STATUSES,
    ArchivedFile,
    Begin,
    FileStatus,
    KeepListed,
    Refuse,
    ZipJob,
    files_of,
)
from sfn_cqrs.service.imports import strategies

MARGIN_MS = 30_000
"""What an extraction that gives up in time still needs."""


def list_zip(ref: ZipRef) -> list[int]:
    """The files that are to be imported, by their indexes; the first time the archive is read.

    Raises:
        SupersededError: the attempt does not own the job.
    """
    begun = bootstrap.zip_jobs().change(ref.key, Begin(ref.attempt))
    job = begun.record
    if job is None or job.attempt != ref.attempt:
        raise SupersededError(f"attempt {ref.attempt} no longer owns {ref.key.id}")
    if not begun.done:
        return []
    if job.files is None:
        job = _listed(job)
    if job.is_cancelled or job.attempt > MAX_ATTEMPTS:
        return []
    return [file.index for file in bootstrap.zip_jobs().files(job.key) if file.status.is_open]


def extract_file(key: ZipKey, index: int, remaining_ms: Callable[[], int]) -> bool:
    """Extract a file, unless somebody has; whether it is there and may be imported.

    Raises:
        SupersededError: there is no such job or file.
        TransientError: the connection to S3 broke.
    """
    zips = bootstrap.zip_jobs()
    job, file = zips.find(key), zips.file(key, index)
    if job is None or file is None:
        raise SupersededError(f"{key.id} has no file {index}")
    if job.is_cancelled or not job.status.is_open:
        return False
    if file.status is FileStatus.CREATED:
        file = _extracted(job, file, remaining_ms) or zips.file(key, index) or file
    return file.status in (FileStatus.EXTRACTED, FileStatus.PROCESSING)


def _listed(job: ZipJob) -> ZipJob:
    zips = bootstrap.zip_jobs()
    try:
        files = files_of(_entries(job), job.table, strategies.tables())
        files = _to_retry(job, files) if job.retries else files
    except InvalidFileError as error:
        refused = Refuse(Problem(error.problem, str(error)))
        return zips.change(job.key, refused, job).record or job
    zips.put_files(job.key, files)
    return zips.change(job.key, KeepListed(len(files)), job).record or job


def _to_retry(job: ZipJob, files: list[ArchivedFile]) -> list[ArchivedFile]:
    """Those that did not go well in the job before; that archive was the very same."""
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


def _extracted(
    job: ZipJob, file: ArchivedFile, remaining_ms: Callable[[], int]
) -> ArchivedFile | None:
    zips, bucket = bootstrap.zip_jobs(), bootstrap.zip_bucket()
    try:
        place = file.place
        offset = data_offset(bucket.read(job.source, place.offset, LOCAL_HEADER_BYTES), place)
        data = bucket.windows(job.source, offset, place.compressed)
        pieces = _in_time(extracted(data, place), remaining_ms)
        source = bucket.put_file(job.key, file.index, pieces)
    except InvalidFileError as error:
        return zips.refused(job.key, file.index, Problem(error.problem, str(error)))
    return zips.extracted(job.key, file.index, source)


def _in_time(pieces: Iterator[bytes], remaining_ms: Callable[[], int]) -> Iterator[bytes]:
    for piece in pieces:
        if remaining_ms() < MARGIN_MS:
            raise InvalidFileError("too_slow", "the file takes too long to extract; split it")
        yield piece
