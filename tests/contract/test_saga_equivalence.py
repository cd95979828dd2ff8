"""The conditional writes of sagas, every state against every operation.

The fake applies the domain's predicates and transitions; DynamoDB applies expressions. Both
have to answer the same and to store the same.
"""

from itertools import product

import pytest
from tests.contract.worlds import FakeWorld
from tests.fakes.builders import a_saga
from tests.support.proof import every, shares

from sfn_cqrs.domain.keys import SagaKey
from sfn_cqrs.domain.saga import Ending, Entry, EntryStatus, SagaStatus

STEP, UNDO = "reserve_stock", "release_stock"
ATTEMPTS = (1, 2)
SEQUENCES = (0, 1)
DONE = Ending(EntryStatus.DONE, result=[1])
FAILED = Ending(EntryStatus.FAILED, error="NewError", cause="new cause")
OPERATIONS = {
    "open forward": lambda table, key: table.open(key, 1, is_undoing=False),
    "open back": lambda table, key: table.open(key, 1, is_undoing=True),
    "begin, first try": lambda table, key: table.begin(key, STEP, 1, 0, is_undo=False),
    "begin, second try": lambda table, key: table.begin(key, STEP, 1, 1, is_undo=False),
    "begin, next attempt": lambda table, key: table.begin(key, STEP, 2, 0, is_undo=False),
    "begin another": lambda table, key: table.begin(key, "ship_order", 1, 0, is_undo=False),
    "undo, first try": lambda table, key: table.begin(key, UNDO, 1, 0, is_undo=True),
    "undo, second try": lambda table, key: table.begin(key, UNDO, 1, 1, is_undo=True),
    "undo, next attempt": lambda table, key: table.begin(key, UNDO, 2, 0, is_undo=True),
    "end as DONE": lambda table, key: table.end(key, STEP, 1, 0, DONE, is_undo=False),
    "end as FAILED": lambda table, key: table.end(key, STEP, 2, 1, FAILED, is_undo=False),
    "undo ends as DONE": lambda table, key: table.end(key, UNDO, 1, 0, DONE, is_undo=True),
    "undo ends as FAILED": lambda table, key: table.end(key, UNDO, 2, 1, FAILED, is_undo=True),
    "turn back": lambda table, key: table.turn_back(key, 1, "NewError", "new cause"),
    "complete": lambda table, key: table.close(key, 1, SagaStatus.COMPLETED),
    "compensate": lambda table, key: table.close(key, 1, SagaStatus.COMPENSATED),
    "park": lambda table, key: table.park(key, 1, "NewError", "new cause"),
    "restart": lambda table, key: table.restart(key, 1),
    "redrive": lambda table, key: table.redrive(key, 1),
}


def _entries():
    """No line, and every line that the rules tell apart."""
    yield None
    for status, attempt, seq in product(EntryStatus, ATTEMPTS, SEQUENCES):
        fails = status in (EntryStatus.REFUSED, EntryStatus.FAILED)
        yield Entry(
            status=status,
            attempt=attempt,
            seq=seq,
            result="old" if status is EntryStatus.DONE else None,
            error="OldError" if fails else None,
            cause="old cause" if fails else None,
        )


def _sagas():
    """Every state of a saga that the rules tell apart; step and compensation have one line."""
    cases = product(SagaStatus, ATTEMPTS, _entries())
    for number, (status, attempt, entry) in enumerate(cases):
        yield a_saga(
            SagaKey("tenant1", f"{number:026d}"),
            status=status,
            attempt=attempt,
            is_undoing=status is SagaStatus.COMPENSATING,
            restarts=number % 2,
            error="OldError" if number % 3 == 0 else None,
            cause="old cause" if number % 3 == 0 else None,
            log={} if entry is None else {STEP: entry, UNDO: entry},
        )


@shares(5)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_expression_is_the_domains_rule(name, nth, moto_world):
    fake, dynamodb = FakeWorld(), moto_world()
    everything = list(_sagas())
    rules = FakeWorld()
    rules.seed_sagas(*everything)
    sagas = every(nth, everything, by=lambda saga: OPERATIONS[name](rules.sagas, saga.key).done)
    for world in (fake, dynamodb):
        world.seed_sagas(*sagas)

    done = 0
    for saga in sagas:
        answer = OPERATIONS[name](dynamodb.sagas, saga.key)
        assert answer == OPERATIONS[name](fake.sagas, saga.key), saga
        assert dynamodb.stored_saga(saga.key) == fake.stored_saga(saga.key), saga
        done += answer.done
    assert len(everything) == 6 * 2 * 17
    assert 0 < done < len(sagas)
