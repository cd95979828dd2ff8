import pytest
from functions.saga.finish_saga.app import lambda_handler

from sfn_cqrs.kernel.errors import SagaLogError, SupersededError
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, SagaStatus

ALL = ("book", "weigh", "by_truck", "an_hour", "tell")
BACK = {"status": SagaStatus.COMPENSATING, "is_undoing": True, "error": "no_room"}


@pytest.fixture
def finish(event):
    return lambda **changes: lambda_handler(event("finish_saga", **changes), None)


def test_a_saga_of_which_all_is_made_is_completed(seed, stored, finish):
    seed(*ALL)

    assert finish() == {"result": "COMPLETED"}
    assert finish(tries=1) == {"result": "COMPLETED"}

    assert stored().status is SagaStatus.COMPLETED


def test_a_saga_of_which_all_that_began_is_undone_is_compensated(seed, stored, finish):
    seed("book", log={"cancel": Entry(status=EntryStatus.DONE)}, **BACK)

    assert finish() == {"result": "COMPENSATED"}

    assert (stored().status, stored().error) == (SagaStatus.COMPENSATED, "no_room")


def test_a_saga_that_has_something_left_is_not_ended(seed, stored, finish):
    seed(*ALL[:-1])

    with pytest.raises(SagaLogError, match=r"the log has left: tell$"):
        finish()

    assert stored().status is SagaStatus.RUNNING


def test_an_earlier_attempt_ends_nothing(seed, finish):
    seed(*ALL, attempt=2)

    with pytest.raises(SupersededError):
        finish()
