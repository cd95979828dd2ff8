"""The events of an execution, in the shape of GetExecutionHistory."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sfn_local.errors import HistoryFull
from sfn_local.quotas import QUOTAS

MOST_EVENTS = 25_000

TRUNCATED = "truncated"


class Event(NamedTuple):
    """One event; details are without the fields that say that nothing was truncated."""

    number: int
    previous: int
    moment: float
    type: str
    details: dict[str, Any] | None

    def as_aws_shows_it(self) -> dict[str, Any]:
        """The event as boto3 returns it."""
        shown: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(self.moment, UTC),
            "type": self.type,
            "id": self.number,
            "previousEventId": self.previous,
        }
        if self.details is not None:
            details = dict(self.details)
            for field in ("input", "output", "assignedVariables"):
                if field in details:
                    details[f"{field}Details"] = {TRUNCATED: False}
            shown[_details_name(self.type)] = details
        return shown


class History:
    """The events of one execution, numbered from 1."""

    __slots__ = ("_events",)

    def __init__(self) -> None:
        """No event yet."""
        self._events: list[Event] = []

    def __len__(self) -> int:
        """The number of events."""
        return len(self._events)

    def add(
        self, moment: float, previous: int, event_type: str, details: dict[str, Any] | None
    ) -> int:
        """Keep an event; its number.

        Raises:
            HistoryFull: only the place for the execution's last event is left.
        """
        if len(self._events) >= QUOTAS.history_events - 1:
            raise HistoryFull
        return self._append(moment, previous, event_type, details)

    def end(
        self, moment: float, previous: int, event_type: str, details: dict[str, Any] | None
    ) -> None:
        """Keep the execution's last event, which always has a place."""
        self._append(moment, previous, event_type, details)

    def events(self) -> list[Event]:
        """All events, oldest first."""
        return list(self._events)

    def _append(
        self, moment: float, previous: int, event_type: str, details: dict[str, Any] | None
    ) -> int:
        number = len(self._events) + 1
        self._events.append(Event(number, previous, moment, event_type, details))
        return number


class UnkeptHistory(History):
    """Numbers the events and keeps none, as for the EXPRESS children of a Map Run."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        """No event yet."""
        super().__init__()
        self._count = 0

    def __len__(self) -> int:
        """The number of events."""
        return self._count

    def _append(
        self,
        moment: float,  # noqa: ARG002
        previous: int,  # noqa: ARG002
        event_type: str,  # noqa: ARG002
        details: dict[str, Any] | None,  # noqa: ARG002
    ) -> int:
        self._count += 1
        return self._count


def _details_name(event_type: str) -> str:
    for suffix in ("StateEntered", "StateExited"):
        if event_type.endswith(suffix):
            return f"{suffix[0].lower()}{suffix[1:]}EventDetails"
    return f"{event_type[0].lower()}{event_type[1:]}EventDetails"
