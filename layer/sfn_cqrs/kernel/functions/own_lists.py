"""Lists of the items that a client may read, out of lists that hold items of others.

A page reads a limited number of items. If it stops between two items of the client, its cursor is
a random name. The place is stored under that name for a day, because it would reveal a code.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Final, Generic, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.request import CURSORS, LIFETIME_SECONDS, Request
from sfn_cqrs.kernel.tables.paging import MAX_LIMIT, MAX_PAGE_BYTES, Page, checked_limit, cursor_at

T = TypeVar("T")
MOST: Final = 1_000
"""The items to read for one page."""
MOST_VERSIONS: Final = 10_000
"""The versions of an item to read. A client that owns none of them gets 404."""
_NAMED: Final = "."
"""The first character of a random cursor; a cursor that names a sort key never begins with it."""


@dataclass(frozen=True, slots=True)
class OwnList(Generic[T]):
    """A list of which a client sees a part.

    Args:
        tenant: whose list it is.
        name: what is listed; a cursor of one list is none of another.
        read: returns a page of everything, from a cursor on.
        sees: whether the client may read an item.
        sk_of: the sort key of an item.
        bytes_of: its largest size in an answer.
    """

    tenant: str
    name: str
    read: Callable[[int, str | None], Page[T]]
    sees: Callable[[T], bool]
    sk_of: Callable[[T], str]
    bytes_of: Callable[[T], int]

    def page(self, limit: int, cursor: str | None, most: int | None = None) -> Page[T]:
        """Return a page of what the client may read; it may be short, or empty with a cursor.

        Raises:
            InvalidInputError: the limit or the cursor is wrong.
        """
        found: list[T] = []
        room, left = MAX_PAGE_BYTES, most or MOST
        checked_limit(limit)
        place = self._place(cursor)
        while True:
            page = self.read(MAX_LIMIT, place)
            left -= len(page.items)
            for one in filter(self.sees, page.items):
                room -= self.bytes_of(one)
                if found and (len(found) == limit or room < 0):
                    return Page(found, cursor_at(self.sk_of(found[-1])))
                found.append(one)
            place = page.next_cursor
            if place is None:
                return Page(found)
            if left <= 0:
                return Page(found, self._keep(place))

    def _keep(self, place: str) -> str:
        """Keep a place, and return its name."""
        name = token_urlsafe(16)
        expires_at = int(bootstrap.now().timestamp()) + LIFETIME_SECONDS
        kept = Request(self.tenant, CURSORS + name, self._digest, {"place": place}, expires_at)
        bootstrap.requests().put(kept)
        return _NAMED + name

    def _place(self, cursor: str | None) -> str | None:
        if cursor is None or not cursor.startswith(_NAMED):
            return cursor
        kept = bootstrap.requests().find(self.tenant, CURSORS + cursor.removeprefix(_NAMED))
        if kept is None or kept.body_hash != self._digest:
            raise InvalidInputError("cursor", "is not a cursor of this list, or older than a day")
        return str(kept.result["place"])

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()
