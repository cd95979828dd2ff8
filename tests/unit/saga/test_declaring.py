from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.declaring import Retry, Steps, saga
from sfn_cqrs.machines.saga.rules import (
    Begin,
    End,
    Ending,
    EntryStatus,
    Move,
    MoveKind,
    Open,
    SagaStatus,
)
from sfn_cqrs.machines.saga.saga_programs import Do, Next, next_of
from sfn_cqrs_tools.testing.builders import a_saga


@dataclass
class Parcel:
    """The input."""

    weight: int


def book(_step):
    return "booked"


def cancel(_step):
    return None


def by_truck(_step):
    return None


def by_bike(_step):
    return None


def size(step):
    return "heavy" if step.model.weight > 20 else "light"


def delivered(step):
    return step.model.weight == 0


def paid(_step):
    return True


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setattr(saga_types, "_types", {})


def declared(declare, name="courier"):
    return saga(name, input=Parcel)(declare).order


def test_the_order_is_what_the_function_declares():
    def courier(s: Steps[Parcel]) -> None:
        s.step(book, undo=cancel, retry=Retry(5), within=timedelta(minutes=2))
        s.choice(size, heavy=[by_truck], light=lambda s: s.step(by_bike))
        s.pause("three_days", timedelta(days=3))

    assert declared(courier) == (
        Move("book", "cancel", tries=5, seconds=120),
        Move("size", kind=MoveKind.CHOICE),
        Move("by_truck", choice="size", arm="heavy"),
        Move("by_bike", choice="size", arm="light"),
        Move("three_days", kind=MoveKind.PAUSE, seconds=259_200),
    )


def lines(step):
    return step.input["lines"]


def pack(step):
    return step.item


def test_what_is_made_for_each_item_of_a_list_stands_once_in_the_order():
    def courier(s: Steps[Parcel]) -> None:
        s.each(lines, lambda s: s.step(pack, undo=cancel), at_most=20)
        s.step(book)

    assert declared(courier) == (
        Move("lines", kind=MoveKind.EACH, most=20),
        Move("pack", "cancel", choice="lines", arm="each", each="lines"),
        Move("book"),
    )


def test_a_child_is_a_step_that_starts_it_and_a_wait_for_its_end():
    child = saga("child", input=Parcel)(lambda s: s.step(book))

    def given(step):
        return step.model

    def courier(s: Steps[Parcel]) -> None:
        s.saga(child, given, at_most=timedelta(minutes=10))

    assert declared(courier) == (
        Move("given", "given_undone"),
        Move("given_ended", kind=MoveKind.WAIT, seconds=600, every=60),
        Move("given_is_late", choice="given_ended", arm="otherwise"),
    )


def test_a_wait_has_the_steps_for_what_never_comes():
    def courier(s: Steps[Parcel]) -> None:
        s.wait(until=delivered, at_most=timedelta(days=3), otherwise=[by_truck])
        s.wait(until=paid, at_most=timedelta(hours=1), every=timedelta(minutes=5))
        s.step(book)

    assert declared(courier) == (
        Move("delivered", kind=MoveKind.WAIT, seconds=259_200, every=2_592),
        Move("by_truck", choice="delivered", arm="otherwise"),
        Move("paid", kind=MoveKind.WAIT, seconds=3_600, every=300),
        Move("book"),
    )


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda s: s.wait(paid, at_most=timedelta(0)), "paid: a wait lasts a second to 300 days"),
        (
            lambda s: s.wait(paid, at_most=timedelta(hours=1), every=timedelta(seconds=5)),
            "paid: a wait asks once a minute at most",
        ),
        (
            lambda s: [
                s.step(book),
                s.wait(paid, at_most=timedelta(days=1), every=timedelta(minutes=1)),
            ],
            "courier asks more than 1000 times in its waits",
        ),
        (lambda _s: None, "courier has 0 steps and lists, and a saga has 1 to 10"),
        (lambda s: [s.step(book), s.step(book)], "book is declared twice"),
        (lambda s: [s.step(book, undo=cancel), s.step(by_bike, undo=cancel)], "cancel is declared"),
        (lambda s: s.step(book, undo=book), "book is declared twice"),
        (lambda s: s.step(book, retry=Retry(0)), "book: a step has 1 to 40 tries, not 0"),
        (lambda s: s.step(book, within=timedelta(hours=1)), "1 to 300 seconds, not 3600"),
        (lambda s: s.step(lambda _: None), "'<lambda>' cannot be the name of a step"),
        (lambda s: s.choice(size), "size: a choice needs arms"),
        (lambda s: s.each(lines, [pack], at_most=0), "lines: a list has at_most=1 or more"),
        (lambda s: s.each(lines, [pack], at_most=51), "courier has lists of more than 50 items"),
        (
            lambda s: s.each(lines, lambda s: s.each(paid, [pack], at_most=1), at_most=1),
            "paid: a list stands in no other list",
        ),
        (
            lambda s: s.each(
                lines,
                lambda s: [s.step(pack), s.pause("long", timedelta(days=100))],
                at_most=4,
            ),
            "courier pauses for more than 300 days",
        ),
        (lambda s: s.pause("long", timedelta(days=301)), "long: a pause lasts a second to 300"),
        (
            lambda s: [s.step(book), *(s.pause(f"p{n}", timedelta(days=200)) for n in (1, 2))],
            "courier pauses for more than 300 days",
        ),
    ],
)
def test_what_cannot_run_is_refused_when_it_is_imported(declare, message):
    with pytest.raises(ValueError, match=message):
        declared(declare)


def test_a_saga_is_declared_in_one_module():
    declared(lambda s: s.step(book))
    other = lambda s: s.step(book)  # noqa: E731
    other.__module__ = "elsewhere"

    with pytest.raises(ValueError, match=r"the saga courier is declared in .* already"):
        declared(other)


def test_an_arm_that_nobody_declares_is_an_error_of_the_choice():
    declared(lambda s: [s.step(book), s.choice(lambda_free, left=[by_bike])])

    with pytest.raises(ValueError, match="lambda_free has no arm 'up', but left"):
        saga_types._types["courier"].steps["lambda_free"](None)


def lambda_free(_step):
    return "up"


NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
AT = "2026-11-25T12:00:00.000Z"


def a_declared(*order, log=()):
    began = Open(1, is_undoing=False).on(a_saga(order=order), AT)
    for name, result in log:
        began = Begin(name, 1, 0).on(began, AT)
        began = End(name, 1, 0, Ending(EntryStatus.DONE, result)).on(began, AT)
    return began


def test_only_the_arm_that_was_chosen_is_left():
    order = (
        Move("size", kind=MoveKind.CHOICE),
        Move("by_truck", choice="size", arm="heavy"),
        Move("by_bike", choice="size", arm="light"),
    )

    assert next_of(a_declared(*order)).step == "size"
    assert next_of(a_declared(*order, log=[("size", "light")])).step == "by_bike"
    light = [("size", "light"), ("by_bike", None)]
    assert next_of(a_declared(*order, log=light)).do is Do.FINISH


def test_a_step_that_cannot_be_undone_is_left_out_on_the_way_back():
    began = a_declared(Move("book", "cancel"), Move("tell"), log=[("book", 1), ("tell", 1)])
    turned = replace(began, status=SagaStatus.COMPENSATING, is_undoing=True)

    assert next_of(turned) == Next(Do.UNDO, "cancel", 0, 30)


def play(program, saga, result=None):
    """Run a program over a saga, whose work always succeeds, with this result."""
    try:
        call = next(program)
        while True:
            if isinstance(call, saga_programs.Find):
                call = program.send(saga)
            elif isinstance(call, saga_programs.Work):
                call = program.send(Ending(EntryStatus.DONE, result))
            else:
                changed = call.on(saga, AT)
                saga = changed or saga
                written = Written(done=changed is not None, record=saga)
                call = program.send(written)
    except StopIteration as end:
        return saga, end.value


def test_a_pause_ends_when_its_time_is_over_counted_from_its_first_attempt():
    pausing = a_declared(Move("days", kind=MoveKind.PAUSE, seconds=60), Move("book"))

    began, first = play(saga_programs.proceed(1, "days", 0, NOON), pausing)
    died = replace(began, status=SagaStatus.RUNNING, attempt=2)
    half = NOON + timedelta(seconds=30)
    again, second = play(saga_programs.proceed(2, "days", 0, half), died)
    over = NOON + timedelta(seconds=60)
    _, third = play(saga_programs.proceed(2, "days", 0, over), again)

    assert (first.do, first.until) == (Do.PAUSE, "2026-11-25T12:01:00.000Z")
    assert (second.do, second.until) == (Do.PAUSE, "2026-11-25T12:01:00.000Z")
    assert (third.do, third.step, third.is_fresh) == (Do.RUN, "book", True)


WAITING = (
    Move("paid", kind=MoveKind.WAIT, seconds=60, every=40),
    Move("remind", choice="paid", arm="otherwise"),
    Move("ship"),
)


def test_a_wait_asks_again_and_again_until_its_time_is_over():
    waiting, first = play(saga_programs.proceed(1, "paid", 0, NOON), a_declared(*WAITING), "")
    later = NOON + timedelta(seconds=40)
    waiting, second = play(saga_programs.proceed(1, "paid", 0, later), waiting, "")
    over = NOON + timedelta(seconds=60)
    ended, third = play(saga_programs.proceed(1, "paid", 0, over), waiting, "")

    assert [first.until, second.until] == ["2026-11-25T12:00:40.000Z", "2026-11-25T12:01:00.000Z"]
    assert (third.step, ended.log["paid"].result) == ("remind", "otherwise")


def test_a_wait_that_is_met_goes_on_without_what_is_for_the_other_case():
    met, following = play(saga_programs.proceed(1, "paid", 0, NOON), a_declared(*WAITING), "met")

    assert (following.step, following.is_fresh) == ("ship", True)
    assert met.log["paid"].result == "met"
    assert met.busy_since == AT


def test_a_step_that_another_try_has_ended_is_not_gone_on_from():
    done = a_declared(Move("book", "cancel"), Move("ship"), log=[("book", 1)])

    _, following = play(saga_programs.proceed(1, "book", 1, NOON), done)

    assert following == Next(Do.RUN, "ship", 0, 30, is_fresh=False)
