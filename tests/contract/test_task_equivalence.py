"""The conditional writes of items, every state against every write.

A write says when it may be made and what it sets. The models make it with `on`, and the table
spells it as an expression. Both have to answer the same and to store the same.
"""

from dataclasses import replace
from itertools import product

import pytest
from tests.contract.worlds import MemoryWorld
from tests.support.proof import every, shares

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.keys import TaskKey
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.task.programs import Claim, CloseItem, CountRetry, SettleItem
from sfn_cqrs.machines.task.rules import Ending, TaskStatus
from sfn_cqrs_tools.testing.builders import an_item

NOON = 1795608000
ATTEMPTS = (1, 2)
LEASES = (0, NOON, NOON + 1)
SEQUENCES = (0, 1)
COMPLETED = Ending(TaskStatus.COMPLETED, result=[1])
FAILED = Ending(TaskStatus.FAILED, error="NewError", cause="new cause")
CANCELLED = Ending(TaskStatus.CANCELLED)
CLOSED = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED)


WRITES = {
    "claim, first try": Claim(0, 1, 0, NOON + 60),
    "claim, second try": Claim(0, 1, 1, NOON + 60),
    "claim, another delivery": Claim(0, 1, 1, NOON + 60, is_delivered_once=False),
    "claim, next attempt": Claim(0, 2, 0, NOON + 60),
    "claim, the one after": Claim(0, 3, 0, NOON + 60),
    "count a retry": CountRetry(0, 1, 0, 1),
    "close as COMPLETED": CloseItem(0, 1, 0, COMPLETED),
    "close as FAILED": CloseItem(0, 1, 1, FAILED),
    "close, next attempt": CloseItem(0, 2, 0, COMPLETED),
    "settle as CANCELLED": SettleItem(0, 1, CANCELLED),
    "settle as FAILED": SettleItem(0, 2, FAILED),
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


@pytest.mark.parametrize("name", WRITES)
def test_the_expression_is_the_domains_rule_for_an_item(name):
    everything = list(_items())

    assert_equal(name, MemoryWorld(), everything)
    assert len(everything) == 5 * 3 * 2 * 3


@shares(45)
@pytest.mark.parametrize("name", WRITES)
def test_moto_takes_the_expression_as_the_one_in_memory_does(name, nth, moto_world):
    dynamodb = moto_world()

    def is_done(item):
        return WRITES[name].on(item, NOON) is not None

    assert_equal(name, dynamodb, every(nth, _items(), by=is_done))


def assert_equal(name, dynamodb, items):
    dynamodb.seed_items(*items)
    for item in items:
        after = WRITES[name].on(item, NOON)
        stored = item if after is None else replace(after, updated_at=iso(dynamodb.clock()))
        answer = dynamodb.tasks.write_item(item.key, WRITES[name])
        assert answer == Written(done=after is not None, record=stored), item
        assert dynamodb.stored_items(item.key) == [stored]
