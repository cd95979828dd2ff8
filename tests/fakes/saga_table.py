from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tests.fakes.store import Store
from tests.fakes.tables import cut_page, is_free, put_request

from sfn_cqrs.adapters.paging import Page, Range
from sfn_cqrs.adapters.saga_table import open_shard
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.keys import SAGA_PREFIX, SagaKey
from sfn_cqrs.domain.publication import Refusal
from sfn_cqrs.domain.request import Request
from sfn_cqrs.domain.saga import Ending, Entry, Saga, SagaStatus
from sfn_cqrs.domain.saga_programs import SagaWritten

Cursor = dict[str, Any]


class SagaTable:
    """The sagas with their logs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, saga: Saga, request: Request | None = None) -> Refusal | None:
        with self._store.lock:
            if request is not None:
                if not is_free(self._store, request):
                    return Refusal.REQUEST_SEEN
                put_request(self._store, request)
            self._store.sagas.put(saga.key, saga)
            self._store.listed_sagas.add(saga.key)
            return None

    def find(self, key: SagaKey) -> Saga | None:
        with self._store.lock:
            return self._store.sagas.get(key)

    def page(
        self, tenant: str, limit: int, cursor: str | None, status: SagaStatus | None = None
    ) -> Page[Saga]:
        wanted = Range(SagaKey(tenant, "").pk, SAGA_PREFIX, limit, cursor, is_descending=True)
        with self._store.lock:
            found = {
                key.sk: saga
                for key, saga in self._store.sagas.items()
                if key.tenant == tenant and status in (None, saga.status)
            }
        return cut_page(wanted, found)

    def open(self, key: SagaKey, attempt: int, *, is_undoing: bool) -> SagaWritten:
        return self._write(
            key,
            lambda saga: saga.may_open(attempt),
            lambda saga: saga.opened(is_undoing=is_undoing),
        )

    def begin(
        self, key: SagaKey, name: str, attempt: int, seq: int, *, is_undo: bool
    ) -> SagaWritten:
        entry = Entry(attempt=attempt, seq=seq, began_at=self._now())
        return self._write(
            key,
            lambda saga: saga.may_begin(name, attempt, seq, is_undo=is_undo),
            lambda saga: saga.with_entry(name, entry),
        )

    def end(
        self, key: SagaKey, name: str, attempt: int, seq: int, ending: Ending, *, is_undo: bool
    ) -> SagaWritten:
        return self._write(
            key,
            lambda saga: saga.may_end(name, attempt, seq, is_undo=is_undo),
            lambda saga: saga.with_entry(name, saga.log[name].ended(ending, self._now())),
        )

    def turn_back(self, key: SagaKey, attempt: int, error: str, cause: str) -> SagaWritten:
        return self._write(
            key,
            lambda saga: saga.may_turn_back(attempt),
            lambda saga: saga.turned_back(error, cause),
        )

    def close(self, key: SagaKey, attempt: int, status: SagaStatus) -> SagaWritten:
        return self._write(
            key, lambda saga: saga.may_close(attempt, status), lambda saga: saga.closed(status)
        )

    def park(self, key: SagaKey, attempt: int, error: str, cause: str) -> SagaWritten:
        return self._write(
            key, lambda saga: saga.may_park(attempt), lambda saga: saga.parked(error, cause)
        )

    def restart(self, key: SagaKey, attempt: int) -> SagaWritten:
        return self._write(
            key,
            lambda saga: saga.may_park(attempt),
            lambda saga: replace(saga.restarted(), opened_at=self._now()),
        )

    def redrive(self, key: SagaKey, attempt: int) -> SagaWritten:
        return self._write(
            key,
            lambda saga: saga.may_redrive(attempt),
            lambda saga: replace(saga.redriven(), opened_at=self._now()),
        )

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Saga], Cursor | None]:
        with self._store.lock:
            listed = {
                (saga.opened_at, key.pk, key.sk): saga
                for key in self._store.listed_sagas
                if (saga := self._store.sagas.get(key)) is not None
                and open_shard(key) == shard
                and saga.opened_at < before
            }
        after = (cursor["opened_at"], cursor["pk"], cursor["sk"]) if cursor else ("", "", "")
        positions = sorted(position for position in listed if position > after)
        opened_at, pk, sk = positions[:limit][-1] if positions else after
        more = {"open_shard": shard, "opened_at": opened_at, "pk": pk, "sk": sk}
        found = [listed[position] for position in positions[:limit]]
        return found, more if len(positions) > limit else None

    def cursors(self) -> dict[str, Cursor]:
        with self._store.lock:
            return deepcopy(self._store.saga_cursors)

    def keep_cursors(self, cursors: dict[str, Cursor]) -> None:
        with self._store.lock:
            self._store.saga_cursors = deepcopy(cursors)

    def _now(self) -> str:
        return iso(self._store.now())

    def _write(
        self, key: SagaKey, may: Callable[[Saga], bool], changed: Callable[[Saga], Saga]
    ) -> SagaWritten:
        with self._store.lock:
            found = self._store.sagas.stored(key)
            if found is None or not may(found):
                return SagaWritten(done=False, saga=found)
            saga = replace(changed(found), updated_at=self._now())
            self._store.sagas.put(key, saga)
            if saga.status.is_open:
                self._store.listed_sagas.add(key)
            else:
                self._store.listed_sagas.discard(key)
            return SagaWritten(done=True, saga=saga)
