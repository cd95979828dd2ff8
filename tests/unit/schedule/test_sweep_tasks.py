from dataclasses import replace

import pytest
from tests.unit.schedule.sweeping import NOON, OLD

from sfn_cqrs.kernel.keys import TaskKind, TaskRef
from sfn_cqrs.machines.task.rules import Counts, TaskStatus
from sfn_cqrs_tools.testing.builders import RESIZE, a_task, an_item

SINGLE = replace(RESIZE, kind=TaskKind.SINGLE)


def test_a_message_that_is_lost_is_sent_again_after_a_quarter_of_an_hour(sweep, world):
    world.seed_tasks(a_task(opened_at=OLD, updated_at="2026-11-25T11:44:59.999Z"))

    assert sweep() == {"task_queued": 1}

    assert [message["action"] for message in world.events.messages] == ["task-execute"]
    assert world.tasks.find(RESIZE).status is TaskStatus.QUEUED


def test_a_task_that_only_queues_is_left_to_its_message(sweep, world):
    world.seed_tasks(
        a_task(status=TaskStatus.QUEUED, opened_at=OLD, updated_at="2026-11-25T11:45:00.000Z")
    )

    assert sweep() == {"task_waiting": 1}

    assert world.events.messages == []


def test_a_lost_start_is_made_again_with_the_items_of_the_attempt(sweep, world):
    world.seed_tasks(processing(attempt=2, pending=(1, 2)))

    assert sweep() == {"task_started": 1}

    (ref,) = world.task_executions.started
    assert (ref, ref.items) == (TaskRef(RESIZE, 2), (1, 2))


def test_a_task_whose_execution_runs_is_left_alone(sweep, world):
    world.seed_tasks(processing())
    world.task_executions.start(TaskRef(RESIZE, 1))

    assert sweep() == {"task_running": 1}

    assert world.tasks.find(RESIZE) == processing()


def test_a_task_whose_execution_died_goes_on_with_what_is_left(sweep, world):
    world.seed_tasks(processing())
    world.seed_items(
        an_item(index=0, status=TaskStatus.COMPLETED, attempt=1),
        an_item(index=1, status=TaskStatus.FAILED, attempt=1),
        an_item(index=2, status=TaskStatus.PROCESSING, attempt=1, lease_until=NOON),
    )
    world.task_executions.end(TaskRef(RESIZE, 1), "TIMED_OUT")

    assert sweep() == {"task_restarted": 1}

    task = world.tasks.find(RESIZE)
    assert (task.attempt, task.status, task.pending) == (2, TaskStatus.CREATED, (2,))


def test_what_a_function_may_still_be_at_work_on_is_waited_for(sweep, world):
    world.seed_tasks(processing())
    world.seed_items(
        an_item(index=0, status=TaskStatus.PROCESSING, attempt=1, lease_until=NOON + 1)
    )
    world.task_executions.end(TaskRef(RESIZE, 1), "TIMED_OUT")

    assert sweep() == {"task_running": 1}

    assert world.tasks.find(RESIZE) == processing()


def test_a_task_that_gets_nowhere_ends_and_says_so(sweep, world):
    world.seed_tasks(processing(attempt=3, left=3))
    world.seed_items(*[an_item(index=index) for index in range(3)])
    world.task_executions.end(TaskRef(RESIZE, 3), "TIMED_OUT")

    assert sweep() == {"task_closed": 1}

    task = world.tasks.find(RESIZE)
    assert (task.status, task.counts) == (TaskStatus.FAILED, Counts(0, 3, 0))
    assert {item.error for item in world.tasks.items(RESIZE)} == {"ItemAbandonedError"}


def test_a_task_whose_end_could_not_be_recorded_is_ended(sweep, world):
    world.seed_tasks(processing())
    world.seed_items(
        *[an_item(index=index, status=TaskStatus.COMPLETED, attempt=1) for index in range(3)]
    )
    world.task_executions.end(TaskRef(RESIZE, 1), "NotRecorded")

    assert sweep() == {"task_closed": 1}

    assert world.tasks.find(RESIZE).counts == Counts(completed=3)


@pytest.mark.parametrize(
    ("begun", "done", "attempt"),
    [("2026-11-25T11:58:00.000Z", "running", 1), ("2026-11-25T11:57:59.999Z", "restarted", 2)],
)
def test_a_single_task_whose_consumer_died_goes_on(begun, done, attempt, sweep, world):
    world.seed_tasks(
        processing(SINGLE, items=1, updated_at=begun, opened_at="2026-11-25T11:57:00.000Z")
    )
    world.seed_items(an_item(SINGLE, status=TaskStatus.PROCESSING, attempt=1, lease_until=NOON))

    assert sweep() == {f"task_{done}": 1}

    assert world.tasks.find(SINGLE).attempt == attempt


def processing(key=RESIZE, **changes):
    """A task that has been worked on for an hour."""
    fields = {"status": TaskStatus.PROCESSING, "input": None, "opened_at": OLD, "updated_at": OLD}
    return a_task(key, **{**fields, **changes})
