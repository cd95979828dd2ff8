"""Who asks: by the claims of a token that AWS has verified, and as the origin of a change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.kernel.errors import ForbiddenError, UnauthorizedError
from sfn_cqrs.kernel.keys import ALL_TENANTS, checked_tenant
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.request import LIFETIME_SECONDS, request_key

_COGNITO = re.compile(r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller and their tenant."""

    tenant: str
    user: str
    client: Client

    def __post_init__(self) -> None:
        """Refuse a tenant that no key can hold; a machine alone may ask for all of them.

        Raises:
            InvalidInputError: it is one.
        """
        if self.tenant != ALL_TENANTS or not self.client.is_machine:
            checked_tenant(self.tenant)

    @property
    def groups(self) -> frozenset[str]:
        """The groups that this person is a member of."""
        return self.client.groups

    @classmethod
    def of_claims(cls, claims: Mapping[str, Any]) -> "Identity":
        """Read the claims, as API Gateway or AppSync hands them on.

        The user is Cognito's name, which stays whose it is. Of another issuer it is `sub`: people
        may choose what its other claims say, and so be somebody else.

        Raises:
            UnauthorizedError: they name no tenant, or cannot be read exactly.
            InvalidInputError: no key can hold the tenant.
        """
        tenant = claims.get("custom:tenant")
        if not tenant:
            raise UnauthorizedError(
                "the token has no claim custom:tenant; Cognito puts it into ID tokens"
            )
        if tenant == ALL_TENANTS:
            raise UnauthorizedError("no token is one of all tenants")
        names = ("cognito:username", "username", "sub") if _is_cognitos(claims) else ("sub",)
        user = next((claims[name] for name in names if claims.get(name)), "")
        return cls(str(tenant), str(user), Client(_groups(claims), user=str(user)))

    def require(self, group: str) -> None:
        """Refuse whoever is not in a group.

        Raises:
            ForbiddenError: naming the group.
        """
        if group not in self.groups:
            raise ForbiddenError(f"only members of the group {group!r} may do this")


def _is_cognitos(claims: Mapping[str, Any]) -> bool:
    return _COGNITO.fullmatch(str(claims.get("iss"))) is not None


def _groups(claims: Mapping[str, Any]) -> frozenset[str]:
    """The groups of a token, exactly as its issuer wrote them; a text is one name, a list several.

    API Gateway writes a list as `[a b]`. Names of Cognito's groups have no blanks; with another
    issuer nobody can tell `shift` and `operator` from `shift operator`.
    """
    claim = claims.get("cognito:groups")
    if isinstance(claim, list):
        return frozenset(map(str, claim))
    if not isinstance(claim, str) or claim in ("", "[]"):
        return frozenset()
    listed = claim.removeprefix("[").removesuffix("]")
    if len(listed) == len(claim):
        return frozenset((claim,))
    names = listed.split(" ")
    is_exact = len(names) == 1 or _is_cognitos(claims)
    is_pair = claim == f"[{listed}]" and not set("[]") & set(listed)
    if not is_exact or not is_pair or "" in names:
        raise UnauthorizedError(
            "the claim cognito:groups cannot be read exactly: it must be a list of Cognito's,"
            " or one name without blanks or brackets"
        )
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class Caller:
    """The origin of a publish: the user, the address and the request.

    `client` is the caller over HTTP; None means code. With an idempotency key, the same
    request gets the first answer again as long as the answer is remembered: 24 hours by default.
    Keys of clients and of code are separate. An erasure `erases`, and no rule of a type forbids it.
    An `agent` is the program that this person acts through; it has no rights of its own.
    """

    user: str = ""
    ip: str = ""
    source: str = ""
    request_id: str = ""
    idempotency_key: str | None = None
    remembered_for: int = LIFETIME_SECONDS
    client: Client | None = None
    erases: bool = False
    agent: str = ""

    @property
    def signature(self) -> str:
        """Return the person, and the agent if one acts for them, as the audit of a repair says."""
        return f"{self.user} (agent {self.agent})" if self.agent else self.user

    @property
    def request_key(self) -> str | None:
        """Return the key under which the answer is stored, or None without an idempotency key.

        Raises:
            InvalidInputError: the key cannot be stored.
        """
        if self.idempotency_key is None:
            return None
        return request_key(self.idempotency_key, is_clients=self.client is not None)
