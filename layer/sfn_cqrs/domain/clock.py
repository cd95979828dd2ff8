"""Instants as text."""

from collections.abc import Callable
from datetime import datetime

Now = Callable[[], datetime]
"""Answers the current time, with its time zone; the one source of time of every part."""


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, so that texts sort as the moments do."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
