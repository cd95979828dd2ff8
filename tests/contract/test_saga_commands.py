"""Effects of sagas, over the fakes and over DynamoDB: of step and compensation one happens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from tests.support.calls import Calls, Watched

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Content
from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.chain import Close
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.saga.effects import publish_once, undo_once
from sfn_cqrs.machines.saga.types import SagaStep

SAGA = "g-01KAXK3V9Q0M3W8C5R6T7Y8Z9G"
BOOK = ItemKey("tenant1", "STOCK", "BOOK")
STEP = SagaStep("tenant1", "offer-saga", SAGA, "reserve_stock", 1, {}, user="ada")
UNDO = SagaStep("tenant1", "offer-saga", SAGA, "release_stock", 1, {}, undoes="reserve_stock")
PARTS = ("commands", "requests", "processes", "data")


def moved(more, stock):
    return Content("Book", {"available": stock.attributes["available"] + more})


TAKE = partial(publish_once, STEP, "STOCK", "BOOK", partial(moved, -2))
GIVE_BACK = partial(undo_once, UNDO, "STOCK", "BOOK", partial(moved, 2))


@contextmanager
def interrupted(world: Any, number: int, something: Callable[[], Any]) -> Iterator[None]:
    """Before the call of a number that is made in here, something else happens."""
    calls = Calls([lambda one, at: (one.number, at) == (number, "before") and something()])
    parts = {name: Watched(getattr(world, name), calls, lambda *_: None) for name in PARTS}
    with bootstrap.override(**parts), calls.of("a step"):
        yield


@pytest.fixture(autouse=True)
def _shop(monkeypatch):
    monkeypatch.setenv("APP_PACKAGE", "shop")
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def stocked(world):
    """A world in which there are five books."""
    with bootstrap.override(**world.parts()):
        CommandService("tenant1").publish_sync(
            "STOCK", "BOOK", name="Book", attributes={"available": 5}
        )
        yield world


def available(world):
    return world.data.find(BOOK).attributes["available"]


def test_a_step_publishes_once_and_what_undoes_it_once(stocked):
    assert [TAKE(), TAKE()] == [2, 2]
    assert available(stocked) == 3

    assert [GIVE_BACK(), GIVE_BACK()] == [3, 3]
    assert available(stocked) == 5


def test_a_compensation_that_comes_first_keeps_the_step_from_happening(stocked):
    assert GIVE_BACK() is None

    with pytest.raises(SupersededError, match="the step was undone before it came here"):
        TAKE()

    assert GIVE_BACK() is None
    assert (available(stocked), stocked.commands.latest(BOOK).version) == (5, 1)


def test_whatever_moment_a_compensation_comes_at_the_step_has_happened_or_never_will(stocked):
    ends = set()
    for number in range(1, 40):
        step = SagaStep("tenant1", "offer-saga", f"{SAGA}-{number}", "reserve_stock", 1, {})
        undo = SagaStep(
            "tenant1", "offer-saga", step.saga_id, "release_stock", 1, {}, undoes="reserve_stock"
        )
        before = available(stocked)
        ends.add(_raced(stocked, step, undo, number))
        assert available(stocked) == before, f"the compensation came before call {number}"

    assert ends == {"undone before", "undone after"}


def _raced(world, step, undo, number):
    """Take books, let the compensation come at a call, and again at the end."""
    give_back = partial(undo_once, undo, "STOCK", "BOOK", partial(moved, 2))
    with interrupted(world, number, partial(_until_it_is_done, give_back)):
        try:
            publish_once(step, "STOCK", "BOOK", partial(moved, -2))
        except (SupersededError, TransientError):
            _until_it_is_done(give_back)
            return "undone before"
    _until_it_is_done(give_back)
    return "undone after"


def _until_it_is_done(give_back):
    """What the machine's retry does, and the machine that a version is handed over to."""
    try:
        give_back()
    except TransientError:
        version = bootstrap.commands().latest(BOOK).version
        attempt = bootstrap.processes().find(BOOK, version).attempt
        applied = Close(version, attempt, Outcome.APPLIED, "finish:FINISHED")
        bootstrap.processes().write(BOOK, applied)
        give_back()


def test_somebody_who_publishes_in_between_is_built_upon(stocked):
    def sell():
        CommandService("tenant1").publish_sync(
            "STOCK", "BOOK", name="Book", attributes={"available": 4}, version=1
        )

    with interrupted(stocked, 3, sell):
        assert TAKE() == 3

    assert available(stocked) == 2


def test_a_step_that_changes_nothing_is_done_and_leaves_nothing_to_undo(stocked):
    same = partial(publish_once, STEP, "STOCK", "BOOK", partial(moved, 0))

    assert [same(), same()] == [1, 1]
    assert GIVE_BACK() is None

    assert available(stocked) == 5


def test_the_record_of_an_effect_outlives_a_year(stocked):
    TAKE()
    stocked.clock.advance(days=399)

    assert TAKE() == 2
    assert GIVE_BACK() == 3
    assert available(stocked) == 5
