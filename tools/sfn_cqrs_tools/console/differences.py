"""Compares two versions of an item, attribute by attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from sfn_cqrs_tools.client.api import Api, ApiProblem, item_path

_NOT_THERE: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


@dataclass(frozen=True)
class Difference:
    """An attribute in two versions; `kind` is added, removed, changed or same."""

    name: str
    kind: str
    before: Any
    after: Any


def differences(
    api: Api, type_: str, code: str, number: int, before: int | None = None
) -> list[Difference] | None:
    """Return what a version changes beside the one before, or beside another one.

    None if one of them cannot be seen, for example once compacted.
    """
    after = if_there(api, item_path("commands", type_, code, number))
    other = number - 1 if before is None else before
    earlier = if_there(api, item_path("commands", type_, code, other)) if other > 0 else None
    if after is None or (before is not None and earlier is None):
        return None
    return compared(earlier, after)


def differences_since(api: Api, type_: str, code: str, number: int) -> list[Difference] | None:
    """Return the changes of an item since a version, or None if it cannot be seen."""
    before = if_there(api, item_path("commands", type_, code, number))
    after = if_there(api, item_path("data", type_, code))
    return compared(before, after) if before and after else None


def compared(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Difference]:
    """Return every attribute of either version; the name counts as one."""
    return list(compare(_attributes(before), _attributes(after)))


def if_there(api: Api, path: str, **query: Any) -> dict[str, Any] | None:
    """Return the API's answer, or None if there is nothing that this person may see."""
    try:
        return api.get(path, **query)
    except ApiProblem as problem:
        if problem.status in _NOT_THERE:
            return None
        raise


def _attributes(version: Mapping[str, Any] | None) -> dict[str, Any]:
    if version is None:
        return {}
    return {"name": version["name"], **version["attributes"]}


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield every name of either, in the later one's order."""
    for name in [*after, *(name for name in before if name not in after)]:
        if name not in before:
            kind = "added"
        elif name not in after:
            kind = "removed"
        else:
            kind = "same" if before[name] == after[name] else "changed"
        yield Difference(name, kind, before.get(name), after.get(name))
