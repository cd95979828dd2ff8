import json
from dataclasses import replace

import pytest
from functions.queue.on_task_action.app import lambda_handler
from tests.unit.consumers import ALL_DONE

from sfn_cqrs.kernel.errors import TransientError
from sfn_cqrs.kernel.keys import TaskKind, TaskRef
from sfn_cqrs.machines.task.rules import Counts, Stop, TaskStatus
from sfn_cqrs_tools.testing.builders import a_task, an_item

AGAIN = {"batchItemFailures": [{"itemIdentifier": "9b2e6c1f-3c6e-4d0a-9a57-2f1b8c0d4e62"}]}


@pytest.fixture
def batch(sample):
    return TaskRef.from_input(sample("task/start_execution")).key


@pytest.fixture
def single(batch):
    return replace(batch, kind=TaskKind.SINGLE)


@pytest.fixture
def receive(sample, lambda_context):
    """Receive the message that asks for an attempt of a task."""

    def run(key, attempt=1):
        event = sample("queue/on_task_action")
        envelope = json.loads(event["Records"][0]["body"])
        message = json.loads(envelope["Message"])
        message |= {"id": key.id, "pk": key.pk}
        message["content"] = {"taskType": key.type, "attempt": attempt}
        event["Records"][0]["body"] = json.dumps({**envelope, "Message": json.dumps(message)})
        return lambda_handler(event, lambda_context)

    return run


class TestBatch:
    def test_the_items_are_stored_and_the_execution_is_started(self, receive, batch, world):
        world.seed_tasks(a_task(batch, status=TaskStatus.QUEUED))

        assert receive(batch) == ALL_DONE

        (ref,) = world.task_executions.started
        assert (ref, ref.items) == (TaskRef(batch, 1), (0, 1, 2))
        assert world.tasks.find(batch).status is TaskStatus.PROCESSING
        assert world.tasks.find(batch).input is None
        assert [item.status for item in world.tasks.items(batch)] == [TaskStatus.CREATED] * 3

    def test_a_message_that_comes_again_resets_nothing_and_starts_nothing_twice(
        self, receive, batch, world
    ):
        world.seed_tasks(a_task(batch))
        receive(batch)
        world.seed_items(an_item(batch, 1, status=TaskStatus.COMPLETED, attempt=1))

        assert receive(batch) == ALL_DONE

        assert len(world.task_executions.started) == 1
        assert world.tasks.items(batch)[1].status is TaskStatus.COMPLETED

    def test_a_message_that_comes_again_makes_up_for_a_start_that_was_lost(
        self, receive, batch, world, monkeypatch
    ):
        world.seed_tasks(a_task(batch))
        with monkeypatch.context() as broken:
            broken.setattr(world.task_executions, "start", _throttled)
            assert receive(batch) == AGAIN

        assert receive(batch) == ALL_DONE

        assert world.task_executions.started == [TaskRef(batch, 1)]

    @pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "CANCELLED"])
    def test_a_task_that_has_ended_is_left_alone(self, status, receive, batch, world):
        world.seed_tasks(a_task(batch, status=TaskStatus(status)))

        assert receive(batch) == ALL_DONE

        assert world.task_executions.started == []

    def test_a_task_that_was_cancelled_before_it_began_ends_without_an_execution(
        self, receive, batch, world
    ):
        world.seed_tasks(a_task(batch, stop=Stop.CANCELLED))

        assert receive(batch) == ALL_DONE

        task = world.tasks.find(batch)
        assert (task.status, task.counts) == (TaskStatus.CANCELLED, Counts(0, 0, 3))
        assert world.task_executions.started == []


class TestSingle:
    def test_the_handler_runs_here_and_the_task_ends(self, receive, single, world, handle_items):
        world.seed_tasks(a_task(single, items=1))
        handle_items(lambda item: {"key": item.key})

        assert receive(single) == ALL_DONE

        task, (item,) = world.tasks.find(single), world.tasks.items(single)
        assert (task.status, task.counts) == (TaskStatus.COMPLETED, Counts(1, 0, 0))
        assert item.result == {"key": "s-01KAXK3V9Q0M3W8C5R6T7Y8Z9A-0"}
        assert world.task_executions.started == []

    def test_a_message_that_comes_again_runs_nothing_twice(
        self, receive, single, world, handle_items
    ):
        runs = []
        handle_items(runs.append)
        world.seed_tasks(a_task(single, items=1))

        assert [receive(single), receive(single)] == [ALL_DONE, ALL_DONE]

        assert len(runs) == 1

    def test_a_second_message_while_the_handler_runs_comes_again(
        self, receive, single, world, handle_items
    ):
        answers = []
        handle_items(lambda _: answers.append(receive(single)) if not answers else None)
        world.seed_tasks(a_task(single, items=1))

        assert receive(single) == ALL_DONE

        assert answers == [AGAIN]
        assert world.tasks.find(single).status is TaskStatus.COMPLETED

    def test_an_end_that_was_lost_is_made_up_for(self, receive, single, world, handle_items):
        runs = []
        handle_items(runs.append)
        world.seed_tasks(a_task(single, items=1, status=TaskStatus.PROCESSING, input=None))
        world.seed_items(an_item(single, status=TaskStatus.FAILED, attempt=1, error="ValueError"))

        assert receive(single) == ALL_DONE

        assert runs == []
        assert world.tasks.find(single).counts == Counts(0, 1, 0)

    def test_a_transient_error_is_tried_again_with_back_off(
        self, receive, single, world, handle_items, slept
    ):
        errors = [TransientError("busy"), TransientError("busy")]

        def busy_twice(_item):
            if errors:
                raise errors.pop()
            return "at last"

        handle_items(busy_twice, retry=2)
        world.seed_tasks(a_task(single, items=1))

        receive(single)

        assert world.tasks.items(single)[0].result == "at last"
        assert len(slept) == 2
        assert 0 <= slept[0] <= 1
        assert 0 <= slept[1] <= 2

    def test_a_transient_error_that_stays_fails_the_task(
        self, receive, single, world, handle_items, slept
    ):
        runs = []

        def busy(item):
            runs.append(item)
            raise TransientError("busy")

        handle_items(busy, retry=2)
        world.seed_tasks(a_task(single, items=1))

        assert receive(single) == ALL_DONE

        assert (len(runs), len(slept)) == (3, 2)
        assert world.tasks.items(single)[0].error == "TransientError"
        assert world.tasks.find(single).status is TaskStatus.FAILED

    def test_there_is_no_further_try_that_could_outlive_the_function(
        self, receive, single, world, handle_items, lambda_context, slept
    ):
        runs = []

        def busy(item):
            runs.append(item)
            lambda_context.remaining_ms = 50_000
            raise TransientError("busy")

        handle_items(busy, retry=8, timeout=60)
        world.seed_tasks(a_task(single, items=1))

        receive(single)

        assert (len(runs), slept) == (2, [])


def _throttled(*_):
    raise ConnectionError("throttled")
