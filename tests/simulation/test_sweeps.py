"""The morning after: ten minutes without StartExecution, and every start of them is lost.

The real sweep, its pages, shards and lease under a virtual clock; AWS's answers take as long as
it publishes, and StartExecution has its quota. Each shard runs on a time of its own and has its
share of the quota.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import pytest
from tests.support.proof import shares

from sfn_cqrs import bootstrap
from sfn_cqrs.care.sweep import BLOCKED, COMMANDS, Kind, sweep
from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.kernel.programs import Execution
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.kernel.sweeps import Cursor, Lease
from sfn_cqrs.machines.command.chain import ProcessWrite, Restart
from sfn_cqrs.machines.command.process import DataVersion, Outcome, Process
from sfn_cqrs.machines.command.process_table import BLOCKED_SHARDS, OPEN_SHARDS

LOST = 700_000
STUCK = 1_000_000
FREED = 9_973
"""Of so many that are blocked one no longer has to be."""
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
BEFORE = Process(
    key=ItemKey("tenant1", "ORDER", ""), version=1, opened_at="2026-11-25T11:00:00.000Z"
)
QUERY, READ, START = 0.010, 0.005, 0.030
FUNCTION_SECONDS = 180
HOUR = 3_600


@lru_cache(20_000)
def process(code: str, version: int, outcome: Outcome) -> Process:
    """Return a process; a sweep lists each, and soon reads it again."""
    return replace(BEFORE, key=ItemKey("tenant1", "ORDER", code), version=version, outcome=outcome)


@dataclass(kw_only=True)
class Watched:
    """What a sweep sees of any region: a clock that its calls move, and its lease."""

    now: float = 0.0
    _begun: float = 0.0
    _cursors: dict[str, Cursor] = field(default_factory=dict)

    def begin_sweep(self, _lease: Lease) -> dict[str, Cursor]:
        return self._cursors

    def end_sweep(self, _lease: Lease, cursors: dict[str, Cursor]) -> None:
        self._cursors = cursors

    def at_once(self, work: Callable[[int], Any], shards: Iterable[int]) -> list[Any]:
        begun, ends, done = self.now, [], []
        for shard in shards:
            self.now = begun
            self.begin_shard()
            done.append(work(shard))
            ends.append(self.now)
        self.now = max(ends)
        return done

    def begin_shard(self) -> None:
        """Where its quota is looked after, it begins anew."""

    def remaining_ms(self) -> int:
        return int((FUNCTION_SECONDS - (self.now - self._begun)) * 1000)

    def sweep(self, kind: Kind[Process]) -> None:
        """Sweep at the next full minute."""
        self._begun = self.now = -(-self.now // 60) * 60.0
        assert sweep(kind, self.remaining_ms) is not None

    def parts(self) -> dict[str, Any]:
        """What the sweep works with."""
        return {
            "processes": self,
            "at_once": self.at_once,
            "clock": lambda: NOON + timedelta(seconds=self.now),
        }


@dataclass
class Region(Watched):
    """What the sweep sees of a region: versions in shards, and how fast it may start them."""

    lost: int
    starts_a_second: float
    burst: float
    started: dict[str, float] = field(default_factory=dict)
    _tokens: float = 0.0
    _filled_at: float = 0.0

    # The table of processes and the machine.

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Process], Cursor | None]:
        assert before > BEFORE.opened_at
        place = cursor["place"] if cursor else 0
        self.now += QUERY + limit * READ
        listed = range(shard, self.lost, OPEN_SHARDS)
        found = listed[place : place + limit]
        more = place + limit < len(listed)
        return [self._process(str(n)) for n in found], {"place": place + limit} if more else None

    def find(self, key: ItemKey, _version: int) -> Process:
        self.now += READ
        return self._process(key.code)

    def start(self, ref: CommandRef, _trace: str = "") -> bool:
        rate = self.starts_a_second / OPEN_SHARDS
        full = self.burst / OPEN_SHARDS
        self._tokens = min(full, self._tokens + (self.now - self._filled_at) * rate) - 1
        self._filled_at = self.now
        self.now += START + max(0.0, -self._tokens / rate)  # what is throttled is tried again
        self.started.setdefault(ref.key.code, self.now)
        return True

    def describe(self, _ref: CommandRef) -> Execution:
        raise AssertionError("fifteen descriptions a second would take half a day")

    def _process(self, code: str) -> Process:
        outcome = Outcome.APPLIED if code in self.started else Outcome.OPEN
        return process(code, 1, outcome)

    # The function.

    def begin_shard(self) -> None:
        self._filled_at = self.now
        self._tokens = self.burst / OPEN_SHARDS if not self.started else 0.0

    def recovers_in(self) -> float:
        """Sweep every minute until all are started; answers the seconds that it took."""
        with bootstrap.override(**self.parts(), executions=self):
            while len(self.started) < self.lost:
                before = len(self.started)
                self.sweep(COMMANDS)
                assert len(self.started) > before
        return self.now


@shares(100, usual=4)
def test_on_the_express_lane_they_are_started_within_the_hour(nth: int) -> None:
    region = Region(LOST // nth, starts_a_second=6_000, burst=6_000)

    assert region.recovers_in() * nth < HOUR


@shares(100, usual=4)
@pytest.mark.parametrize(("rate", "burst"), [(300, 1_300), (150, 800)], ids=["us-east-1", "others"])
def test_on_the_standard_lane_they_are_started_at_the_rate_of_the_quota(
    rate: int, burst: int, nth: int
) -> None:
    region = Region(LOST // nth, rate, burst)

    assert region.recovers_in() < 1.25 * region.lost / rate


@dataclass
class Stuck(Watched):
    """A region in which a million versions wait behind what has failed, and some need not."""

    blocked: int
    restarted: set[str] = field(default_factory=set)

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Process], Cursor | None]:
        assert before > BEFORE.opened_at
        self.now += QUERY + limit * READ
        place = cursor["place"] if cursor else shard - BLOCKED_SHARDS.start
        listed = range(place, self.blocked, len(BLOCKED_SHARDS))
        found = [str(n) for n in listed[:limit] if str(n) not in self.restarted]
        more = {"place": listed[limit]} if len(listed) > limit else None
        return [self._process(code, 2) for code in found], more

    def find(self, key: ItemKey, version: int) -> Process:
        self.now += READ
        return self._process(key.code, version)

    def version_of(self, key: ItemKey) -> DataVersion:
        self.now += READ
        return DataVersion(1 if int(key.code) % FREED == 0 else 0)

    def write(self, key: ItemKey, write: ProcessWrite) -> Written[Process]:
        assert isinstance(write, Restart)
        self.restarted.add(key.code)
        return Written(True, None)

    def _process(self, code: str, version: int) -> Process:
        is_freed = int(code) % FREED == 0
        first = Outcome.APPLIED if is_freed else Outcome.FAILED
        second = Outcome.OPEN if code in self.restarted else Outcome.BLOCKED
        return process(code, version, (first, second)[version - 1])

    def frees_all_in(self) -> float:
        """Sweep every minute until none is blocked that need not be; answers the seconds."""
        freed = {str(n) for n in range(0, self.blocked, FREED)}
        with bootstrap.override(**self.parts(), data=self):
            while self.restarted != freed:
                self.sweep(BLOCKED)
                assert self.now < HOUR, "the sweep does not come past those that stay blocked"
        return self.now


@shares(100, usual=4)
def test_a_million_that_stay_blocked_hide_none_that_may_go_on(nth: int) -> None:
    region = Stuck(STUCK // nth)

    assert region.frees_all_in() * nth < HOUR
    assert len(region.restarted) == -(-region.blocked // FREED)
