from datetime import timedelta

import pytest
from functions.saga.run_steps.app import lambda_handler

from sfn_cqrs.kernel.errors import (
    StepRefusedError,
    SupersededError,
    TransientError,
    UnknownStepError,
)
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import EntryStatus, SagaStatus

STARTED, DONE = EntryStatus.STARTED, EntryStatus.DONE


@pytest.fixture
def run(event, said):
    def make(step, *, seq=0, seconds=60, **changes):
        given = said(step, seq=seq, seconds=seconds)
        return lambda_handler(event("run_steps", given=given, **changes), None)

    return make


def test_step_after_step_is_made_until_the_saga_pauses(seed, stored, run, work, world):
    seed()

    answer = run("book")

    assert work.done == ["book", "weigh", "by_truck"]
    over = (world.clock() + timedelta(hours=1)).isoformat()[:19]
    assert (answer["result"], answer["step"]) == ("pause", "an_hour")
    assert answer["until"].startswith(over)
    assert {name: line.status for name, line in stored().log.items()} == {
        **dict.fromkeys(("book", "weigh", "by_truck"), DONE),
        "an_hour": STARTED,
    }


def test_the_arm_that_is_chosen_is_made_and_no_other(seed, run, work):
    work.ends["weigh"] = ["light"]
    seed()

    assert run("book")["step"] == "an_hour"

    assert work.done == ["book", "weigh", "by_bike"]


def test_after_its_pause_the_saga_goes_on(seed, run, work, world):
    seed("book", "weigh", "by_truck")
    first = run("an_hour")
    world.clock.advance(hours=1)

    again = run("an_hour", seq=first["seq"])

    assert (again["result"], again["step"], again["seconds"]) == ("run", "tell", 150)
    assert work.done == []  # it has two minutes, and this state was entered for less


def test_a_state_goes_on_as_long_as_the_next_step_fits_into_its_time(seed, run, work, world):
    seed()
    work.takes["book"] = lambda: world.clock.advance(seconds=31)

    answer = run("book", seconds=60)

    assert (answer["result"], answer["step"], work.done) == ("run", "weigh", ["book"])


def test_an_error_is_tried_again_as_often_as_the_step_says(seed, stored, run, work):
    work.ends["book"] = [ValueError("no answer"), "booked"]
    seed()

    with pytest.raises(TransientError, match="book: ValueError, try 1 of 2"):
        run("book")
    run("book", tries=1)

    assert stored().log["book"].result == "booked"
    assert work.done[:2] == ["book", "book"]


def test_an_error_at_the_last_try_turns_the_saga_back(seed, stored, run, work):
    work.ends["book"] = [ValueError("no answer")]
    seed()

    answer = run("book", tries=1)

    assert (answer["result"], answer["step"]) == ("undo", "cancel")
    assert (stored().status, stored().error) == (SagaStatus.COMPENSATING, "ValueError")


def test_a_step_that_is_refused_turns_the_saga_back_at_once(seed, stored, run, work):
    work.ends["by_truck"] = [StepRefusedError("no_room", "the truck is full")]
    seed()

    answer = run("book")

    assert (answer["result"], answer["step"]) == ("undo", "call_back")
    assert (stored().error, stored().cause) == ("no_room", "the truck is full")


def test_a_step_that_wants_another_try_is_tried_in_its_own_time(seed, stored, run, work):
    work.ends["by_truck"] = [TransientError("busy")]
    seed()

    answer = run("book")  # two steps are made, so the state must not run them again

    assert (answer["result"], answer["step"], answer["seq"]) == ("run", "by_truck", 1)
    assert stored().log["by_truck"].status is STARTED
    with pytest.raises(TransientError, match="busy"):
        run("by_truck", seq=1)


def test_a_try_that_another_one_has_overtaken_makes_nothing(seed, run, work):
    seed()
    run("book", tries=2)
    work.done.clear()

    answer = run("book")

    assert work.done == []
    assert (answer["result"], answer["step"]) == ("run", "an_hour")


def test_a_saga_that_has_turned_back_makes_nothing_any_more(seed, run, work):
    seed("book", status=SagaStatus.COMPENSATING, is_undoing=True)

    answer = run("weigh")

    assert (answer["result"], answer["step"], work.done) == ("undo", "cancel", [])


def test_a_saga_goes_on_with_the_order_it_began_with(seed, run, work, courier):
    """Whatever is declared by now: a step more, or one less."""
    seed(order=courier.order[:1])

    assert run("book")["result"] == "finish"

    assert work.done == ["book"]


def test_a_recorded_step_that_no_code_has_undoes_nothing(seed, stored, run):
    seed()
    del saga_types._types["courier"].steps["book"]

    with pytest.raises(UnknownStepError, match="'book' has no code here: deploy it again"):
        run("book")

    assert stored().status is SagaStatus.RUNNING


def test_an_earlier_attempt_makes_nothing(seed, run, work):
    seed(attempt=2)

    with pytest.raises(SupersededError):
        run("book")

    assert work.done == []
