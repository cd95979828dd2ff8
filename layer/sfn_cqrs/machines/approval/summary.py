"""The summary that deciders see: made here from what is stored, not from what a requester says."""

from collections.abc import Mapping

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.values import Json, canonical
from sfn_cqrs.machines.approval.rules import Approval

MAX_LINES = 40
MAX_CHARACTERS = 200


def summary_of(approval: Approval) -> list[tuple[str, str]]:
    """Return the pinned version's name and attributes, and the payload, each as name and text."""
    lines: list[tuple[str, str]] = []
    if approval.item is not None:
        pinned = approval.item
        key = ItemKey(approval.key.tenant, pinned.type, pinned.code)
        command = bootstrap.commands().find(key, pinned.version)
        if command is None:
            lines.append(("item", f"version {pinned.version} is not kept any more"))
        else:
            lines += [("name", command.name), *_lines(command.attributes)]
    payload = approval.payload
    if isinstance(payload, dict):
        lines += [(f"payload: {name}", text) for name, text in _lines(payload)]
    elif payload is not None:
        lines.append(("payload", _text(payload)))
    return lines


def is_current(approval: Approval) -> bool:
    """Return whether a pinned item is still at the version that was seen."""
    if approval.item is None:
        return True
    key = ItemKey(approval.key.tenant, approval.item.type, approval.item.code)
    latest = bootstrap.commands().latest(key)
    return latest is not None and latest.version == approval.item.version


def _lines(values: Mapping[str, Json]) -> list[tuple[str, str]]:
    lines = [(name, _text(value)) for name, value in sorted(values.items())]
    left = len(lines) - MAX_LINES
    return lines if left <= 0 else [*lines[:MAX_LINES], ("…", f"{left} more")]


def _text(value: Json) -> str:
    text = value if isinstance(value, str) else canonical(value)
    return (
        text
        if len(text) <= MAX_CHARACTERS
        else f"{text[:MAX_CHARACTERS]}… ({len(text)} characters)"
    )
