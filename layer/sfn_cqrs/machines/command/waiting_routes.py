"""Waiting clients: `?wait=10`, and 202 with Retry-After if the version is not there in time."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.http.http import integer_of
from sfn_cqrs.kernel.http.operation import MAX_WAIT
from sfn_cqrs.kernel.http.request import Request, answer
from sfn_cqrs.kernel.http.resolver import seconds_left
from sfn_cqrs.kernel.keys import MAX_VERSION

RETRY_AFTER = "1"
"""Seconds after which a client may ask again for a version that was not there in time."""
SPARE_SECONDS = 3
"""Seconds kept for reading and answering after a wait."""


def asks_to_wait(request: Request) -> bool:
    """Return whether the client waits for a version's end, and not only for its acceptance."""
    return request.query("wait") not in (None, "0")


def seconds_to_wait(request: Request) -> float:
    """Return the requested seconds, limited by the stack and by the function's time left.

    Raises:
        InvalidInputError: it is more than 20, or not a number of seconds.
    """
    asked = integer_of(request.query("wait"), "wait", 0)
    if not 0 <= asked <= MAX_WAIT:
        raise InvalidInputError("wait", f"must be between 0 and {MAX_WAIT} seconds")
    if asked == 0:
        return 0.0
    return max(0.0, min(asked, bootstrap.longest_wait(), seconds_left() - SPARE_SECONDS))


def oldest_wanted(request: Request) -> int:
    """Return the version that `atLeast` names, or 0 for any version.

    Raises:
        InvalidInputError: it is not a version, or `wait` is given without it.
    """
    if request.query("atLeast") is None:
        if request.query("wait") is not None:
            raise InvalidInputError("wait", "needs atLeast, the version to wait for")
        return 0
    version = integer_of(request.query("atLeast"), "atLeast", 0)
    if not 1 <= version <= MAX_VERSION:
        raise InvalidInputError("atLeast", f"must be between 1 and {MAX_VERSION}")
    return version


def pending(body: dict[str, Any]) -> Response[str]:
    """Answer that the version is not there yet, and when to ask again."""
    response = answer(HTTPStatus.ACCEPTED, body)
    response.headers["Retry-After"] = RETRY_AFTER
    return response
