import pytest
from functions.command.wait_prev_command.app import lambda_handler

from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_process

TOKEN = "AAAA-sample-task-token-that-opens-nothing"
RESUMED = {"Payload": {"result": "resumed_by_prev_version", "prevVersion": 1}}


@pytest.fixture
def wait(sample):
    """Let version 2 wait, in its first try or a later one."""

    def run(retry_count=0, token=TOKEN):
        event = sample("command/wait_prev_command")
        event["context"]["State"]["RetryCount"] = retry_count
        event["taskToken"] = token
        return lambda_handler(event, None)

    return run


def test_the_token_is_stored_until_the_predecessor_closes(chain_of, wait):
    world = chain_of("OPEN", "OPEN")

    assert wait() == {"result": "parked"}

    assert world.processes.find(NRT, 2) == a_process(
        version=2,
        outcome=Outcome.WAITING,
        status="wait_prev_command:STARTED",
        token=TOKEN,
        token_seq=0,
        updated_at="2026-11-25T12:00:00.000Z",
    )
    assert (world.executions.succeeded, world.executions.rejected) == ([], [])


def test_a_predecessor_that_closed_meanwhile_ends_the_wait_at_once(chain_of, wait):
    world = chain_of("APPLIED", "OPEN")

    wait()

    assert world.executions.succeeded == [(TOKEN, RESUMED)]


def test_no_log_line_and_no_answer_has_the_token(chain_of, wait, log):
    chain_of("APPLIED", "OPEN")

    answer = wait()

    assert "state finished" in log.getvalue()
    assert TOKEN not in log.getvalue() + str(answer)
