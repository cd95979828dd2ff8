from dataclasses import replace

import pytest
from tests.support.orders import a_saga

from sfn_cqrs.machines.saga.rules import (
    Begin,
    Close,
    End,
    Ending,
    Entry,
    EntryStatus,
    Move,
    MoveKind,
    Open,
    Park,
    Restart,
    Retry,
    SagaStatus,
    TurnBack,
)

AT = "2026-11-25T12:00:00.000Z"
LATER = "2026-11-25T12:00:02.000Z"
DONE = Ending(EntryStatus.DONE, result={"BOOK": 2})
REFUSED = Ending(EntryStatus.REFUSED, error="out_of_stock", cause="BOOK: 0 left")
RUNNING = a_saga(status=SagaStatus.RUNNING)
BEGUN = Begin("reserve_stock", 1, 0).on(RUNNING, AT)


def test_an_attempt_begins_once():
    opened = Open(1, is_undoing=False).on(a_saga(), AT)

    assert opened == RUNNING
    assert Open(1, is_undoing=True).on(opened, AT) is None


def test_a_step_begins_and_ends_in_the_log():
    ended = End("reserve_stock", 1, 0, DONE).on(BEGUN, LATER)

    assert ended.log == {
        "reserve_stock": Entry(
            status=EntryStatus.DONE, began_at=AT, ended_at=LATER, result={"BOOK": 2}
        )
    }


def test_only_the_try_that_works_on_a_step_says_how_it_ended_and_once():
    again = Begin("reserve_stock", 1, 1).on(BEGUN, LATER)
    ended = End("reserve_stock", 1, 1, DONE).on(again, LATER)

    assert End("reserve_stock", 1, 0, REFUSED).on(again, LATER) is None
    assert End("reserve_stock", 1, 1, REFUSED).on(ended, LATER) is None
    assert End("charge_payment", 1, 0, DONE).on(BEGUN, LATER) is None


@pytest.mark.parametrize(
    ("owner", "status", "steps", "compensations"),
    [
        ((1, 0), EntryStatus.STARTED, True, True),
        ((2, 3), EntryStatus.STARTED, True, True),
        ((2, 4), EntryStatus.STARTED, False, False),
        ((3, 0), EntryStatus.STARTED, False, False),
        ((1, 0), EntryStatus.FAILED, False, True),
        ((1, 0), EntryStatus.REFUSED, False, True),
        ((1, 0), EntryStatus.DONE, False, False),
    ],
)
def test_a_try_takes_over_what_has_no_end_and_a_compensation_what_has_failed(
    owner, status, steps, compensations
):
    entry = Entry(attempt=owner[0], seq=owner[1], status=status)

    begun = [entry.may_be_begun((2, 3, True), is_undo=is_undo) for is_undo in (False, True)]

    assert begun == [steps, compensations]


def test_what_an_item_of_a_list_makes_has_its_number():
    lines = Move("lines", kind=MoveKind.EACH, most=2, choice="size", arm="heavy")
    pack = Move("pack", "unpack", choice="lines", arm="each", each="lines")
    wrap = Move("wrap", choice="kind", arm="gift", each="lines")

    assert pack.made_for(2, lines) == Move(
        "pack.2", "unpack.2", choice="size", arm="heavy", each="lines", item=2
    )
    assert wrap.made_for(1, lines) == Move(
        "wrap.1", choice="kind.1", arm="gift", each="lines", item=1
    )


def test_a_state_takes_over_from_a_function_that_went_ahead_and_never_the_reverse():
    ahead = Begin("reserve_stock", 1, 0, is_ahead=True).on(RUNNING, AT)
    entered = Begin("reserve_stock", 1, 0).on(ahead, LATER)

    assert entered.log["reserve_stock"].owner == (1, 0, True)
    assert Begin("reserve_stock", 1, 0, is_ahead=True).on(entered, LATER) is None
    assert End("reserve_stock", 1, 0, DONE, is_ahead=True).on(entered, LATER) is None


def test_a_saga_turns_back_once():
    turned = TurnBack(1, "out_of_stock", "BOOK: 0 left").on(RUNNING, AT)

    assert TurnBack(1, "OtherError", "late").on(turned, LATER) is None
    assert TurnBack(1, "OtherError", "late").on(a_saga(), LATER) is None


def test_a_step_that_is_refused_says_why():
    entry = End("reserve_stock", 1, 0, REFUSED).on(BEGUN, AT).log["reserve_stock"]

    assert (entry.status, entry.error, entry.cause) == (
        EntryStatus.REFUSED,
        "out_of_stock",
        "BOOK: 0 left",
    )


def test_what_another_version_of_the_code_wrote_stays_in_the_log():
    entry = replace(BEGUN.log["reserve_stock"], unknown={"theirs": 1})

    ended = End("reserve_stock", 1, 0, DONE).on(BEGUN.with_entry("reserve_stock", entry), AT)

    assert ended.log["reserve_stock"].unknown == {"theirs": 1}


def test_lines_of_the_log_do_not_touch_each_other():
    both = Begin("charge_payment", 1, 0).on(BEGUN, AT)

    log = End("charge_payment", 1, 0, DONE).on(both, AT).log

    assert {name: entry.status for name, entry in log.items()} == {
        "reserve_stock": EntryStatus.STARTED,
        "charge_payment": EntryStatus.DONE,
    }


def test_a_saga_that_turns_back_says_why_and_takes_no_step_any_more():
    turned = TurnBack(1, "card_declined", "no").on(RUNNING, AT)

    assert (turned.status, turned.error) == (SagaStatus.COMPENSATING, "card_declined")
    assert turned.is_undoing
    assert Begin("ship_order", 1, 0).on(turned, AT) is None


def test_a_saga_that_is_completed_has_no_error():
    closed = Close(1, SagaStatus.COMPLETED).on(replace(RUNNING, error="Died", cause="once"), AT)

    assert (closed.status, closed.error, closed.cause) == (SagaStatus.COMPLETED, None, None)


def test_a_saga_that_is_compensated_says_why():
    turned = TurnBack(1, "card_declined", "no").on(RUNNING, AT)

    closed = Close(1, SagaStatus.COMPENSATED).on(turned, AT)

    assert (closed.status, closed.error) == (SagaStatus.COMPENSATED, "card_declined")


def test_a_parked_saga_is_retried_as_its_next_attempt():
    parked = Park(1, "RuntimeError", "locked").on(replace(RUNNING, restarts=3), AT)

    retried = Retry(1).on(parked, AT)

    assert (parked.status, parked.error) == (SagaStatus.PARKED, "RuntimeError")
    assert (retried.attempt, retried.restarts) == (2, 0)
    assert (retried.status, retried.opened_at) == (SagaStatus.CREATED, AT)


def test_a_saga_that_was_parked_while_it_was_undone_says_again_why_it_turned_back():
    turned = TurnBack(1, "card_declined", "no").on(RUNNING, AT)
    parked = Park(1, "RuntimeError", "locked").on(turned, AT)
    again = Park(2, "OSError", "full").on(
        Open(2, is_undoing=True).on(Retry(1).on(parked, AT), AT), AT
    )

    retried = Retry(2).on(again, AT)
    closed = Close(3, SagaStatus.COMPENSATED).on(Open(3, is_undoing=True).on(retried, AT), AT)

    assert [(one.error, one.cause) for one in (parked, again, retried, closed)] == [
        ("RuntimeError", "locked"),
        ("OSError", "full"),
        ("card_declined", "no"),
        ("card_declined", "no"),
    ]
    assert (closed.turned_error, closed.turned_cause) == (None, None)


def test_an_attempt_that_turns_the_saga_back_says_why_and_not_why_it_was_parked():
    parked = Park(1, "ExecutionDied", "4 executions died").on(RUNNING, AT)

    opened = Open(2, True, "card_declined", "no").on(Retry(1).on(parked, AT), AT)

    assert (opened.status, opened.error) == (SagaStatus.COMPENSATING, "card_declined")
    assert Open(2, is_undoing=False).on(Retry(1).on(parked, AT), AT).error == "ExecutionDied"


def test_the_next_attempt_of_one_that_died_counts_itself():
    restarted = Restart(1).on(RUNNING, AT)

    assert (restarted.attempt, restarted.restarts) == (2, 1)
    assert Restart(1).on(restarted, AT) is None
