"""The process item's conditional writes, every state against every operation.

The fake applies the domain's predicates and transitions; DynamoDB applies expressions. Both
have to answer the same and to store the same.
"""

from itertools import product

import pytest
from tests.contract.worlds import FakeWorld
from tests.support.proof import every, shares

from sfn_cqrs.domain.keys import CommandRef
from sfn_cqrs.domain.process import Lane, Mode, Outcome
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs_tools.testing.builders import NRT, a_process

ATTEMPTS = (1, 2)
CLAIMED_ATTEMPTS = (1, 2)
LANES = (
    {"mode": Mode.SYNC},
    {"mode": Mode.ASYNC},
    *({"lane": Lane.EXPRESS, "run": run} for run in (None, "mine", "another")),
)
FAILURES = (Outcome.FAILED, Outcome.BLOCKED, Outcome.SKIPPED)


def _begin(*, is_first, run=None):
    return lambda world, ref: world.processes.begin(ref, "some:STARTED", is_first=is_first, run=run)


def _park(seq):
    return lambda world, ref: world.processes.park(ref, "new-token", seq)


def _close(outcome, *failure, run=None):
    return lambda world, ref: world.processes.close(ref, outcome, "some:STATUS", *failure, run=run)


def _leave(run=None):
    return lambda world, ref: world.processes.leave(ref, run)


OPERATIONS = {
    "begin the first state": _begin(is_first=True),
    "begin a later state": _begin(is_first=False),
    "begin, as the first state": lambda world, ref: world.processes.begin(
        ref, "check_version:STARTED", is_first=True
    ),
    "park, first try": _park(0),
    "park, first retry": _park(1),
    "park, second retry": _park(2),
    "close as APPLIED": _close(Outcome.APPLIED),
    "close as FAILED": _close(Outcome.FAILED, "SomeError", "some cause"),
    "close as FAILED without a cause": _close(Outcome.FAILED, "SomeError"),
    "close as BLOCKED": _close(Outcome.BLOCKED, "PredecessorFailedError", "some cause"),
    "begin the first state, and claim it": _begin(is_first=True, run="mine"),
    "begin a later state, with a claim": _begin(is_first=False, run="mine"),
    "close with a claim": _close(Outcome.APPLIED, run="mine"),
    "leave the express lane": _leave(),
    "leave the express lane, with a claim": _leave("mine"),
    "renew what mine has claimed": lambda world, ref: world.processes.renew(ref, "mine"),
    "restart": lambda world, ref: world.processes.restart(ref),
    "skip": lambda world, ref: world.processes.skip(ref),
}


def _states(sequences):
    """Every state that the rules tell apart; each is a version of its own."""
    cases = product(Outcome, LANES, ATTEMPTS, sequences, CLAIMED_ATTEMPTS)
    for version, (outcome, lane, attempt, seq, claimed) in enumerate(cases, start=1):
        process = a_process(
            version=version,
            outcome=outcome,
            **lane,
            attempt=attempt,
            token_seq=seq,
            token="old-token" if outcome is Outcome.WAITING else None,
            error="OldError" if outcome in FAILURES else None,
            cause="old cause" if outcome in FAILURES else None,
            status="before:STATUS",
        )
        yield process, CommandRef(NRT, version, claimed)


@shares(6)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_expression_is_the_domains_rule(name, nth, moto_world):
    fake = FakeWorld(command_ttl=Retention(30))
    dynamodb = moto_world(command_ttl=Retention(30))
    sequences = (None, 0, 1) if name.startswith("park") else (None, 0)
    everything = list(_states(sequences))
    states = every(nth, everything)
    for world in (fake, dynamodb):
        world.seed(*[process for process, _ in states])

    for process, ref in states:
        answer, expected = OPERATIONS[name](dynamodb, ref), OPERATIONS[name](fake, ref)
        assert answer == expected, (process, ref.attempt)

    assert dynamodb.stored(NRT) == fake.stored(NRT)
    assert len(everything) == 6 * 5 * 2 * len(sequences) * 2


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_write_makes_an_item_that_is_not_there(name, world):
    answer = OPERATIONS[name](world, CommandRef(NRT, 1, 1))

    assert answer is None or (answer.done, answer.process) == (False, None)
    assert world.stored(NRT) == {}
