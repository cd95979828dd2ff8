"""Lists of what a client may read, out of lists with what others may read."""

from collections.abc import Callable
from typing import TypeVar

from sfn_cqrs.adapters.paging import MAX_LIMIT, MAX_PAGE_BYTES, Page, checked_limit, cursor_at
from sfn_cqrs.domain.errors import AnswerTooLargeError

T = TypeVar("T")
MOST = 10_000
"""The items to read to find a client's own; a cursor in between would name items of others."""


def own_page(
    read: Callable[[int, str | None], Page[T]],
    sees: Callable[[T], bool],
    sk_of: Callable[[T], str],
    bytes_of: Callable[[T], int],
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """Return a page of what a client may read; its cursor names the last of these.

    Raises:
        AnswerTooLargeError: there are too many others.
    """
    found: list[T] = []
    room, left = MAX_PAGE_BYTES, MOST
    checked_limit(limit)
    while True:
        page = read(MAX_LIMIT, cursor)
        left -= len(page.items)
        for one in filter(sees, page.items):
            room -= bytes_of(one)
            if found and (len(found) == limit or room < 0):
                return Page(found, cursor_at(sk_of(found[-1])))
            found.append(one)
        cursor = page.next_cursor
        if cursor is None:
            return Page(found)
        if left <= 0:
            raise AnswerTooLargeError(
                f"more than {MOST} would be read to find yours: read a read model that has a"
                " partition for each owner"
            )
