"""The user's own routes: found in the package APP_PACKAGE, registered by a decorator.

Nothing of HTTP is imported here: functions that answer no request also import the user's package.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sfn_cqrs.kernel.policy import CODE, Policy, checked_whole
from sfn_cqrs.machines.command import handlers

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_OWN: Final = (
    "approvals commands console data docs erasures imports plans openapi.json read-models rebuilds"
    " repairs sagas tasks types usage"
)
RESERVED: Final = frozenset(_OWN.split())
"""The prefix of the framework's own paths."""
_PATH: Final = re.compile(r"(/([a-z0-9][a-z0-9-]*|\{[a-z][a-z0-9_]*\}))+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to one of the user's routes, with its sender."""

    tenant: str
    user: str
    groups: frozenset[str] = frozenset()
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


OwnFunction = Callable[[Asked], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class OwnRoute:
    """A route as it was registered."""

    method: str
    path: str
    allow: Policy
    query: tuple[str, ...]
    needed: tuple[str, ...]
    function: OwnFunction

    @property
    def known(self) -> tuple[str, ...]:
        """Return the parameters of the query that it takes."""
        return (*self.needed, *self.query)


_routes: dict[tuple[str, str], OwnRoute] = {}


def route(
    method: str,
    path: str,
    *,
    allow: Policy = CODE,
    query: Sequence[str] = (),
    needed: Sequence[str] = (),
) -> Callable[[OwnFunction], OwnFunction]:
    """Register a function that answers requests with a JSON object.

    Errors become the same answers as in the framework's own routes: `InvalidInputError` is 400,
    `NotFoundError` 404, a passing error 503.

    Args:
        method: such as GET.
        path: such as `/orders/search` or `/customers/{customer}/orders`; a parameter is in
            `asked.path`. The framework's own paths are refused.
        allow: who may call it: `MEMBERS`, `group("cashier")`; by default nobody.
        query: the names of the query's parameters; other parameters are refused.
        needed: parameters of the query that each request must have; without one it gets 400.
    """
    checked_whole(allow)
    if method not in METHODS:
        raise ValueError(f"{method!r} is none of {', '.join(METHODS)}")
    if not _PATH.fullmatch(path) or path.split("/")[1] in RESERVED:
        reserved = ", ".join(sorted(RESERVED))
        raise ValueError(f"{path!r} cannot be a path of yours: /a-z/{{name}}, but not {reserved}")

    def register(function: OwnFunction) -> OwnFunction:
        present = _routes.get((method, path))
        if present is not None and present.function.__module__ != function.__module__:
            raise ValueError(f"{method} {path} is a route of {present.function.__module__} already")
        _routes[method, path] = OwnRoute(method, path, allow, tuple(query), tuple(needed), function)
        return function

    return register


def own_routes() -> list[OwnRoute]:
    """Return every route of the user's package.

    Raises:
        AppBrokenError: one of its modules cannot be imported.
    """
    handlers.load()
    return [_routes[key] for key in sorted(_routes)]
