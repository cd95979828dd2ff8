from dataclasses import replace

import pytest

from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.keys import TaskKind
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.machines.task.programs import Claim, CloseItem, SettleItem
from sfn_cqrs.machines.task.rules import Begin, CloseTask, Counts, Ending, Retry, TaskStatus
from sfn_cqrs_tools.testing.builders import RESIZE, a_task, an_item

NOON = 1795608000
PROCESSING = {"status": TaskStatus.PROCESSING, "input": None}
DONE = Ending(TaskStatus.COMPLETED, result={"width": 80})
FAILED = Ending(TaskStatus.FAILED, error="ValueError", cause="Traceback …")


def key(number, type_="RESIZE", **changes):
    return replace(RESIZE, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z{number:02d}", type=type_, **changes)


def test_a_created_task_is_found_by_its_key_and_by_its_public_id(world):
    task = a_task()

    assert world.tasks.create(task) is True

    assert world.tasks.find(RESIZE) == task
    assert world.tasks.locate("tenant1", TaskKind.BATCH, RESIZE.ulid) == RESIZE
    assert world.stored_task(RESIZE) == (task, True)


def test_a_request_that_was_seen_creates_nothing(world):
    request = Request("tenant1", "key", "hash", {"id": RESIZE.id}, NOON + 60)
    world.tasks.create(a_task(), request)

    refusal = world.tasks.create(a_task(key(1)), request)

    assert refusal is False
    assert world.stored_task(key(1)) == (None, False)
    assert world.tasks.locate("tenant1", TaskKind.BATCH, key(1).ulid) is None


def test_the_tasks_of_a_type_are_listed_newest_first(world):
    world.seed_tasks(a_task(key(1)), a_task(key(3)), a_task(key(2)), a_task(key(4, "RESIZE_ALL")))
    world.seed_items(an_item(key(2)))

    first = world.tasks.page(replace(RESIZE, ulid=""), 2, None)
    second = world.tasks.page(replace(RESIZE, ulid=""), 2, first.next_cursor)

    assert [task.key for task in first.items] == [key(3), key(2)]
    assert [task.key for task in second.items] == [key(1)]
    assert second.next_cursor is None


def test_items_are_stored_once_each_with_its_own_input(world):
    task = a_task(items=3)

    world.tasks.put_items(task)
    world.tasks.write_item(RESIZE, Claim(1, 1, 0, NOON + 60))
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


@pytest.mark.parametrize(
    "write", [Claim(0, 1, 0, NOON), CloseItem(0, 1, 0, DONE), SettleItem(0, 1, FAILED)]
)
def test_no_write_makes_an_item_that_is_not_there(world, write):
    assert world.tasks.write_item(RESIZE, write) == Written(done=False, record=None)
    assert world.stored_items(RESIZE) == []


DAY = 24 * 3600
KEPT_30_DAYS = Retention(30, {"OTHER": 1})


def test_a_task_expires_so_many_days_after_it_ended_and_no_open_one_does(make_world):
    world = make_world(task_ttl=KEPT_30_DAYS)
    world.tasks.create(a_task())
    world.tasks.create(a_task(key(1)))
    for each in (RESIZE, key(1)):
        world.tasks.change(each, Begin(1))
    world.tasks.change(RESIZE, CloseTask(1, TaskStatus.COMPLETED, Counts(3, 0, 0)))

    world.clock.advance(seconds=30 * DAY - 1)
    before = world.tasks.find(RESIZE)
    world.clock.advance(seconds=1)

    assert before.status is TaskStatus.COMPLETED
    assert world.tasks.find(RESIZE) is None
    assert world.tasks.locate("tenant1", TaskKind.BATCH, RESIZE.ulid) is None
    page = world.tasks.page(replace(RESIZE, ulid=""), 10, None)
    assert [task.key for task in page.items] == [key(1)]
    assert world.tasks.find(key(1)).status is TaskStatus.PROCESSING


def test_a_task_that_is_reopened_no_longer_expires(make_world):
    world = make_world(task_ttl=KEPT_30_DAYS)
    world.seed_tasks(a_task(**PROCESSING))
    world.tasks.change(RESIZE, CloseTask(1, TaskStatus.FAILED, Counts(2, 1, 0)))
    world.tasks.change(RESIZE, Retry(1, (2,)))

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
        world.tasks.write_item(RESIZE, Claim(index, 1, 0, NOON))
        world.tasks.write_item(RESIZE, CloseItem(index, 1, 0, ending))
    world.tasks.write_item(RESIZE, Claim(1, 2, 0, NOON + 60))

    world.clock.advance(seconds=37 * DAY - 1)
    before = [item.index for item in world.tasks.items(RESIZE)]
    world.clock.advance(seconds=1)

    assert before == [0, 1]
    assert [item.index for item in world.tasks.items(RESIZE)] == [1]


def test_an_item_that_was_settled_expires_too(make_world):
    world = make_world(task_ttl=KEPT_30_DAYS)
    world.seed_items(an_item())
    world.tasks.write_item(RESIZE, SettleItem(0, 1, Ending(TaskStatus.CANCELLED)))

    world.clock.advance(days=38)

    assert world.tasks.items(RESIZE) == []
