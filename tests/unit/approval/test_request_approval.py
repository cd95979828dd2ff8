import pytest
from functions.approval.request_approval.app import lambda_handler  # noqa: F401 - run_state runs it

from sfn_cqrs.kernel.errors import InvalidTokenError
from sfn_cqrs.machines.approval.rules import Stage, Status

LOOK_AGAIN = {"Payload": {"result": "LOOK_AGAIN"}}


def test_the_token_is_stored_with_its_round_and_try(seed, key, world, run_state, stored_token):
    seed(stage=Stage.WAITING, round=1)

    assert run_state(tries=2) == {"result": "parked"}

    stored = world.approvals.find(key)
    assert (stored.token, stored.token_seq) == (stored_token, 102)
    assert world.approval_executions.succeeded == []


def test_what_is_decided_by_then_is_not_waited_for(seed, world, run_state, stored_token):
    seed(stage=Stage.WAITING, round=1, status=Status.GRANTED)

    run_state()

    assert world.approval_executions.succeeded == [(stored_token, LOOK_AGAIN)]


@pytest.mark.parametrize(
    "other",
    [
        {"machine": "arn:aws:states:us-east-1:000000000000:stateMachine:someone-elses"},
        {"taskToken": None},
    ],
)
def test_a_token_of_another_machine_is_refused(other, seed, key, world, run_state):
    before = seed(stage=Stage.WAITING, round=1)

    with pytest.raises(InvalidTokenError, match="only the approval machine waits") as refused:
        run_state(**other)

    assert refused.value.code == "invalid_token"
    assert world.approvals.find(key) == before


def test_neither_the_answer_nor_the_log_has_the_token(seed, run_state, log, stored_token):
    seed(stage=Stage.WAITING, round=1, status=Status.GRANTED)

    answer = run_state()

    assert "state finished" in log.getvalue()
    assert stored_token not in log.getvalue() + str(answer)
