"""Routes of your own in the HTTP API, webhooks, and what your stack tells your code.

`traceparent` is the header by which another service goes on with the trace of a request.
"""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.api.declared import Asked, own_routes, route
    from sfn_cqrs.api.signatures import check_signature
    from sfn_cqrs.bootstrap import secret, setting, traceparent
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.api.declared": "Asked own_routes route",
            "sfn_cqrs.api.signatures": "check_signature",
            "sfn_cqrs.bootstrap": "secret setting traceparent",
        },
    )

__all__ = [
    "Asked",
    "check_signature",
    "own_routes",
    "route",
    "secret",
    "setting",
    "traceparent",
]
