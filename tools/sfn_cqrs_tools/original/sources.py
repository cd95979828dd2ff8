"""Where the original's rows come from: exports, files of JSON lines, or tables."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

TABLE: Final = "dynamodb:"
"""The prefix of a table's name, in place of a path."""
ENDINGS: Final = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
_OF_AN_EXPORT: Final = "manifest-"


class SourceError(Exception):
    """A source cannot be read."""


def lines_of(source: str, dynamodb: Callable[[], Any]) -> Iterator[tuple[str, str]]:
    """Yield the rows of a file, of a folder, or of the table that `dynamodb:NAME` means.

    Each is its place, for messages, and one line of JSON.

    Raises:
        SourceError: there is nothing to read.
    """
    if source.startswith(TABLE):
        yield from _scanned(dynamodb(), source.removeprefix(TABLE))
        return
    for path in _files(Path(source)):
        with _opened(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}, line {number}", line


def _scanned(client: Any, table: str) -> Iterator[tuple[str, str]]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only for tables

    try:
        for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
            for item in page["Items"]:
                yield f"the table {table}", json.dumps(item, default=_text)
    except (BotoCoreError, ClientError) as error:
        raise SourceError(f"the table {table} cannot be read: {error}") from error


def _text(value: bytes) -> str:
    """Return binary values as an export has them."""
    return base64.b64encode(value).decode()


def _files(path: Path) -> list[Path]:
    """Return the files of rows; an export has its manifests beside them."""
    if path.is_file():
        return [path]
    found = sorted(
        each
        for each in path.rglob("*")
        if each.name.endswith(ENDINGS) and not each.name.startswith(_OF_AN_EXPORT)
    )
    if not found:
        raise SourceError(f"{path} has no files that end with {', '.join(ENDINGS)}")
    return found


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")
