from copy import deepcopy
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any, Generic, TypeVar

from sfn_cqrs.adapters.request_table import RequestTable
from sfn_cqrs.domain.clock import Now
from sfn_cqrs.domain.command import Command, DataRow
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.domain.process import Process
from sfn_cqrs_tools.testing.fakes.small_dynamodb import SmallDynamoDB

K = TypeVar("K")
V = TypeVar("V")
Version = tuple[ItemKey, int]
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


class Shelf(Generic[K, V]):
    """Values by key, copied in and out, each with the ttl that it may have.

    `get` and `items` leave out what has expired. `stored` and `stored_items` do not, and nor
    does the condition of a write.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._values: dict[K, tuple[V, int | None]] = {}

    def put(self, key: K, value: V, ttl: int | None = None) -> None:
        self._values[key] = (deepcopy(value), ttl)

    def get(self, key: K) -> V | None:
        return None if self._has_expired(key) else self.stored(key)

    def stored(self, key: K) -> V | None:
        return deepcopy(self._values[key][0]) if key in self._values else None

    def ttl(self, key: K) -> int | None:
        return self._values[key][1] if key in self._values else None

    def items(self) -> list[tuple[K, V]]:
        return [
            (key, deepcopy(value))
            for key, (value, _) in self._values.items()
            if not self._has_expired(key)
        ]

    def stored_items(self) -> list[tuple[K, V]]:
        return [(key, deepcopy(value)) for key, (value, _) in self._values.items()]

    def remove(self, key: K) -> None:
        """Delete a value, as DynamoDB does some time after it has expired."""
        del self._values[key]

    def __contains__(self, key: K) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def _has_expired(self, key: K) -> bool:
        ttl = self.ttl(key)
        return ttl is not None and ttl <= self._now().timestamp()


class Store:
    """What all the fakes of one world share.

    `listed` holds what the index of open versions lists.
    """

    def __init__(self, now: Now) -> None:
        self.lock = RLock()
        self.now = now
        self.commands: Shelf[Version, Command] = Shelf(now)
        self.processes: Shelf[Version, Process] = Shelf(now)
        self.rows: Shelf[ItemKey, DataRow] = Shelf(now)
        self.history: Shelf[Version, DataRow] = Shelf(now)
        self.dynamodb = SmallDynamoDB()
        self.requests = RequestTable(self.dynamodb, "RequestsTable", now)  # type: ignore[arg-type]
        self.waits: Shelf[tuple[str, str, str], tuple[str, str, bool]] = Shelf(now)
        self.objects: Shelf[str, dict[str, Any]] = Shelf(now)
        self.views: Shelf[tuple[str, str, str, str], dict[str, Any]] = Shelf(now)
        self.listed: set[Version] = set()
