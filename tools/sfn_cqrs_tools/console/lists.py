"""Lists: filters, sorting, totals and pages, the same on every page that has one.

The address has all of it, so a list can be shared and opened again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from sfn_cqrs_tools.console.application import Ask, File, View
from sfn_cqrs_tools.console.moments import moment_of, since_and_until
from sfn_cqrs_tools.console.saving import FORMATS

T = TypeVar("T")

Fetch = Callable[[int, str | None], tuple[list[T], str | None]]
"""Reads a page: at most so many rows behind a cursor, and the cursor of the next page."""

SIZE: Final = 50
LARGEST_FETCH: Final = 100
MOST_READ: Final = 300
"""How many rows are read to sort or to filter them here."""
MOST_OF_ALL: Final = 20_000
"""How many rows are read to sort or to save all of them."""
MOST_COUNTED: Final = 2_000
MOST_BEFORE: Final = 8
"""How many pages one can go back, page by page."""
MOST_EMPTY: Final = 10
"""How many pages that are empty, but not the last, are read to find one with rows."""
LONGEST_LIVE: Final = 200
"""A filtered list is looked at again and again if it takes at most so many rows to make it."""
LONGEST_NUMBER: Final = 6
PLACE: Final = ("cursor", "before", "page", "count", "as")


@dataclass(frozen=True)
class Shape(Generic[T]):
    """Describe what a list can do with its rows.

    `sorts` has a key for each column that can be sorted by. `texts` returns what a search looks
    through, `at` the moment of a row; rows come newest first where it is given.
    """

    sorts: Mapping[str, Callable[[T], Any]] = field(default_factory=dict)
    texts: Callable[[T], Iterable[object]] | None = None
    at: Callable[[T], object] | None = None
    most: int = MOST_READ
    most_of_all: int = MOST_OF_ALL
    fixed: tuple[str, ...] = ()
    """Names in the address that choose the list, and do not filter it."""
    record: Callable[[Any], Mapping[str, Any]] = dict
    """Returns what a file has of a row."""


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A page of a list; `total` is None where nobody knows it yet.

    `previous` and `following` are the queries of the pages beside it. `read` rows were read to
    filter or sort; `further` is the query that goes on behind them.
    """

    rows: list[T]
    first: int
    total: int | None
    shape: Shape[T]
    sorts: tuple[str, ...]
    wanted: Mapping[str, str]
    previous: Mapping[str, str] | None = None
    following: Mapping[str, str] | None = None
    further: Mapping[str, str] | None = None
    read: int = 0
    is_live: bool = True

    @property
    def sort(self) -> str:
        """Return the column that it is sorted by, with - before it if downwards."""
        return self.wanted.get("sort", "")

    @property
    def has_text(self) -> bool:
        """Return whether its rows can be searched for a text."""
        return self.shape.texts is not None

    @property
    def has_time(self) -> bool:
        """Return whether its rows have a moment."""
        return self.shape.at is not None

    @property
    def last(self) -> int:
        """Return the number of the last row of the page."""
        return self.first + len(self.rows) - 1

    def sorted_by(self, column: str) -> Mapping[str, str]:
        """Return the query of the same list, sorted by a column; downwards if it is so upwards."""
        wanted = f"-{column}" if self.sort == column else column
        return {**self.wanted, "sort": wanted}

    @property
    def is_filtered(self) -> bool:
        """Return whether anything of the address leaves rows out."""
        return bool(self.wanted.keys() - self.kept.keys() - {"sort", "all"})

    @property
    def kept(self) -> Mapping[str, str]:
        """Return the address's query without filters."""
        names = (*self.shape.fixed, "tenant")
        return {name: value for name, value in self.wanted.items() if name in names}


def listing(ask: Ask, fetch: Fetch[T], shape: Shape[T]) -> Listing[T]:
    """Return the page of a list that the address names."""
    wanted = {name: value for name, value in ask.query.items() if name not in PLACE and value}
    if wanted.get("sort", "").removeprefix("-") not in shape.sorts:
        wanted.pop("sort", None)
    has_time = shape.at is not None and any(map(since_and_until(wanted).__getitem__, (0, 1)))
    is_saved = ask.query.get("as") in FORMATS
    if is_saved or "all" in wanted:
        shape = replace(shape, most=max(shape.most, shape.most_of_all))
    is_window = bool(is_saved or "sort" in wanted or (shape.texts and wanted.get("q")) or has_time)
    made = _window if is_window else _page
    return made(ask, fetch, shape, wanted)


def shown(
    ask: Ask, template: str, found: Listing[Any], fetch: Fetch[Any], **values: Any
) -> View | File:
    """Show a list; or save it; or tell how long it is, where a page asks for that afterwards."""
    if "count" in ask.query:
        return View("count.html", {"count": _counted(fetch), "most": MOST_COUNTED})
    if ask.query.get("as") in FORMATS:
        return _saved(ask, found)
    return View(template, {"found": found, **values}, is_live=found.is_live)


def api_list(
    ask: Ask,
    template: str,
    shape: Shape[dict[str, Any]],
    path: str,
    asked: Mapping[str, str | None],
    *,
    about: Callable[[list[dict[str, Any]]], Any] | None = None,
    **values: Any,
) -> View | File:
    """Show a list of the API, asked with these parameters; `about` tells more of a page's rows."""

    def fetch(limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        page = ask.api.get(path, limit=limit, cursor=cursor, **asked)
        return page["items"], page.get("nextCursor")

    found = listing(ask, fetch, shape)
    more = about(found.rows) if about and "as" not in ask.query else None
    return shown(ask, template, found, fetch, about=more, **values)


def _saved(ask: Ask, found: Listing[Any]) -> File:
    """Return all rows as a file, whose name tells where it has only the first ones."""
    ending = ask.query["as"]
    _, type_, written = FORMATS[ending]
    cut = f"-first-{found.read}" if found.further else ""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", ask.path.rpartition("/console/")[2]) or "list"
    return File(
        written([found.shape.record(row) for row in found.rows]), f"{name}{cut}.{ending}", type_
    )


def folded(text: str) -> str:
    """Return a text without accents and capitals, so that zoltan finds Zoltán."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(one for one in parts if not unicodedata.combining(one)).casefold()


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which o-2 comes before o-10."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(one), "") if one.isdecimal() else (1, 0, one.casefold()) for one in parts)


def _page(ask: Ask, fetch: Fetch[T], shape: Shape[T], wanted: Mapping[str, str]) -> Listing[T]:
    """Return a page as its source lists it: by its cursor."""
    cursor, number = ask.query.get("cursor") or None, _number(ask)
    rows, following = fetch(SIZE, cursor)
    for _ in range(MOST_EMPTY):
        if rows or following is None:
            break
        rows, following = fetch(SIZE, following)
    first = (number - 1) * SIZE + 1
    before = [one for one in ask.query.get("before", "").split("~") if one]
    here = [*before, cursor or "-"][-MOST_BEFORE:]
    return Listing(
        rows,
        first,
        None if following else first + len(rows) - 1,
        shape,
        tuple(shape.sorts),
        wanted,
        previous=_back(wanted, before, number) if cursor else None,
        following={
            **wanted,
            "cursor": following,
            "before": "~".join(here),
            "page": str(number + 1),
        }
        if following
        else None,
        is_live=cursor is None,
    )


def _back(wanted: Mapping[str, str], before: list[str], number: int) -> Mapping[str, str]:
    """Return the query of the page before; of the first one where nobody knows it any more."""
    if not before or before[-1] == "-":
        return wanted
    place = {"cursor": before[-1], "before": "~".join(before[:-1]), "page": str(number - 1)}
    return {**wanted, **place}


def _window(ask: Ask, fetch: Fetch[T], shape: Shape[T], wanted: Mapping[str, str]) -> Listing[T]:
    """Return a page of rows that are filtered or sorted here."""
    kept, read, rest = _read(ask, fetch, shape, wanted)
    if sort := wanted.get("sort"):
        key = shape.sorts[sort.removeprefix("-")]
        kept.sort(key=lambda row: _rank(key(row)), reverse=sort.startswith("-"))
    number = _number(ask)
    start = (number - 1) * SIZE
    is_saved = "as" in ask.query
    rows = kept if is_saved else kept[start : start + SIZE]
    here = {**wanted, **({"cursor": ask.query["cursor"]} if ask.query.get("cursor") else {})}
    return Listing(
        rows,
        start + 1,
        len(kept),
        shape,
        tuple(shape.sorts),
        wanted,
        previous={**here, "page": str(number - 1)} if number > 1 else None,
        following={**here, "page": str(number + 1)} if start + SIZE < len(kept) else None,
        further={**wanted, "cursor": rest} if rest else None,
        read=read,
        is_live=number == 1 and not ask.query.get("cursor") and read <= LONGEST_LIVE,
    )


def _read(
    ask: Ask, fetch: Fetch[T], shape: Shape[T], wanted: Mapping[str, str]
) -> tuple[list[T], int, str | None]:
    """Return the rows that the filter keeps, how many were read, and the cursor behind them."""
    text = folded(wanted.get("q", "").strip()) if shape.texts else ""
    since, until = since_and_until(wanted) if shape.at else (None, None)
    cursor: str | None = ask.query.get("cursor") or None
    kept: list[T] = []
    read = 0
    for _ in range(1 + shape.most // LARGEST_FETCH):
        rows, cursor = fetch(LARGEST_FETCH, cursor)
        read += len(rows)
        for row in rows:
            at = _at(shape, row)
            if since and at and at < since:
                return kept, read, None
            is_in = not (until and at and at > until)
            if is_in and (not text or _holds(shape, row, text)):
                kept.append(row)
        if cursor is None or read >= shape.most:
            break
    return kept, read, cursor


def _at(shape: Shape[T], row: T) -> datetime | None:
    value = shape.at(row) if shape.at else None
    return value if isinstance(value, datetime) else moment_of(str(value or ""))


def _holds(shape: Shape[T], row: T, text: str) -> bool:
    texts = shape.texts(row) if shape.texts else ()
    return any(text in folded(str(one)) for one in texts if one is not None)


def _rank(value: Any) -> tuple[int, Any]:
    """Let rows without a value come first, whatever the others have."""
    if value is None:
        return 0, 0
    return (1, value.casefold()) if isinstance(value, str) else (1, value)


def _number(ask: Ask) -> int:
    text = ask.query.get("page", "")
    return max(int(text), 1) if text.isdecimal() and len(text) <= LONGEST_NUMBER else 1


def _counted(fetch: Fetch[T]) -> int:
    """Return the length of a list; a very long one is counted only up to a limit."""
    count, cursor = 0, None
    while True:
        rows, cursor = fetch(LARGEST_FETCH, cursor)
        count += len(rows)
        if cursor is None or count >= MOST_COUNTED:
            return count if cursor is None else MOST_COUNTED + 1
