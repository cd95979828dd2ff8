"""Routes of your own in the HTTP API."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.api.declared import Asked, own_routes, route
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.api.declared": "Asked own_routes route",
        },
    )

__all__ = [
    "Asked",
    "own_routes",
    "route",
]
