"""The token buckets of tenants' writes, in the requests table, and this environment's leases."""

from threading import Lock
from typing import Final

from sfn_cqrs.api.write_rate import Bucket, Purse, Rate, Take, micros
from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.errors import BusyError, TooManyRequestsError
from sfn_cqrs.kernel.keys import BudgetKey
from sfn_cqrs.kernel.tables.codec import BUDGET_KEY, Codec
from sfn_cqrs.kernel.tables.records import Kind, Records

MOST_PURSES = 10_000
"""Number of tenants that an environment remembers; a forgotten tenant leases again."""


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


_BUCKET: Final = Codec(Bucket, kind="bucket", inside={"key": BUDGET_KEY})
BUCKETS = Kind(_BUCKET)
