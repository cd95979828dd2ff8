"""Where the items of a Distributed Map come from: the input, or files in S3 read as a stream."""

import csv
import gzip
import io
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import IO, Any, NamedTuple, cast

from sfn_local.document import DECODER, Json, loads
from sfn_local.errors import ItemReaderFailure

STATE_DATA = "STATE_DATA"

CHUNK = 1024 * 1024
LARGEST_ITEM = 8 * 1024 * 1024
LARGEST_HEADER = 10 * 1024

BLANKS = re.compile(r"[ \t\r\n]*")
INSIDE_QUOTES = r'(?:[^"\\]|\\.|"")*+'
REST_OF_QUOTED = re.compile(INSIDE_QUOTES + '"', re.S)

DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


class Item(NamedTuple):
    """One item; key is its name where it comes from an object, source says where from."""

    value: Json
    source: str
    key: str | None = None


class CsvFormat(NamedTuple):
    """How a text with delimiters is read; headers are None where its first row has them."""

    delimiter: str = ","
    headers: tuple[str, ...] | None = None


def items_of(value: Json, source: str) -> Iterator[Item]:
    """The elements of a list, or the values of an object.

    Raises:
        TypeError: the value is neither.
    """
    if isinstance(value, list):
        return (Item(element, source) for element in value)
    if isinstance(value, dict):
        return (Item(element, source, key) for key, element in value.items())
    raise TypeError("neither a list nor an object")


def read_csv(stream: IO[bytes], format: CsvFormat) -> Iterator[Json]:  # noqa: A002 - the format
    """The rows as objects of strings: short ones padded, long ones cut, blank lines left out.

    Double quotes enclose delimiters and newlines, and stand for themselves when doubled, in a field
    without quotes around it too; a backslash before any character is dropped, and the character
    taken as it is.

    Raises:
        ItemReaderFailure: the header is missing, too long or not unique, or rows are missing.
    """
    csv.field_size_limit(max(csv.field_size_limit(), LARGEST_ITEM))
    text = io.TextIOWrapper(io.BufferedReader(_Raw(stream), CHUNK), "utf-8", "replace", newline="")
    lines = _with_pairs_escaped(text, format.delimiter)
    rows = csv.reader(lines, delimiter=format.delimiter, escapechar="\\")
    try:
        yield from _objects((row for row in rows if row), format.headers)
    except csv.Error as error:
        raise ItemReaderFailure(f"line {rows.line_num} cannot be read as CSV: {error}") from None


def _with_pairs_escaped(lines: Iterable[str], delimiter: str) -> Iterator[str]:
    """Yield the lines with a backslash for the first of two quotes in a field without quotes.

    The csv module would keep both; the guide's own example has JSON in such a field.
    """
    before = f"(?:^|(?<={re.escape(delimiter)}))"
    parts = re.compile(rf'{before}"{INSIDE_QUOTES}(?:"|(?P<open>\Z))|\\.|(?P<pair>"")', re.S)
    is_open = False
    for line in lines:
        pieces, last, start = [], 0, 0
        if is_open:
            rest = REST_OF_QUOTED.match(line)
            is_open, start = rest is None, len(line) if rest is None else rest.end()
        for found in parts.finditer(line, start) if '"' in line else ():
            is_open = found["open"] is not None
            if found["pair"]:
                pieces += [line[last : found.start()], '\\"']
                last = found.end()
        yield "".join((*pieces, line[last:])) if pieces else line


def _objects(rows: Iterator[list[str]], headers: tuple[str, ...] | None) -> Iterator[Json]:
    is_given = headers is not None
    names = tuple(next(rows, ())) if headers is None else headers
    _check_headers(names)
    width = len(names)
    padding = [""] * width
    empty = True
    for row in rows:
        empty = False
        cells = row if len(row) >= width else row + padding[len(row) :]
        yield dict(zip(names, cells, strict=False))
    if empty and not is_given:
        raise ItemReaderFailure("The CSV file contains only CSV headers and no items to process.")


def _check_headers(names: tuple[str, ...]) -> None:
    if not names:
        raise ItemReaderFailure("The CSV file is empty; its first row should have the headers.")
    if len(set(names)) < len(names):
        raise ItemReaderFailure("CSV headers cannot contain duplicates.")
    if len(",".join(names).encode()) > LARGEST_HEADER:
        raise ItemReaderFailure("CSV headers cannot exceed 10 KiB.")


def read_json(stream: IO[bytes], pointer: str | None, source: str) -> Iterator[Item]:
    """The elements of the file's array, or of the array or object that a JSON pointer selects.

    An array that is the whole file is read element by element.

    Raises:
        ItemReaderFailure: the file is not JSON, or there is nothing to iterate over.
    """
    text = io.TextIOWrapper(io.BufferedReader(_Raw(stream), CHUNK), "utf-8-sig", "replace")
    window = _Window(text)
    try:
        if pointer is None and window.peek() == "[":
            return (Item(value, source) for value in window.elements())
        value = _select(loads(window.rest()), pointer)
        return items_of(value, source)
    except TypeError:
        raise ItemReaderFailure("Attempting to map over non-iterable node.") from None
    except ValueError as error:
        raise ItemReaderFailure(f"The file is not JSON: {error}") from None


def read_json_lines(stream: IO[bytes]) -> Iterator[Json]:
    """The values of the lines; blank ones are left out.

    Raises:
        ItemReaderFailure: a line is not JSON.
    """
    text = io.TextIOWrapper(io.BufferedReader(_Raw(stream), CHUNK), "utf-8-sig", "replace")
    for number, line in enumerate(text, start=1):
        if line.isspace():
            continue
        try:
            yield loads(line)
        except ValueError as error:
            raise ItemReaderFailure(f"Line {number} is not JSON: {error}") from None


def read_parquet(stream: IO[bytes]) -> Iterator[Json]:
    """The rows of a Parquet file as objects.

    Raises:
        ItemReaderFailure: pyarrow is not installed, or the file is none.
    """
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise ItemReaderFailure("install 'sfn-local[parquet]' to read Parquet files") from None
    file = parquet.ParquetFile(io.BytesIO(stream.read()))
    for batch in file.iter_batches(batch_size=1000):
        for row in batch.to_pylist():
            yield json.loads(json.dumps(row, default=str))


def decompressed(stream: IO[bytes], key: str) -> IO[bytes]:
    """The stream of an object, unpacked where its name ends as that of a packed file.

    Raises:
        ItemReaderFailure: it is packed with ZSTD, and zstandard is not installed.
    """
    if key.endswith((".gz", ".gzip")):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    if key.endswith((".zst", ".zstd")):
        return _zstd(stream)
    return stream


def _zstd(stream: IO[bytes]) -> IO[bytes]:
    try:
        zstandard: Any = import_module("zstandard")
    except ImportError:
        raise ItemReaderFailure("install 'sfn-local[zstd]' to read ZSTD files") from None
    reader: IO[bytes] = zstandard.ZstdDecompressor().stream_reader(stream)
    return reader


def chunks(items: Iterator[Item], length: int) -> Callable[[], list[Item]]:
    """Return a function that reads the next items, at most that many; [] at the end."""
    return lambda: list(itertools.islice(items, length))


def tagged(values: Iterable[Json], source: str) -> Iterator[Item]:
    """Values as items of one source."""
    return (Item(value, source) for value in values)


def _select(value: Json, pointer: str | None) -> Json:
    """Return the value that a JSON pointer leads to.

    Raises:
        ItemReaderFailure: it leads nowhere.
    """
    if pointer is None:
        return value
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (KeyError, IndexError, ValueError, TypeError):
            cause = f"The ItemsPointer '{pointer}' leads to nothing in the file."
            raise ItemReaderFailure(cause) from None
    return value


class _Raw(io.RawIOBase):
    """A readable that io's buffers accept; S3's streaming bodies and gzip files are some."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Window:
    """A text of which only a part is in memory."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._part = ""
        self._at = 0

    def peek(self) -> str:
        """Return the next character that is not blank; empty at the end."""
        while True:
            self._at = _after_blanks(self._part, self._at)
            if self._at < len(self._part) or not self._more():
                return self._part[self._at : self._at + 1]

    def rest(self) -> str:
        """All that is left."""
        return self._part[self._at :] + self._text.read()

    def elements(self) -> Iterator[Json]:
        """The elements of the array that begins here.

        Raises:
            ItemReaderFailure: it is not well formed.
        """
        self._at += 1
        separator = "]" if self.peek() == "]" else ","
        while separator == ",":
            yield self._element()
            separator = self.peek()
            self._at += 1
            if separator not in (",", "]"):
                raise ItemReaderFailure("The file is not JSON: an array is not well formed.")

    def _element(self) -> Json:
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._part, self._at)
            except ValueError as error:
                if len(self._part) - self._at > LARGEST_ITEM or not self._more():
                    raise ItemReaderFailure(f"The file is not JSON: {error}") from None
                continue
            if end == len(self._part) and self._more():
                continue  # a number may go on in the next part
            self._at = end
            return value

    def _more(self) -> bool:
        part = self._text.read(CHUNK)
        self._part = self._part[self._at :] + part
        self._at = 0
        return bool(part)


def _after_blanks(text: str, at: int) -> int:
    found = BLANKS.match(text, at)
    return at if found is None else found.end()
