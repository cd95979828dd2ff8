import pytest
from functions.command.finish.app import lambda_handler

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.command.process import Outcome
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


def test_the_version_that_waits_goes_on(applied, finish):
    world = applied("WAITING")

    finish()

    assert world.executions.succeeded == [("token-3", RESUMED)]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.SKIPPED])
def test_a_version_that_was_closed_otherwise_is_not_applied(outcome, chain_of, finish):
    world = chain_of("APPLIED", outcome.value)

    with pytest.raises(SupersededError, match=f"version 2 was closed as {outcome.value}"):
        finish()

    assert world.processes.find(NRT, 2).outcome is outcome
