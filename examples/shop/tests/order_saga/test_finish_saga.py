import pytest
from functions.order_saga.finish_saga.app import lambda_handler

from sfn_cqrs.errors import SagaLogError, SupersededError
from sfn_cqrs.sagas import Entry, SagaStatus


@pytest.fixture
def finish(event):
    return lambda **changes: lambda_handler(event("finish_saga", **changes), None)


@pytest.fixture
def all_made(done):
    return {name: done() for name in ("reserve_stock", "charge_payment", "ship_order")}


def test_a_saga_of_which_all_is_made_is_completed(seed, saga, finish, all_made):
    seed(log=all_made, error="ExecutionDied", cause="once")

    assert finish() == {"result": "COMPLETED"}

    assert (saga().status, saga().error, saga().cause) == (SagaStatus.COMPLETED, None, None)


def test_a_saga_of_which_all_that_began_is_undone_is_compensated(seed, saga, finish, done):
    log = {"reserve_stock": done(), "charge_payment": Entry()}
    undone = {"refund_payment": done(), "release_stock": done()}
    seed(log={**log, **undone}, status=SagaStatus.COMPENSATING, is_undoing=True, error="no")

    assert finish() == {"result": "COMPENSATED"}

    assert (saga().status, saga().error) == (SagaStatus.COMPENSATED, "no")


def test_it_says_the_same_when_it_is_asked_again(seed, finish, all_made):
    seed(log=all_made)
    finish()

    assert finish(tries=1) == {"result": "COMPLETED"}


@pytest.mark.parametrize(
    ("log", "is_undoing", "left"),
    [
        (("reserve_stock",), False, "charge_payment, ship_order"),
        (("reserve_stock", "charge_payment", "refund_payment"), True, "release_stock"),
        (("reserve_stock", "charge_payment"), True, "refund_payment, release_stock"),
    ],
)
def test_a_machine_that_left_something_out_is_found_out(
    log, is_undoing, left, seed, saga, finish, done
):
    status = SagaStatus.COMPENSATING if is_undoing else SagaStatus.RUNNING
    seed(log={name: done() for name in log}, status=status, is_undoing=is_undoing)

    with pytest.raises(SagaLogError, match=f"the log has left: {left}$"):
        finish()

    assert saga().status is status


def test_an_earlier_attempt_ends_nothing(seed, finish, all_made):
    seed(log=all_made, attempt=2)

    with pytest.raises(SupersededError):
        finish()
