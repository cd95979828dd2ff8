import pytest
from functions.saga.resume.app import lambda_handler

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, SagaStatus

CREATED = SagaStatus.CREATED


def test_a_new_saga_begins_with_its_first_step(seed, stored, event):
    seed(status=CREATED)

    answer = lambda_handler(event("resume"), None)

    assert answer == {"result": "run", "step": "book", "seq": 0, "seconds": 60, "until": ""}
    assert stored().status is SagaStatus.RUNNING


@pytest.mark.parametrize(
    ("done", "step", "seconds"),
    [
        (("book",), "weigh", 60),
        (("book", "weigh"), "by_truck", 60),
        (("book", "weigh", "by_truck"), "an_hour", 60),
        (("book", "weigh", "by_truck", "an_hour"), "tell", 150),
    ],
)
def test_a_later_attempt_goes_on_with_what_is_not_done(done, step, seconds, seed, event):
    seed(*done, status=CREATED, attempt=2)

    answer = lambda_handler(event("resume", attempt=2), None)

    assert (answer["result"], answer["step"], answer["seconds"]) == ("run", step, seconds)


def test_a_saga_of_which_all_is_made_has_only_to_be_ended(seed, event):
    seed("book", "weigh", "by_truck", "an_hour", "tell", status=CREATED, attempt=2)

    assert lambda_handler(event("resume", attempt=2), None)["result"] == "finish"


def test_a_saga_whose_step_was_refused_goes_back(seed, stored, event):
    refused = Entry(status=EntryStatus.REFUSED, error="no_room", cause="full")
    seed("book", "weigh", log={"by_truck": refused}, status=CREATED, attempt=2)

    answer = lambda_handler(event("resume", attempt=2), None)

    assert (answer["result"], answer["step"]) == ("undo", "call_back")
    assert (stored().status, stored().error) == (SagaStatus.COMPENSATING, "no_room")


def test_an_attempt_that_is_not_the_present_one_does_not_begin(seed, stored, event):
    seed(status=CREATED, attempt=2)

    with pytest.raises(SupersededError, match="attempt 1 no longer owns the saga"):
        lambda_handler(event("resume"), None)

    assert stored().status is CREATED
