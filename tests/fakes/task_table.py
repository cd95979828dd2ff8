from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tests.fakes.services import AttributesBucket
from tests.fakes.store import Store
from tests.fakes.tables import cut_page, is_free, put_request

from sfn_cqrs.adapters.paging import Page, Range
from sfn_cqrs.adapters.task_table import OUTLIVES, open_shard
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.keys import TaskKey, TaskKind, tasks_partition_key, type_prefix
from sfn_cqrs.domain.publication import Refusal
from sfn_cqrs.domain.request import Request
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs.domain.task import Counts, Ending, Item, Stop, Task, TaskStatus
from sfn_cqrs.domain.task_programs import ItemWritten, TaskWritten

Cursor = dict[str, Any]


class TaskTable:
    """The tasks and their items."""

    def __init__(
        self, store: Store, attributes: AttributesBucket, retention: Retention | None = None
    ) -> None:
        self._store = store
        self._attributes = attributes
        self._retention = retention or Retention()

    def create(self, task: Task, request: Request | None = None) -> Refusal | None:
        with self._store.lock:
            if request is not None:
                if not is_free(self._store, request):
                    return Refusal.REQUEST_SEEN
                put_request(self._store, request)
            self._store.tasks.put(task.key, task)
            self._store.listed_tasks.add(task.key)
            return None

    def find(self, key: TaskKey) -> Task | None:
        with self._store.lock:
            return self._store.tasks.get(key)

    def locate(self, tenant: str, kind: TaskKind, ulid: str) -> TaskKey | None:
        with self._store.lock:
            keys = [key for key, _ in self._store.tasks.items()]
        wanted = (tenant, kind, ulid)
        return next((key for key in keys if (key.tenant, key.kind, key.ulid) == wanted), None)

    def page(
        self, tenant: str, kind: TaskKind, type_: str, limit: int, cursor: str | None
    ) -> Page[Task]:
        pk = tasks_partition_key(tenant, kind)
        wanted = Range(pk, type_prefix(type_), limit, cursor, is_descending=True)
        with self._store.lock:
            tasks = [task for _, task in self._store.tasks.items()]
        found = {
            task.key.sk: task for task in tasks if task.key.pk == pk and task.key.type == type_
        }
        return cut_page(wanted, found)

    def queue(self, key: TaskKey, attempt: int) -> TaskWritten:
        return self._write(key, lambda task: task.may_queue(attempt), Task.queued)

    def begin(self, key: TaskKey, attempt: int) -> TaskWritten:
        return self._write(key, lambda task: task.may_queue(attempt), Task.begun)

    def stop(self, key: TaskKey, stop: Stop) -> TaskWritten:
        return self._write(key, Task.may_stop, lambda task: task.stopped(stop))

    def close(self, key: TaskKey, attempt: int, status: TaskStatus, counts: Counts) -> TaskWritten:
        return self._write(
            key, lambda task: task.is_mine(attempt), lambda task: task.closed(status, counts)
        )

    def go_on(self, key: TaskKey, attempt: int, pending: tuple[int, ...]) -> TaskWritten:
        return self._restart(key, lambda task: task.may_continue(attempt), pending)

    def retry(self, key: TaskKey, attempt: int, pending: tuple[int, ...]) -> TaskWritten:
        return self._restart(key, lambda task: task.may_retry(attempt), pending)

    def put_items(self, task: Task) -> None:
        items = task.input or ()
        if task.input_s3 is not None:
            items = tuple(self._attributes.load(task.input_s3)["input"])  # type: ignore[arg-type]
        with self._store.lock:
            for index, value in enumerate(items):
                if (task.key, index) not in self._store.task_items:
                    now = iso(self._store.now())
                    item = Item(key=task.key, index=index, input=value, updated_at=now)
                    self._store.task_items.put((task.key, index), item)

    def items(self, key: TaskKey) -> list[Item]:
        with self._store.lock:
            found = [item for at, item in self._store.task_items.items() if at[0] == key]
        return [replace(item, input=None) for item in sorted(found, key=lambda one: one.index)]

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
        now = self._store.now().timestamp()
        return self._write_item(
            key,
            index,
            lambda item: item.may_be_claimed(
                attempt, seq, now, is_delivered_once=is_delivered_once
            ),
            lambda item: item.claimed(attempt, seq, lease_until),
        )

    def count_retry(self, item: Item) -> ItemWritten:
        return self._write_item(
            item.key,
            item.index,
            lambda found: found.may_be_closed(item.attempt, item.seq),
            lambda found: replace(found, retries=item.retries, retried_in=item.attempt),
        )

    def close_item(
        self, key: TaskKey, index: int, attempt: int, seq: int, ending: Ending
    ) -> ItemWritten:
        return self._write_item(
            key,
            index,
            lambda item: item.may_be_closed(attempt, seq),
            lambda item: item.closed(ending),
        )

    def settle_item(self, key: TaskKey, index: int, attempt: int, ending: Ending) -> ItemWritten:
        return self._write_item(
            key,
            index,
            lambda item: item.may_be_settled(attempt),
            lambda item: item.settled(attempt, ending),
        )

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Task], Cursor | None]:
        with self._store.lock:
            listed = {
                (task.opened_at, task.key.pk, task.key.sk): task
                for key in self._store.listed_tasks
                if (task := self._store.tasks.get(key)) is not None
                and open_shard(key) == shard
                and task.opened_at < before
            }
        after = (cursor["opened_at"], cursor["pk"], cursor["sk"]) if cursor else ("", "", "")
        positions = sorted(position for position in listed if position > after)
        opened_at, pk, sk = positions[:limit][-1] if positions else after
        more = {"open_shard": shard, "opened_at": opened_at, "pk": pk, "sk": sk}
        found = [listed[position] for position in positions[:limit]]
        return found, more if len(positions) > limit else None

    def cursors(self) -> dict[str, Cursor]:
        with self._store.lock:
            return deepcopy(self._store.task_cursors)

    def keep_cursors(self, cursors: dict[str, Cursor]) -> None:
        with self._store.lock:
            self._store.task_cursors = deepcopy(cursors)

    def _restart(
        self, key: TaskKey, may: Callable[[Task], bool], pending: tuple[int, ...]
    ) -> TaskWritten:
        opened_at = iso(self._store.now())
        return self._write(
            key, may, lambda task: replace(task.restarted(pending), opened_at=opened_at)
        )

    def _write(
        self, key: TaskKey, may: Callable[[Task], bool], changed: Callable[[Task], Task]
    ) -> TaskWritten:
        with self._store.lock:
            found = self._store.tasks.stored(key)
            if found is None or not may(found):
                return TaskWritten(done=False, task=found)
            task = replace(changed(found), updated_at=iso(self._store.now()))
            expiry = self._retention.expiry(key.type, self._store.now())
            self._store.tasks.put(key, task, expiry if task.status.is_closed else None)
            if task.status.is_closed:
                self._store.listed_tasks.discard(key)
            else:
                self._store.listed_tasks.add(key)
            return TaskWritten(done=True, task=task)

    def _write_item(
        self,
        key: TaskKey,
        index: int,
        may: Callable[[Item], bool],
        changed: Callable[[Item], Item],
    ) -> ItemWritten:
        with self._store.lock:
            found = self._store.task_items.stored((key, index))
            if found is None or not may(found):
                return ItemWritten(done=False, item=found)
            item = replace(changed(found), updated_at=iso(self._store.now()))
            expiry = self._retention.expiry(key.type, self._store.now() + OUTLIVES)
            ttl = expiry if item.status.is_closed else None
            self._store.task_items.put((key, index), item, ttl)
            return ItemWritten(done=True, item=item)
