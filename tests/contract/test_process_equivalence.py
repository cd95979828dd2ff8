"""The process item's conditional writes, every state against every write.

A write says when it may be made and what it sets. The models make it with `on`, and the table
spells it as an expression. Both have to answer the same and to store the same.
"""

from dataclasses import replace
from itertools import product

import pytest
from tests.contract.worlds import MemoryWorld
from tests.support.proof import every, shares

from sfn_cqrs.kernel.clock import Retention, iso
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.command.chain import Begin, Close, Leave, Park, Renew, Restart, Skip
from sfn_cqrs.machines.command.process import Lane, Mode, Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_process

RETENTION = Retention(30)
ATTEMPTS = (1, 2)
LANES = (
    {"mode": Mode.SYNC},
    {"mode": Mode.ASYNC},
    *({"lane": Lane.EXPRESS, "run": run} for run in (None, "mine", "another")),
)
FAILURES = (Outcome.FAILED, Outcome.BLOCKED, Outcome.SKIPPED)
FAILED = {"outcome": Outcome.FAILED, "status": "some:FAILED"}
BLOCKED = {"outcome": Outcome.BLOCKED, "status": "some:FAILED"}
APPLIED = {"outcome": Outcome.APPLIED, "status": "some:FINISHED"}
WRITES = {
    "begin the first state": (Begin, {"status": "some:STARTED", "is_first": True}),
    "begin a later state": (Begin, {"status": "some:STARTED"}),
    "begin the first state, and claim it": (
        Begin,
        {"status": "some:STARTED", "is_first": True, "run": "mine"},
    ),
    "begin a later state, with a claim": (Begin, {"status": "some:STARTED", "run": "mine"}),
    "park, first try": (Park, {"token": "new-token", "seq": 0}),
    "park, first retry": (Park, {"token": "new-token", "seq": 1}),
    "park, second retry": (Park, {"token": "new-token", "seq": 2}),
    "close as APPLIED": (Close, APPLIED),
    "close as FAILED": (Close, {**FAILED, "error": "SomeError", "cause": "some cause"}),
    "close as FAILED without a cause": (Close, {**FAILED, "error": "SomeError"}),
    "close as BLOCKED": (Close, {**BLOCKED, "error": "PredecessorFailedError", "cause": "cause"}),
    "close with a claim": (Close, {**APPLIED, "run": "mine"}),
    "leave the express lane": (Leave, {}),
    "leave the express lane, with a claim": (Leave, {"run": "mine"}),
    "renew what mine has claimed": (Renew, {"run": "mine"}),
    "restart": (Restart, {}),
    "skip": (Skip, {}),
}


def write_of(name, version, attempt):
    kind, fields = WRITES[name]
    return kind(version=version, attempt=attempt, **fields)


class Rules:
    """What the domain makes of processes; it stands in the place of a world and of its table."""

    def __init__(self, now):
        self.processes, self._now, self._stored = self, now, {}

    def seed(self, *processes):
        for process in processes:
            self._stored[process.version] = (process, not process.outcome.is_settled, None)

    def stored(self, _key):
        return self._stored

    def write(self, key, write):
        found, _, ttl = self._stored[write.version]
        after = write.on(found)
        if after is None:
            return Written(done=False, record=found)
        at = iso(self._now())
        process = replace(after, updated_at=at)
        if write.is_listed_anew:
            process = replace(process, opened_at=at)
        if process.outcome.may_expire:
            ttl = RETENTION.expiry(key.type, self._now())
        self._stored[write.version] = (process, not process.outcome.is_settled, ttl)
        return Written(done=True, record=process)


def _states(sequences):
    """Every state that the rules tell apart; each is a version of its own."""
    cases = product(Outcome, LANES, ATTEMPTS, sequences, ATTEMPTS)
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
        yield process, claimed


@pytest.mark.parametrize("name", WRITES)
def test_the_expression_is_the_domains_rule(name):
    dynamodb = MemoryWorld(command_ttl=RETENTION)
    sequences = (None, 0, 1) if name.startswith("park") else (None, 0)
    everything = list(_states(sequences))

    assert_equal(name, dynamodb, everything)
    assert len(everything) == 6 * 5 * 2 * len(sequences) * 2


@shares(60)
@pytest.mark.parametrize("name", WRITES)
def test_moto_takes_the_expression_as_the_one_in_memory_does(name, nth, moto_world):
    dynamodb = moto_world(command_ttl=RETENTION)

    assert_equal(name, dynamodb, every(nth, _states((None, 0, 1))))


def assert_equal(name, dynamodb, states):
    rules = Rules(dynamodb.clock)
    for world in (rules, dynamodb):
        world.seed(*[process for process, _ in states])

    for process, attempt in states:
        write = write_of(name, process.version, attempt)
        answer, expected = (each.processes.write(NRT, write) for each in (dynamodb, rules))
        assert answer == expected, (process, attempt)

    assert dynamodb.stored(NRT) == rules.stored(NRT)


@pytest.mark.parametrize("name", WRITES)
def test_no_write_makes_an_item_that_is_not_there(name, world):
    answer = world.processes.write(NRT, write_of(name, 1, 1))

    assert (answer.done, answer.record) == (False, None)
    assert world.stored(NRT) == {}
