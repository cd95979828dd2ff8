"""The rows of a CSV file, in one streaming pass.

A row's number is the one that a spreadsheet shows: the header is row 1, a blank line is a
row, and a cell with line breaks is part of one.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sfn_cqrs.kernel.errors import InvalidFileError, InvalidInputError
from sfn_cqrs.machines.import_csv.csv.formulas import plain
from sfn_cqrs.machines.import_csv.csv.header import Columns
from sfn_cqrs.machines.import_csv.csv.text import Text, checked_encoding

DELIMITERS = (",", ";", "\t", "|")
MAX_ROW_BYTES = 100_000
"""The largest row as JSON; a batch carries its rows twice and must stay below 256 KiB."""
MAX_ROW = 16 * 1024 * 1024
"""Characters of one row, however many lines it has; more is a quote that was never closed."""
READ_PROBLEMS = ("ragged", "quote", "nul", "too_large")
"""The codes of what may be wrong with a row before anybody looks into its cells."""
MAX_PLAIN_LINE = 10_000
MAX_PLAIN_HEADER = 10_000
MAX_SHOWN = 200
MAX_REASON = 2_000
"""Characters; a strategy may quote a whole cell."""
_STRAY_QUOTE = re.compile(r'"(?=[^,\r\n"])(?<=[^,\r\n"]")')
_DOUBLED_QUOTE = re.compile(r'""(?<=[^,\r\n"]"")')
_QUOTED_CELL = re.compile(r'(?<![^,\r\n])"(?:[^"]|"")*+"(?![^,\r\n])')
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_ROW))  # of the whole process


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be imported: a stable code, and a reason that a person understands."""

    code: str
    reason: str

    def __post_init__(self) -> None:
        """Cut a reason that is too long to read."""
        if len(self.reason) > MAX_REASON:
            object.__setattr__(self, "reason", f"{self.reason[: MAX_REASON - 1]}…")


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not blank, its cells in the order of the file."""

    number: int
    cells: list[str]
    problem: Problem | None = None

    def as_json_line(self) -> str:
        """The row as the machine reads it, cut if it is too large."""
        line = self._line()
        return line if _fits(line) else self._cut()._line()

    @classmethod
    def of_json_line(cls, line: str | bytes) -> "Row":
        """Read a row back."""
        return cls.of_json(json.loads(line))

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> "Row":
        """Read a row back, as the machine's reader gives it."""
        problem = value.get("problem")
        return cls(value["row"], value["cells"], Problem(*problem) if problem else None)

    def fitting(self) -> "Row":
        """The row, or one that is cut and says that it is too large."""
        return self if _fits(self._line()) else self._cut()

    def _cut(self) -> "Row":
        too_large = Problem("too_large", f"the row has more than {MAX_ROW_BYTES} bytes")
        budget = MAX_ROW_BYTES // 8
        cells = []
        for cell in self.cells:
            cells.append(cell[: min(MAX_SHOWN, budget)])
            budget -= len(cells[-1])
        return Row(self.number, cells, too_large)

    def _line(self) -> str:
        value: dict[str, object] = {"row": self.number, "cells": self.cells}
        if self.problem is not None:
            value["problem"] = [self.problem.code, self.problem.reason]
        return _encode(value)


@dataclass(frozen=True, slots=True)
class Scan:
    """The result of the pass over a file.

    `rows` are those that are not blank. `obstacle` is why AWS's own reader could read
    something else; none means that the file is plain, and is read as it is.
    """

    rows: int
    obstacle: str | None


@dataclass(slots=True)
class _Records:
    """The records of a text; `row` is the number of the last one, blank ones included.

    `obstacle` is what was met that no plain file has, `has_nul` whether a NUL was.
    """

    row: int = 0
    obstacle: str | None = None
    has_nul: bool = False
    fault: Problem | None = None
    lines: int = 0

    def of(self, blocks: Iterator[str], delimiter: str) -> Iterator[list[str]]:
        """Yield each record's cells; none for a blank one, or one that has a `fault`.

        Raises:
            InvalidFileError: naming the row from which on nothing can be read.
        """
        reader = csv.reader(
            chain.from_iterable(self._lines(blocks)), delimiter=delimiter, strict=True
        )
        while True:
            try:
                for cells in reader:
                    self.row += 1
                    yield cells
                break
            except csv.Error as error:
                self.row += 1
                self.fault = self._fault(str(error))
                yield []
                self.fault = None
        self.lines = reader.line_num

    def _fault(self, message: str) -> Problem:
        if "expected after" in message:
            return Problem("quote", "text follows a closing quote; double a quote inside a cell")
        if "end of data" in message:
            raise InvalidFileError("quote", f"row {self.row} opens a quote that is never closed")
        raise self._endless(self.row)

    def _lines(self, blocks: Iterator[str]) -> Iterator[list[str]]:
        """Cut text at CRLF, CR and LF only, and look at each piece."""
        carry, row, size = "", 0, 0
        for block in chain(self._located(blocks), ("",)):
            text = carry + block
            cut = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1 if block else len(text)
            carry = text[cut:]
            size = len(text) if row != self.row else size + len(block)
            row = self.row
            if size > MAX_ROW:
                raise self._endless(self.row + 1)
            lines = io.StringIO(text[:cut], newline="").readlines()
            self._look_at(text[:cut], lines)
            yield lines

    def _located(self, blocks: Iterator[str]) -> Iterator[str]:
        try:
            yield from blocks
        except InvalidFileError as error:
            raise InvalidFileError(error.problem, f"row {self.row + 1}: {error}") from error

    def _look_at(self, text: str, lines: list[str]) -> None:
        self.has_nul = self.has_nul or "\x00" in text
        if self.obstacle is None:
            self.obstacle = _obstacle(text, lines)

    @staticmethod
    def _endless(row: int) -> InvalidFileError:
        return InvalidFileError(
            "endless_row",
            f"row {row} has more than {MAX_ROW} characters, or opens a quote that is never closed",
        )


@dataclass(slots=True)
class CsvFile:
    """A file whose header has been read; its rows can be gone through once.

    `columns` names the column of each cell of a row; an empty file has none. In a report,
    an errors.csv, cells lose the apostrophe that keeps them from being formulas.
    """

    header: list[str]
    columns: tuple[str | None, ...]
    delimiter: str
    header_row: int
    text: Text
    is_report: bool
    _records: _Records = field(repr=False)
    _cells: Iterator[list[str]] = field(repr=False)

    def scan(self) -> Scan:
        """Count the rows, and look whether AWS's own reader would read the same ones.

        Raises:
            InvalidFileError: naming the row from which on nothing can be read.
        """
        records, width = self._records, len(self.header)
        rows = 0
        obstacle = None
        for cells in self._cells:
            if len(cells) == width and any(map(str.strip, cells)):
                rows += 1
            elif records.fault or any(map(str.strip, cells)):
                rows += 1
                obstacle = "a ragged row"
            else:
                obstacle = obstacle or "a blank row"
        if records.lines != records.row:
            obstacle = obstacle or "a line break in a cell"
        return Scan(rows, self._obstacle_at_head() or obstacle or records.obstacle)

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are not blank; a bad one carries its problem.

        Raises:
            InvalidFileError: naming the row from which on nothing can be read.
        """
        records, width = self._records, len(self.header)
        for cells in self._cells:
            if records.fault is None and not any(map(str.strip, cells)):
                continue
            problem = records.fault
            if problem is None and len(cells) != width:
                problem = Problem(
                    "ragged", f"the row has {_cells(len(cells))}, the header {_cells(width)}"
                )
            elif records.has_nul and "\x00" in "".join(cells):
                problem = Problem("nul", "a cell holds a NUL character")
            yield Row(records.row, [*map(plain, cells)] if self.is_report else cells, problem)

    @property
    def may_be_plain(self) -> bool:
        """Whether what is known so far allows AWS's own reader."""
        return self._obstacle_at_head() is None and self._records.obstacle is None

    def _obstacle_at_head(self) -> str | None:
        if self.text.encoding != "utf-8" or self.text.has_bom:
            return "another encoding than UTF-8 without a byte order mark"
        if self.delimiter != ",":
            return "another delimiter than the comma"
        if any(name != name.strip() for name in self.header):
            return "blanks around a name of the header"
        if len(set(self.header)) < len(self.header):
            return "a name that is twice in the header"
        is_large = sum(map(len, self.header)) > MAX_PLAIN_HEADER
        if self.header and (self.header_row != 1 or is_large):
            return "a header that is not in the first row, or is large"
        if self.is_report:
            return "an errors.csv, whose cells are written so that none is a formula"
        return None


def open_csv(
    chunks: Iterator[bytes],
    columns: Columns,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> CsvFile:
    """Read a file's header; what is declared beats what is detected.

    Raises:
        InvalidInputError: the declared encoding or delimiter is not known.
        InvalidFileError: the file is not CSV, or its header is not this table's.
    """
    text = Text(chunks, checked_encoding(encoding) if encoding else None)
    declared = checked_delimiter(delimiter) if delimiter else None
    records = _Records()
    blocks = text.blocks()
    head = _head(blocks)
    chosen = declared or _delimiter_of(head, columns)
    cells = records.of(chain((head,), blocks), chosen)
    header = next((each for each in cells if records.fault or any(map(str.strip, each))), [])
    if records.fault is not None:
        raise InvalidFileError("quote", f"row {records.row}: {records.fault.reason}")
    is_report = columns.is_report(header)
    header = [*map(plain, header)] if is_report else header
    assigned = columns.assigned(header) if header else ()
    return CsvFile(header, assigned, chosen, records.row, text, is_report, records, cells)


def checked_delimiter(text: str) -> str:
    """A delimiter as one character.

    Raises:
        InvalidInputError: it is none that we read.
    """
    names = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "\\t": "\t"}
    delimiter = names.get(text.lower(), text)
    if delimiter not in DELIMITERS:
        raise InvalidInputError("delimiter", "must be one of , ; | and tab")
    return delimiter


def _head(blocks: Iterator[str]) -> str:
    """The first lines of a text, at least a whole one that is not blank."""
    head = ""
    for block in blocks:
        head += block
        if "\n" in head.lstrip() or "\r" in head.lstrip() or len(head) > MAX_ROW:
            break
    return head


def _delimiter_of(head: str, columns: Columns) -> str:
    """The delimiter that finds the most known columns in the header, or the most of any."""
    return max(DELIMITERS, key=lambda delimiter: _score(head, delimiter, columns))


def _score(head: str, delimiter: str, columns: Columns) -> tuple[int, int]:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next((record for record in reader if any(map(str.strip, record))), [])
    except csv.Error:
        return 0, 0
    return columns.count_of_known(header), len(header)


def _obstacle(text: str, lines: list[str]) -> str | None:
    """Characters that AWS's reader may treat differently; AWS does not document it."""
    if "\\" in text:
        return "a backslash"
    if "\x00" in text:
        return "a NUL"
    if text.count("\r") != text.count("\r\n"):
        return "a lone carriage return"
    if _STRAY_QUOTE.search(text) or _has_doubled_quote(text, lines):
        return "a quote inside a cell that is not quoted"
    if max(map(len, lines), default=0) > MAX_PLAIN_LINE:
        return "a long line"
    return None


def _has_doubled_quote(text: str, lines: list[str]) -> bool:
    """Say whether a cell that is not quoted has a doubled quote, which AWS reads as one.

    A line is looked at alone: a file with a line break in a cell is not plain anyway.
    """
    return bool(_DOUBLED_QUOTE.search(text)) and any(
        _DOUBLED_QUOTE.search(line) and '"' in _QUOTED_CELL.sub("", line) for line in lines
    )


def _fits(line: str) -> bool:
    """Most lines are so short that their bytes need not be counted."""
    return len(line) * 4 <= MAX_ROW_BYTES or len(line.encode()) <= MAX_ROW_BYTES


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
