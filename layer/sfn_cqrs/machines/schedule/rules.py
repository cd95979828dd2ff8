"""Plans: when they are due, who may change them, and how they end.

A write carries its rule, which the models explore and production runs: see `records`.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Audit, Content, Known, Patch
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey, PlanKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.values import Json, size_of
from sfn_cqrs.machines.command.process import Outcome

MAX_CONTENT_BYTES = 256 * 1024
"""A plan is one item of the table, which has at most 400 KB; larger attributes would need S3."""


DEADLINE = "deadline:"
"""What the names of deadlines begin with; no plan of a client's has such a name."""
SETTLES = timedelta(hours=1)
"""A version without a process is an import's, whose handlers run soon after, or an old one."""


def order_of(version: int) -> str:
    """Return the order of what the handlers of a version say."""
    return f"{version:010d}"


class Status(StrEnum):
    """How far a plan is; only PLANNED is published."""

    PLANNED = "PLANNED"
    PUBLISHED = "PUBLISHED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a plan publishes: the whole content of the item, or what changes of it.

    `shape` is the number of the type's shape when it was planned.
    """

    name: str | None = None
    attributes: dict[str, Json] = field(default_factory=dict)
    is_deleted: bool | None = None
    is_partial: bool = False
    shape: int = 1

    @classmethod
    def of(cls, asked: Content | Patch, shape: int) -> "Wanted":
        """Return what is to be stored of it.

        Raises:
            InvalidInputError: its attributes are larger than a plan.
        """
        size = size_of(asked.attributes)
        if size > MAX_CONTENT_BYTES:
            raise InvalidInputError(
                "attributes", f"of a plan have at most {MAX_CONTENT_BYTES} bytes, and not {size}"
            )
        is_partial = isinstance(asked, Patch)
        return cls(asked.name, asked.attributes, asked.is_deleted, is_partial, shape)

    def asked(self, attributes: dict[str, Json]) -> Content | Patch:
        """Return it as it was asked for, with its attributes in today's shape."""
        if self.is_partial:
            return Patch(self.name, attributes, self.is_deleted)
        return Content(self.name or "", attributes, bool(self.is_deleted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Record):
    """What is planned under a name on an item.

    `order` says who speaks last: the version whose handler has set a deadline, or the ULID of a
    request. `generation` counts what was planned under this name. A plan that was cancelled stays
    for as long as an earlier order may still come. `client` is who made it; None means code.
    """

    item: ItemKey
    name: str
    order: str
    due_at: str
    generation: int = 1
    status: Status = Status.PLANNED
    if_version: int | None = None
    wanted: Wanted = field(default=Wanted(), hash=False)
    version: int | None = None
    reason: str | None = None
    created: Audit = field(default=Audit(""))
    client: Client | None = None
    source: str = ""
    request_id: str = ""

    @property
    def key(self) -> PlanKey:
        """Where it is stored."""
        return PlanKey(self.item, self.name)

    @property
    def follows(self) -> int:
        """Return the version that it is to be published on; -1 is the latest."""
        return Known.LATEST if self.if_version is None else self.if_version

    @property
    def is_deadline(self) -> bool:
        """Whether a handler has set it, for its version."""
        return self.name.startswith(DEADLINE)

    def may_follow(self, outcome: Outcome | None, age: timedelta) -> bool:
        """Whether it may be published on a version with this outcome.

        A deadline waits for all handlers of the version, since one may move or clear it.
        """
        if not self.is_deadline:
            return True
        return age >= SETTLES if outcome is None else outcome.is_settled

    @property
    def caller(self) -> Caller:
        """Return who publishes it when it is due: whoever has planned it."""
        return Caller(
            user=self.created.by,
            ip=self.created.ip,
            source=self.source,
            request_id=self.request_id,
            client=self.client,
        )

    def is_open_to(self, generation: int) -> bool:
        """Whether this very plan still waits: nobody has published, moved or cancelled it."""
        return self.status is Status.PLANNED and self.generation == generation

    def is_left(self, generation: int) -> bool:
        """Whether this very plan waits for its moment or, refused, for a person."""
        is_ours = self.generation == generation
        return is_ours and self.status in (Status.PLANNED, Status.REFUSED)

    def is_due(self, now: str) -> bool:
        """Whether it is to be published now."""
        return self.status is Status.PLANNED and self.due_at <= now

    def is_older_than(self, order: str) -> bool:
        """Whether somebody with this order speaks later; what was said once is not said again."""
        return self.order < order


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
    """A person does not want it any more, or not what was refused."""

    generation: int

    def on(self, plan: Plan, _at: str) -> Plan | None:
        if not plan.is_left(self.generation):
            return None
        return replace(plan, status=Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Run:
    """A person wants it now; one that was refused is tried again, as a new plan of its name."""

    generation: int
    now: str

    def on(self, plan: Plan, _at: str) -> Plan | None:
        if not plan.is_left(self.generation):
            return None
        return replace(
            plan,
            status=Status.PLANNED,
            generation=plan.generation + 1,
            due_at=min(plan.due_at, self.now),
            reason=None,
        )


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


PlanWrite = Replace | Cancel | Run | Publish | Refuse
