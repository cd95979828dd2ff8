"""What is said of a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that there is none, which one may be meant, and those that there are."""
    names = sorted(known)
    close = get_close_matches(name, names, 1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"there is no {kind} {name}{meant}; there are {', '.join(names) or 'none'}"
