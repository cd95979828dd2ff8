import pytest
from functions.saga.park_saga.app import lambda_handler

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.saga.rules import SagaStatus


@pytest.fixture
def park(event):
    return lambda **changes: lambda_handler(event("park_saga", **changes), None)


def test_a_saga_is_parked_with_what_the_machine_caught(seed, stored, park):
    seed("book", status=SagaStatus.COMPENSATING, is_undoing=True, error="no_room", cause="full")

    assert park() == {"result": "PARKED", "error": "TransientError"}
    assert park(tries=1)["result"] == "PARKED"

    assert stored().status is SagaStatus.PARKED
    assert stored().cause == "refund_payment: ConnectionError: the bank does not answer"
    assert (stored().is_undoing, stored().turned_error) == (True, "no_room")


def test_an_earlier_attempt_parks_nothing(seed, stored, park):
    seed(attempt=2)

    with pytest.raises(SupersededError):
        park()

    assert stored().status is SagaStatus.RUNNING
