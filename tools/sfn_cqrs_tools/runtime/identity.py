"""The caller's identity on this machine: headers that replace a token's claims, with defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sfn_cqrs_tools.runtime.cloudformation import ACCOUNT

DEFAULT_TENANT: Final = "tenant1"
DEFAULT_USER: Final = "local-user"
DEFAULT_ROLES: Final = "operator"
OPERATOR_ROLE: Final = "stack-operators"
"""The role that a stack on this machine takes for its operators' (`x-iam-role`)."""
ISSUER: Final = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_local"


def authorizer(headers: Mapping[str, str]) -> dict[str, Any]:
    """Make what API Gateway would have verified: claims, or with x-iam-role a caller by IAM."""
    if "x-iam-role" not in headers:
        return {"jwt": {"claims": claims(headers), "scopes": None}}
    role, user = headers["x-iam-role"], _utf8(headers.get("x-user", DEFAULT_USER))
    return {"iam": {"userArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{user}"}}


def claims(headers: Mapping[str, str]) -> dict[str, str]:
    """Make the claims of an ID token of Cognito; an empty header leaves its claim out.

    Roles are separated by commas; one with a blank inside could be no group of Cognito's.
    """
    user = _utf8(headers.get("x-user", DEFAULT_USER))
    named = (role.strip() for role in headers.get("x-roles", DEFAULT_ROLES).split(","))
    roles = [role for role in named if role and " " not in role]
    made = {
        "iss": ISSUER,
        "sub": user,
        "cognito:username": user,
        "custom:tenant": _utf8(headers.get("x-tenant-code", DEFAULT_TENANT)),
        "cognito:groups": f"[{' '.join(roles)}]" if roles else "",
        "token_use": "id",
    }
    return {name: value for name, value in made.items() if value}


def _utf8(header: str) -> str:
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header
