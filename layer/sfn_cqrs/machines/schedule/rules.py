"""Plans: when they are due, who may change them, and how they end.

A write carries its rule, which the models explore and production runs: see `records`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.values import Json


class Status(StrEnum):
    """How far a plan is; only PLANNED is published."""

    PLANNED = "PLANNED"
    PUBLISHED = "PUBLISHED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Record):
    """What is planned under a name on an item.

    `order` says who speaks last: the version whose handler has set a deadline, or the ULID of a
    request. `generation` counts what was planned under this name. A plan that was cancelled stays
    for as long as an earlier order may still come.
    """

    item: ItemKey
    name: str
    order: str
    due_at: str
    generation: int = 1
    status: Status = Status.PLANNED
    if_version: int | None = None
    content: Json = None
    version: int | None = None
    reason: str | None = None

    def is_open_to(self, generation: int) -> bool:
        """Whether this very plan still waits: nobody has published, moved or cancelled it."""
        return self.status is Status.PLANNED and self.generation == generation

    def is_due(self, now: str) -> bool:
        """Whether it is to be published now."""
        return self.status is Status.PLANNED and self.due_at <= now

    def is_older_than(self, order: str) -> bool:
        """Whether somebody with this order speaks later; what was said once is not said again."""
        return self.order < order

    def may_follow(self, latest: int) -> bool:
        """Whether the item is at the version that the plan is for, if it is for one."""
        return self.if_version in (None, latest)


@dataclass(frozen=True, slots=True)
class Replace:
    """What is planned, or cancelled, under this name from now on; a late order changes nothing."""

    plan: Plan

    def on(self, plan: Plan, _at: str) -> Plan | None:
        if not plan.is_older_than(self.plan.order):
            return None
        return replace(self.plan, generation=plan.generation + 1, stored=plan.stored)


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person does not want it any more."""

    generation: int

    def on(self, plan: Plan, _at: str) -> Plan | None:
        if not plan.is_open_to(self.generation):
            return None
        return replace(plan, status=Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish the plan, and close it in the same transaction; `version` is the one that it makes.

    The mark of a request's key lives for a day and a plan may wait for longer after a crash, so
    the key alone would not keep it from being published again.
    """

    plan: Plan
    version: int

    def on(self, plan: Plan, _at: str) -> Plan | None:
        if not plan.is_open_to(self.plan.generation):
            return None
        return replace(plan, status=Status.PUBLISHED, version=self.version)


@dataclass(frozen=True, slots=True)
class Refuse:
    """The publish was refused for good."""

    generation: int
    reason: str

    def on(self, plan: Plan, _at: str) -> Plan | None:
        if not plan.is_open_to(self.generation):
            return None
        return replace(plan, status=Status.REFUSED, reason=self.reason)


PlanWrite = Replace | Cancel | Publish | Refuse
