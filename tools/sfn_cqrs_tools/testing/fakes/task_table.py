from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sfn_cqrs.adapters import task_table
from sfn_cqrs.adapters.dynamodb import marshal, unmarshal
from sfn_cqrs.adapters.task_items import POINTER_SK, as_item
from sfn_cqrs.adapters.task_table import OUTLIVES
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.keys import TaskKey
from sfn_cqrs.domain.task import Ending, Item
from sfn_cqrs.domain.task_programs import ItemWritten
from sfn_cqrs_tools.testing.fakes.records import TABLES, stored_item


class TaskTable(task_table.TaskTable):
    """The real one, but items change by the domain's predicates and not by expressions."""

    def claim(
        self,
        key: TaskKey,
        index: int,
        attempt: int,
        seq: int,
        lease_until: int,
        *,
        is_delivered_once: bool = True,
    ) -> ItemWritten:
        now = self._now().timestamp()
        return self._changed(
            key,
            index,
            lambda item: item.may_be_claimed(
                attempt, seq, now, is_delivered_once=is_delivered_once
            ),
            lambda item: item.claimed(attempt, seq, lease_until),
        )

    def count_retry(self, item: Item) -> ItemWritten:
        return self._changed(
            item.key,
            item.index,
            lambda found: found.may_be_closed(item.attempt, item.seq),
            lambda found: replace(found, retries=item.retries, retried_in=item.attempt),
        )

    def close_item(
        self, key: TaskKey, index: int, attempt: int, seq: int, ending: Ending
    ) -> ItemWritten:
        return self._changed(
            key,
            index,
            lambda item: item.may_be_closed(attempt, seq),
            lambda item: item.closed(ending),
        )

    def settle_item(self, key: TaskKey, index: int, attempt: int, ending: Ending) -> ItemWritten:
        return self._changed(
            key,
            index,
            lambda item: item.may_be_settled(attempt),
            lambda item: item.settled(attempt, ending),
        )

    def _expire_pointer(self, key: TaskKey, expiry: int) -> None:
        pointer = self._get(key.items_pk, POINTER_SK)
        if pointer is not None:
            item = pointer | marshal({"ttl": expiry})
            self._client.put_item(TableName=TABLES["tasks"], Item=item)

    def _changed(
        self,
        key: TaskKey,
        index: int,
        may: Callable[[Item], bool],
        changed: Callable[[Item], Item],
    ) -> ItemWritten:
        small: Any = self._client
        with small.lock:
            stored = self._get(key.items_pk, key.item_sk(index))
            found = None if stored is None else as_item(unmarshal(stored))
            if found is None or not may(found):
                return ItemWritten(done=False, item=found)
            item = replace(changed(found), updated_at=iso(self._now()))
            expiry = self._retention.expiry(key.type, self._now() + OUTLIVES)
            ttl = expiry if item.status.is_closed else None
            self._client.put_item(TableName=TABLES["tasks"], Item=stored_item(item, ttl))
            return ItemWritten(done=True, item=item)
