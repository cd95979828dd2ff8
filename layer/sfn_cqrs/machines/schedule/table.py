"""The plans of items, in the commands table: their index says what is due."""

import base64
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import BusyError, InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey, PlanKey, versions_begin
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.sweeps import Cursor
from sfn_cqrs.kernel.tables.dynamodb import Item, marshal
from sfn_cqrs.kernel.tables.paging import Page, Range, checked_limit, query
from sfn_cqrs.kernel.tables.records import TRIES, Records, new_rev, rev_of
from sfn_cqrs.kernel.tables.transactions import write_all
from sfn_cqrs.machines.schedule.items import PLANS, shard
from sfn_cqrs.machines.schedule.rules import Plan, PlanWrite, Replace, Status

PAGE = 100
_PLACE = frozenset(("pk", "sk", "open_shard", "opened_at"))
_FIRST = {":first": "0"}


class PlanTable(Records[Plan]):
    """The plans."""

    def due_of(self, item: ItemKey, now: str) -> list[Plan]:
        """Return an item's plans that are due, read consistently, in order of due time."""
        under = Range([item.pk], PlanKey(item, "").sk)
        found = map(PLANS.record, query(self._client, self._table, under, PAGE))
        due = [plan for plan in found if plan.is_due(now)]
        return sorted(due, key=lambda plan: (plan.due_at, plan.name))

    def due_in(
        self, shard: int, now: str, limit: int, cursor: Cursor | None
    ) -> tuple[list[Cursor], Cursor | None]:
        """Return the keys of plans in a partition of the index that are due, the oldest first.

        The index is eventually consistent: whoever publishes one reads what its item has again.
        """
        at, values = "opened_at <= :now", {":now": now}
        return self._query_open(shard, cursor, at, values, limit)

    def page_of_status(
        self, tenant: str, status: Status, limit: int, cursor: str | None
    ) -> Page[Plan]:
        """Return a page of a tenant's plans that are PLANNED or REFUSED, the next due first.

        The index is eventually consistent, so each plan is read again.

        Raises:
            InvalidInputError: the limit or the cursor is not valid for this list.
        """
        ours = versions_begin(tenant)
        keys = self._listed(shard(tenant, status), ours, _place_of(cursor, ours))
        found = list(islice(keys, checked_limit(limit) + 1))
        plans = (self.listed_at(key) for key in found[:limit])
        kept = [plan for plan in plans if plan is not None and plan.status is status]
        return Page(kept, _cursor_at(found[limit - 1]) if len(found) > limit else None)

    def _listed(self, number: int, prefix: str, place: Cursor | None) -> Iterator[Cursor]:
        """Yield the keys of a tenant in a partition of the index, which others may share."""
        while True:
            found, place = self._query_open(number, place, "opened_at > :first", _FIRST, PAGE)
            yield from (key for key in found if key["pk"].startswith(prefix))
            if place is None:
                return

    def listed_at(self, key: Cursor) -> Plan | None:
        """Return the plan of a key of the index, read consistently; None if it is gone."""
        return self._alive(self._get(key["pk"], key["sk"]))

    def replace(self, key: PlanKey, write: Replace, request: Request) -> Written[Plan]:
        """Make a write together with the answer to its request; refused if that is stored already.

        Raises:
            BusyError: others keep writing the same plan.
        """
        for _ in range(TRIES):
            found = self.find(key)
            put = self.put_of(found, write) if found is not None else None
            if put is None:
                return Written(done=False, record=found)
            answer = self._requests.put_operation(request)
            if write_all(self._client, [{"Put": put}, {"Put": answer}]) is None:
                return Written(done=True, record=self._kind.read(put["Item"]))
            if self._requests.find(request.tenant, request.key) is not None:
                return Written(done=False, record=found)
        raise BusyError(f"others keep planning {key.name} of {key.item.type} {key.item.code}")

    def put_of(self, plan: Plan, write: PlanWrite) -> Item | None:
        """Return the put, in DynamoDB's format, of a write on a plan that was read before.

        It fails if anybody has changed the plan since. None: the write refuses the plan.
        """
        now = self._now()
        after = write.on(plan, iso(now))
        if after is None:
            return None
        item: Any = self._kind.stored(after, new_rev(), now)
        return {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "rev = :rev",
            "ExpressionAttributeValues": marshal({":rev": rev_of(plan)}),
        }


def _cursor_at(key: Cursor) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, default=int).encode()).decode()


def _place_of(cursor: str | None, prefix: str) -> Cursor | None:
    """Return the place that a cursor names.

    Raises:
        InvalidInputError: it is none of this tenant.
    """
    if cursor is None:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        is_ours = place.keys() == _PLACE and str(place["pk"]).startswith(prefix)
    except (AttributeError, ValueError):  # also of base64 and of JSON
        is_ours = False
    if not is_ours:
        raise InvalidInputError("cursor", "is not a cursor of this list")
    return {name: place[name] for name in _PLACE}
