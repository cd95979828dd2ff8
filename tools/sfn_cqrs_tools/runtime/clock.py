"""The time of a local stack, which can be told to leap."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class LeapingClock:
    """The clock of this machine, and as many seconds later as it was told to leap."""

    def __init__(self) -> None:
        """Begin now."""
        self._ahead = 0.0

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time() + self._ahead

    def now(self) -> datetime:
        """The same as an aware datetime."""
        return datetime.fromtimestamp(self.time(), UTC)

    def leap(self, seconds: float) -> None:
        """Move forward."""
        self._ahead += seconds
