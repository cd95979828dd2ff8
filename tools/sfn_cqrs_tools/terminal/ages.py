"""Lengths of time, as people read them."""

from __future__ import annotations


def duration(seconds: float | None) -> str:
    """Return a length of time in the unit that fits."""
    if seconds is None or seconds < 0:  # clocks of a test may go back
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
