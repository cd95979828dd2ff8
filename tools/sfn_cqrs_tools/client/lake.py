"""A lake: files of states in a folder or a bucket, and a note of how far they go."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import uuid4

from botocore.exceptions import ClientError

NOTE: Final = "export.json"
FORMATS: Final = ("jsonl", "parquet")
COLUMNS: Final = {
    "tenant": "VARCHAR",
    "type": "VARCHAR",
    "code": "VARCHAR",
    "version": "BIGINT",
    "name": "VARCHAR",
    "attributes": "JSON",
    "isDeleted": "BOOLEAN",
    "createdAt": "TIMESTAMP",
    "createdBy": "VARCHAR",
    "updatedAt": "TIMESTAMP",
    "updatedBy": "VARCHAR",
    "source": "VARCHAR",
}
LARGEST: Final = 64 * 1024**2
"""The largest line in bytes: attributes have four million at most, escaped."""
_MISSING: Final = ("NoSuchKey", "404")


class NoParquetError(Exception):
    """The package that writes Parquet is not installed."""


class Place(Protocol):
    """Where a lake is."""

    def read(self, name: str) -> str | None:
        """Return a file's text, or None if there is no such file."""

    def write(self, name: str, text: str) -> None:
        """Write a file."""

    def put(self, name: str, file: Path) -> None:
        """Move a file here."""

    def delete(self, name: str) -> None:
        """Delete a file, if there is one."""


class Folder:
    """A lake on this machine."""

    def __init__(self, root: Path) -> None:
        """Use a folder, which is made when something is put there."""
        self._root = root

    def read(self, name: str) -> str | None:
        """Return a file's text, or None if there is no such file."""
        path = self._root / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def write(self, name: str, text: str) -> None:
        """Write a file at once, or not at all."""
        with self._replacing(name) as new:
            new.write_text(text, encoding="utf-8")

    def put(self, name: str, file: Path) -> None:
        """Copy a file here at once, or not at all."""
        with self._replacing(name) as new:
            shutil.copyfile(file, new)

    def delete(self, name: str) -> None:
        """Delete a file, if there is one."""
        (self._root / name).unlink(missing_ok=True)

    @contextmanager
    def _replacing(self, name: str) -> Iterator[Path]:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        yield new
        new.replace(path)


class Bucket:
    """A lake in S3."""

    def __init__(self, client: Any, url: str) -> None:
        """Use the bucket and the prefix of `s3://bucket/prefix`."""
        self._client = client
        self._bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""

    def read(self, name: str) -> str | None:
        """Return an object's text, or None if there is no such object."""
        try:
            answer = self._client.get_object(**self._at(name))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            return None
        text: str = answer["Body"].read().decode()
        return text

    def write(self, name: str, text: str) -> None:
        """Put an object."""
        self._client.put_object(**self._at(name), Body=text.encode())

    def put(self, name: str, file: Path) -> None:
        """Upload a file, in parts if it is large."""
        at = self._at(name)
        self._client.upload_file(str(file), at["Bucket"], at["Key"])

    def delete(self, name: str) -> None:
        """Delete an object, if there is one."""
        self._client.delete_object(**self._at(name))

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}{name}"}


@dataclass(slots=True)
class Note:
    """The moment from which the next export continues, its tenant, and the existing files."""

    next: str = ""
    tenant: str | None = None
    files: list[str] = field(default_factory=list)


class Lake:
    """The files of a lake and its note."""

    def __init__(self, place: Place, format_: str) -> None:
        """Write files of this format."""
        self._place, self._format = place, format_

    def note(self) -> Note:
        """Return how far the lake goes."""
        text = self._place.read(NOTE)
        return Note(**json.loads(text)) if text else Note()

    def add(
        self, states: Iterable[dict[str, Any]], note: Note, begun: str, *, is_whole: bool
    ) -> int:
        """Add states as one file; if they are all that there are, delete the other files.

        A file is in the note before it is written, so each one is found again whatever happens.
        """
        name = f"states/date={begun[:10]}/{begun.replace(':', '')}-{uuid4().hex[:8]}.{self._format}"
        with written(states, self._format) as (file, count):
            if count or is_whole:
                self._keep(Note(note.next, note.tenant, [*note.files, name]))
                self._place.put(name, file)
        files = [name] if is_whole else [*note.files, *([name] if count else [])]
        for old in note.files if is_whole else ():
            self._place.delete(old)
        self._keep(Note(begun, note.tenant, files))
        return count

    def _keep(self, note: Note) -> None:
        self._place.write(NOTE, json.dumps(asdict(note), indent=1))


@contextmanager
def written(states: Iterable[dict[str, Any]], format_: str) -> Iterator[tuple[Path, int]]:
    """Write states to a temporary file, and yield it with their count.

    Raises:
        NoParquetError: it is to be Parquet, and DuckDB is not installed.
    """
    if format_ == "parquet":
        _duckdb()
    with tempfile.TemporaryDirectory() as folder:
        lines, count = Path(folder, "states.jsonl"), 0
        with lines.open("w", encoding="utf-8") as file:
            for count, each in enumerate(states, 1):  # noqa: B007
                file.write(f"{json.dumps(each, ensure_ascii=False)}\n")
        if format_ == "jsonl":
            yield lines, count
            return
        parquet = Path(folder, "states.parquet")
        with _duckdb().connect() as database:
            how = f"columns = {COLUMNS}, maximum_object_size = {LARGEST}"
            rows = f"SELECT * FROM read_json($lines, format = 'newline_delimited', {how})"  # nosec B608
            database.execute(
                f"COPY ({rows}) TO $parquet (FORMAT parquet, COMPRESSION zstd)",
                {"lines": str(lines), "parquet": str(parquet)},
            )
        yield parquet, count


def _duckdb() -> Any:
    try:
        import duckdb  # noqa: PLC0415 - few need it
    except ImportError as error:
        raise NoParquetError(
            "Parquet needs DuckDB: pip install 'sfn-cqrs-tools[lake]', or take --format jsonl"
        ) from error
    return duckdb
