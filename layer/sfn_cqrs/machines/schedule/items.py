"""Plans as items of the commands table, in the partitions of their items."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sfn_cqrs.kernel.keys import ItemKey, shard_of
from sfn_cqrs.kernel.tables.codec import CREATED, WHERE, Codec
from sfn_cqrs.kernel.tables.records import Kind
from sfn_cqrs.machines.schedule.rules import Plan, Status

PLANNED_SHARDS, REFUSED_SHARDS = range(48, 64), range(64, 80)
"""Partitions of the index, after those of versions: what is due, and what waits for a person."""
KEPT: Final = timedelta(days=30)
"""How long a plan that has ended is kept: longer than the latest retry, a redrive of 14 days."""
_SHARDS: Final = {Status.PLANNED: PLANNED_SHARDS, Status.REFUSED: REFUSED_SHARDS}


def shard(tenant: str, status: Status) -> int:
    """Return the partition of the index that lists a tenant's plans with this status."""
    shards = _SHARDS[status]
    return shards[shard_of(tenant, "", len(shards))]


def _expiry(plan: Plan, now: datetime) -> int | None:
    return None if plan.status in _SHARDS else int((now + KEPT).timestamp())


@dataclass(frozen=True, slots=True)
class _Plans(Kind[Plan]):
    """Plans, which the index lists by tenant, so that none waits for those of many others."""

    def listed(self, record: Plan) -> int | None:
        """Return the partition of the index that lists this plan, or None if none does."""
        return shard(record.item.tenant, record.status) if record.status in _SHARDS else None


_PLAN: Final = Codec(
    Plan,
    kind="plan",
    names={"name": "plan", "due_at": "opened_at", "order": "plan_order"},
    inside={"item": Codec(ItemKey), "created": CREATED},
    lean=("source", "request_id"),
    also={name: f"key.{name}" for name in WHERE},
)
"""`opened_at` is the moment by which the index sorts."""
PLANS: Final = _Plans(_PLAN, ttl=_expiry)
