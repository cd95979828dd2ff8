import copy

import pytest
from functions.stream.on_task_changed.app import lambda_handler
from tests.unit.consumers import ALL_DONE

from sfn_cqrs.kernel.keys import TaskRef
from sfn_cqrs.machines.task.rules import Begin, TaskStatus
from sfn_cqrs_tools.testing.builders import a_task

FIRST, SECOND = "111100000000000000001", "111100000000000000002"
ID = {
    "id": "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    "table": "sfn-cqrs-TasksTable",
    "tenantCode": "tenant1",
}
TASK = {**ID, "pk": "SFN_TASK#tenant1#01", "sk": "OFFER_REMINDER#01KAXK3V9Q0M3W8C5R6T7Y8Z9A"}
ITEM = {
    **ID,
    "pk": "SFN_TASK#tenant1#01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    "sk": "OFFER_REMINDER#01KAXK3V9Q0M3W8C5R6T7Y8Z9A#000001",
}
EXECUTE = {
    "action": "task-execute",
    **TASK,
    "content": {"taskType": "OFFER_REMINDER", "attempt": 1},
}
SUB_TASK = {
    "action": "sub-task-status",
    **ITEM,
    "content": {
        "status": "FAILED",
        "taskType": "OFFER_REMINDER",
        "index": 1,
        "attempt": 1,
        "error": "ValueError",
    },
}
ENDED = {
    "action": "task-status",
    **TASK,
    "content": {
        "status": "FAILED",
        "source": "api",
        "taskType": "OFFER_REMINDER",
        "attempt": 1,
        "total": 3,
        "completed": 2,
        "failed": 1,
        "cancelled": 0,
    },
}
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:sfn-cqrs-task"
ALARM = {
    "action": "sfn-alarm",
    **ITEM,
    "content": {
        "errorMessage": "ValueError: 'nowhere' is not an e-mail address",
        "sfnId": f"{EXECUTION}:t-dwko646g7tnkiyij3ivfb6ehj6-a1",
    },
}


@pytest.fixture
def key(sample):
    return TaskRef.from_input(sample("task/start_execution")).key


@pytest.fixture
def event(sample):
    """A task has been created, an item of it has failed, and the task has ended."""
    return sample("stream/on_task_changed")


def handle(event, *positions):
    return lambda_handler({"Records": [event["Records"][position] for position in positions]}, None)


def test_a_created_task_is_sent_for_once_it_says_that_it_is_queued(event, key, world, monkeypatch):
    world.seed_tasks(a_task(key))
    seen = []
    monkeypatch.setattr(
        world.events, "publish", lambda sent: seen.append((sent, world.tasks.find(key).status))
    )

    assert handle(event, 0) == ALL_DONE

    assert seen == [([EXECUTE], TaskStatus.QUEUED)]


def test_a_record_that_comes_again_sends_again_until_somebody_has_begun(event, key, world):
    world.seed_tasks(a_task(key))
    handle(event, 0)
    handle(event, 0)
    world.tasks.change(key, Begin(1))
    handle(event, 0)

    assert world.events.messages == [EXECUTE, EXECUTE]
    assert world.tasks.find(key).status is TaskStatus.PROCESSING


def test_the_record_of_an_attempt_that_is_over_sends_nothing(event, key, world):
    world.seed_tasks(a_task(key, attempt=2))

    assert handle(event, 0) == ALL_DONE

    assert world.events.messages == []
    assert world.tasks.find(key).status is TaskStatus.CREATED


def test_an_item_that_failed_is_told_of_and_alarmed(event, world):
    assert handle(event, 1) == ALL_DONE

    assert world.events.messages == [SUB_TASK]
    (alarm,) = world.failures.messages
    assert alarm["content"] == ALARM["content"]
    assert alarm.keys() == ALARM.keys()


def test_the_alarm_of_a_single_task_names_no_execution(event, world):
    record = copy.deepcopy(event["Records"][1])
    record["dynamodb"]["NewImage"]["task_kind"] = {"S": "s"}

    lambda_handler({"Records": [record]}, None)

    assert world.failures.messages[0]["content"]["sfnId"] is None


@pytest.mark.parametrize("status", ["COMPLETED", "CANCELLED"])
def test_an_item_that_ended_otherwise_is_told_of_and_not_alarmed(status, event, world):
    record = copy.deepcopy(event["Records"][1])
    record["dynamodb"]["NewImage"]["status"] = {"S": status}

    lambda_handler({"Records": [record]}, None)

    assert [message["content"]["status"] for message in world.events.messages] == [status]
    assert world.failures.messages == []


def test_what_ended_in_another_system_is_not_announced_here(event, world):
    """A task and an item that were taken over, at attempt 0."""
    records = copy.deepcopy([event["Records"][1], event["Records"][2]])
    for record in records:
        record["dynamodb"]["NewImage"]["attempt"] = {"N": "0"}

    assert lambda_handler({"Records": records}, None) == ALL_DONE

    assert world.events.messages == world.failures.messages == []


def test_a_task_that_ended_is_told_of_with_its_counts(event, world):
    assert handle(event, 2) == ALL_DONE

    assert world.events.messages == [ENDED]
    assert world.failures.messages == []


def test_the_notices_of_a_batch_are_published_together(event, key, world, monkeypatch):
    world.seed_tasks(a_task(key))
    calls = []
    monkeypatch.setattr(world.events, "publish", calls.append)

    handle(event, 0, 1, 2)

    assert calls == [[EXECUTE, SUB_TASK, ENDED]]
