"""Reads the text of a path."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TypeVar

from sfn_local.language.jsonpath import filters
from sfn_local.language.jsonpath.path import (
    FUNCTIONS,
    Descent,
    Filter,
    Function,
    Index,
    Indexes,
    Name,
    Names,
    Path,
    Segment,
    Slice,
    Wildcard,
)
from sfn_local.language.jsonpath.reader import PathSyntaxError, Reader

__all__ = ["PathSyntaxError", "parse_path", "read_path"]

T = TypeVar("T")

NAME = re.compile(r"[^\s.\[\]()'\"*,]+")
NAME_IN_FILTER = re.compile(r"[^\s.\[\]()'\"*,?@:&|=<>!]+")
VARIABLE = re.compile(r"[^\W\d]\w{0,79}")
INTEGER = re.compile(r"-?\d{1,9}")


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """A path from its text.

    Raises:
        PathSyntaxError: the text is not a path.
    """
    reader = Reader(text)
    path = read_path(reader)
    reader.skip_blanks()  # AWS's own samples have some
    if not reader.at_end:
        raise reader.error("the path should end here")
    return path


def read_path(reader: Reader, name: re.Pattern[str] = NAME) -> Path:
    """The path at the reader's position, which ends where no segment follows."""
    start = reader.position
    if not reader.take("$"):
        raise reader.error("a path starts with $")
    of_context = reader.take("$")
    variable = None if of_context else reader.match(VARIABLE)
    segments = _read_segments(reader, name)
    return Path(reader.text[start : reader.position], segments, of_context, variable)


def _read_segments(reader: Reader, name: re.Pattern[str]) -> tuple[Segment, ...]:
    """The segments that follow a $ or an @."""
    segments: list[Segment] = []
    while (segment := _read_segment(reader, name)) is not None:
        if segments and isinstance(segments[-1], Function):
            raise reader.error("a function ends a path")
        segments.append(segment)
    last = segments[-1] if segments else None
    if isinstance(last, Names):
        segments[-1] = Names(last.names, is_last=True)
    return tuple(segments)


def _read_segment(reader: Reader, name: re.Pattern[str]) -> Segment | None:
    if reader.take(".."):
        segment = _read_brackets(reader) if reader.peek() == "[" else _read_dotted(reader, name)
        if isinstance(segment, Function):
            raise reader.error("a function needs a single . before it")
        return Descent(segment)
    if reader.take(".") and reader.peek() != "[":
        return _read_dotted(reader, name)
    return _read_brackets(reader) if reader.peek() == "[" else None


def _read_dotted(reader: Reader, pattern: re.Pattern[str]) -> Segment:
    if reader.take("*"):
        return Wildcard()
    name = reader.match(pattern)
    if name is None:
        raise reader.error("a field name should follow the dot")
    if not reader.take("("):
        return Name(name)
    if name not in FUNCTIONS or not reader.take(")"):
        known = ", ".join(f"{function}()" for function in FUNCTIONS)
        raise reader.error(f"only these functions are known: {known}")
    return Function(name)


def _read_brackets(reader: Reader) -> Segment:
    reader.expect("[")
    reader.skip_blanks()
    segment = _read_selector(reader)
    reader.skip_blanks()
    reader.expect("]")
    return segment


def _read_selector(reader: Reader) -> Segment:
    if reader.take("*"):
        return Wildcard()
    if reader.take("?"):
        return _read_filter(reader)
    if reader.peek() in ("'", '"'):
        names = tuple(_read_list(reader, Reader.quoted))
        return Name(names[0]) if len(names) == 1 else Names(names, is_last=False)
    return _read_indexes(reader)


def _read_indexes(reader: Reader) -> Segment:
    first = _read_integer(reader)
    reader.skip_blanks()
    if reader.peek() == ":":
        return _read_slice(reader, first)
    if first is None:
        raise reader.error("an index, a slice, a quoted name, * or ?() should stand here")
    if not reader.take(","):
        return Index(first)
    reader.skip_blanks()
    return Indexes((first, *_read_list(reader, _read_index)))


def _read_slice(reader: Reader, start: int | None) -> Slice:
    bounds: list[int | None] = []
    while len(bounds) < 2 and reader.take(":"):  # noqa: PLR2004 - stop and step
        reader.skip_blanks()
        bounds.append(_read_integer(reader))
        reader.skip_blanks()
    stop, step = [*bounds, None][:2]
    if step is not None and step < 1:
        raise reader.error("the step of a slice is at least 1")
    return Slice(start, stop, step)


def _read_filter(reader: Reader) -> Filter:
    reader.skip_blanks()
    reader.expect("(")
    condition = filters.read_condition(
        reader,
        partial(read_path, name=NAME_IN_FILTER),
        partial(_read_segments, name=NAME_IN_FILTER),
    )
    reader.skip_blanks()
    reader.expect(")")
    return Filter(condition)


def _read_index(reader: Reader) -> int:
    index = _read_integer(reader)
    if index is None:
        raise reader.error("an index should stand here")
    return index


def _read_integer(reader: Reader) -> int | None:
    text = reader.match(INTEGER)
    return None if text is None else int(text)


def _read_list(reader: Reader, read: Callable[[Reader], T]) -> list[T]:
    items = [read(reader)]
    reader.skip_blanks()
    while reader.take(","):
        reader.skip_blanks()
        items.append(read(reader))
        reader.skip_blanks()
    return items
