"""The plan of an import: its rows, counted on this machine, and their cost."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final

from sfn_cqrs.machines.import_csv.csv.header import Columns
from sfn_cqrs.machines.import_csv.csv.rows import open_csv
from sfn_cqrs_tools.client.prices import EXPRESS_LANE, IMPORTED_ROW, dollars

CHUNK: Final = 1024 * 1024
ROWS_A_SECOND: Final = 2_500
"""An import's top speed: fifty batches of a hundred rows at once, two seconds each."""


@dataclass(frozen=True)
class Plan:
    """The rows of each file, and what they cost at most, in dollars of us-east-1.

    It leaves out the calls of the project's own handlers.
    """

    files: dict[str, int]
    publish_mode: str

    @property
    def rows(self) -> int:
        """Of all files."""
        return sum(self.files.values())

    @property
    def dollars(self) -> float:
        """Return the highest cost."""
        return self.rows * dollars(IMPORTED_ROW[self.publish_mode])

    @property
    def express_dollars(self) -> float | None:
        """Return the highest cost in the express lane, or None if no row can take it."""
        each = IMPORTED_ROW.get(f"{self.publish_mode}{EXPRESS_LANE}")
        return None if each is None else self.rows * dollars(each)

    @property
    def seconds(self) -> float:
        """Return the shortest duration."""
        return self.rows / ROWS_A_SECOND


class _AnyColumns(Columns):
    """Whatever a header names."""

    def assigned(self, header: Sequence[str]) -> tuple[str | None, ...]:
        return (None,) * len(header)

    def count_of_known(self, header: Sequence[str]) -> int:
        return len(header)


_ANY: Final = _AnyColumns((), frozenset())


def plan_of(
    path: Path, kind: str, publish_mode: str, *, encoding: str | None, delimiter: str | None
) -> Plan:
    """Count the rows of a file, or of each file of an archive.

    Raises:
        InvalidFileError, InvalidInputError: it cannot be read in this way.
        BadZipFile: it is not an archive.
    """

    def rows_of(file: IO[bytes]) -> int:
        chunks = iter(partial(file.read, CHUNK), b"")
        opened = open_csv(chunks, _ANY, encoding=encoding, delimiter=delimiter)
        return sum(1 for _ in opened.rows())

    if kind == "csv":
        with path.open("rb") as file:
            return Plan({path.name: rows_of(file)}, publish_mode)
    counts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.lower().endswith(".csv"):
                with archive.open(name) as entry:
                    counts[name] = rows_of(entry)
    return Plan(counts, publish_mode)
