"""What of a tenant has failed, as a plan lists it."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.paging import MAX_LIMIT, Page
from sfn_cqrs.adapters.process_table import FAILED_SHARDS
from sfn_cqrs.domain.failure import first_line
from sfn_cqrs.domain.keys import ImportKey, SagaKey, TaskKey
from sfn_cqrs.domain.policy import UNDECLARED, Client
from sfn_cqrs.domain.process import Outcome, Process
from sfn_cqrs.domain.repairs import MAX_ENTRIES, Filter, RepairKind
from sfn_cqrs.domain.saga import Saga, SagaStatus
from sfn_cqrs.domain.task import Item, Task, TaskStatus
from sfn_cqrs.service import handlers
from sfn_cqrs.service.imports import strategies
from sfn_cqrs.service.sagas import types as saga_types
from sfn_cqrs.service.tasks import types as task_types

FOR_EVER = "9"
Entry = dict[str, Any]
Reads = Callable[[str], bool]
"""Whether whoever plans may see why one of a type has failed."""
"""A reference (`type`, `code`, `version`, or `id`), its attempt, its error, and since when."""


class Overtime:
    """Whether there is time for another page; somebody waits for the plan."""

    def __init__(self, has_time: Callable[[], bool]) -> None:
        """Ask this before each page."""
        self._has_time = has_time
        self.is_over = False

    def may_go_on(self) -> bool:
        """Whether to read another page; from the first no on, never again."""
        self.is_over = self.is_over or not self._has_time()
        return not self.is_over


def failed(
    tenant: str, wanted: Filter, time: Overtime, client: Client | None = None
) -> list[Entry]:
    """Those of a tenant that have failed and that a filter means, some more than a plan takes.

    Of what the client may not read, no cause is searched.
    """

    @cache
    def reads(type_: str) -> bool:
        return may_read(wanted.kind, type_, client)

    return {
        RepairKind.COMMAND: _commands,
        RepairKind.TASK: _tasks,
        RepairKind.IMPORT: _imports,
        RepairKind.SAGA: _sagas,
    }[wanted.kind](tenant, wanted, time, reads)


def may_read(kind: RepairKind, type_: str, client: Client | None) -> bool:
    """Whether a client may see why one of a type has failed."""
    if kind is RepairKind.IMPORT:
        return strategies.may_read(type_, client)
    known = {
        RepairKind.COMMAND: handlers.types,
        RepairKind.TASK: task_types.types,
        RepairKind.SAGA: saga_types.types,
    }[kind]()
    return known.get(type_, UNDECLARED).read.allows(client)


def _commands(tenant: str, wanted: Filter, time: Overtime, reads: Reads) -> list[Entry]:
    """The index lists all tenants' versions, by when they were opened; all shards at once."""

    def shard(number: int) -> list[Entry]:
        found: list[Entry] = []
        cursor = None
        while time.may_go_on() and len(found) <= MAX_ENTRIES:
            page, cursor = bootstrap.processes().opened(number, cursor, FOR_EVER, MAX_LIMIT)
            found += [_version(one) for one in page if _is_meant(one, tenant, wanted, reads)]
            if cursor is None:
                break
        return found

    shards = bootstrap.at_once()(shard, FAILED_SHARDS)
    return sorted(
        (entry for found in shards for entry in found),
        key=lambda entry: (entry["at"], entry["type"], entry["code"], entry["version"]),
    )


def _is_meant(process: Process, tenant: str, wanted: Filter, reads: Reads) -> bool:
    return (
        process.key.tenant == tenant
        and process.outcome is Outcome.FAILED
        and wanted.matches(
            process.key.type, process.updated_at, _text(process, process.key.type, reads)
        )
    )


def _text(failed: Process | Saga | Item, type_: str, reads: Reads) -> str:
    """What is searched for a text: the error's name, and its cause."""
    return f"{failed.error}: {failed.cause if reads(type_) else ''}"


def _version(process: Process) -> Entry:
    return {
        "type": process.key.type,
        "code": process.key.code,
        "version": process.version,
        "attempt": process.attempt,
        "error": process.error or "",
        "cause": first_line(process.cause or ""),
        "at": process.updated_at,
    }


def _tasks(tenant: str, wanted: Filter, time: Overtime, reads: Reads) -> list[Entry]:
    """Its items have the errors; they are read where a text is searched, which takes its time."""
    entries: list[Entry] = []
    under = TaskKey(tenant, wanted.type, "")
    for task in _all(
        lambda cursor: bootstrap.tasks().page(under, MAX_LIMIT, cursor, status=TaskStatus.FAILED),
        time,
    ):
        if not wanted.matches(task.key.type, task.updated_at, wanted.error):
            continue
        entry = {
            "id": task.key.id,
            "type": task.key.type,
            "attempt": task.attempt,
            "at": task.updated_at,
        }
        if not wanted.error:
            entries.append(entry)
            continue
        if not time.may_go_on():
            break
        item = _failed_item(task, wanted, reads)
        if item is not None:
            cause = first_line(item.cause or "")
            entries.append({**entry, "error": item.error or "", "cause": cause})
    return entries


def _failed_item(task: Task, wanted: Filter, reads: Reads) -> Item | None:
    """The first item of a task with the text in its error or its cause."""
    type_ = task.key.type
    for item in bootstrap.tasks().items(task.key):
        text = _text(item, type_, reads)
        if item.status is TaskStatus.FAILED and wanted.matches(type_, task.updated_at, text):
            return item
    return None


def _imports(tenant: str, wanted: Filter, time: Overtime, reads: Reads) -> list[Entry]:
    entries: list[Entry] = []
    under = ImportKey(tenant, "")
    for job in _all(
        lambda cursor: bootstrap.import_jobs().page(under, MAX_LIMIT, cursor, status="FAILED"), time
    ):
        problem = job.ending.problem if job.ending else None
        error, cause = (problem.code, problem.reason) if problem else ("", "")
        text = f"{error}: {cause if reads(job.table) else ''}"
        if job.retried_by is None and wanted.matches(job.table, job.updated_at, text):
            entry = {"id": job.key.id, "type": job.table, "attempt": 1, "at": job.updated_at}
            entries.append({**entry, "error": error, "cause": cause} if error else entry)
    return entries


def _sagas(tenant: str, wanted: Filter, time: Overtime, reads: Reads) -> list[Entry]:
    under = SagaKey(tenant, "")
    return [
        {
            "id": saga.key.id,
            "type": saga.saga,
            "attempt": saga.attempt,
            "error": saga.error or "",
            "cause": first_line(saga.cause or ""),
            "at": saga.updated_at,
        }
        for saga in _all(
            lambda cursor: bootstrap.sagas().page(
                under, MAX_LIMIT, cursor, status=SagaStatus.PARKED
            ),
            time,
        )
        if wanted.matches(saga.saga, saga.updated_at, _text(saga, saga.saga, reads))
    ]


def _all(page_from: Callable[[str | None], Page[Any]], time: Overtime) -> Iterator[Any]:
    cursor: str | None = None
    while time.may_go_on():
        page = page_from(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return
