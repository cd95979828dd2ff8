"""Reads the columns of a CSV file from a sample."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sfn_cqrs.kernel.errors import InvalidFileError, InvalidInputError
from sfn_cqrs.machines.import_csv.csv import cells
from sfn_cqrs.machines.import_csv.csv.header import Columns, folded
from sfn_cqrs.machines.import_csv.csv.rows import CsvFile, open_csv
from sfn_cqrs_tools.scaffold.changes import ScaffoldError

MOST_ROWS = 10_000
FIRST_ROWS = 2
MOST_DIGITS = 15  # longer ones are numbers of accounts and cards, not amounts
WIDEST = 40
CHUNK = 1024 * 1024
CODE_NAMES = ("code", "id", "key", "コード", "番号")
NAME_NAMES = ("name", "title", "label", "名前", "名称", "氏名", "名")
READERS: dict[str, cells.Reader] = {
    "integer": cells.integer,
    "number": cells.number,
    "boolean": cells.boolean,
    "date": cells.date,
}


@dataclass(frozen=True)
class SampleColumn:
    """A column: its name as the header has it, its kind, and whether no row leaves it empty."""

    name: str
    kind: str
    is_filled: bool
    is_unique: bool
    example: str


@dataclass(frozen=True)
class Sample:
    """A sample's columns, its first good rows, and how the file is to be read."""

    columns: tuple[SampleColumn, ...]
    first: tuple[dict[str, str], ...]
    encoding: str
    delimiter: str

    def column(self, name: str) -> SampleColumn:
        """Return a column by its name, compared as the reader of headers compares.

        Raises:
            ScaffoldError: there is none.
        """
        found = next((each for each in self.columns if folded(each.name) == folded(name)), None)
        if found is None:
            names = ", ".join(each.name for each in self.columns)
            raise ScaffoldError(f"the sample has no column {name!r}; it has {names}")
        return found

    def code(self) -> SampleColumn:
        """Return the column that is most likely the item's code: filled, and different in each row.

        Raises:
            ScaffoldError: no column is.
        """
        keys = [each for each in self.columns if each.is_filled and each.is_unique]
        if not keys:
            raise ScaffoldError(
                "no column of the sample is filled and different in each row; --code COLUMN names"
                " the one that is the item's code"
            )
        return _first_named(CODE_NAMES, keys) or keys[0]

    def title(self, code: SampleColumn) -> SampleColumn:
        """Return the column that is most likely the item's name, or else its code."""
        filled = [each for each in self.columns if each.is_filled and each.kind == "text"]
        return _first_named(NAME_NAMES, filled) or code


def read_sample(path: Path, encoding: str | None, delimiter: str | None) -> Sample:
    """Read a sample with the reader that imports have.

    Raises:
        ScaffoldError: it is not a CSV file with named columns and rows, or a declaration is wrong.
    """
    try:
        with path.open("rb") as file:
            chunks = iter(lambda: file.read(CHUNK), b"")
            anything = Columns((), frozenset(), refuses_unknown=False)
            opened = open_csv(chunks, anything, encoding=encoding, delimiter=delimiter)
            return _sample_of(opened)
    except OSError as error:
        raise ScaffoldError(f"--from {path}: {error.strerror}") from error
    except (InvalidFileError, InvalidInputError) as error:
        raise ScaffoldError(f"--from {path}: {error}") from error


def _sample_of(file: CsvFile) -> Sample:
    names = [name.strip() for name in file.header]
    Columns(tuple(names), frozenset()).assigned(names)
    wide = next((name for name in names if not name or width(name) > WIDEST), None)
    if wide is not None:
        raise ScaffoldError(
            f"the column {wide!r} needs a name of 1 to {WIDEST} characters in the sample's header"
        )
    rows = list(itertools.islice(file.rows(), MOST_ROWS))
    good = [[cell.strip() for cell in row.cells] for row in rows if row.problem is None]
    if not good:
        raise ScaffoldError("the sample has no good row below its header; give it at least one")
    columns = tuple(
        _column(name, values) for name, values in zip(names, zip(*good, strict=True), strict=True)
    )
    first = tuple(dict(zip(names, cells, strict=True)) for cells in good[:FIRST_ROWS])
    return Sample(columns, first, file.text.encoding, file.delimiter)


def _column(name: str, values: Sequence[str]) -> SampleColumn:
    given = [value for value in values if value]
    is_filled = len(given) == len(values)
    example = min(given, key=width, default="")
    return SampleColumn(name, _kind(given), is_filled, len(set(values)) == len(values), example)


def _kind(values: Sequence[str]) -> str:
    if not values or any(_is_a_name(value) for value in values):
        return "text"
    return next(
        (
            kind
            for kind, reader in READERS.items()
            if all(_is_read_by(reader, value) for value in values)
        ),
        "text",
    )


def _is_a_name(value: str) -> bool:
    """Digits that would lose something as a number: leading zeros, or more than a number holds."""
    digits = value.lstrip("+-")
    return value.startswith("+") or (
        digits.isdigit()
        and (len(digits) > MOST_DIGITS or (digits.startswith("0") and digits != "0"))
    )


def _is_read_by(reader: cells.Reader, value: str) -> bool:
    try:
        reader("", value)
    except InvalidInputError:
        return False
    return True


def _first_named(names: Sequence[str], columns: Sequence[SampleColumn]) -> SampleColumn | None:
    """Return the column of one of these names, or else one whose name ends so."""
    matches = (
        column
        for is_like in (str.__eq__, str.endswith)
        for name in names
        for column in columns
        if is_like(folded(column.name), name)
    )
    return next(matches, None)


def width(text: str) -> int:
    """Return how many columns of a screen a text takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
