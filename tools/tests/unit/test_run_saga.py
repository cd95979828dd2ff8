"""`run_saga`: a declared saga in memory, by the programs that production runs."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from sfn_cqrs.kernel.errors import StepRefusedError, TransientError
from sfn_cqrs.kernel.models.models import InvalidModelError
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.declaring import Retry, saga
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import MAX_TRIES, EntryStatus, SagaStatus
from sfn_cqrs_tools.testing.sagas import run_saga

PARCEL = {"code": "p-1", "kilograms": 30}


@dataclass
class Parcel:
    """The input."""

    code: str
    kilograms: int


def book(step):
    return f"{step.model.code} is booked"


def cancel(_step):
    return None


def size(step):
    return "heavy" if step.model.kilograms > 20 else "light"


def by_truck(_step):
    return "on the truck"


def by_bike(_step):
    return "on the bike"


def ask(step):
    return step.results["book"]


@pytest.fixture
def run(world, monkeypatch):
    monkeypatch.setattr(saga_types, "_types", {})
    monkeypatch.setattr(handlers, "load", lambda: None)

    @saga("courier", input=Parcel)
    def courier(s):
        s.step(book, undo=cancel, retry=Retry(3))
        s.choice(size, heavy=[by_truck], light=[by_bike])
        s.pause("three_days", timedelta(days=3))
        s.step(ask)

    return lambda given=PARCEL, **options: run_saga(world, courier, given, **options)


def test_a_saga_is_made_in_its_order_and_time_leaps_over_its_pauses(run, world):
    began = world.clock()

    done = run()

    assert (done.status, done.waited) == (SagaStatus.COMPLETED, timedelta(days=3))
    assert done.calls == ("book", "size", "by_truck", "ask")
    assert done.log["ask"].result == "p-1 is booked"
    assert world.clock() - began == timedelta(days=3)


def test_the_input_may_be_an_instance_of_its_class(run):
    assert run(Parcel("p-2", 1)).calls == ("book", "size", "by_bike", "ask")


def test_so_many_tries_of_a_step_fail(run):
    done = run(fail={"book": 2})

    assert (done.status, done.tries["book"]) == (SagaStatus.COMPLETED, 3)


def test_a_step_that_fails_at_each_try_turns_the_saga_back(run):
    done = run(fail={"book": 3})

    assert (done.status, done.saga.error) == (SagaStatus.COMPENSATED, "InjectedError")
    assert done.calls == ("book", "book", "book", "cancel")


def test_a_step_may_be_refused_and_its_compensation_fail(run):
    done = run(fail={"ask": StepRefusedError("no", "nobody is there"), "cancel": 1})

    assert (done.status, done.saga.error) == (SagaStatus.COMPENSATED, "no")
    assert done.calls[-3:] == ("ask", "cancel", "cancel")


@pytest.mark.parametrize("error", [TransientError("busy"), StepRefusedError("no", "never")])
def test_a_compensation_that_never_ends_well_parks_the_saga(run, error):
    done = run(fail={"ask": ValueError("a bug"), "cancel": error})

    assert done.status is SagaStatus.PARKED
    assert done.tries["cancel"] == (MAX_TRIES if isinstance(error, TransientError) else 1)


def test_a_leap_that_is_shorter_than_the_pause_leaves_the_saga_there(run):
    done = run(leap=timedelta(days=2))

    assert (done.status, done.waited) == (SagaStatus.RUNNING, timedelta())
    assert done.log["three_days"].status is EntryStatus.STARTED


def test_a_name_that_the_saga_has_not_is_refused(run):
    with pytest.raises(ValueError, match="courier has no boock, but ask, book, by_bike"):
        run(fail={"boock": 1})


def test_an_input_that_does_not_fit_is_refused(run):
    with pytest.raises(InvalidModelError):
        run({"code": "p-1"})


def ship(_step):
    return "sent"


def remind(_step):
    return None


@pytest.fixture
def wait(world, monkeypatch):
    """Return what runs a saga that waits an hour, and asks every ten minutes."""
    monkeypatch.setattr(saga_types, "_types", {})
    monkeypatch.setattr(handlers, "load", lambda: None)

    def run(until):
        def waits(s):
            pause, longest = timedelta(minutes=10), timedelta(hours=1)
            s.wait(until, at_most=longest, every=pause, otherwise=[remind])
            s.step(ship)

        return run_saga(world, saga("waits", input=Parcel)(waits), PARCEL)

    return run


def test_time_leaps_to_the_question_that_is_met(wait):
    asked = []

    def paid(_step):
        asked.append(1)
        return len(asked) == 3

    done = wait(paid)

    assert (done.status, done.calls) == (SagaStatus.COMPLETED, ("paid", "paid", "paid", "ship"))
    assert done.waited == timedelta(minutes=20)
    assert done.log["paid"].result == "met"


def test_what_never_comes_is_waited_for_as_long_as_was_declared(wait):
    def paid(_step):
        return False

    done = wait(paid)

    assert (done.status, done.calls[-2:]) == (SagaStatus.COMPLETED, ("remind", "ship"))
    assert (done.tries["paid"], done.waited) == (7, timedelta(hours=1))


def test_a_question_that_fails_turns_the_saga_back(wait):
    def paid(_step):
        raise ValueError("nobody knows")

    done = wait(paid)

    assert (done.status, done.log["paid"].status) == (SagaStatus.COMPENSATED, EntryStatus.FAILED)


BOXES = {"code": "p-1", "kilograms": 3}


def boxes(step):
    return [f"box {number}" for number in range(step.model.kilograms)]


def pack(step):
    return f"{step.item} on pallet {step.results['label']}"


def label(step):
    return f"{step.name} of {step.results['book']}"


def unpack(_step):
    return None


def count(step):
    return len(step.results["pack"])


@pytest.fixture
def pallet(world, monkeypatch):
    """Return what runs a saga that packs the boxes of a list."""
    monkeypatch.setattr(saga_types, "_types", {})
    monkeypatch.setattr(handlers, "load", lambda: None)

    @saga("pallet", input=Parcel)
    def pallets(s):
        def each(s):
            s.step(label)
            s.choice(size, light=lambda s: s.step(pack, undo=unpack), heavy=[by_truck])

        s.step(book)
        s.each(boxes, each, at_most=3)
        s.step(count)

    return lambda given=BOXES, **options: run_saga(world, pallets, given, **options)


def test_each_item_of_a_list_is_worked_on_by_itself_and_gives_a_list_of_results(pallet):
    done = pallet()

    assert done.calls[:5] == ("book", "boxes", "label.1", "size.1", "pack.1")
    assert done.log["pack.2"].result == "box 1 on pallet label.2 of p-1 is booked"
    assert done.log["count"].result == 3


def test_an_item_that_fails_undoes_those_before_it(pallet):
    done = pallet(fail={"pack.2": 1})

    assert done.status is SagaStatus.COMPENSATED
    assert done.calls[-3:] == ("pack.2", "unpack.2", "unpack.1")


def test_a_list_may_be_empty(pallet):
    assert pallet({"code": "p-1", "kilograms": 0}, fail={"count": 1}).calls == (
        "book",
        "boxes",
        "count",
    )


def test_a_list_with_list_too_long_is_refused(pallet):
    done = pallet({"code": "p-1", "kilograms": 4})

    assert (done.status, done.saga.error) == (SagaStatus.COMPENSATED, "list_too_long")
    assert done.saga.cause == "boxes has 4 items, and takes at most 3"


@dataclass
class Payment:
    """The input of a child."""

    cents: int


def pay(step):
    return step.model.cents


def payment(step):
    return Payment(step.model.kilograms * 100)


def give_back(_step):
    return "given back"


@pytest.fixture
def parent(world, monkeypatch):
    """Return what runs a saga that has a child, and the children that it has started."""
    monkeypatch.setattr(saga_types, "_types", {})
    monkeypatch.setattr(handlers, "load", lambda: None)

    def run(make=pay, *, pause=None, **options):
        def pays(s):
            s.step(make)
            if pause is not None:
                s.pause("long", pause)

        child = saga("pays", input=Payment)(pays)

        @saga("sends", input=Parcel)
        def sends(s):
            s.saga(child, payment, undo=give_back)
            s.step(ask_child, undo=cancel)

        done = run_saga(world, sends, PARCEL, **options)
        return done, [one for one in world.all_of(SAGAS) if one.saga == "pays"]

    return run


def ask_child(step):
    return step.results["payment"]


def test_a_child_saga_is_started_with_its_input_and_waited_for(parent):
    done, (child,) = parent()

    assert done.calls == ("payment", "payment_ended", "payment_ended", "ask_child")
    assert (done.status, child.status) == (SagaStatus.COMPLETED, SagaStatus.COMPLETED)
    assert (child.input, child.source) == ({"cents": 3000}, done.saga.key.id)
    assert done.log["ask_child"].result == child.key.id


def test_a_child_that_turns_back_turns_its_parent_back(parent):
    def pay(_step):
        raise StepRefusedError("no_money", "the account is empty")

    done, (child,) = parent(pay)

    assert (done.status, done.saga.error) == (SagaStatus.COMPENSATED, "child_compensated")
    assert (child.status, done.log["payment_undone"].result) == (SagaStatus.COMPENSATED, None)


def test_a_child_that_is_completed_is_undone_as_its_parent_says(parent):
    done, (child,) = parent(fail={"ask_child": 1})

    assert (done.status, child.status) == (SagaStatus.COMPENSATED, SagaStatus.COMPLETED)
    assert done.log["payment_undone"].result == "given back"


def test_a_child_that_is_tried_again_is_started_once(parent):
    done, children = parent(fail={"payment": TransientError("busy")})
    assert (done.status, children) == (SagaStatus.PARKED, [])

    done, children = parent(fail={"payment_ended": TransientError("busy")})
    assert (done.status, len(children)) == (SagaStatus.PARKED, 1)


def test_a_parked_child_parks_a_parent_that_waits_for_it_too_long(parent):
    def pay(_step):
        raise TransientError("the bank is away")

    done, (child,) = parent(pay)

    assert (done.status, child.status) == (SagaStatus.PARKED, SagaStatus.PARKED)
    assert (done.saga.error, done.saga.turned_error) == ("SagaStepError", "child_is_late")
    assert "sfn-cqrs saga retry g-" in done.saga.cause
