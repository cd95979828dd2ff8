"""The order in which Amazon SQS delivers from a fair queue, as its guide describes it.

A message's group is its tenant. A tenant that takes much of what the consumers do is noisy, and
messages of quiet tenants go before its own. The Python of .venv-fabric imports this file: it needs
the standard library alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Final

SHARE: Final = 0.1
"""A tenant with a larger share of messages in flight or consumers' time is noisy."""
MANY_IN_FLIGHT: Final = 30
"""The share of messages in flight counts only if one tenant has at least so many."""
RECENT_SECONDS: Final = 60.0
"""How far back the consumers' time is counted; the guide says "recent"."""
QUIET_SECONDS: Final = 300.0
"""A tenant without a message in flight for so long is quiet again."""


class FairQueue:
    """The state of one queue's tenants."""

    def __init__(self) -> None:
        """Begin with a queue that nobody has received from."""
        self._since: dict[str, tuple[str, float]] = {}
        self._worked: deque[tuple[str, float, float]] = deque()
        self._last: dict[str, float] = {}
        self._noisy: set[str] = set()

    def order(self, waiting: Sequence[str], in_flight: Mapping[str, str], now: float) -> list[int]:
        """Return the indexes of waiting messages in the order of delivery.

        `waiting` has the tenants of the messages in the order in which they came, `in_flight`
        those of the messages that are being worked on, by their ids.
        """
        self._look(in_flight, now)
        counts = Counter(in_flight.values())
        self._noisy |= self._noisy_now(counts, now)
        self._noisy &= {
            tenant
            for tenant in waiting
            if now - self._last.get(tenant, now - QUIET_SECONDS) < QUIET_SECONDS
        }
        behind = {tenant: 1 + counts[tenant] for tenant in self._noisy}
        return sorted(range(len(waiting)), key=lambda place: behind.get(waiting[place], 0))

    def _look(self, in_flight: Mapping[str, str], now: float) -> None:
        """Note what has begun and ended since the last look."""
        for id_ in self._since.keys() - in_flight.keys():
            tenant, since = self._since.pop(id_)
            self._worked.append((tenant, since, now))
        for id_, tenant in in_flight.items():
            self._since.setdefault(id_, (tenant, now))
            self._last[tenant] = now
        while self._worked and self._worked[0][2] < now - RECENT_SECONDS:
            self._worked.popleft()

    def _noisy_now(self, counts: Counter[str], now: float) -> set[str]:
        seconds: dict[str, float] = defaultdict(float)
        at_work = ((tenant, since, now) for tenant, since in self._since.values())
        for tenant, since, until in (*self._worked, *at_work):
            seconds[tenant] += until - max(since, now - RECENT_SECONDS)
        many = {tenant for tenant in _over(counts) if counts[tenant] >= MANY_IN_FLIGHT}
        return many | _over(seconds)


def _over(taken: Mapping[str, float]) -> set[str]:
    """Return the tenants that take more than their share."""
    limit = SHARE * sum(taken.values())
    return {tenant for tenant, amount in taken.items() if amount > limit}
