"""Search for failures to list in a plan: start at a place, stop when the time is over."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.care.repairs.rules import Filter, RepairKind
from sfn_cqrs.kernel.failure import first_line
from sfn_cqrs.kernel.keys import ALL_TENANTS, ImportKey, SagaKey, TaskKey, TaskKind, versions_begin
from sfn_cqrs.kernel.policy import UNDECLARED, Client
from sfn_cqrs.kernel.sweeps import Cursor
from sfn_cqrs.kernel.tables.paging import MAX_LIMIT, Page, cursor_at, every
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.process import Outcome, Process
from sfn_cqrs.machines.command.process_table import FAILED_SHARDS
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.job import Job
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import Saga, SagaStatus
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.rules import Item, Task, TaskStatus

EVER = "0"
KEYS_AT_ONCE = 500
Entry = dict[str, Any]
"""A reference (`type`, `code`, `version`, or `id`), its attempt, its error, and since when."""
Place = dict[str, Any]
"""The position where a search goes on."""
Reads = Callable[[str], bool]
"""Whether the planner may see why one of a type has failed."""


class Overtime:
    """A time limit for a search, since a client waits for the plan."""

    def __init__(self, has_time: Callable[[], bool]) -> None:
        """Take the check of whether time is left; it is called now and then."""
        self._has_time = has_time
        self.is_over = False

    def may_go_on(self) -> bool:
        """Return whether to look further; after the first no, the answer stays no."""
        self.is_over = self.is_over or not self._has_time()
        return not self.is_over


@dataclass(frozen=True, slots=True)
class Scope:
    """The failures that a plan covers: whose they are, the filter, and the latest moment (`by`)."""

    tenant: str
    wanted: Filter
    by: str


def failed(scope: Scope, time: Overtime, client: Client | None, place: Place | None) -> "Search":
    """Return a search for a plan's failures, from another search's place on.

    The causes of types that the client may not read are not searched.
    """

    @cache
    def reads(type_: str) -> bool:
        return may_read(scope.wanted.kind, type_, client)

    if scope.wanted.kind is RepairKind.COMMAND:
        return _Versions(scope, time, reads, place)
    return _Listed(*_LISTS[scope.wanted.kind](scope, reads), time, place)


def may_read(kind: RepairKind, type_: str, client: Client | None) -> bool:
    """Return whether a client may see why one of a type has failed."""
    if kind is RepairKind.IMPORT:
        return strategies.may_read(type_, client)
    known = {
        RepairKind.COMMAND: handlers.types,
        RepairKind.TASK: task_types.types,
        RepairKind.SAGA: saga_types.types,
    }[kind]()
    return known.get(type_, UNDECLARED).read.allows(client)


class _Versions:
    """A search for failed versions: all shards as if they were one, the oldest first.

    The index lists the versions of all tenants by the moment of failure. A key names its tenant,
    so other tenants' versions are skipped without reading them.
    """

    def __init__(self, scope: Scope, time: Overtime, reads: Reads, place: Place | None) -> None:
        self.place: Place = dict(place or {})
        self.is_over = False
        self._scope = scope
        self._time = time
        self._reads = reads

    def entries(self) -> Iterator[Entry]:
        keys = heapq.merge(*map(self._listed, FAILED_SHARDS), key=_position)
        while some := list(islice(keys, KEYS_AT_ONCE)):
            found = self._meant(some)
            for key in some:
                self.place[str(key["open_shard"])] = key
                if _position(key) in found:
                    yield found[_position(key)]
            if not self._time.may_go_on():
                return
        self.is_over = not self._time.is_over

    def _listed(self, shard: int) -> Iterator[Cursor]:
        since = self._scope.wanted.since or EVER  # no key may be empty
        until = min(filter(None, (self._scope.wanted.until, self._scope.by)))
        cursor = self.place.get(str(shard))
        while True:
            keys, cursor = bootstrap.processes().listed(shard, cursor, since, until)
            yield from keys
            if cursor is None or not self._time.may_go_on():
                return

    def _meant(self, keys: list[Cursor]) -> dict[tuple[str, ...], Entry]:
        """Return the entries of those keys that the plan covers, by position."""
        begin = versions_begin(self._scope.tenant, self._scope.wanted.type)
        mine = {(key["pk"], key["sk"]): key for key in keys if key["pk"].startswith(begin)}
        processes = bootstrap.processes().read_again(mine.values())
        return {
            _position(mine[one.key.pk, one.key.process_sk(one.version)]): self._entry(one)
            for one in processes
            if self._is_meant(one)
        }

    def _is_meant(self, process: Process) -> bool:
        type_ = process.key.type
        text = _text(process, type_, self._reads)
        return process.outcome is Outcome.FAILED and self._scope.wanted.matches(
            type_, process.updated_at, text
        )

    def _entry(self, process: Process) -> Entry:
        whose = {"tenant": process.key.tenant} if self._scope.tenant == ALL_TENANTS else {}
        return {
            **whose,
            "type": process.key.type,
            "code": process.key.code,
            "version": process.version,
            "attempt": process.attempt,
            "error": process.error or "",
            "cause": first_line(process.cause or ""),
            "at": process.updated_at,
        }


def _position(key: Cursor) -> tuple[str, ...]:
    return (key["opened_at"], key["pk"], key["sk"])


class _Listed:
    """A search for failures in a tenant's lists, one after the other, the newest first in each."""

    def __init__(
        self,
        lists: Sequence[Callable[[str | None], Page[Any]]],
        entry_of: Callable[[Any], Entry | None],
        time: Overtime,
        place: Place | None,
    ) -> None:
        self.place: Place = dict(place or {})
        self.is_over = False
        self._lists = lists
        self._entry_of = entry_of
        self._time = time

    def entries(self) -> Iterator[Entry]:
        first, cursor = self.place.get("list", 0), self.place.get("cursor")
        for number in range(first, len(self._lists)):
            for one in every(self._lists[number], cursor):
                entry = self._entry_of(one)
                self.place = {"list": number, "cursor": cursor_at(one.key.sk)}
                if entry is not None:
                    yield entry
                if not self._time.may_go_on():
                    return
            cursor = None
        self.is_over = True


Search = _Versions | _Listed
"""A search for the failures of a plan; it makes progress, however little time it has.

Its `place` is the position after the entry that was yielded last; once it `is_over`, nothing is
left after that.
"""
_Lists = tuple[Sequence[Callable[[str | None], Page[Any]]], Callable[[Any], Entry | None]]


def _tasks(scope: Scope, reads: Reads) -> _Lists:
    under = (TaskKey(scope.tenant, scope.wanted.type, "", kind) for kind in TaskKind)
    page = partial(bootstrap.tasks().page, status=TaskStatus.FAILED)
    return [partial(page, key, MAX_LIMIT) for key in under], partial(_task, scope.wanted, reads)


def _imports(scope: Scope, reads: Reads) -> _Lists:
    page = partial(bootstrap.import_jobs().page, status="FAILED")
    under = ImportKey(scope.tenant, "")
    return [partial(page, under, MAX_LIMIT)], partial(_import, scope.wanted, reads)


def _sagas(scope: Scope, reads: Reads) -> _Lists:
    page = partial(bootstrap.sagas().page, status=SagaStatus.PARKED)
    under = SagaKey(scope.tenant, "")
    return [partial(page, under, MAX_LIMIT)], partial(_saga, scope.wanted, reads)


_LISTS = {RepairKind.TASK: _tasks, RepairKind.IMPORT: _imports, RepairKind.SAGA: _sagas}


def _task(wanted: Filter, reads: Reads, task: Task) -> Entry | None:
    """Return a task's entry if it matches.

    Its items have the errors. They are read only if a text is searched, since that takes time.
    """
    if not wanted.matches(task.key.type, task.updated_at, wanted.error):
        return None
    entry = {
        "id": task.key.id,
        "type": task.key.type,
        "attempt": task.attempt,
        "at": task.updated_at,
    }
    if not wanted.error:
        return entry
    item = _failed_item(task, wanted, reads)
    if item is None:
        return None
    return {**entry, "error": item.error or "", "cause": first_line(item.cause or "")}


def _failed_item(task: Task, wanted: Filter, reads: Reads) -> Item | None:
    """Return the first failed item of a task with the text in its error or its cause."""
    type_ = task.key.type
    for item in bootstrap.tasks().items(task.key):
        text = _text(item, type_, reads)
        if item.status is TaskStatus.FAILED and wanted.matches(type_, task.updated_at, text):
            return item
    return None


def _import(wanted: Filter, reads: Reads, job: Job) -> Entry | None:
    problem = job.ending.problem if job.ending else None
    error, cause = (problem.code, problem.reason) if problem else ("", "")
    text = f"{error}: {cause if reads(job.table) else ''}"
    if job.dry_run or job.retried_by is not None:
        return None
    if not wanted.matches(job.table, job.updated_at, text):
        return None
    entry = {"id": job.key.id, "type": job.table, "attempt": 1, "at": job.updated_at}
    return {**entry, "error": error, "cause": cause} if error else entry


def _saga(wanted: Filter, reads: Reads, saga: Saga) -> Entry | None:
    if not wanted.matches(saga.saga, saga.updated_at, _text(saga, saga.saga, reads)):
        return None
    return {
        "id": saga.key.id,
        "type": saga.saga,
        "attempt": saga.attempt,
        "error": saga.error or "",
        "cause": first_line(saga.cause or ""),
        "at": saga.updated_at,
    }


def _text(failed: Process | Saga | Item, type_: str, reads: Reads) -> str:
    """Return the text that is searched: the error's name and its cause."""
    return f"{failed.error}: {failed.cause if reads(type_) else ''}"
