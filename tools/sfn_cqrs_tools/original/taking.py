"""Takes the tables of the TypeScript framework over into a stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from botocore.exceptions import ClientError

from sfn_cqrs_tools.original.items import Items
from sfn_cqrs_tools.original.report import Report
from sfn_cqrs_tools.original.rows import S3, Load, Reading, RefusedError
from sfn_cqrs_tools.original.shelf import Kind, Shelf
from sfn_cqrs_tools.original.tasks import Tasks

Sources = Mapping[Kind, Sequence[str]]
Client = Callable[[], Any]
_DATABASE: Final = "rows.sqlite"


@contextmanager
def shelf_of(sources: Sources, dynamodb: Client, path: Path | None) -> Iterator[Shelf]:
    """Read all sources, into a database that is kept or into a temporary one.

    Raises:
        SourceError: one cannot be read.
    """
    with TemporaryDirectory(prefix="sfn-cqrs-original-") as folder:
        shelf = Shelf(path or Path(folder) / _DATABASE)
        try:
            for kind, places in sources.items():
                for place in places:
                    shelf.read(kind, place, dynamodb)
            yield shelf
        finally:
            shelf.close()


def take(
    shelf: Shelf,
    reading: Reading,
    report: Report,
    *,
    tenant: str | None = None,
    is_dry: bool = False,
) -> None:
    """Take items, then tasks, into the stack that the environment names."""
    Items(shelf, reading, report, tenant=tenant, is_dry=is_dry).take()
    Tasks(shelf, reading, report, tenant=tenant, is_dry=is_dry).take()


def loader(folder: Path | None, s3: Client) -> Load:
    """Return what reads attributes in S3: from a copy of the bucket, or from the bucket."""

    def load(address: str) -> Any:
        bucket, _, key = address.removeprefix(S3).partition("/")
        try:
            body = _object(s3(), bucket, key) if folder is None else _file(folder, key)
            return json.loads(body, parse_float=Decimal)
        except (ClientError, OSError, ValueError) as error:
            raise RefusedError(f"{address} cannot be read: {error}") from error

    return load


def _object(s3: Any, bucket: str, key: str) -> bytes:
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def _file(folder: Path, key: str) -> bytes:
    """Read a file of the copy, and no file beside it."""
    path = (folder / key).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError("the key leaves the folder")
    return path.read_bytes()
