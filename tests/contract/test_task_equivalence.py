"""The conditional writes of items, every state against every operation.

The fake applies the domain's predicates and transitions; DynamoDB applies expressions. Both
have to answer the same and to store the same.
"""

from itertools import product

import pytest
from tests.contract.worlds import FakeWorld
from tests.support.proof import every, shares

from sfn_cqrs.domain.keys import TaskKey
from sfn_cqrs.domain.task import Ending, TaskStatus
from sfn_cqrs_tools.testing.builders import an_item

NOON = 1795608000
ATTEMPTS = (1, 2)
LEASES = (0, NOON, NOON + 1)
SEQUENCES = (0, 1)
COMPLETED = Ending(TaskStatus.COMPLETED, result=[1])
FAILED = Ending(TaskStatus.FAILED, error="NewError", cause="new cause")
CANCELLED = Ending(TaskStatus.CANCELLED)
CLOSED = (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED)
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


@shares(8)
@pytest.mark.parametrize("name", ITEM_OPERATIONS)
def test_the_expression_is_the_domains_rule_for_an_item(name, nth, moto_world):
    fake, dynamodb = FakeWorld(), moto_world()
    everything = list(_items())
    rules = FakeWorld()
    rules.seed_items(*everything)
    items = every(
        nth, everything, by=lambda item: ITEM_OPERATIONS[name](rules.tasks, item.key).done
    )
    for world in (fake, dynamodb):
        world.seed_items(*items)

    for item in items:
        answer = ITEM_OPERATIONS[name](dynamodb.tasks, item.key)
        assert answer == ITEM_OPERATIONS[name](fake.tasks, item.key), item
        assert dynamodb.stored_items(item.key) == fake.stored_items(item.key), item
    assert len(everything) == 5 * 3 * 2 * 3
