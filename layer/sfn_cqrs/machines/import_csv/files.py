"""The file of an import, and the request for it."""

from collections.abc import Callable, Iterator
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import (
    FileTooLargeError,
    ForeignFileError,
    InvalidFileError,
    NoSuchFileError,
)
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.machines.import_csv.bucket import Head
from sfn_cqrs.machines.import_csv.csv.rows import Row, checked_delimiter
from sfn_cqrs.machines.import_csv.csv.text import checked_encoding
from sfn_cqrs.machines.import_csv.job import MAX_FILE_BYTES, Source

MAX_KEY_BYTES = 1024
"""S3 has no object with a longer key, and refuses to look for one."""
MARGIN_MS = 30_000
"""The time that a function needs to stop before its limit."""


def found(below: str, key: str, version_id: str | None = None) -> tuple[Source, Head]:
    """Return the object to import, by default in its current version.

    Raises:
        ForeignFileError, NoSuchFileError, FileTooLargeError: it cannot be imported.
    """
    if not key.startswith(below):
        raise ForeignFileError(below)
    is_possible = len(key.encode()) <= MAX_KEY_BYTES
    head = bootstrap.import_bucket().head(key, version_id) if is_possible else None
    if head is None:
        raise NoSuchFileError(key[:MAX_KEY_BYTES])
    if head.size > MAX_FILE_BYTES:
        raise FileTooLargeError(MAX_FILE_BYTES)
    return bootstrap.import_bucket().source(key, head.version_id), head


def read_as(encoding: str | None, delimiter: str | None) -> dict[str, Any]:
    """Return the job's settings for how its file is read.

    Raises:
        InvalidInputError: there is no such encoding or delimiter.
    """
    return {
        "encoding": checked_encoding(encoding) if encoding else None,
        "delimiter": checked_delimiter(delimiter) if delimiter else None,
    }


def made_by(caller: Caller, at: str) -> dict[str, Any]:
    """Return the new job's fields about the caller."""
    by = Audit(at, caller.user, caller.ip)
    return {
        "by": by,
        "updated_at": at,
        "client": caller.client,
        "trace": bootstrap.trace(),
        "depth": depth_here(),
    }


def in_time(
    pieces: Iterator[bytes], remaining_ms: Callable[[], int], doing: str
) -> Iterator[bytes]:
    """Yield the pieces of a file while there is time.

    Raises:
        InvalidFileError: the function has to stop before the file's end.
    """
    for piece in pieces:
        if remaining_ms() < MARGIN_MS:
            raise InvalidFileError("too_slow", f"the file takes too long to {doing}; split it")
        yield piece


def put_rows(key: ImportKey, rows: Iterator[Row]) -> tuple[Source, int]:
    """Write rows for the machine to read; return where they are, and how many."""
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        for row in rows:
            count += 1
            yield row.as_json_line()

    return bootstrap.import_bucket().put_rows(key, lines()), count
