"""Time as an object: the real one, or one that a test moves."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time to the engine."""

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC."""

    def now(self) -> datetime:
        """The same as an aware datetime."""
        return datetime.fromtimestamp(self.time(), UTC)


class RealClock(Clock):
    """The clock of this machine."""

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time()


class VirtualClock(Clock):
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        """Start at an aware datetime."""
        self._seconds = start.timestamp()

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Move forward; timers that are due by then fire when the engine runs again."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._seconds += seconds

    def move_to(self, moment: float) -> None:
        """Move forward to a moment in seconds since 1970; an earlier one changes nothing."""
        self._seconds = max(self._seconds, moment)
