"""The conditional writes of items, every state against every operation.

The rules are the domain's predicates and transitions; the table has expressions. Both have to
answer the same and to store the same.
"""

from dataclasses import replace
from itertools import product

import pytest
from tests.contract.worlds import MemoryWorld
from tests.support.proof import every, shares

from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.keys import TaskKey
from sfn_cqrs.domain.task import Ending, TaskStatus
from sfn_cqrs.domain.task_programs import ItemWritten
from sfn_cqrs_tools.testing.builders import an_item

NOON = 1795608000
ATTEMPTS = (1, 2)
LEASES = (0, NOON, NOON + 1)
SEQUENCES = (0, 1)
COMPLETED = Ending(TaskStatus.COMPLETED, result=[1])
FAILED = Ending(TaskStatus.FAILED, error="NewError", cause="new cause")
CANCELLED = Ending(TaskStatus.CANCELLED)
CLOSED = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED)


class Rules:
    """What the domain makes of one item; it stands in the place of the table."""

    def __init__(self, item, now):
        self.item, self._now = item, now

    def claim(self, _key, _index, attempt, seq, lease_until, *, is_delivered_once=True):
        now = self._now().timestamp()
        may = self.item.may_be_claimed(attempt, seq, now, is_delivered_once=is_delivered_once)
        return self._written(may, self.item.claimed(attempt, seq, lease_until))

    def count_retry(self, item):
        may = self.item.may_be_closed(item.attempt, item.seq)
        counted = replace(self.item, retries=item.retries, retried_in=item.attempt)
        return self._written(may, counted)

    def close_item(self, _key, _index, attempt, seq, ending):
        return self._written(self.item.may_be_closed(attempt, seq), self.item.closed(ending))

    def settle_item(self, _key, _index, attempt, ending):
        may = self.item.may_be_settled(attempt)
        return self._written(may, self.item.settled(attempt, ending))

    def _written(self, may, changed):
        if may:
            self.item = replace(changed, updated_at=iso(self._now()))
        return ItemWritten(done=may, item=self.item)


ITEM_OPERATIONS = {
    "claim, first try": lambda table, key: table.claim(key, 0, 1, 0, NOON + 60),
    "claim, second try": lambda table, key: table.claim(key, 0, 1, 1, NOON + 60),
    "claim, another delivery": lambda table, key: table.claim(
        key, 0, 1, 1, NOON + 60, is_delivered_once=False
    ),
    "claim, next attempt": lambda table, key: table.claim(key, 0, 2, 0, NOON + 60),
    "claim, the one after": lambda table, key: table.claim(key, 0, 3, 0, NOON + 60),
    "count a retry": lambda table, key: table.count_retry(
        an_item(key, status=TaskStatus.PROCESSING, attempt=1, seq=0).retried()
    ),
    "close as COMPLETED": lambda table, key: table.close_item(key, 0, 1, 0, COMPLETED),
    "close as FAILED": lambda table, key: table.close_item(key, 0, 1, 1, FAILED),
    "close, next attempt": lambda table, key: table.close_item(key, 0, 2, 0, COMPLETED),
    "settle as CANCELLED": lambda table, key: table.settle_item(key, 0, 1, CANCELLED),
    "settle as FAILED": lambda table, key: table.settle_item(key, 0, 2, FAILED),
}


def _key(number):
    return TaskKey("tenant1", "RESIZE", f"{number:026d}")


def _items():
    """Every state of an item that the rules tell apart."""
    statuses = (TaskStatus.CREATED, TaskStatus.PROCESSING, *CLOSED)
    cases = product(statuses, (0, *ATTEMPTS), SEQUENCES, LEASES)
    for number, (status, attempt, seq, lease_until) in enumerate(cases):
        yield an_item(
            _key(number),
            status=status,
            attempt=attempt,
            seq=seq,
            lease_until=lease_until,
            result="old" if status is TaskStatus.COMPLETED else None,
            error="OldError" if status is TaskStatus.FAILED else None,
            cause="old cause" if status is TaskStatus.FAILED else None,
        )


@pytest.mark.parametrize("name", ITEM_OPERATIONS)
def test_the_expression_is_the_domains_rule_for_an_item(name):
    everything = list(_items())

    assert_equal(name, MemoryWorld(), everything)
    assert len(everything) == 5 * 3 * 2 * 3


@shares(45)
@pytest.mark.parametrize("name", ITEM_OPERATIONS)
def test_moto_takes_the_expression_as_the_one_in_memory_does(name, nth, moto_world):
    dynamodb = moto_world()

    def is_done(item):
        return ITEM_OPERATIONS[name](Rules(item, dynamodb.clock), item.key).done

    assert_equal(name, dynamodb, every(nth, _items(), by=is_done))


def assert_equal(name, dynamodb, items):
    dynamodb.seed_items(*items)
    for item in items:
        rules = Rules(item, dynamodb.clock)
        answer = ITEM_OPERATIONS[name](dynamodb.tasks, item.key)
        assert answer == ITEM_OPERATIONS[name](rules, item.key), item
        assert dynamodb.stored_items(item.key) == [rules.item]
