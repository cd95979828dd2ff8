from dataclasses import replace

import pytest
from tests.fakes.builders import ORDERED, UPDATED, a_saga

from sfn_cqrs.adapters.saga_table import open_shard
from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.domain.publication import Refusal
from sfn_cqrs.domain.request import Request
from sfn_cqrs.domain.saga import Ending, Entry, EntryStatus, SagaStatus
from sfn_cqrs.domain.saga_programs import SagaWritten

AT_NOON = "2026-11-25T12:00:00.000Z"
NOON = 1795608000
LATER = "2026-11-26T00:00:00.000Z"
DONE = Ending(EntryStatus.DONE, result={"BOOK": 2})
REFUSED = Ending(EntryStatus.REFUSED, error="out_of_stock", cause="BOOK: 0 left")


def key(number):
    return replace(ORDERED, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z{number:02d}")


def running(**changes):
    return a_saga(status=SagaStatus.RUNNING, **changes)


def test_a_saga_that_was_started_is_found_and_is_open(world):
    saga = a_saga()

    assert world.sagas.create(saga) is None

    assert world.sagas.find(ORDERED) == saga
    assert world.stored_saga(ORDERED) == (saga, True)


def test_a_saga_belongs_to_its_tenant(world):
    world.sagas.create(a_saga())

    assert world.sagas.find(replace(ORDERED, tenant="tenant2")) is None
    assert world.sagas.page("tenant2", 20, None).items == []


def test_a_request_that_was_seen_starts_nothing(world):
    request = Request("tenant1", "key", "hash", {"id": ORDERED.id}, NOON + 60)
    world.sagas.create(a_saga(), request)

    refusal = world.sagas.create(a_saga(key(1)), request)

    assert refusal is Refusal.REQUEST_SEEN
    assert world.stored_saga(key(1)) == (None, False)


def test_sagas_are_listed_newest_first_a_page_at_a_time(world):
    world.seed_sagas(a_saga(key(1)), a_saga(key(3)), a_saga(key(2)))

    first = world.sagas.page("tenant1", 2, None)
    second = world.sagas.page("tenant1", 2, first.next_cursor)

    assert [saga.key for saga in first.items] == [key(3), key(2)]
    assert [saga.key for saga in second.items] == [key(1)]
    assert second.next_cursor is None


def test_a_page_of_one_status_is_full_whatever_lies_between(world):
    world.seed_sagas(
        *[
            a_saga(key(n), status=SagaStatus.PARKED if n % 2 else SagaStatus.RUNNING)
            for n in range(6)
        ]
    )

    first = world.sagas.page("tenant1", 2, None, SagaStatus.PARKED)
    second = world.sagas.page("tenant1", 2, first.next_cursor, SagaStatus.PARKED)

    assert [saga.key for saga in first.items] == [key(5), key(3)]
    assert [saga.key for saga in second.items] == [key(1)]


def test_a_cursor_that_is_none_is_refused(world):
    with pytest.raises(InvalidInputError, match="cursor: is not a cursor of this list"):
        world.sagas.page("tenant1", 1, "bm8=")


def test_an_attempt_begins_once(world):
    world.seed_sagas(a_saga())
    opened = running(updated_at=AT_NOON)

    assert world.sagas.open(ORDERED, 1, is_undoing=False) == SagaWritten(done=True, saga=opened)
    assert world.sagas.open(ORDERED, 1, is_undoing=True) == SagaWritten(done=False, saga=opened)


def test_a_step_begins_and_ends_in_the_log(world):
    world.seed_sagas(running())
    world.sagas.begin(ORDERED, "reserve_stock", 1, 0, is_undo=False)
    world.clock.advance(seconds=2)

    ended = world.sagas.end(ORDERED, "reserve_stock", 1, 0, DONE, is_undo=False)

    assert ended.done
    assert world.sagas.find(ORDERED).log == {
        "reserve_stock": Entry(
            status=EntryStatus.DONE,
            began_at=AT_NOON,
            ended_at="2026-11-25T12:00:02.000Z",
            result={"BOOK": 2},
        )
    }


def test_a_step_that_is_refused_says_why(world):
    world.seed_sagas(running())
    world.sagas.begin(ORDERED, "reserve_stock", 1, 0, is_undo=False)

    world.sagas.end(ORDERED, "reserve_stock", 1, 0, REFUSED, is_undo=False)

    entry = world.sagas.find(ORDERED).log["reserve_stock"]
    assert (entry.status, entry.error, entry.cause) == (
        EntryStatus.REFUSED,
        "out_of_stock",
        "BOOK: 0 left",
    )


def test_lines_of_the_log_do_not_touch_each_other(world):
    world.seed_sagas(running())
    for name in ("reserve_stock", "charge_payment"):
        world.sagas.begin(ORDERED, name, 1, 0, is_undo=False)
    world.sagas.end(ORDERED, "charge_payment", 1, 0, DONE, is_undo=False)

    log = world.sagas.find(ORDERED).log
    assert [entry.status for entry in log.values()].count(EntryStatus.STARTED) == 1
    assert log["reserve_stock"].status is EntryStatus.STARTED


def test_a_saga_that_turns_back_says_why_and_takes_no_step_any_more(world):
    world.seed_sagas(running())

    turned = world.sagas.turn_back(ORDERED, 1, "card_declined", "no")
    refused = world.sagas.begin(ORDERED, "ship_order", 1, 0, is_undo=False)

    assert (turned.saga.status, turned.saga.error) == (SagaStatus.COMPENSATING, "card_declined")
    assert turned.saga.is_undoing
    assert refused == SagaWritten(done=False, saga=turned.saga)


def test_a_saga_that_has_ended_leaves_the_index(world):
    world.seed_sagas(running(error="ExecutionDied", cause="once"))

    closed = world.sagas.close(ORDERED, 1, SagaStatus.COMPLETED)

    assert (closed.saga.status, closed.saga.error) == (SagaStatus.COMPLETED, None)
    assert world.stored_saga(ORDERED) == (closed.saga, False)


def test_a_parked_saga_leaves_the_index_and_a_redrive_brings_it_back(world):
    world.seed_sagas(running(restarts=3))
    parked = world.sagas.park(ORDERED, 1, "RuntimeError", "locked")
    is_listed = world.stored_saga(ORDERED)[1]

    redriven = world.sagas.redrive(ORDERED, 1)

    assert (parked.done, is_listed) == (True, False)
    assert (redriven.saga.attempt, redriven.saga.restarts) == (2, 0)
    assert (redriven.saga.status, redriven.saga.opened_at) == (SagaStatus.CREATED, AT_NOON)
    assert world.stored_saga(ORDERED) == (redriven.saga, True)


def test_the_next_attempt_of_one_that_died_counts_itself(world):
    world.seed_sagas(running())

    restarted = world.sagas.restart(ORDERED, 1)

    assert (restarted.saga.attempt, restarted.saga.restarts) == (2, 1)
    assert world.sagas.restart(ORDERED, 1) == SagaWritten(done=False, saga=restarted.saga)


def test_of_what_does_not_exist_nothing_is_made(world):
    nothing = SagaWritten(done=False, saga=None)

    assert world.sagas.begin(ORDERED, "reserve_stock", 1, 0, is_undo=False) == nothing
    assert world.sagas.park(ORDERED, 1, "E", "") == nothing
    assert world.sagas.redrive(ORDERED, 1) == nothing
    assert world.stored_saga(ORDERED) == (None, False)


def test_the_oldest_open_sagas_come_first_and_a_cursor_goes_on(world):
    keys = [one for one in map(key, range(40)) if open_shard(one) == 0][:3]
    moments = ["2026-11-25T11:00:00.000Z", "2026-11-25T10:00:00.000Z", LATER]
    world.seed_sagas(
        *[a_saga(each, opened_at=at) for each, at in zip(keys, moments, strict=True)],
    )

    first, cursor = world.sagas.opened(0, None, AT_NOON, 1)
    second, _ = world.sagas.opened(0, cursor, AT_NOON, 1)

    assert [saga.key for saga in first] == [keys[1]]
    assert [saga.key for saga in second] == [keys[0]]


def test_the_sweeps_place_is_kept(world):
    assert world.sagas.cursors() == {}

    world.sagas.keep_cursors({"1": {"pk": "SAGA#tenant1", "open_shard": 1}})

    assert world.sagas.cursors() == {"1": {"pk": "SAGA#tenant1", "open_shard": 1}}


def test_what_is_stored_of_a_saga_comes_back(world):
    saga = running(
        log={
            "reserve_stock": Entry(status=EntryStatus.FAILED, error="E", cause="why", result=None)
        },
        error="E",
        cause="why",
        request_id="a-request",
        created=UPDATED,
    )
    world.seed_sagas(saga)

    assert world.sagas.find(ORDERED) == saga
