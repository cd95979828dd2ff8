from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class ManualClock:
    """A clock that is moved by hand; calling it returns the time."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def advance(self, **amount: float) -> None:
        """Advance by the arguments of `timedelta`: days, hours, seconds, milliseconds."""
        self._now += timedelta(**amount)
