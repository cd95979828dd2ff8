"""The subject of an execution: the item, task, import, saga or approval in its input."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import CommandRef
from sfn_cqrs_tools.client.api import item_path

PLACES: Final = {
    "t": "tasks",
    "s": "tasks",
    "c": "imports",
    "r": "imports",
    "z": "imports",
    "g": "sagas",
    "a": "approvals",
    "p": "repairs",
}
"""The collection of a public id's page, by the id's first letter."""


@dataclass(frozen=True)
class Subject:
    """A thing with a page of its own."""

    label: str
    path: str
    tenant: str
    version: CommandRef | None = None
    """The attempt at a version, if it is one."""


def subject_of(given: str) -> Subject | None:
    """Return the subject named by an execution's input, or None if it names none."""
    try:
        value = json.loads(given)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("tenant"), str):
        return None
    tenant = value["tenant"]
    if isinstance(value.get("code"), str) and isinstance(value.get("type"), str):
        return _item(value, tenant)
    if isinstance(value.get("view"), str):
        return Subject(value["view"], f"/rebuilds/{quote(value['view'], safe='')}", tenant)
    return by_id(str(value.get("id", "")), tenant)


def tenant_of(given: str) -> str | None:
    """Return the tenant named by an execution's input, or None if it names none."""
    try:
        value = json.loads(given)
    except ValueError:
        return None
    tenant = value.get("tenant") if isinstance(value, dict) else None
    return tenant if isinstance(tenant, str) else None


def by_id(id_: str, tenant: str) -> Subject | None:
    """Return the subject with a public id, or None if the id is not one."""
    letter, dash, _ = id_.partition("-")
    if not dash or letter not in PLACES:
        return None
    kind = "archive" if letter == "z" else PLACES[letter].removesuffix("s")
    return Subject(
        f"{kind.capitalize()} …{id_[-6:]}", f"/{PLACES[letter]}/{quote(id_, safe='')}", tenant
    )


def item_text(type_: str, code: str, version: int | None = None) -> str:
    """Return how an item, or one of its versions, is written everywhere."""
    return f"{type_}/{code}" if version is None else f"{type_}/{code} v{version}"


def item_page(type_: str, code: str, *rest: str | int) -> str:
    """Return the path of an item's page."""
    return item_path("items", type_, code, *rest)


def _item(value: dict[str, Any], tenant: str) -> Subject:
    type_, code, version = value["type"], value["code"], value.get("version")
    query = f"?v={version}" if isinstance(version, int) else ""
    label = item_text(type_, code, version if query else None)
    return Subject(label, f"{item_page(type_, code)}{query}", tenant, _attempt(value))


def _attempt(value: dict[str, Any]) -> CommandRef | None:
    try:
        return CommandRef.from_input(value)
    except InvalidInputError:
        return None
