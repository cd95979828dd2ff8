import pytest
from functions.command.finish.app import lambda_handler

from sfn_cqrs.domain.errors import SupersededError
from sfn_cqrs.domain.keys import CommandRef
from sfn_cqrs.domain.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process

RESUMED = {"Payload": {"result": "resumed_by_prev_version", "prevVersion": 2}}


@pytest.fixture
def finish(sample):
    """Finish version 2."""
    return lambda: lambda_handler(sample("command/finish"), None)


@pytest.fixture
def applied(chain_of):
    """Return a maker of a chain whose version 2 has written its data, before what follows."""

    def make(*following):
        world = chain_of("APPLIED", "OPEN", *following)
        world.seed_rows(a_command(version=2))
        return world

    return make


def test_the_version_closes_as_applied(applied, finish):
    world = applied()

    assert finish() == {"result": "applied"}

    assert world.processes.find(NRT, 2) == a_process(
        version=2,
        outcome=Outcome.APPLIED,
        status="finish:FINISHED",
        updated_at="2026-11-25T12:00:00.000Z",
    )


def test_no_notice_is_sent_here_as_the_stream_sends_them(applied, finish):
    world = applied()

    finish()

    assert (world.events.messages, world.failures.messages) == ([], [])


def test_the_version_that_waits_goes_on(applied, finish):
    world = applied("WAITING")

    finish()

    assert world.executions.succeeded == [("token-3", RESUMED)]


def test_the_nearest_version_that_is_not_skipped_goes_on(applied, finish):
    world = applied("SKIPPED", "SKIPPED", "WAITING")

    finish()

    assert world.executions.succeeded == [("token-5", RESUMED)]


def test_a_blocked_version_runs_again(applied, finish):
    world = applied("BLOCKED")

    finish()

    assert world.processes.find(NRT, 3).ref == CommandRef(NRT, 3, 2)
    assert world.processes.find(NRT, 3).status == "start"


def test_a_version_that_does_not_wait_yet_is_left_alone(applied, finish):
    world = applied("OPEN")

    finish()

    assert world.processes.find(NRT, 3) == a_process(version=3)


def test_a_retry_after_the_close_makes_the_wake_up_for(applied, finish, monkeypatch):
    world = applied("WAITING")
    with monkeypatch.context() as broken:
        broken.setattr(world.executions, "succeed", _throttled)
        with pytest.raises(ConnectionError):
            finish()

    assert world.processes.find(NRT, 2).outcome is Outcome.APPLIED
    assert finish() == {"result": "applied"}
    assert world.executions.succeeded == [("token-3", RESUMED)]


def test_the_outcome_is_stored_before_the_next_version_is_looked_at(applied, finish, monkeypatch):
    world = applied("WAITING")
    seen = []
    find = world.processes.find

    def watched(key, version):
        if version == 3:
            seen.append(find(key, 2).outcome)
        return find(key, version)

    monkeypatch.setattr(world.processes, "find", watched)
    finish()

    assert seen == [Outcome.APPLIED, Outcome.APPLIED]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SKIPPED])
def test_a_version_that_was_closed_otherwise_is_not_applied(outcome, chain_of, finish):
    world = chain_of("APPLIED", outcome.value)

    with pytest.raises(SupersededError, match=f"version 2 was closed as {outcome.value}"):
        finish()

    assert world.processes.find(NRT, 2).outcome is outcome


def test_a_superseded_attempt_closes_nothing_and_wakes_nobody(applied, finish):
    world = applied("WAITING")
    world.seed(a_process(version=2, attempt=2))

    with pytest.raises(SupersededError, match="attempt 1 of version 2 no longer owns it"):
        finish()

    assert world.processes.find(NRT, 2) == a_process(version=2, attempt=2)
    assert world.executions.succeeded == []


def _throttled(*_):
    raise ConnectionError("throttled")
