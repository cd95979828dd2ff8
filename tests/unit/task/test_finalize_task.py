import pytest
from functions.task.finalize_task.app import lambda_handler

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.keys import TaskRef
from sfn_cqrs.machines.task.rules import Counts, Stop, TaskStatus
from sfn_cqrs_tools.testing.builders import a_task, an_item

CREATED, PROCESSING = TaskStatus.CREATED, TaskStatus.PROCESSING
COMPLETED, FAILED, CANCELLED = TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED
ANSWERS = [{"index": index, "ok": True} for index in range(3)]


@pytest.fixture
def key(sample):
    return TaskRef.from_input(sample("task/start_execution")).key


@pytest.fixture
def seed(world, key):
    """Return a maker of a task in its first attempt, with items in these statuses."""

    def make(*statuses, **changes):
        fields = {"status": PROCESSING, "input": None, "items": len(statuses)}
        world.seed_tasks(a_task(key, **{**fields, **changes}))
        world.seed_items(
            *[
                an_item(key, index, status=status, attempt=0 if status is CREATED else 1)
                for index, status in enumerate(statuses)
            ]
        )
        return world

    return make


@pytest.fixture
def finalize(sample, lambda_context):
    def run(answers):
        return lambda_handler({**sample("task/finalize_task"), "input": answers}, lambda_context)

    return run


@pytest.mark.parametrize(
    ("statuses", "status", "counts"),
    [
        ((COMPLETED, COMPLETED, COMPLETED), COMPLETED, Counts(3, 0, 0)),
        ((COMPLETED, FAILED, COMPLETED), FAILED, Counts(2, 1, 0)),
        ((FAILED, FAILED, FAILED), FAILED, Counts(0, 3, 0)),
    ],
)
def test_a_task_ends_as_its_items_did(statuses, status, counts, seed, key, finalize):
    world = seed(*statuses)

    assert finalize(ANSWERS) == {"result": status.value, "attempt": 1}

    task = world.tasks.find(key)
    assert (task.status, task.counts) == (status, counts)


def test_the_counts_are_the_items_whatever_the_iterations_answered(seed, key, finalize):
    world = seed(COMPLETED, COMPLETED, FAILED)

    finalize([])

    assert world.tasks.find(key).counts == Counts(2, 1, 0)


def test_an_item_whose_function_died_at_every_try_fails_with_its_error(seed, key, finalize):
    world = seed(COMPLETED, PROCESSING, COMPLETED)

    finalize([{"index": 0, "ok": True}, {"index": 1, "error": "Sandbox.Timedout"}])

    task, item = world.tasks.find(key), world.stored_item(key, 1)
    assert (task.status, task.counts) == (FAILED, Counts(2, 1, 0))
    assert (item.status, item.error) == (FAILED, "Sandbox.Timedout")


def test_what_nobody_began_is_left_to_the_next_attempt(seed, key, finalize):
    world = seed(COMPLETED, CREATED, CREATED)

    assert finalize(ANSWERS) == {"result": "CREATED", "attempt": 2}

    task = world.tasks.find(key)
    assert (task.attempt, task.pending, task.left) == (2, (1, 2), 2)


def test_what_a_function_may_still_be_at_work_on_is_left_to_the_sweep(seed, key, finalize):
    world = seed(COMPLETED, CREATED)
    world.seed_items(an_item(key, 1, status=PROCESSING, attempt=1, lease_until=1795608001))

    assert finalize(ANSWERS) == {"result": "PROCESSING", "attempt": 1}

    assert world.tasks.find(key).status is PROCESSING


def test_after_a_cancellation_what_nobody_began_is_cancelled(seed, key, finalize):
    world = seed(COMPLETED, FAILED, CREATED, PROCESSING, stop=Stop.CANCELLED)

    assert finalize(ANSWERS) == {"result": "CANCELLED", "attempt": 1}

    assert world.tasks.find(key).counts == Counts(1, 1, 2)
    assert [item.status for item in world.tasks.items(key)] == [
        COMPLETED,
        FAILED,
        CANCELLED,
        CANCELLED,
    ]


def test_a_cancellation_that_came_too_late_changes_nothing(seed, finalize):
    seed(COMPLETED, COMPLETED, stop=Stop.CANCELLED)

    assert finalize(ANSWERS)["result"] == "COMPLETED"


def test_a_task_that_failed_fast_has_failed_though_most_of_it_was_not_begun(seed, key, finalize):
    world = seed(FAILED, CREATED, CREATED, stop=Stop.FAILED_FAST)

    assert finalize(ANSWERS)["result"] == "FAILED"

    assert world.tasks.find(key).counts == Counts(0, 1, 2)


def test_when_the_map_itself_fails_the_items_are_left_to_the_next_attempt(seed, key, finalize):
    world = seed(COMPLETED, CREATED)

    finalize({"Error": "States.DataLimitExceeded", "Cause": "too much"})

    assert world.tasks.find(key).pending == (1,)


def test_a_second_delivery_finds_the_task_ended(seed, key, finalize):
    world = seed(COMPLETED, FAILED)

    assert finalize(ANSWERS) == finalize(ANSWERS) == {"result": "FAILED", "attempt": 1}

    assert world.tasks.find(key).counts == Counts(1, 1, 0)


def test_an_item_that_ends_while_it_is_being_abandoned_counts_as_it_ended(
    seed, key, finalize, monkeypatch
):
    world = seed(COMPLETED, PROCESSING)
    read = world.tasks.items

    def items_then_end(key):
        found = read(key)
        world.seed_items(an_item(key, 1, status=COMPLETED, attempt=1))
        return found

    monkeypatch.setattr(world.tasks, "items", items_then_end)

    finalize([{"index": 1, "error": "Lambda.Unknown"}])

    assert world.tasks.find(key).counts == Counts(2, 0, 0)


def test_an_attempt_that_is_over_ends_nothing(seed, key, finalize):
    world = seed(COMPLETED, CREATED, attempt=2)

    with pytest.raises(SupersededError, match="attempt 1 no longer owns the task"):
        finalize(ANSWERS)

    assert world.tasks.find(key).status is PROCESSING


def test_a_retried_item_that_was_not_begun_again_is_left_and_not_counted_as_failed(
    seed, key, sample, lambda_context
):
    world = seed(COMPLETED, FAILED, FAILED, attempt=2, pending=(1, 2), left=2)
    world.seed_items(an_item(key, 1, status=COMPLETED, attempt=2))
    event = sample("task/finalize_task")
    event["context"]["Execution"]["Input"]["attempt"] = 2

    answer = lambda_handler({**event, "input": []}, lambda_context)

    assert answer == {"result": "CREATED", "attempt": 3}
    assert world.tasks.find(key).pending == (2,)


def test_items_that_have_expired_since_they_were_completed_are_counted_as_such(
    seed, key, sample, lambda_context
):
    world = seed(COMPLETED, FAILED, attempt=2, items=5, pending=(1,), left=1)
    world.seed_items(an_item(key, 1, status=COMPLETED, attempt=2))
    event = sample("task/finalize_task")
    event["context"]["Execution"]["Input"]["attempt"] = 2

    answer = lambda_handler({**event, "input": []}, lambda_context)

    assert answer == {"result": "COMPLETED", "attempt": 2}
    assert world.tasks.find(key).counts == Counts(5, 0, 0)
