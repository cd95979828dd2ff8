"""The time of a local stack, which can leap forward."""

from __future__ import annotations

from sfn_local import RealClock


class LeapingClock(RealClock):
    """The clock of this machine plus the seconds of all leaps."""

    def __init__(self) -> None:
        """Start at the present time."""
        self._ahead = 0.0

    def time(self) -> float:
        """Return seconds since 1970-01-01 UTC."""
        return super().time() + self._ahead

    def leap(self, seconds: float) -> None:
        """Move forward."""
        self._ahead += seconds
