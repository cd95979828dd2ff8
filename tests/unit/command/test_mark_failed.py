import json

import pytest
from functions.command.mark_failed.app import lambda_handler
from tests.fakes.builders import NRT, a_process

from sfn_cqrs.domain.keys import CommandRef
from sfn_cqrs.domain.process import Outcome

NOON = "2026-11-25T12:00:00.000Z"
PREDECESSOR_FAILED = "version 2 has failed; redrive or skip it, and this goes on"


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
        '  File "/opt/python/sfn_cqrs/service/commands/projection.py", line 45'
    )


def test_what_is_answered_becomes_the_executions_error_and_cause(chain_of, mark, sample):
    chain_of("APPLIED", "OPEN")

    answer = mark()

    assert answer["error"] == "SyncHandlerError"
    assert answer["cause"] == sample("command/mark_failed")["input"]["Cause"]


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
        updated_at=NOON,
    )


def test_a_predecessors_failure_blocks_the_version(chain_of, mark):
    world = chain_of("FAILED", "OPEN")

    mark(Error="PredecessorFailedError", Cause=json.dumps({"errorMessage": "version 1 has failed"}))

    blocked = world.processes.find(NRT, 2)
    assert (blocked.outcome, blocked.cause) == (Outcome.BLOCKED, "version 1 has failed")


def test_a_predecessor_that_was_repaired_meanwhile_lets_the_version_run_again(chain_of, mark):
    world = chain_of("APPLIED", "OPEN")

    mark(Error="PredecessorFailedError", Cause="version 1 has failed")

    assert world.processes.find(NRT, 2).ref == CommandRef(NRT, 2, 2)


def test_the_version_that_waits_fails_by_name(chain_of, mark):
    world = chain_of("APPLIED", "OPEN", "WAITING")

    mark()

    assert world.executions.rejected == [("token-3", "PredecessorFailedError", PREDECESSOR_FAILED)]


def test_a_waiting_state_that_timed_out_gives_its_token_up(chain_of, mark):
    world = chain_of("OPEN", "WAITING")

    mark(Error="States.Timeout", Cause="")

    failed = world.processes.find(NRT, 2)
    assert (failed.outcome, failed.token, failed.cause) == (Outcome.FAILED, None, "")


def test_a_retry_finds_the_failure_recorded_and_makes_the_wake_up_for(chain_of, mark):
    world = chain_of("APPLIED", "FAILED", "WAITING")

    answer = mark(Error="States.Timeout", Cause="again")

    assert answer == {"error": "States.Timeout", "cause": "again"}
    assert world.processes.find(NRT, 2).error is None
    assert [rejected[0] for rejected in world.executions.rejected] == ["token-3"]


def test_a_version_that_is_applied_stays_applied(chain_of, mark):
    world = chain_of("APPLIED", "APPLIED")

    mark()

    assert world.processes.find(NRT, 2) == a_process(version=2, outcome=Outcome.APPLIED)


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


def test_the_answer_keeps_to_the_limits_of_a_fail_state(chain_of, mark):
    chain_of("APPLIED", "OPEN")

    answer = mark(Error="e" * 1_000, Cause="c" * 50_000)

    assert (len(answer["error"]), len(answer["cause"])) == (256, 32_768)


def test_a_version_whose_process_has_gone_ends_as_superseded(world, mark):
    assert mark()["error"] == "SupersededError"
    assert len(world.store.processes) == 0
