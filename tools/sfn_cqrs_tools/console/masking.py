"""Masks task tokens, which must never leave the console, anywhere in a text."""

from __future__ import annotations

import re
from typing import Any, Final

MASK: Final = "•••• task token"

# A token is one long run of base64: the engine's has 64 characters, those of AWS begin with AQC.
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:AQC[A-Za-z0-9+/_=%-]{60,}|AAAAA[A-Za-z0-9_-]{59}(?![A-Za-z0-9_-]))"
)
_NAMED: Final = re.compile(r'(task_?token\\*"\s*:\s*)(\\*")(?:(?!\2).)*', re.IGNORECASE | re.DOTALL)


def masked(text: str) -> str:
    """Return a text without task tokens, found by their shape and by their field's name."""
    return _TOKEN.sub(MASK, _NAMED.sub(lambda found: f"{found[1]}{found[2]}{MASK}", text))


def masked_event(value: Any) -> Any:
    """Return an event of a history with every text in it masked."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {
            name: MASK if _is_token(name, inner) else masked_event(inner)
            for name, inner in value.items()
        }
    return [masked_event(inner) for inner in value] if isinstance(value, list) else value


def _is_token(name: str, value: object) -> bool:
    return isinstance(value, str) and name.replace("_", "").lower().endswith("tasktoken")
