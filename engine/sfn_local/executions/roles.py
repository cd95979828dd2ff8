"""The roles of machines: policies of IAM, read from a file.

Source: IAM User Guide, "Policy evaluation logic": an explicit Deny is stronger than any Allow, and
what no statement allows is denied. Conditions are not looked at: a statement with one applies.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

ANY = "*"
ARN = re.compile(r"arn:[^:]+:iam::([^:]*):role/")


class RolesError(ValueError):
    """A file of roles is not well formed."""


@dataclass(frozen=True, slots=True)
class Permission:
    """The permission that a call needs; the resource is * if it is unknown."""

    action: str
    resource: str


class Roles:
    """The policies of roles, by name or ARN; a role that is not among them may do nothing."""

    def __init__(self, policies: dict[str, Any]) -> None:
        """Take a policy document, or a list of them, for each role.

        Raises:
            RolesError: a policy has no statements.
        """
        self._statements = {
            name.rpartition("/")[2]: list(_statements(name, documents))
            for name, documents in policies.items()
        }

    @classmethod
    def read(cls, path: Path) -> "Roles":
        """Return the roles in a JSON file.

        Raises:
            RolesError: it cannot be read.
        """
        try:
            policies = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RolesError(f"{path} cannot be read: {error}") from None
        if not isinstance(policies, dict):
            raise RolesError(f"{path} must have an object: the name of a role to its policies")
        return cls(policies)

    def refusal(self, role: str, needed: Permission, session: str) -> str | None:
        """Return what AWS says of a call that the role may not make; None if it may."""
        found = ARN.match(role)
        name, account = role.rpartition("/")[2], found[1] if found else ""
        matching = [each for each in self._statements.get(name, []) if _matches(each, needed)]
        effects = {each.get("Effect") for each in matching}
        if "Allow" in effects and "Deny" not in effects:
            return None
        why = (
            "with an explicit deny in an identity-based policy"
            if "Deny" in effects
            else f"because no identity-based policy allows the {needed.action} action"
        )
        user = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
        return (
            f"User: {user} is not authorized to perform: {needed.action} on resource: "
            f"{needed.resource} {why}"
        )


def _statements(name: str, documents: Any) -> Iterator[dict[str, Any]]:
    for document in documents if isinstance(documents, list) else [documents]:
        found = document.get("Statement") if isinstance(document, dict) else None
        for statement in found if isinstance(found, list) else [found]:
            if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
                raise RolesError(f"{name} has a policy without statements of an Effect")
            yield statement


def _matches(statement: dict[str, Any], needed: Permission) -> bool:
    action = needed.action.lower()
    if not _covers(statement, "Action", lambda pattern: fnmatchcase(action, pattern.lower())):
        return False
    if needed.resource == ANY:
        return statement["Effect"] == "Allow" or ANY in _listed(statement.get("Resource"))
    return _covers(statement, "Resource", lambda pattern: fnmatchcase(needed.resource, pattern))


def _covers(statement: dict[str, Any], field: str, fits: Any) -> bool:
    if f"Not{field}" in statement:
        return not any(map(fits, _listed(statement[f"Not{field}"])))
    return any(map(fits, _listed(statement.get(field))))


def _listed(value: Any) -> Iterable[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value or "")]
