import pytest
from functions.order_saga.resume.app import lambda_handler

from sfn_cqrs.errors import SupersededError, UnknownSagaError
from sfn_cqrs.sagas import Entry, EntryStatus, SagaStatus

CREATED, RUNNING, COMPENSATING = (
    SagaStatus.CREATED,
    SagaStatus.RUNNING,
    SagaStatus.COMPENSATING,
)


def test_a_new_saga_goes_forward(seed, saga, event):
    seed(status=CREATED)

    assert lambda_handler(event("resume"), None) == {"result": "forward"}

    assert saga().status is RUNNING


@pytest.mark.parametrize(
    ("log", "is_undoing", "answer"),
    [
        ({"reserve_stock": Entry(status=EntryStatus.DONE)}, False, "forward"),
        ({"reserve_stock": Entry(status=EntryStatus.STARTED)}, False, "forward"),
        ({"reserve_stock": Entry(status=EntryStatus.REFUSED, error="no")}, False, "back"),
        ({"reserve_stock": Entry(status=EntryStatus.FAILED, error="E")}, False, "back"),
        ({"reserve_stock": Entry(status=EntryStatus.STARTED)}, True, "back"),
        ({}, True, "back"),
    ],
)
def test_a_later_attempt_goes_on_where_the_log_says(log, is_undoing, answer, seed, saga, event):
    seed(status=CREATED, attempt=2, log=log, is_undoing=is_undoing)

    assert lambda_handler(event("resume", attempt=2), None) == {"result": answer}

    assert saga().status is (COMPENSATING if answer == "back" else RUNNING)
    assert saga().is_undoing is (answer == "back")


def test_an_attempt_that_turns_back_says_why_the_step_did_not_go(seed, saga, event):
    log = {"charge_payment": Entry(status=EntryStatus.REFUSED, error="card_declined", cause="no")}
    seed(status=CREATED, attempt=2, log=log, error="ExecutionDied", cause="4 executions died")

    lambda_handler(event("resume", attempt=2), None)

    assert (saga().error, saga().cause) == ("card_declined", "no")


def test_a_try_that_comes_twice_answers_the_same(seed, event):
    seed(status=CREATED)
    lambda_handler(event("resume"), None)

    assert lambda_handler(event("resume", tries=1), None) == {"result": "forward"}


@pytest.mark.parametrize("status", [SagaStatus.PARKED, SagaStatus.COMPLETED])
def test_what_is_closed_is_not_begun_again(status, seed, event):
    seed(status=status)

    with pytest.raises(SupersededError):
        lambda_handler(event("resume"), None)


def test_an_attempt_that_is_not_the_present_one_does_not_begin(seed, saga, event):
    seed(status=CREATED, attempt=2)

    with pytest.raises(SupersededError, match="attempt 1 no longer owns the saga"):
        lambda_handler(event("resume"), None)

    assert saga().status is CREATED


def test_a_saga_whose_steps_are_gone_says_which_there_are(seed, event):
    seed(status=CREATED, saga="gone-saga")
    begun = event("resume")
    begun["context"]["Execution"]["Input"]["saga"] = "gone-saga"

    with pytest.raises(
        UnknownSagaError, match=r"'gone-saga' is not registered .*; known sagas: order-saga"
    ):
        lambda_handler(begun, None)
