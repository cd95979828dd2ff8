import pytest
from functions.command.check_version.app import lambda_handler

from sfn_cqrs.kernel.errors import (
    NotYetError,
    PredecessorFailedError,
    SupersededError,
    VersionGapError,
)
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process

NOON = "2026-11-25T12:00:00.000Z"


@pytest.fixture
def check(sample):
    """Check version 2, as the machine does."""
    return lambda: lambda_handler(sample("command/check_version"), None)


def test_a_version_whose_predecessor_is_applied_runs_at_once(chain_of, check):
    chain_of("APPLIED", "OPEN")

    assert check() == {"result": 0}


@pytest.mark.parametrize(
    ("outcome", "error", "message"),
    [
        ("FAILED", PredecessorFailedError, "version 1 has failed; retry or skip it"),
        (None, VersionGapError, "version 1 is neither stored nor applied"),
    ],
)
def test_a_version_that_cannot_run_is_refused_by_name(outcome, error, message, chain_of, check):
    chain_of(outcome, "OPEN")

    with pytest.raises(error, match=message):
        check()


def test_a_version_that_another_command_holds_is_too_late(chain_of, check):
    world = chain_of("APPLIED", "OPEN")
    world.seed_rows(a_command(version=4))

    assert check() == {
        "result": -1,
        "error": "version is not match",
        "cause": "next version must be 5 but got 2",
    }


def test_the_status_says_which_state_has_begun(chain_of, check):
    world = chain_of("APPLIED", "OPEN")

    check()

    found = world.processes.find(NRT, 2)
    assert found == a_process(
        version=2, status="check_version:STARTED", updated_at=NOON, run=found.run
    )


class TestInTheExpressLane:
    def test_it_looks_again_before_it_hands_over(self, chain_of, sample, in_the_lane):
        world = chain_of("OPEN")

        for retries in (0, 1):
            event = in_the_lane(sample("command/check_version"), retries=retries)
            with pytest.raises(NotYetError, match="version 1 is open"):
                lambda_handler(event, None)

        assert world.processes.find(NRT, 2).attempt == 1

    def test_what_has_to_wait_goes_on_as_the_next_attempt(self, chain_of, sample, in_the_lane):
        world = chain_of("OPEN")

        answer = lambda_handler(in_the_lane(sample("command/check_version"), retries=2), None)

        process = world.processes.find(NRT, 2)
        assert answer == {"result": 1}
        assert (process.attempt, process.status, process.run) == (2, "start", None)

    def test_a_second_run_finds_the_version_taken(self, chain_of, sample, in_the_lane):
        chain_of("APPLIED")
        first = lambda_handler(in_the_lane(sample("command/check_version")), None)

        with pytest.raises(SupersededError):
            lambda_handler(in_the_lane(sample("command/check_version"), run="run-2"), None)

        assert first == {"result": 0}
        assert lambda_handler(in_the_lane(sample("command/check_version")), None) == first
