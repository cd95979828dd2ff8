"""Instants as text."""

from collections.abc import Callable
from datetime import datetime

Now = Callable[[], datetime]
"""Answers the current time, with its time zone; the one source of time of every part."""

_TO_MILLISECONDS = len("2026-11-29T09:30:00.000")


def iso(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds, so that texts sort as the moments do."""
    return f"{moment.isoformat(timespec='milliseconds')[:_TO_MILLISECONDS]}Z"
