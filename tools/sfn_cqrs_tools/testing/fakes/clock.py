from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class ManualClock:
    """A clock that moves when it is told to; calling it answers the time."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def advance(self, **amount: float) -> None:
        """Move on by what `timedelta` takes: days, hours, seconds, milliseconds."""
        self._now += timedelta(**amount)
