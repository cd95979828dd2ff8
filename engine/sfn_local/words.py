"""Messages about a name that does not exist, and about what the system refuses."""

from collections.abc import Iterable
from difflib import get_close_matches


def refused(error: OSError) -> str:
    """What the system refuses: the file, if it is one, and the reason, without its number."""
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{error.filename}: {reason}"


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that there is none, which one may be meant, and those that there are."""
    names = sorted(known)
    there = "there are" if len(names) > 1 else "there is"
    return f"there is no {kind} {name}{meant(name, names)}; {there} {', '.join(names) or 'none'}"


def meant(name: str, known: Iterable[str]) -> str:
    """Which of the known names may be meant, as what follows the wrong one; empty if none."""
    close = closest(name, known)
    return f" (did you mean {close}?)" if close else ""


def closest(name: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """The known name that is most like one that is not, whatever the case; None if none is."""
    lower = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), lower, 1, least)
    return lower[close[0]] if close else None
