"""Takes the original's tasks over, those that have ended."""

from __future__ import annotations

import re
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import ULID
from sfn_cqrs.kernel.command import TAKEN_OVER
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import TYPE_NAME, TaskKey, TaskKind, checked_tenant
from sfn_cqrs.kernel.values import checked_json
from sfn_cqrs.machines.task.rules import MAX_ITEMS, Counts, Item, Task, TaskStatus
from sfn_cqrs_tools.original.items import REFUSALS
from sfn_cqrs_tools.original.report import Fate
from sfn_cqrs_tools.original.rows import RefusedError, Row, created_of, moment, owner_of
from sfn_cqrs_tools.original.shelf import OF_A_TASK, Kind
from sfn_cqrs_tools.original.taker import Taker

KINDS: Final = {"TASK": TaskKind.SINGLE, "SFN_TASK": TaskKind.BATCH}
ENDED: Final = {
    "COMPLETED": TaskStatus.COMPLETED,
    "FINISHED": TaskStatus.COMPLETED,
    "FAILED": TaskStatus.FAILED,
    "ERRORED": TaskStatus.FAILED,
}
"""Statuses of the original that a task is taken with."""


class Tasks(Taker):
    """Takes tasks from a shelf into the stack that the environment names."""

    def take(self) -> None:
        """Take every task that has ended, and count each."""
        for pk, sk in self.shelf.keys(Kind.TASKS.family):
            try:
                self._take(pk, sk)
            except REFUSALS as error:
                self.report.refuse("task", pk, sk, str(error))

    def _take(self, pk: str, sk: str) -> None:
        row = self.shelf.row(Kind.TASKS, pk, sk, OF_A_TASK)
        if row is None:
            raise RefusedError("the row of the task itself is missing")
        key = self._key(row)
        if self.tenant not in (None, key.tenant):
            return
        if row.get("status") not in ENDED:
            self.report.leave("task", pk, sk, f"it is still {row.get('status')}")
            return
        items = self._items(key, row)
        task = _task(key, row, items)
        if bootstrap.tasks().find(key) is not None:
            self.report.count(key.type, Fate.UNCHANGED)
            return
        if not self.is_dry:
            bootstrap.tasks().take_over(task, items)
        self.report.create(key.type, 0)

    def _key(self, row: Row) -> TaskKey:
        prefix, tenant = owner_of(row)
        kind = KINDS.get(prefix)
        if kind is None:
            raise RefusedError(f"pk begins with {prefix!r}, and a task's with {' or '.join(KINDS)}")
        name, _, ulid = str(row["sk"]).rpartition("#")
        type_ = self.reading.type_of(name)
        if not TYPE_NAME.fullmatch(type_):
            raise InvalidInputError("type", f"{type_!r} is not allowed here; --type renames it")
        if not re.fullmatch(ULID, ulid):
            raise RefusedError(f"sk ends with {ulid!r}, which is not a ULID")
        return TaskKey(checked_tenant(tenant), type_, ulid, kind)

    def _items(self, key: TaskKey, row: Row) -> list[Item]:
        """Return the items; a single task is its own."""
        if key.kind is TaskKind.SINGLE:
            return [_item(key, 0, row)]
        numbers = self.shelf.numbers(Kind.TASKS.family, str(row["pk"]), str(row["sk"]))
        indexes = sorted(number for number, _ in numbers if number != OF_A_TASK)
        if len(indexes) > MAX_ITEMS:
            raise RefusedError(f"it has {len(indexes)} items, and a task here at most {MAX_ITEMS}")
        if not indexes or indexes != list(range(len(indexes))):
            raise RefusedError("not all of its items are there")
        return [self._item_at(key, row, index) for index in indexes]

    def _item_at(self, key: TaskKey, row: Row, index: int) -> Item:
        found = self.shelf.row(Kind.TASKS, str(row["pk"]), str(row["sk"]), index)
        assert found is not None
        return _item(key, index, found)


def _item(key: TaskKey, index: int, row: Row) -> Item:
    status = ENDED.get(str(row.get("status")))
    if status is None:
        raise RefusedError(f"its item {index} is still {row.get('status')}")
    attributes: dict[str, Any] = row.get("attributes") or {}
    error, _, cause = _text(attributes.get("error")).partition("\n")
    return Item(
        key=key,
        index=index,
        input=checked_json(row.get("input"), f"input[{index}]"),
        updated_at=moment(row.get("updatedAt")),
        status=status,
        result=checked_json(attributes.get("result"), f"result[{index}]"),
        error=(error or "Error") if status is TaskStatus.FAILED else None,
        cause=cause or None,
    )


def _task(key: TaskKey, row: Row, items: list[Item]) -> Task:
    """Return a task whose status is that of its items: there, it is COMPLETED if some failed."""
    counts = Counts.of(item.status for item in items)
    created = created_of(row)
    return Task(
        key=key,
        name=str(row.get("name") or ""),
        total=len(items),
        created=created,
        opened_at=created.at,
        updated_at=moment(row.get("updatedAt")),
        status=counts.verdict(None),
        attempt=0,
        counts=counts,
        source=TAKEN_OVER,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
