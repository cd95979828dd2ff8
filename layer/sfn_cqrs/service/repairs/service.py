"""Repairs in bulk from the outside: plan, look, start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.attributes_bucket import TASKS
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.errors import NotFailedError, NotFoundError
from sfn_cqrs.domain.ids import new_ulid
from sfn_cqrs.domain.keys import TaskKey, checked_tenant, id_parts
from sfn_cqrs.domain.repairs import DONE, LEFT, MAX_ENTRIES, PER_ITEM, Filter
from sfn_cqrs.domain.task import TaskStatus
from sfn_cqrs.domain.values import Json
from sfn_cqrs.service.commands.service import Caller
from sfn_cqrs.service.repairs.found import Entry, Overtime, failed
from sfn_cqrs.service.repairs.work import REPAIR
from sfn_cqrs.service.tasks.service import TaskService, TaskState, new_task

MAX_INPUT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """A frozen list of what is to be repaired; `is_complete`: nothing else was found.

    It is kept for 30 days. The task that works it off has the plan's ULID, so there is one.
    """

    key: TaskKey
    wanted: dict[str, Json]
    entries: list[Entry]
    is_complete: bool
    by: str
    at: str

    @property
    def id(self) -> str:
        """The public id."""
        return f"p-{self.key.ulid}"


@dataclass(frozen=True, slots=True)
class Progress:
    """A plan, and how far the task is that works it off; none was started: no status."""

    plan: Plan
    status: TaskStatus | None = None
    done: int = 0
    unchanged: int = 0
    failed: tuple[Entry, ...] = ()

    @property
    def left(self) -> int:
        """The entries that nobody has come to."""
        return len(self.plan.entries) - self.done - self.unchanged - len(self.failed)


class RepairService:
    """Repairs of a tenant; who is no operator has to be refused before."""

    def __init__(self, tenant: str) -> None:
        """Work for one tenant."""
        self._tenant = checked_tenant(tenant)

    def plan(self, wanted: Filter, caller: Caller, has_time: Callable[[], bool]) -> Plan:
        """Find what a filter means, and keep the list; nothing is repaired yet.

        It is complete unless there is too much for one plan, or the time is over.
        """
        time, now = Overtime(has_time), bootstrap.now()
        found = failed(self._tenant, wanted, time, caller.client)
        entries = _fitting(found)
        plan = Plan(
            key=TaskKey(self._tenant, REPAIR, new_ulid(now)),
            wanted=wanted.as_json(),
            entries=entries,
            is_complete=not time.is_over and len(entries) == len(found),
            by=caller.user,
            at=iso(now),
        )
        kept: dict[str, Any] = {
            "filter": plan.wanted,
            "entries": plan.entries,
            "is_complete": plan.is_complete,
            "by": plan.by,
            "at": plan.at,
        }
        bootstrap.attributes().store(self._tenant, plan.id, kept, folder=TASKS)
        return plan

    def get(self, id_: str) -> Progress:
        """A plan with the progress of its task.

        Raises:
            NotFoundError: there is no such plan, or it has expired.
        """
        plan = self._plan(id_)
        task = bootstrap.tasks().find(plan.key)
        if task is None:
            return Progress(plan)
        return _progress(plan, TaskService(self._tenant).get(task.key.id))

    def start(self, id_: str, caller: Caller) -> Progress:
        """Have a plan worked off in the background, once, however often it is asked for.

        Raises:
            NotFoundError: there is no such plan, or it has expired.
            NotFailedError: there is nothing in it to repair.
        """
        plan = self._plan(id_)
        if not plan.entries:
            raise NotFailedError("nothing that has failed is in this plan")
        name = f"{plan.wanted['action']} {len(plan.entries)} of {plan.wanted['kind']}"
        bootstrap.tasks().create(new_task(plan.key, name, _items(plan), caller))
        return self.get(id_)

    def _plan(self, id_: str) -> Plan:
        _, ulid = id_parts(id_, "a repair", "p")
        kept: Any = bootstrap.attributes().find(self._tenant, f"p-{ulid}", folder=TASKS)
        if kept is None:
            raise NotFoundError(f"repair {id_} does not exist, or is older than 30 days")
        return Plan(
            key=TaskKey(self._tenant, REPAIR, ulid),
            wanted=kept["filter"],
            entries=kept["entries"],
            is_complete=kept["is_complete"],
            by=kept["by"],
            at=kept["at"],
        )


def _fitting(found: list[Entry]) -> list[Entry]:
    """As many as one task takes, in number and in bytes."""
    room, entries = MAX_INPUT_BYTES, list[Entry]()
    for entry in found[:MAX_ENTRIES]:
        room -= 100 + sum(len(str(part).encode()) for part in _reference(entry).values())
        if room < 0:
            break
        entries.append(entry)
    return entries


def _items(plan: Plan) -> tuple[Json, ...]:
    common = {"kind": plan.wanted["kind"], "action": plan.wanted["action"], "by": plan.by}
    references = [_reference(entry) for entry in plan.entries]
    groups = (references[at : at + PER_ITEM] for at in range(0, len(references), PER_ITEM))
    return tuple(cast("Json", {**common, "entries": group}) for group in groups)


def _reference(entry: Entry) -> Entry:
    """What of an entry names it, and the attempt that has failed."""
    named = ("type", "code", "version", "attempt") if "code" in entry else ("id", "attempt")
    return {name: entry[name] for name in named}


def _progress(plan: Plan, state: TaskState) -> Progress:
    results: list[Any] = [item.result for item in state.items if item.result is not None]
    return Progress(
        plan,
        state.task.status,
        sum(result[DONE] for result in results),
        sum(result[LEFT] for result in results),
        tuple(entry for result in results for entry in result["failed"]),
    )
