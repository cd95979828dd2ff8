"""The time of a local stack, which can leap forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class LeapingClock:
    """The clock of this machine plus the seconds of all leaps."""

    def __init__(self) -> None:
        """Start at the present time."""
        self._ahead = 0.0

    def time(self) -> float:
        """Return seconds since 1970-01-01 UTC."""
        return time.time() + self._ahead

    def now(self) -> datetime:
        """Return the same as an aware datetime."""
        return datetime.fromtimestamp(self.time(), UTC)

    def leap(self, seconds: float) -> None:
        """Move forward."""
        self._ahead += seconds
