"""A tenant's budget of writes, checked before any route runs."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aws_lambda_powertools.event_handler import Response

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import UnauthorizedError
from sfn_cqrs.kernel.http.http import Resolver, current_event, current_identity

_LOOKS = ("GET", "HEAD", "OPTIONS")


def spend_write(
    app: Resolver, next_middleware: Callable[[Resolver], Response[Any]]
) -> Response[Any]:
    """Take one of the tenant's tokens for each request that writes; a refusal costs no read.

    A request without a tenant is refused by its route.

    Raises:
        TooManyRequestsError: the tenant has no token left.
    """
    if current_event()["requestContext"]["http"]["method"] not in _LOOKS:
        with suppress(UnauthorizedError):
            bootstrap.write_budget().spend(current_identity().tenant)
    return next_middleware(app)
