from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tests.fakes.store import Store
from tests.fakes.tables import cut_page, is_free, put_request

from sfn_cqrs.adapters.approval_table import open_shard
from sfn_cqrs.adapters.paging import Page, Range
from sfn_cqrs.domain.approval import Approval, Stage, Status, Vote
from sfn_cqrs.domain.approval_programs import Written
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.keys import APPROVAL_PREFIX, ApprovalKey, approvals_partition_key
from sfn_cqrs.domain.publication import Refusal
from sfn_cqrs.domain.request import Request

Cursor = dict[str, Any]


class ApprovalTable:
    """The approvals."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, approval: Approval, request: Request | None = None) -> Refusal | None:
        with self._store.lock:
            if request is not None:
                if not is_free(self._store, request):
                    return Refusal.REQUEST_SEEN
                put_request(self._store, request)
            self._put(approval)
            return None

    def find(self, key: ApprovalKey) -> Approval | None:
        with self._store.lock:
            return self._store.approvals.get(key)

    def page(self, tenant: str, limit: int, cursor: str | None) -> Page[Approval]:
        return self._page(tenant, limit, cursor, lambda _: True)

    def page_of_status(
        self, tenant: str, status: Status, limit: int, cursor: str | None
    ) -> Page[Approval]:
        return self._page(tenant, limit, cursor, lambda one: one.status is status)

    def open_round(
        self,
        key: ApprovalKey,
        attempt: int,
        seen: int,
        *,
        remind_at: str | None,
        due_at: str,
        is_reminder: bool,
    ) -> Written:
        return self._write(
            key,
            lambda one: one.may_open_round(attempt, seen),
            lambda one: one.in_round(remind_at=remind_at, due_at=due_at, is_reminder=is_reminder),
        )

    def park(self, key: ApprovalKey, attempt: int, token: str, seq: int) -> Written:
        return self._write(
            key, lambda one: one.may_park(attempt, seq), lambda one: one.parked(token, seq)
        )

    def vote(self, key: ApprovalKey, vote: Vote, seen: int, status: Status) -> Written:
        def voted(one: Approval) -> Approval:
            after = one.after(vote)
            if after.status is not status:
                raise AssertionError(f"{status} is not what this vote makes of {one}")
            return after

        return self._write(key, lambda one: one.may_vote(seen, vote.at), voted)

    def expire(self, key: ApprovalKey, now: str) -> Written:
        return self._write(key, lambda one: one.may_expire(now), lambda one: one.expired(now))

    def close(
        self,
        key: ApprovalKey,
        attempt: int,
        stage: Stage,
        error: str | None = None,
        cause: str | None = None,
    ) -> Written:
        return self._write(
            key, lambda one: one.is_mine(attempt), lambda one: one.closed(stage, error, cause)
        )

    def restart(self, key: ApprovalKey, attempt: int) -> Written:
        now = iso(self._store.now())
        return self._write(key, lambda one: one.is_mine(attempt), lambda one: one.restarted(now))

    def retry(self, key: ApprovalKey, attempt: int) -> Written:
        now = iso(self._store.now())
        return self._write(key, lambda one: one.may_retry(attempt), lambda one: one.retried(now))

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Approval], Cursor | None]:
        with self._store.lock:
            listed = {
                (one.due_at, key.pk, key.sk): one
                for key in self._store.listed_approvals
                if (one := self._store.approvals.get(key)) is not None
                and open_shard(key) == shard
                and one.due_at < before
            }
        after = (cursor["opened_at"], cursor["pk"], cursor["sk"]) if cursor else ("", "", "")
        positions = sorted(position for position in listed if position > after)
        due_at, pk, sk = positions[:limit][-1] if positions else after
        more = {"open_shard": shard, "opened_at": due_at, "pk": pk, "sk": sk}
        found = [listed[position] for position in positions[:limit]]
        return found, more if len(positions) > limit else None

    def cursors(self) -> dict[str, Cursor]:
        with self._store.lock:
            return deepcopy(self._store.approval_cursors)

    def keep_cursors(self, cursors: dict[str, Cursor]) -> None:
        with self._store.lock:
            self._store.approval_cursors = deepcopy(cursors)

    def _page(
        self, tenant: str, limit: int, cursor: str | None, wants: Callable[[Approval], bool]
    ) -> Page[Approval]:
        pk = approvals_partition_key(tenant)
        wanted = Range(pk, APPROVAL_PREFIX, limit, cursor, is_descending=True)
        with self._store.lock:
            found = {
                key.sk: one
                for key, one in self._store.approvals.items()
                if key.pk == pk and wants(one)
            }
        return cut_page(wanted, found)

    def _write(
        self,
        key: ApprovalKey,
        may: Callable[[Approval], bool],
        changed: Callable[[Approval], Approval],
    ) -> Written:
        with self._store.lock:
            found = self._store.approvals.stored(key)
            if found is None or not may(found):
                return Written(done=False, approval=found)
            approval = replace(changed(found), updated_at=iso(self._store.now()))
            self._put(approval)
            return Written(done=True, approval=approval)

    def _put(self, approval: Approval) -> None:
        self._store.approvals.put(approval.key, approval)
        if approval.stage.is_closed:
            self._store.listed_approvals.discard(approval.key)
        else:
            self._store.listed_approvals.add(approval.key)
