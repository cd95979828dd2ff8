"""What is said of a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that there is none, which one may be meant, and those that there are."""
    names = sorted(known)
    return f"there is no {kind} {name}{meant(name, names)}; there are {', '.join(names) or 'none'}"


def meant(name: str, known: Iterable[str]) -> str:
    """Which of the known names may be meant, as what follows the wrong one; empty if none."""
    close = get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]}?)" if close else ""
