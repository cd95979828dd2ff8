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
    "approvals commands console data docs erasures failures imports jobs plans openapi.json"
    " read-models rebuilds repairs sagas tasks types usage"
)
RESERVED: Final = frozenset(_OWN.split())
"""The prefix of the framework's own paths."""
WEBHOOKS: Final = "/webhooks/"
"""What API Gateway asks for no token for."""
_PATH: Final = re.compile(r"(/([a-z0-9][a-z0-9-]*|\{[a-z][a-z0-9_]*\}))+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to one of the user's routes, with its sender.

    A route without a token has neither a tenant nor a user. Only a route that is `raw` has headers,
    whose names are in small letters, and the bytes of the body instead of its JSON.
    """

    tenant: str = ""
    user: str = ""
    groups: frozenset[str] = frozenset()
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    raw: bytes = field(default=b"", repr=False)


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
    is_raw: bool = False
    has_token: bool = True

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
    raw: bool = False,
    token: str | None = "jwt",
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
        raw: `asked` has the headers, and the bytes of the body, which need not be JSON.
        token: None for a webhook: anybody may send it, and the function checks who has, as with
            `check_signature`. It is `raw`, a POST, and below `/webhooks/`.
    """
    checked_whole(allow)
    _check_token(method, path, is_public=token is None, is_raw=raw, has_allow=allow != CODE)
    if method not in METHODS:
        raise ValueError(f"{method!r} is none of {', '.join(METHODS)}")
    if not _PATH.fullmatch(path) or path.split("/")[1] in RESERVED:
        reserved = ", ".join(sorted(RESERVED))
        raise ValueError(f"{path!r} cannot be a path of yours: /a-z/{{name}}, but not {reserved}")

    def register(function: OwnFunction) -> OwnFunction:
        present = _routes.get((method, path))
        if present is not None and present.function.__module__ != function.__module__:
            raise ValueError(f"{method} {path} is a route of {present.function.__module__} already")
        _routes[method, path] = OwnRoute(
            method, path, allow, tuple(query), tuple(needed), function, raw, token is not None
        )
        return function

    return register


def _check_token(method: str, path: str, *, is_public: bool, is_raw: bool, has_allow: bool) -> None:
    """Refuse a route without a token elsewhere than API Gateway leads it, and others there."""
    is_webhook = path.startswith(WEBHOOKS)
    is_wrong = has_allow or not (is_webhook and is_raw and method == "POST")
    if is_public and is_wrong:
        raise ValueError(
            f"{method} {path}: a route with token=None is a POST below {WEBHOOKS}, has raw=True,"
            " and no allow=: its function checks who has sent it"
        )
    if is_webhook and not is_public:
        raise ValueError(f"{path!r}: what is below {WEBHOOKS} has token=None")


def own_routes() -> list[OwnRoute]:
    """Return every route of the user's package.

    Raises:
        AppBrokenError: one of its modules cannot be imported.
    """
    handlers.load()
    return [_routes[key] for key in sorted(_routes)]
