"""What an execution works on: the item, task, import, saga or approval that its input names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

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
"""Where what has a public id is shown, by the id's first letter."""


@dataclass(frozen=True)
class Subject:
    """A thing with a page of its own."""

    label: str
    path: str
    tenant: str


def subject_of(given: str) -> Subject | None:
    """Read an execution's input; None where it is none of ours."""
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


def by_id(id_: str, tenant: str) -> Subject | None:
    """What has a public id; None if the id is none."""
    letter, dash, _ = id_.partition("-")
    if not dash or letter not in PLACES:
        return None
    kind = "archive" if letter == "z" else PLACES[letter].removesuffix("s")
    return Subject(
        f"{kind.capitalize()} …{id_[-6:]}", f"/{PLACES[letter]}/{quote(id_, safe='')}", tenant
    )


def item_page(type_: str, code: str, *rest: str | int) -> str:
    """The path of an item's page."""
    return item_path("items", type_, code, *rest)


def _item(value: dict[str, Any], tenant: str) -> Subject:
    type_, code, version = value["type"], value["code"], value.get("version")
    query = f"?v={version}" if isinstance(version, int) else ""
    label = f"{type_} {code}" + (f" v{version}" if query else "")
    return Subject(label, f"{item_page(type_, code)}{query}", tenant)
