from dataclasses import replace

import pytest
from tests.fakes.builders import RESIZE, UPDATED, a_task, an_item

from sfn_cqrs.adapters.task_table import open_shard
from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.domain.keys import TaskKind
from sfn_cqrs.domain.publication import Refusal
from sfn_cqrs.domain.request import Request
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs.domain.task import Counts, Ending, Stop, TaskStatus
from sfn_cqrs.domain.task_programs import ItemWritten, TaskWritten

AT_NOON = "2026-11-25T12:00:00.000Z"
NOON = 1795608000
LATER = "2026-11-26T00:00:00.000Z"
PROCESSING = {"status": TaskStatus.PROCESSING, "input": None}
DONE = Ending(TaskStatus.COMPLETED, result={"width": 80})
FAILED = Ending(TaskStatus.FAILED, error="ValueError", cause="Traceback …")


def key(number, type_="RESIZE", **changes):
    return replace(RESIZE, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z{number:02d}", type=type_, **changes)


def test_a_created_task_is_found_by_its_key_and_by_its_public_id(world):
    task = a_task()

    assert world.tasks.create(task) is None

    assert world.tasks.find(RESIZE) == task
    assert world.tasks.locate("tenant1", TaskKind.BATCH, RESIZE.ulid) == RESIZE
    assert world.stored_task(RESIZE) == (task, True)


def test_a_task_belongs_to_its_tenant_and_its_kind(world):
    world.tasks.create(a_task())

    assert world.tasks.locate("tenant2", TaskKind.BATCH, RESIZE.ulid) is None
    assert world.tasks.locate("tenant1", TaskKind.SINGLE, RESIZE.ulid) is None
    assert world.tasks.find(replace(RESIZE, tenant="tenant2")) is None
    assert world.tasks.find(replace(RESIZE, kind=TaskKind.SINGLE)) is None


def test_a_request_that_was_seen_creates_nothing(world):
    request = Request("tenant1", "key", "hash", {"id": RESIZE.id}, NOON + 60)
    world.tasks.create(a_task(), request)

    refusal = world.tasks.create(a_task(key(1)), request)

    assert refusal is Refusal.REQUEST_SEEN
    assert world.stored_task(key(1)) == (None, False)
    assert world.tasks.locate("tenant1", TaskKind.BATCH, key(1).ulid) is None


def test_the_tasks_of_a_type_are_listed_newest_first(world):
    world.seed_tasks(a_task(key(1)), a_task(key(3)), a_task(key(2)), a_task(key(4, "RESIZE_ALL")))
    world.seed_items(an_item(key(2)))

    first = world.tasks.page("tenant1", TaskKind.BATCH, "RESIZE", 2, None)
    second = world.tasks.page("tenant1", TaskKind.BATCH, "RESIZE", 2, first.next_cursor)

    assert [task.key for task in first.items] == [key(3), key(2)]
    assert [task.key for task in second.items] == [key(1)]
    assert second.next_cursor is None


def test_a_cursor_of_another_list_is_refused(world):
    world.seed_tasks(a_task(key(1)), a_task(key(2)))
    cursor = world.tasks.page("tenant1", TaskKind.BATCH, "RESIZE", 1, None).next_cursor

    with pytest.raises(InvalidInputError, match="cursor: is not a cursor of this list"):
        world.tasks.page("tenant1", TaskKind.BATCH, "CRUSH", 1, cursor)


def test_the_message_is_noted_before_it_is_sent_and_may_be_sent_again(world):
    world.seed_tasks(a_task())
    queued = a_task(status=TaskStatus.QUEUED, updated_at=AT_NOON)

    assert world.tasks.queue(RESIZE, 1) == TaskWritten(done=True, task=queued)
    assert world.tasks.queue(RESIZE, 1) == TaskWritten(done=True, task=queued)
    assert world.tasks.queue(RESIZE, 2) == TaskWritten(done=False, task=queued)


def test_a_fast_worker_is_not_overwritten_by_the_message_that_began_it(world):
    world.seed_tasks(a_task())
    begun = world.tasks.begin(RESIZE, 1)

    late = world.tasks.queue(RESIZE, 1)

    assert begun.task == a_task(**PROCESSING, updated_at=AT_NOON)
    assert late == TaskWritten(done=False, task=begun.task)


def test_items_are_stored_once_each_with_its_own_input(world):
    task = a_task(items=3)

    world.tasks.put_items(task)
    world.tasks.claim(RESIZE, 1, 1, 0, NOON + 60)
    world.tasks.put_items(task)

    items = world.stored_items(RESIZE)
    assert [(item.index, item.input, item.attempt) for item in items] == [
        (0, {"n": 0}, 0),
        (1, {"n": 1}, 1),
        (2, {"n": 2}, 0),
    ]


def test_a_thousand_items_and_large_ones_are_stored_and_read_by_their_index(world):
    task = a_task(items=1000, input=tuple("x" * 8_000 for _ in range(1000)))

    world.tasks.put_items(task)

    items = world.tasks.items(RESIZE)
    assert [item.index for item in items] == list(range(1000))
    assert {item.input for item in items} == {None}


def test_an_input_that_lies_in_the_bucket_is_fetched(world):
    stored = world.attributes.store_if_large("tenant1", RESIZE.id, {"input": ["x" * 150_000, None]})
    task = a_task(items=2, input=None, input_s3=stored)

    world.tasks.put_items(task)

    assert [item.input for item in world.stored_items(RESIZE)] == ["x" * 150_000, None]


def test_a_claimed_item_carries_its_input_and_the_lease(world):
    world.seed_items(an_item())

    claimed = world.tasks.claim(RESIZE, 0, 1, 0, NOON + 60)

    assert claimed == ItemWritten(
        done=True,
        item=an_item(
            status=TaskStatus.PROCESSING, attempt=1, lease_until=NOON + 60, updated_at=AT_NOON
        ),
    )


def test_a_later_attempt_waits_for_the_lease_to_the_second(world):
    busy = an_item(status=TaskStatus.PROCESSING, attempt=1, lease_until=NOON + 60)
    world.seed_items(busy)
    world.clock.advance(seconds=59, milliseconds=999)
    early = world.tasks.claim(RESIZE, 0, 2, 0, NOON + 120)
    world.clock.advance(milliseconds=1)
    late = world.tasks.claim(RESIZE, 0, 2, 0, NOON + 120)

    assert early == ItemWritten(done=False, item=busy)
    assert (late.done, late.item.attempt) == (True, 2)


def test_an_ended_item_keeps_its_result_and_not_its_lease(world):
    world.seed_items(an_item())
    world.tasks.claim(RESIZE, 0, 1, 0, NOON + 60)

    closed = world.tasks.close_item(RESIZE, 0, 1, 0, DONE)

    ended = an_item(
        status=TaskStatus.COMPLETED, attempt=1, result={"width": 80}, updated_at=AT_NOON
    )
    assert closed == ItemWritten(done=True, item=ended)
    assert world.stored_items(RESIZE) == [ended]


def test_an_item_that_is_settled_keeps_its_lease(world):
    world.seed_items(an_item(status=TaskStatus.PROCESSING, attempt=1, lease_until=NOON + 60))

    settled = world.tasks.settle_item(RESIZE, 0, 1, Ending(TaskStatus.CANCELLED))

    assert settled.item == an_item(
        status=TaskStatus.CANCELLED, attempt=1, lease_until=NOON + 60, updated_at=AT_NOON
    )


def test_a_closed_task_leaves_the_index_and_a_retried_one_is_listed_again(world):
    world.seed_tasks(a_task(**PROCESSING))

    closed = world.tasks.close(RESIZE, 1, TaskStatus.FAILED, Counts(2, 1, 0))
    after_close = world.stored_task(RESIZE)
    retried = world.tasks.retry(RESIZE, 1, (2,))

    assert closed.task.counts == Counts(completed=2, failed=1, cancelled=0)
    assert after_close == (closed.task, False)
    assert retried.task == a_task(
        input=None, attempt=2, pending=(2,), left=1, opened_at=AT_NOON, updated_at=AT_NOON
    )
    assert world.stored_task(RESIZE) == (retried.task, True)


def test_open_tasks_are_found_by_age_page_by_page(world):
    tasks = [
        a_task(key(number), opened_at=f"2026-11-25T08:00:{number:02d}.000Z") for number in range(20)
    ]
    world.seed_tasks(*tasks, a_task(key(30), status=TaskStatus.COMPLETED))
    found = []
    for shard in range(4):
        cursor = None
        while True:
            page, cursor = world.tasks.opened(shard, cursor, "2026-11-25T08:00:15.000Z", 2)
            found += page
            if cursor is None:
                break

    assert sorted(task.opened_at for task in found) == [task.opened_at for task in tasks[:15]]
    assert all(open_shard(task.key) in range(4) for task in found)


def test_the_sweep_remembers_how_far_it_came(world):
    assert world.tasks.cursors() == {}

    world.tasks.keep_cursors({"3": {"pk": "a", "sk": "b", "open_shard": 3, "opened_at": LATER}})

    assert world.tasks.cursors() == {
        "3": {"pk": "a", "sk": "b", "open_shard": 3, "opened_at": LATER}
    }


def test_whoever_asked_and_from_where_comes_back(world):
    task = a_task(created=UPDATED, source="api", request_id="request-1", stop=None)
    world.tasks.create(task)

    assert world.tasks.find(RESIZE) == task


@pytest.mark.parametrize(
    "write",
    [
        lambda tasks: tasks.queue(RESIZE, 1),
        lambda tasks: tasks.begin(RESIZE, 1),
        lambda tasks: tasks.stop(RESIZE, Stop.CANCELLED),
        lambda tasks: tasks.close(RESIZE, 1, TaskStatus.COMPLETED, Counts()),
        lambda tasks: tasks.go_on(RESIZE, 1, (0,)),
        lambda tasks: tasks.retry(RESIZE, 1, (0,)),
    ],
)
def test_no_write_makes_a_task_that_is_not_there(world, write):
    assert write(world.tasks) == TaskWritten(done=False, task=None)
    assert world.stored_task(RESIZE) == (None, False)


@pytest.mark.parametrize(
    "write",
    [
        lambda tasks: tasks.claim(RESIZE, 0, 1, 0, NOON),
        lambda tasks: tasks.close_item(RESIZE, 0, 1, 0, DONE),
        lambda tasks: tasks.settle_item(RESIZE, 0, 1, FAILED),
    ],
)
def test_no_write_makes_an_item_that_is_not_there(world, write):
    assert write(world.tasks) == ItemWritten(done=False, item=None)
    assert world.stored_items(RESIZE) == []


DAY = 24 * 3600
KEPT_30_DAYS = Retention(30, {"OTHER": 1})


def test_a_task_expires_so_many_days_after_it_ended_and_no_open_one_does(make_world):
    world = make_world(task_ttl=KEPT_30_DAYS)
    world.tasks.create(a_task())
    world.tasks.create(a_task(key(1)))
    for each in (RESIZE, key(1)):
        world.tasks.begin(each, 1)
    world.tasks.close(RESIZE, 1, TaskStatus.COMPLETED, Counts(3, 0, 0))

    world.clock.advance(seconds=30 * DAY - 1)
    before = world.tasks.find(RESIZE)
    world.clock.advance(seconds=1)

    assert before.status is TaskStatus.COMPLETED
    assert world.tasks.find(RESIZE) is None
    assert world.tasks.locate("tenant1", TaskKind.BATCH, RESIZE.ulid) is None
    page = world.tasks.page("tenant1", TaskKind.BATCH, "RESIZE", 10, None)
    assert [task.key for task in page.items] == [key(1)]
    assert world.tasks.find(key(1)).status is TaskStatus.PROCESSING


def test_a_task_that_is_reopened_no_longer_expires(make_world):
    world = make_world(task_ttl=KEPT_30_DAYS)
    world.seed_tasks(a_task(**PROCESSING))
    world.tasks.close(RESIZE, 1, TaskStatus.FAILED, Counts(2, 1, 0))
    world.tasks.retry(RESIZE, 1, (2,))

    world.clock.advance(days=31)

    assert world.tasks.find(RESIZE).attempt == 2
    assert world.tasks.locate("tenant1", TaskKind.BATCH, RESIZE.ulid) == RESIZE


def test_items_outlive_their_task_by_a_week_and_one_that_is_begun_again_does_not_expire(
    make_world,
):
    world = make_world(task_ttl=KEPT_30_DAYS)
    world.seed_tasks(a_task(**PROCESSING))
    world.seed_items(an_item(index=0), an_item(index=1))
    for index, ending in ((0, DONE), (1, FAILED)):
        world.tasks.claim(RESIZE, index, 1, 0, NOON)
        world.tasks.close_item(RESIZE, index, 1, 0, ending)
    world.tasks.claim(RESIZE, 1, 2, 0, NOON + 60)

    world.clock.advance(seconds=37 * DAY - 1)
    before = [item.index for item in world.tasks.items(RESIZE)]
    world.clock.advance(seconds=1)

    assert before == [0, 1]
    assert [item.index for item in world.tasks.items(RESIZE)] == [1]


def test_an_item_that_was_settled_expires_too(make_world):
    world = make_world(task_ttl=KEPT_30_DAYS)
    world.seed_items(an_item())
    world.tasks.settle_item(RESIZE, 0, 1, Ending(TaskStatus.CANCELLED))

    world.clock.advance(days=38)

    assert world.tasks.items(RESIZE) == []


def test_without_a_retention_nothing_expires(world):
    world.seed_tasks(a_task(**PROCESSING))
    world.seed_items(an_item(status=TaskStatus.PROCESSING, attempt=1))
    world.tasks.close_item(RESIZE, 0, 1, 0, DONE)
    world.tasks.close(RESIZE, 1, TaskStatus.COMPLETED, Counts(1, 0, 0))

    world.clock.advance(days=10_000)

    assert world.tasks.find(RESIZE).status is TaskStatus.COMPLETED
    assert len(world.tasks.items(RESIZE)) == 1
