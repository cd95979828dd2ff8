"""Fn::ForEach of AWS::LanguageExtensions, where the list that it goes through is written out.

Source: CloudFormation Template Reference, "Fn::ForEach".
"""

import re
from collections.abc import Callable
from typing import Any

LOOP = "Fn::ForEach::"


def expanded(fields: dict[str, Any], note: Callable[[str], None] | None) -> dict[str, Any]:
    """The fields with those of each loop in its place; a loop that cannot be read is noted."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        items = _items(value) if str(name).startswith(LOOP) else None
        if items is not None:
            for item in items:
                found |= expanded(_replaced(value[2], value[0], item), note)
        elif str(name).startswith(LOOP) and note is not None:
            note(f"{name} goes through a list that is not written out: it is skipped")
        else:
            found[name] = value
    return found


def _items(loop: Any) -> list[str] | None:
    """What a loop goes through, if it is a list of texts; None if not."""
    match loop:
        case [str(), list() as items, dict()] if all(isinstance(item, str) for item in items):
            return items
    return None


def _replaced(value: Any, name: str, item: str) -> Any:
    if isinstance(value, str):
        kept = re.sub(r"[^A-Za-z0-9]", "", item)
        return value.replace(f"${{{name}}}", item).replace(f"&{{{name}}}", kept)
    if isinstance(value, list):
        return [_replaced(inner, name, item) for inner in value]
    if isinstance(value, dict):
        if value == {"Ref": name}:
            return item
        return {
            _replaced(key, name, item): _replaced(one, name, item) for key, one in value.items()
        }
    return value
