"""The person who uses the console: a user of one tenant, with roles."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sfn_cqrs_tools.runtime.identity import DEFAULT_ROLES, DEFAULT_TENANT

OPERATOR: Final = DEFAULT_ROLES
COOKIE: Final = "sfn_cqrs_who"
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_GROUPS: Final = re.compile(r"[A-Za-z0-9_.:@-]+")


@dataclass(frozen=True)
class Who:
    """The person, as the stack's API will see them; the API decides, this only hides buttons."""

    user: str
    tenant: str = DEFAULT_TENANT
    roles: tuple[str, ...] = (OPERATOR,)

    @property
    def is_operator(self) -> bool:
        """Return whether operators' buttons are shown."""
        return OPERATOR in self.roles

    def named_beside(self, default: Who) -> str:
        """Return user and groups as `--as` takes them, or nothing for the default person."""
        if (self.user, self.roles) == (default.user, default.roles):
            return ""
        return f"{self.user}:{','.join(self.roles)}"

    def headers(self) -> dict[str, str]:
        """Return the headers that identify the person to the local stack."""
        given = {
            "x-user": self.user,
            "x-tenant-code": self.tenant,
            "x-roles": ",".join(self.roles),
        }
        return {name: value.encode().decode("latin-1") for name, value in given.items()}

    def as_cookie(self) -> str:
        """Return the cookie's value."""
        return urlencode({"user": self.user, "tenant": self.tenant, "roles": ",".join(self.roles)})


def chosen(fields: Mapping[str, str], default: Who) -> Who:
    """Who a cookie or a form of the local console names; what it leaves out is the default's."""

    def first(name: str, otherwise: str) -> str:
        value = fields.get(name, otherwise).strip()
        return value if _NAME.fullmatch(value) else otherwise

    user, tenant = first("user", default.user), first("tenant", default.tenant)
    if "roles" not in fields:
        return Who(user, tenant, default.roles)
    return Who(user, tenant, tuple(_GROUPS.findall(fields["roles"])))


def of_token(token: str) -> Who:
    """Return the person that an ID token names; the API verifies the token, not this code."""
    claims = _claims(token)
    user = claims.get("cognito:username") or claims.get("sub") or "?"
    groups = claims.get("cognito:groups", [])
    roles = groups if isinstance(groups, list) else _GROUPS.findall(str(groups))
    return Who(str(user), str(claims.get("custom:tenant", "?")), tuple(map(str, roles)))


def _claims(token: str) -> Mapping[str, object]:
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
