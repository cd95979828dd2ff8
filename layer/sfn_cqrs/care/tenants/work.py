"""A tenant's ended tasks, sagas, approvals and imports, as lines of JSON: what is stored of them.

Their keys and ids are made from the tenant's name, so they stay under this name. What is still open
belongs to machines of its stack, and is only counted.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import ULID
from sfn_cqrs.kernel.keys import tenant_of
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS

OPEN: Final = "open"
"""The kind of a line that stands for open work, and is not to be kept."""
PART: Final = "part"
_OF_THIS_STACK: Final = frozenset(("task_token", "trace", "open_shard"))


@dataclass(frozen=True, slots=True)
class _Work:
    """How a kind of work is stored, and which partition has its parts."""

    table: str
    record: Callable[[Item], Any]
    is_open: Callable[[Any], bool]
    parts: Callable[[Any], str] | None = None


_WORK: Final = {
    "task": _Work("tasks", TASKS.record, TASKS.is_open, lambda key: key.items_pk),
    "saga": _Work("sagas", SAGAS.record, SAGAS.is_open),
    "approval": _Work("approvals", APPROVALS.record, APPROVALS.is_open),
    "job": _Work("imports", IMPORTS.record, IMPORTS.is_open, lambda key: key.parts_pk),
    "zip": _Work("imports", ZIPS.record, ZIPS.is_open, lambda key: key.parts_pk),
}
KINDS: Final = frozenset((*_WORK, "mapping", PART))
"""The kinds of lines that can be stored; a mapping has the headings of a table's files."""
TABLES: Final = ("tasks", "sagas", "approvals", "imports")


def exported(tenant: str, rate: float) -> Iterator[dict[str, Json]]:
    """Yield a line for each item of ended work; its parts come first."""
    tables = bootstrap.audit_tables()
    tables.rate = rate
    for table in TABLES:
        for items in tables.partitions(table, 0, 1):
            for item in items:
                if tenant_of(item["pk"]) == tenant:
                    yield from _lines_of(table, item)


def create(tenant: str, line: dict[str, Any]) -> bool:
    """Store an item of ended work of a tenant; return False if it is stored already.

    Raises:
        KeyError, TypeError, ValueError: it is none, or not as an export has it.
    """
    table, item = line["table"], line["item"]
    if table not in TABLES:
        raise KeyError(table)
    _check(tenant, item)
    if line["kind"] in _WORK:
        _check_record(_WORK[line["kind"]], table, item)
    elif line["kind"] == "mapping":
        _check_mapping(item)
    elif item.get("kind") in KINDS or not re.search(f"#{ULID}$", item["pk"]):
        raise ValueError("it is no part of a task or an import")
    return bootstrap.erased_tables().create(table, item)


def _check(tenant: str, item: Item) -> None:
    """Refuse what points into a stack, or to another tenant."""
    if foreign := sorted(_OF_THIS_STACK.intersection(item)):
        raise ValueError(f"it has {foreign[0]}, which no export has")
    if item.get("tenant", tenant) != tenant:
        raise ValueError("it names another tenant than its key")
    if any(pointer.split("/")[1:2] != [tenant] for pointer in _pointers(item)):
        raise ValueError("it points to an object of another tenant")


def _pointers(item: Item) -> Iterator[str]:
    """Yield the keys of the objects that an item names: an input, files, and rows of a file."""
    sources = (item.get("source"), (item.get("loaded") or {}).get("source"))
    found = [each["key"] for each in sources if isinstance(each, dict)]
    yield from filter(None, (item.get("input_s3"), item.get("attributes_s3"), *found))


def _check_record(work: _Work, table: str, item: Item) -> None:
    record = work.record(item)
    if table != work.table or work.is_open(record):
        raise ValueError("it is open, or of another table")
    if (item["pk"], item["sk"]) != (record.key.pk, record.key.sk):
        raise ValueError("its key is not that of its record")


def _check_mapping(item: Item) -> None:
    mapping: dict[str, Any] = dict(item["mapping"])
    if item.keys() != {"pk", "sk", "kind", "mapping"} or item["kind"] != "mapping":
        raise ValueError("it is no mapping")
    if not all(isinstance(one, str) for one in (*mapping, *mapping.values())):
        raise TypeError("its headings are no texts")


def _lines_of(table: str, item: Item) -> Iterator[dict[str, Json]]:
    kind = item.get("kind", "")
    work = _WORK.get(kind)
    if work is None:
        if kind == "mapping":
            yield _line(kind, table, item)
        return
    record = work.record(item)
    if work.is_open(record):
        yield {"kind": OPEN, "table": table, "item": {}}
        return
    if work.parts is not None:
        for part in bootstrap.audit_tables().partition(table, work.parts(record.key)):
            yield _line(PART, table, part)
    yield _line(kind, table, item)


def _line(kind: str, table: str, item: Item) -> dict[str, Json]:
    kept = {name: value for name, value in item.items() if name not in _OF_THIS_STACK}
    return {"kind": kind, "table": table, "item": kept}
