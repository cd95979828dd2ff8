import pytest
from functions.order_saga.park_saga.app import lambda_handler

from sfn_cqrs.errors import SupersededError
from sfn_cqrs.sagas import SagaStatus


@pytest.fixture
def park(event):
    return lambda **changes: lambda_handler(event("park_saga", **changes), None)


def test_a_saga_is_parked_with_what_the_machine_caught(seed, saga, park):
    seed(status=SagaStatus.COMPENSATING, is_undoing=True, error="card_declined", cause="no")

    assert park() == {"result": "PARKED", "error": "TransientError"}

    assert saga().status is SagaStatus.PARKED
    assert saga().cause == "refund_payment: ConnectionError: the bank does not answer"
    assert saga().is_undoing


def test_it_says_the_same_when_it_is_asked_again(seed, park):
    seed(status=SagaStatus.COMPENSATING, is_undoing=True)
    park()

    assert park(tries=1)["result"] == "PARKED"


def test_an_earlier_attempt_parks_nothing(seed, saga, park):
    seed(attempt=2)

    with pytest.raises(SupersededError):
        park()

    assert saga().status is SagaStatus.RUNNING
