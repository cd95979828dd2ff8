"""The file of an import, and the request for it."""

from typing import Any, Protocol

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.import_bucket import Head
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import checked_delimiter
from sfn_cqrs.domain.csv_text import checked_encoding
from sfn_cqrs.domain.errors import FileTooLargeError, ForeignFileError, NoSuchFileError
from sfn_cqrs.domain.import_job import MAX_FILE_BYTES, Source
from sfn_cqrs.domain.imports import PublishMode
from sfn_cqrs.service.commands.service import Caller


class _Asked(Protocol):
    @property
    def encoding(self) -> str | None: ...

    @property
    def delimiter(self) -> str | None: ...

    @property
    def publish_mode(self) -> PublishMode: ...

    @property
    def dry_run(self) -> bool: ...


def found(below: str, key: str, version_id: str | None = None) -> tuple[Source, Head]:
    """Return the object to import, by default in its current version.

    Raises:
        ForeignFileError, NoSuchFileError, FileTooLargeError: it cannot be imported.
    """
    if not key.startswith(below):
        raise ForeignFileError(below)
    head = bootstrap.import_bucket().head(key, version_id)
    if head is None:
        raise NoSuchFileError(key)
    if head.size > MAX_FILE_BYTES:
        raise FileTooLargeError(MAX_FILE_BYTES)
    return bootstrap.import_bucket().source(key, head.version_id), head


def as_asked(request: _Asked) -> dict[str, Any]:
    """Return the job's settings for how its file is read and published.

    Raises:
        InvalidInputError: there is no such encoding or delimiter.
    """
    return {
        "encoding": checked_encoding(request.encoding) if request.encoding else None,
        "delimiter": checked_delimiter(request.delimiter) if request.delimiter else None,
        "publish_mode": request.publish_mode,
        "dry_run": request.dry_run,
    }


def made_by(caller: Caller, at: str) -> dict[str, Any]:
    """Return the new job's fields about the caller."""
    by = Audit(at, caller.user, caller.ip)
    return {"by": by, "updated_at": at, "client": caller.client, "trace": bootstrap.trace()}
