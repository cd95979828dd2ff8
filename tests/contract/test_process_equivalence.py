"""The process item's conditional writes, every state against every operation.

The rules are the domain's predicates and transitions; the table has expressions. Both have to
answer the same and to store the same.
"""

from dataclasses import replace
from itertools import product

import pytest
from tests.contract.worlds import MemoryWorld
from tests.support.proof import every, shares

from sfn_cqrs.domain.chain import Written
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.keys import CommandRef
from sfn_cqrs.domain.process import Lane, Mode, Outcome, Process
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs_tools.testing.builders import NRT, a_process

RETENTION = Retention(30)
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


class Rules:
    """What the domain makes of processes; it stands in the place of a world and of its table."""

    def __init__(self, now, retention):
        self.processes, self._now, self._retention, self._stored = self, now, retention, {}

    def seed(self, *processes):
        for process in processes:
            self._stored[process.version] = (process, not process.outcome.is_settled, None)

    def stored(self, _key):
        return self._stored

    def begin(self, ref, status, *, is_first=False, run=None):
        written = self._write(
            ref,
            lambda process: process.may_begin(ref.attempt, is_first=is_first, run=run),
            lambda process: process.begun(status, run if is_first else None),
        )
        return written.process if written.done else None

    def park(self, ref, token, seq):
        return self._write(
            ref,
            lambda process: process.may_park(ref.attempt, seq),
            lambda process: process.parked(token, seq, "wait_prev_command:STARTED"),
        )

    def close(self, ref, outcome, status, error=None, cause=None, run=None):
        text = None if error is None else cause or ""
        failed = {"opened_at": iso(self._now())} if outcome is Outcome.FAILED else {}
        return self._write(
            ref,
            lambda process: process.may_be_written_by(ref.attempt, run),
            lambda process: replace(process.closed(outcome, status, error, text), **failed),
        )

    def restart(self, ref):
        return self._write(
            ref,
            lambda process: process.may_restart(ref.attempt),
            lambda process: replace(process.restarted(), opened_at=iso(self._now())),
        )

    def leave(self, ref, run=None):
        return self._write(
            ref, lambda process: process.may_leave(ref.attempt, run), Process.restarted
        )

    def renew(self, ref, run):
        return self._write(
            ref, lambda process: process.may_renew(ref.attempt, run), Process.restarted
        )

    def skip(self, ref):
        return self._write(ref, lambda process: process.may_skip(ref.attempt), Process.skipped)

    def _write(self, ref, may, changed):
        found, _, ttl = self._stored[ref.version]
        if not may(found):
            return Written(done=False, process=found)
        process = replace(changed(found), updated_at=iso(self._now()))
        if process.outcome.may_expire:
            ttl = self._retention.expiry(ref.key.type, self._now())
        self._stored[ref.version] = (process, not process.outcome.is_settled, ttl)
        return Written(done=True, process=process)


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


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_expression_is_the_domains_rule(name):
    dynamodb = MemoryWorld(command_ttl=RETENTION)
    sequences = (None, 0, 1) if name.startswith("park") else (None, 0)
    everything = list(_states(sequences))

    assert_equal(name, dynamodb, everything)
    assert len(everything) == 6 * 5 * 2 * len(sequences) * 2


@shares(60)
@pytest.mark.parametrize("name", OPERATIONS)
def test_moto_takes_the_expression_as_the_one_in_memory_does(name, nth, moto_world):
    dynamodb = moto_world(command_ttl=RETENTION)

    assert_equal(name, dynamodb, every(nth, _states((None, 0, 1))))


def assert_equal(name, dynamodb, states):
    rules = Rules(dynamodb.clock, RETENTION)
    for world in (rules, dynamodb):
        world.seed(*[process for process, _ in states])

    for process, ref in states:
        answer, expected = OPERATIONS[name](dynamodb, ref), OPERATIONS[name](rules, ref)
        assert answer == expected, (process, ref.attempt)

    assert dynamodb.stored(NRT) == rules.stored(NRT)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_write_makes_an_item_that_is_not_there(name, world):
    answer = OPERATIONS[name](world, CommandRef(NRT, 1, 1))

    assert answer is None or (answer.done, answer.process) == (False, None)
    assert world.stored(NRT) == {}
