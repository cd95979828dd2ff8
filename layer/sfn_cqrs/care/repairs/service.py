"""Repairs in bulk from the outside: plan, look, start."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from sfn_cqrs import bootstrap
from sfn_cqrs.care.repairs.found import Entry, Overtime, Place, Scope, Search, failed
from sfn_cqrs.care.repairs.rules import (
    DONE,
    LEFT,
    MAX_ENTRIES,
    PER_ITEM,
    Filter,
    PlanNote,
    RepairKind,
)
from sfn_cqrs.care.repairs.work import REPAIR
from sfn_cqrs.kernel.aws.attributes_bucket import TASKS
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso, new_ulid
from sfn_cqrs.kernel.errors import InvalidInputError, NotFailedError, NotFoundError
from sfn_cqrs.kernel.keys import ALL_TENANTS, TaskKey, checked_tenant, id_parts
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import Page
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task.rules import Task, TaskStatus
from sfn_cqrs.machines.task.runner import TaskFlow
from sfn_cqrs.machines.task.service import TaskState, new_task

MAX_INPUT_BYTES = 4 * 1024 * 1024
MAX_ENTRY_BYTES = 1024
"""More than a reference has, with the longest tenant, type and code."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A frozen list of failures to repair; another plan may continue at its `place`.

    It is kept for 30 days. The task that repairs its entries has the plan's ULID, so there is only
    one. All plans of one search cover the failures up to `begun_at`, when the first plan was made.
    """

    key: TaskKey
    wanted: dict[str, Json]
    entries: list[Entry]
    place: Place | None
    by: str
    at: str
    begun_at: str

    @property
    def id(self) -> str:
        """Return the public id."""
        return f"p-{self.key.ulid}"

    @property
    def is_complete(self) -> bool:
        """Return whether the list has all failures."""
        return self.place is None


@dataclass(frozen=True, slots=True)
class Progress:
    """A plan, and the progress of its task; the status is None if no task was started."""

    plan: Plan
    status: TaskStatus | None = None
    done: int = 0
    unchanged: int = 0
    failed: tuple[Entry, ...] = ()

    @property
    def left(self) -> int:
        """Return the number of entries that are not yet processed."""
        return len(self.plan.entries) - self.done - self.unchanged - len(self.failed)


@dataclass(frozen=True, slots=True)
class Listed:
    """A plan as a list shows it, with the task that carries it out, if it was started."""

    note: PlanNote
    task: Task | None

    @property
    def id(self) -> str:
        """Return the public id."""
        return f"p-{self.note.ulid}"


class RepairService:
    """The repairs of a tenant, or of all tenants; the caller checks that an operator asks."""

    def __init__(self, tenant: str) -> None:
        """Work for one tenant, or for `ALL_TENANTS`."""
        self._tenant = tenant if tenant == ALL_TENANTS else checked_tenant(tenant)

    def plan(
        self, wanted: Filter, caller: Caller, has_time: Callable[[], bool], *, after: str = ""
    ) -> Plan:
        """Find the failures that a filter means, and return their list; nothing is repaired yet.

        The list is complete unless it is too long for one plan, or the time is over. `after` is the
        id of an incomplete plan with the same filter; the search goes on where that one ended.

        Raises:
            NotFoundError: the plan `after` does not exist, or has expired.
            InvalidInputError: the plan `after` is complete, or has another filter.
        """
        if self._tenant == ALL_TENANTS and wanted.kind is not RepairKind.COMMAND:
            raise InvalidInputError("kind", "must be command for all tenants at once")
        at = iso(bootstrap.now())
        former = self._before(after, wanted) if after else None
        begun_at = former.begun_at if former else at
        search = failed(
            Scope(self._tenant, wanted, by=begun_at),
            Overtime(has_time),
            caller.client,
            former.place if former else None,
        )
        kept: dict[str, Any] = {
            "entries": _fitting(search),
            "place": None if search.is_over else search.place,
            "by": caller.signature,
            "at": at,
            "begun_at": begun_at,
        }
        key = TaskKey(self._tenant, REPAIR, new_ulid(bootstrap.now()))
        plan = Plan(key=key, wanted=wanted.as_json(), **kept)
        kept["filter"] = plan.wanted
        bootstrap.attributes().store(self._tenant, plan.id, kept, folder=TASKS)
        bootstrap.plans().put(self._tenant, _note(plan))
        return plan

    def look(
        self, wanted: Filter, client: Client, has_time: Callable[[], bool], limit: int
    ) -> tuple[list[Entry], bool]:
        """Return the first failures that a filter means, and whether these are all."""
        scope = Scope(self._tenant, wanted, by=iso(bootstrap.now()))
        search = failed(scope, Overtime(has_time), client, None)
        found = list(islice(search.entries(), limit + 1))
        return found[:limit], search.is_over and len(found) <= limit

    def list(self, limit: int, cursor: str | None) -> Page[Listed]:
        """Return the plans of 30 days, the newest first, with the status of each one's task."""
        page = bootstrap.plans().page(self._tenant, limit, cursor)
        found = [Listed(note, self._task_of(note)) for note in page.items]
        return Page(found, page.next_cursor)

    def _task_of(self, note: PlanNote) -> Task | None:
        return bootstrap.tasks().find(TaskKey(self._tenant, REPAIR, note.ulid))

    def get(self, id_: str) -> Progress:
        """Return a plan with the progress of its task.

        Raises:
            NotFoundError: there is no such plan, or it has expired.
        """
        plan = self._plan(id_)
        task = bootstrap.tasks().find(plan.key)
        if task is None:
            return Progress(plan)
        return _progress(plan, TaskState(task, bootstrap.tasks().items(task.key)))

    def start(self, id_: str, caller: Caller) -> Progress:
        """Repair a plan's entries in the background, once, however often this is called.

        A plan whose task failed or was cancelled goes on with the entries that are left.

        Raises:
            NotFoundError: there is no such plan, or it has expired.
            NotFailedError: the plan has nothing to repair.
            TaskBusyError: a function may still be at work on a part of it.
        """
        plan = self._plan(id_)
        if not plan.entries:
            raise NotFailedError("nothing that has failed is in this plan")
        name = f"{plan.wanted['action']} {len(plan.entries)} of {plan.wanted['kind']}"
        begun = bootstrap.tasks().find(plan.key)
        if begun is None:
            bootstrap.tasks().create(new_task(plan.key, name, _items(plan), caller))
        elif begun.status.is_repairable:
            TaskFlow(plan.key).run(task_programs.retry(bootstrap.now().timestamp(), depth_here()))
        return self.get(id_)

    def _before(self, id_: str, wanted: Filter) -> Plan:
        """Return the plan that the next one with the same filter continues."""
        plan = self._plan(id_)
        if plan.wanted != wanted.as_json():
            raise InvalidInputError("after", "is a plan of another filter")
        if plan.is_complete:
            raise InvalidInputError("after", "is a plan that is complete")
        return plan

    def _plan(self, id_: str) -> Plan:
        _, ulid = id_parts(id_, "a repair", "p")
        kept: Any = bootstrap.attributes().find(self._tenant, f"p-{ulid}", folder=TASKS)
        if kept is None:
            raise NotFoundError(f"repair {id_} does not exist, or is older than 30 days")
        return Plan(TaskKey(self._tenant, REPAIR, ulid), kept.pop("filter"), **kept)


def _fitting(search: Search) -> list[Entry]:
    """Return as many entries as one task has room for; the search stays at the last of them."""
    room, entries = MAX_INPUT_BYTES, list[Entry]()
    for entry in search.entries():
        entries.append(entry)
        room -= 100 + sum(len(str(part).encode()) for part in _reference(entry).values())
        if len(entries) == MAX_ENTRIES or room < MAX_ENTRY_BYTES:
            break
    return entries


def _note(plan: Plan) -> PlanNote:
    return PlanNote(
        plan.key.ulid, plan.wanted, len(plan.entries), plan.by, plan.at, plan.is_complete
    )


def _items(plan: Plan) -> tuple[Json, ...]:
    common = {"kind": plan.wanted["kind"], "action": plan.wanted["action"]}
    references = [_reference(entry) for entry in plan.entries]
    groups = (references[at : at + PER_ITEM] for at in range(0, len(references), PER_ITEM))
    return tuple(cast("Json", {**common, "entries": group}) for group in groups)


def _reference(entry: Entry) -> Entry:
    """Return the part of an entry that names it and its failed attempt."""
    named = ("tenant", "type", "code", "version") if "code" in entry else ("id",)
    return {name: entry[name] for name in (*named, "attempt") if name in entry}


def _progress(plan: Plan, state: TaskState) -> Progress:
    results: list[Any] = [item.result for item in state.items if item.result is not None]
    return Progress(
        plan,
        state.task.status,
        sum(result[DONE] for result in results),
        sum(result[LEFT] for result in results),
        tuple(entry for result in results for entry in result["failed"]),
    )
