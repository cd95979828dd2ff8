import pytest
from functions.saga.undo_steps.app import lambda_handler

from sfn_cqrs.kernel.errors import SagaStepError, StepRefusedError, SupersededError, TransientError
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, SagaStatus

BACK = {"status": SagaStatus.COMPENSATING, "is_undoing": True, "error": "no_room"}


@pytest.fixture
def undo(event, said):
    def make(step, *, seq=0, **changes):
        given = said(step, seq=seq, do="undo")
        return lambda_handler(event("undo_steps", given=given, **changes), None)

    return make


def test_a_function_that_died_turns_the_saga_back(seed, stored, event, work):
    seed("book", "weigh", log={"by_truck": Entry()})

    answer = lambda_handler(event("undo_steps"), None)

    assert (answer["result"], answer["step"], work.done) == ("undo", "call_back", [])
    assert stored().status is SagaStatus.COMPENSATING
    assert (stored().error, stored().cause) == ("States.Timeout", "the function does not answer")


def test_what_has_begun_is_undone_the_last_first(seed, stored, undo, work):
    seed("book", "weigh", log={"by_truck": Entry()}, **BACK)

    answer = undo("call_back")

    assert (answer["result"], work.done) == ("finish", ["call_back", "cancel"])
    assert stored().log["cancel"].status is EntryStatus.DONE


def test_what_nothing_undoes_is_passed_over(seed, event, work):
    seed("book", "weigh", log={"by_bike": Entry()}, **BACK)

    answer = lambda_handler(event("undo_steps"), None)

    assert (answer["step"], work.done) == ("cancel", [])


def test_a_compensation_that_fails_is_tried_again(seed, stored, undo, work):
    work.ends["cancel"] = [ValueError("no answer"), "cancelled"]
    seed("book", **BACK)

    with pytest.raises(TransientError, match="cancel: ValueError: no answer"):
        undo("cancel")
    answer = undo("cancel", tries=1)

    assert answer["result"] == "finish"
    assert stored().log["cancel"].result == "cancelled"


def test_one_that_fails_after_another_is_tried_in_its_own_time(seed, undo, work):
    work.ends["cancel"] = [ValueError("no answer")]
    seed("book", "weigh", "by_truck", **BACK)

    answer = undo("call_back")

    assert (answer["result"], answer["step"], answer["seq"]) == ("undo", "cancel", 1)


def test_a_compensation_that_is_refused_needs_a_person(seed, undo, work):
    work.ends["cancel"] = [StepRefusedError("closed", "nobody is there")]
    seed("book", **BACK)

    with pytest.raises(SagaStepError, match="cancel: closed: nobody is there"):
        undo("cancel")


def test_one_that_another_try_has_done_is_not_done_again(seed, undo, work):
    seed("book", "weigh", "by_truck", log={"call_back": Entry(status=EntryStatus.DONE)}, **BACK)

    answer = undo("call_back")

    assert (answer["result"], answer["step"], work.done) == ("undo", "cancel", [])


def test_an_earlier_attempt_undoes_nothing(seed, undo, event, work):
    seed("book", attempt=2, **BACK)

    with pytest.raises(SupersededError):
        undo("cancel")
    with pytest.raises(SupersededError):
        lambda_handler(event("undo_steps"), None)

    assert work.done == []
