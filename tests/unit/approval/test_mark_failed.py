import pytest
from functions.approval.mark_failed.app import lambda_handler  # noqa: F401 - run_state runs it

from sfn_cqrs.machines.approval.rules import Happened, Stage, Status


def test_the_failure_is_recorded_and_the_decision_stays(seed, key, world, run_state):
    seed(status=Status.GRANTED, stage=Stage.WAITING, token="token", token_seq=100)

    answer = run_state()

    assert answer["error"] == "NotFoundError"
    assert "OFFER o-1 does not exist" in answer["cause"]
    stored = world.approvals.find(key)
    assert (stored.status, stored.stage, stored.happened) == (
        Status.GRANTED,
        Stage.FAILED,
        Happened.FAILED,
    )
    assert (stored.error, stored.cause, stored.token) == (
        "NotFoundError",
        "OFFER o-1 does not exist",
        None,
    )


def test_an_answer_without_an_error_is_recorded_as_unknown(seed, key, world, run_state):
    seed()

    assert run_state(input={"result": "MAYBE"})["error"] == "UnknownError"

    assert world.approvals.find(key).error == "UnknownError"


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_later_attempt_is_left_alone(is_gone, seed, key, world, run_state):
    before = None if is_gone else seed(attempt=2)

    answer = run_state()

    assert answer == {
        "error": "SupersededError",
        "cause": "attempt 1 no longer owns the approval",
    }
    assert world.approvals.find(key) == before
