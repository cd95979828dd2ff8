"""A tenant's ended tasks, sagas, approvals and imports, as lines of JSON: what is stored of them.

Their keys and ids are made from the tenant's name, so they stay under this name. What is still open
belongs to machines of its stack, and is only counted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.approval_items import APPROVALS
from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.import_items import IMPORTS
from sfn_cqrs.adapters.saga_items import SAGAS
from sfn_cqrs.adapters.task_items import TASKS
from sfn_cqrs.adapters.zip_items import ZIPS
from sfn_cqrs.domain.keys import tenant_of
from sfn_cqrs.domain.values import Json

OPEN: Final = "open"
"""The kind of a line that stands for open work, and is not to be kept."""
PART: Final = "part"
_OF_THIS_STACK: Final = frozenset(("task_token", "trace"))


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


def create(line: dict[str, Any]) -> bool:
    """Store an item of ended work; return False if it is stored already.

    Raises:
        KeyError: it is not of a table of work.
    """
    table: str = line["table"]
    if table not in TABLES:
        raise KeyError(table)
    return bootstrap.erased_tables().create(table, line["item"])


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
