"""Reads tasks, sagas, approvals and archives for an audit."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.tables import AuditTables
from sfn_cqrs.care.audit.work_rules import ApprovalFacts, ArchiveFacts, Facts, TaskFacts
from sfn_cqrs.care.usage.service import size_of
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Saga
from sfn_cqrs.machines.task.items import POINTER_SK, TASKS, as_item
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS, as_file


class Work(NamedTuple):
    """One record with what belongs to it, and how to read both again."""

    item: Item
    facts: Callable[[], Facts[Any]]
    again: Callable[[], Facts[Any] | None]


def works(tables: AuditTables, tenant: str | None, segment: int, segments: int) -> Iterator[Work]:
    """Yield the tasks, sagas, approvals and archives of a segment, of one tenant or of all."""
    for table, (kind, read) in _KINDS.items():
        for found in tables.partitions(table, segment, segments):
            for item in found:
                if item.get("kind") == kind and tenant in (None, item.get("tenant")):
                    again = partial(_again, tables, table, item, read)
                    yield Work(item, partial(read, tables, item), again)


_Read = Callable[[AuditTables, Item], Facts[Any]]


def _again(tables: AuditTables, table: str, item: Item, read: _Read) -> Facts[Any] | None:
    found = tables.partition(table, item["pk"], item["sk"])
    return read(tables, found[0]) if found else None


def _task(tables: AuditTables, item: Item) -> TaskFacts:
    task = TASKS.record(item)
    parts = tables.partition("tasks", task.key.items_pk)
    return TaskFacts(
        record=task,
        items=tuple(as_item(one) for one in parts if one["kind"] == "item"),
        has_pointer=any(one["sk"] == POINTER_SK for one in parts),
        expires="ttl" in item,
        size=sum(map(size_of, (item, *parts))),
        **_seen(item),
    )


def _saga(_tables: AuditTables, item: Item) -> Facts[Saga]:
    return Facts(record=SAGAS.record(item), **_seen(item))


def _approval(_tables: AuditTables, item: Item) -> ApprovalFacts:
    listed_as = item.get("tenant_status", "").rpartition("#")[2]
    return ApprovalFacts(record=APPROVALS.record(item), listed_as=listed_as, **_seen(item))


def _archive(tables: AuditTables, item: Item) -> ArchiveFacts:
    job = ZIPS.record(item)
    parts = tables.partition("imports", job.key.parts_pk)
    files = tuple(as_file(one) for one in parts if one["kind"] == "file")
    return ArchiveFacts(record=job, files=files, **_seen(item))


def _seen(item: Item) -> dict[str, Any]:
    return {"at": bootstrap.now(), "is_listed": "open_shard" in item}


_KINDS: dict[str, tuple[str, _Read]] = {
    "tasks": ("task", _task),
    "sagas": ("saga", _saga),
    "approvals": ("approval", _approval),
    "imports": ("zip", _archive),
}
