"""Pages of lists, and the tokens that lead from one to the next."""

import base64
import binascii
import re
from typing import Any

from sfn_local.errors import InvalidToken
from sfn_local.operations.parameters import Answer, Given, Parameter

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000
LONGEST_PAGE_TOKEN = 1024
LONGEST_EXECUTIONS_TOKEN = 3096
PAGE_TOKEN = re.compile(r"page:(\d{1,12})")

PAGE = {
    "maxResults": Parameter(int, most=LARGEST_PAGE),
    "nextToken": Parameter(str, least=1, most=LONGEST_PAGE_TOKEN),
}


def page_of(name: str, items: list[Any], given: Given) -> Answer:
    """The page that is asked for, by the items' name, and the token of the following one.

    Raises:
        InvalidToken: the token is none.
    """
    start = position_of(given["nextToken"]) or 0
    end = start + page_size(given)
    return {name: items[start:end], **next_token(end if end < len(items) else None)}


def page_size(given: Given) -> int:
    """How long a page may be."""
    return int(given["maxResults"] or DEFAULT_PAGE)


def next_token(position: int | None) -> dict[str, str]:
    """The token of a page that starts at a position; none where there is no such page."""
    if position is None:
        return {}
    return {"nextToken": base64.b64encode(f"page:{position}".encode()).decode()}


def position_of(token: str | None) -> int | None:
    """Where the page of a token starts.

    Raises:
        InvalidToken: the token is none.
    """
    if token is None:
        return None
    try:
        text = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidToken from None
    found = PAGE_TOKEN.fullmatch(text)
    if found is None:
        raise InvalidToken
    return int(found[1])
