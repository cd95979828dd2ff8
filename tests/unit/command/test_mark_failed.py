import json

import pytest
from functions.command.mark_failed.app import lambda_handler

from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_process

NOON = "2026-11-25T12:00:00.000Z"


@pytest.fixture
def mark(sample):
    """Record the failure of version 2, as a Catch or a refusal leads to it."""

    def run(**state_input):
        event = sample("command/mark_failed")
        event["input"] = state_input or event["input"]
        return lambda_handler(event, None)

    return run


def test_a_handlers_failure_is_recorded_with_its_message_and_its_trace(chain_of, mark):
    world = chain_of("APPLIED", "OPEN")

    mark()

    failed = world.processes.find(NRT, 2)
    first, *trace = failed.cause.splitlines()
    assert (failed.outcome, failed.status) == (Outcome.FAILED, "sync_data:FAILED")
    assert (failed.error, first) == (
        "SyncHandlerError",
        "airports_by_country: KeyError: 'country'",
    )
    assert trace[0].startswith(
        '  File "/opt/python/sfn_cqrs/machines/command/projection.py", line 45'
    )


def test_a_refusal_is_recorded_under_the_state_that_had_begun(chain_of, mark):
    world = chain_of("APPLIED")
    world.seed(a_process(version=2, status="check_version:STARTED"))

    answer = mark(result=-1, error="version is not match", cause="next version must be 5 but got 2")

    assert answer == {
        "error": "version is not match",
        "cause": "next version must be 5 but got 2",
    }
    assert world.processes.find(NRT, 2) == a_process(
        version=2,
        outcome=Outcome.FAILED,
        status="check_version:FAILED",
        error="version is not match",
        cause="next version must be 5 but got 2",
        opened_at=NOON,
        updated_at=NOON,
    )


def test_a_predecessors_failure_blocks_the_version(chain_of, mark):
    world = chain_of("FAILED", "OPEN")

    mark(Error="PredecessorFailedError", Cause=json.dumps({"errorMessage": "version 1 has failed"}))

    blocked = world.processes.find(NRT, 2)
    assert (blocked.outcome, blocked.cause) == (Outcome.BLOCKED, "version 1 has failed")


def test_a_superseded_execution_ends_as_such_and_records_nothing(chain_of, mark):
    world = chain_of("APPLIED", "OPEN", "WAITING")
    world.seed(a_process(version=2, attempt=2))

    answer = mark()

    assert answer == {
        "error": "SupersededError",
        "cause": "attempt 1 of version 2 no longer owns it",
    }
    assert world.processes.find(NRT, 2) == a_process(version=2, attempt=2)
    assert world.executions.rejected == []


class TestInTheExpressLane:
    @pytest.mark.parametrize(
        "error", ["TransientError", "Lambda.Unknown", "Sandbox.Timedout", "States.Timeout"]
    )
    def test_what_may_pass_is_handed_over_to_the_standard_machine(
        self, error, chain_of, sample, in_the_lane
    ):
        world = chain_of("APPLIED")
        event = in_the_lane(sample("command/mark_failed"))
        event["input"] = {"Error": error, "Cause": "why"}

        answer = lambda_handler(event, None)

        process = world.processes.find(NRT, 2)
        assert answer == {"error": "HandedOver", "cause": "why"}
        assert (process.outcome, process.attempt, process.status) == (Outcome.OPEN, 2, "start")

    def test_what_fails_for_good_fails_in_the_lane(self, chain_of, sample, in_the_lane):
        world = chain_of("APPLIED")

        lambda_handler(in_the_lane(sample("command/mark_failed")), None)

        process = world.processes.find(NRT, 2)
        assert (process.outcome, process.attempt) == (Outcome.FAILED, 1)

    @pytest.mark.parametrize(
        ("error", "seconds", "told"),
        [
            ("Sandbox.Timedout", "120.00", [120.0]),
            ("Sandbox.Timedout", "20.00", []),  # no handler's, a state's of ours
            ("States.Timeout", "120.00", []),
        ],
    )
    def test_a_handler_that_was_killed_is_told_of_as_slow(
        self, error, seconds, told, chain_of, sample, in_the_lane, capsys
    ):
        chain_of("APPLIED")
        event = in_the_lane(sample("command/mark_failed"))
        event["input"] = {"Error": error, "Cause": f"Error: Task timed out after {seconds} seconds"}

        lambda_handler(event, None)

        assert [
            metric["SlowHandlerSeconds"][0] for metric in metrics(capsys.readouterr().out)
        ] == told


def metrics(printed):
    """The metrics among what a function has printed."""
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line]
