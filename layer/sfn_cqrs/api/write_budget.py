"""How many writes a second a tenant may ask for: a bucket of tokens, leased by environments.

The bucket is one number, the moment at which it will be full again: each token that is taken
puts it off by an interval. A full bucket takes no more. An environment of Lambda leases some
tokens by one conditional write and spends them in memory. So a request costs no write, and a
tenant's key stays cool.

Over any time the tenant is given at most a full bucket and what drips into it, and by as much
more as clocks differ. Tokens that an environment has leased and not spent are lost after a while.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from threading import Lock
from typing import Final

from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.errors import BusyError, TooManyRequestsError
from sfn_cqrs.kernel.keys import BudgetKey
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.tables.codec import BUDGET_KEY, Codec
from sfn_cqrs.kernel.tables.records import Kind, Records

FIRST_LEASE = 5
LARGEST_LEASE = 50
"""Leases grow to it where they are spent: a tenant of few requests in many environments keeps its
bucket, and one of many writes to it once in 50 requests."""
LEASE_SECONDS = 60
MOST_PURSES = 10_000
"""Number of tenants that an environment remembers; a forgotten tenant leases again."""
_SECOND = 1_000_000
"""In microseconds, as all times here."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and so many at once."""

    per_second: float
    burst: int

    @property
    def interval(self) -> int:
        """Microseconds for a token to drip into the bucket; never too few."""
        return ceil(_SECOND / self.per_second)

    @property
    def depth(self) -> int:
        """Microseconds for an empty bucket to be full."""
        return self.burst * self.interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket(Record):
    """A tenant's bucket: when it will be full, and how many tokens the last lease took."""

    key: BudgetKey
    full_at: int = 0
    leased: int = 0

    def tokens(self, rate: Rate, at: int) -> int:
        """How many are in it."""
        return max(0, rate.depth - max(0, self.full_at - at)) // rate.interval

    def refills_in(self, rate: Rate, at: int) -> float:
        """Seconds until there is one."""
        return max(0, self.full_at - at - rate.depth + rate.interval) / _SECOND


@dataclass(frozen=True, slots=True)
class Take:
    """Lease as many tokens as there are, and no more than are wanted; refused if there are none."""

    rate: Rate
    wanted: int

    def on(self, bucket: Bucket, at: str) -> Bucket | None:
        """Return the bucket without the tokens; None if it has none."""
        now = micros(datetime.fromisoformat(at))
        taken = min(self.wanted, bucket.tokens(self.rate, now))
        if taken == 0:
            return None
        full_at = max(bucket.full_at, now) + taken * self.rate.interval
        return replace(bucket, full_at=full_at, leased=taken)


@dataclass(frozen=True, slots=True)
class Purse:
    """An environment's lease for a tenant, and the time until which it does not ask again.

    `size` is what it asked for last. `bucket` is as it was seen last.
    """

    tokens: int = 0
    size: int = 0
    ends_at: int = 0
    refused_until: int = 0
    bucket: Bucket | None = None

    def spent(self, at: int) -> "Purse | None":
        """The purse without a token; None if it is empty, or the lease is over."""
        if self.tokens == 0 or at >= self.ends_at:
            return None
        return replace(self, tokens=self.tokens - 1)

    def wants(self, at: int) -> int:
        """How many to lease: twice as many as last time, if those were spent in time."""
        if at >= self.ends_at:
            return FIRST_LEASE
        return min(LARGEST_LEASE, 2 * self.size)

    def filled(self, bucket: Bucket, at: int) -> "Purse":
        """Return the purse after leasing tokens and spending one."""
        left = self.tokens if at < self.ends_at else 0
        return Purse(
            tokens=left + bucket.leased - 1,
            size=self.wants(at),
            ends_at=at + LEASE_SECONDS * _SECOND,
            bucket=bucket,
        )

    def refused(self, bucket: Bucket, rate: Rate, at: int) -> "Purse":
        """The purse of whom the bucket had nothing for: it asks again when there is something."""
        until = at + ceil(bucket.refills_in(rate, at) * _SECOND)
        return replace(self, tokens=0, refused_until=until, bucket=bucket)

    def waits(self, at: int) -> float:
        """Seconds for which it does not ask again; 0: it may."""
        return max(0, self.refused_until - at) / _SECOND


class WriteBudget:
    """Decides for each write whether its tenant may make it now."""

    def __init__(self, buckets: Records[Bucket], rate: Rate, now: Now) -> None:
        """Lease from the buckets, which all fill at one rate."""
        self._buckets = buckets
        self._rate = rate
        self._now = now
        self._purses: dict[str, Purse] = {}
        self._lock = Lock()

    def spend(self, tenant: str) -> None:
        """Take a leased token, or lease some first.

        Raises:
            TooManyRequestsError: no token is left; the error says when to try again.
            BusyError: too many lease at once.
        """
        at = micros(self._now())
        with self._lock:
            purse = self._purses.pop(tenant, Purse())
            spent = purse.spent(at)
            self._keep(tenant, spent or purse)
        if spent is None:
            self._lease(tenant, purse, at)

    def _lease(self, tenant: str, purse: Purse, at: int) -> None:
        if at < purse.refused_until:
            raise TooManyRequestsError(purse.waits(at))
        done, bucket = self._take(BudgetKey(tenant), purse.wants(at), purse.bucket)
        with self._lock:
            purse = self._purses.get(tenant, purse)
            purse = purse.filled(bucket, at) if done else purse.refused(bucket, self._rate, at)
            self._keep(tenant, purse)
        if not done:
            raise TooManyRequestsError(purse.waits(at))

    def _take(self, key: BudgetKey, wanted: int, seen: Bucket | None) -> tuple[bool, Bucket]:
        take = Take(self._rate, wanted)
        written = self._buckets.change(key, take, seen)
        if written.record is None:
            self._buckets.create(Bucket(key=key))
            written = self._buckets.change(key, take)
        if written.record is None:
            raise BusyError(f"{key.pk} comes and goes")
        return written.done, written.record

    def _keep(self, tenant: str, purse: Purse) -> None:
        """Store a purse as the most recently used one."""
        self._purses.pop(tenant, None)
        self._purses[tenant] = purse
        if len(self._purses) > MOST_PURSES:
            del self._purses[next(iter(self._purses))]


def micros(moment: datetime) -> int:
    """A moment in microseconds."""
    return round(moment.timestamp() * _SECOND)


_BUCKET: Final = Codec(Bucket, kind="bucket", inside={"key": BUDGET_KEY})
BUCKETS = Kind(_BUCKET)
