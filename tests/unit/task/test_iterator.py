import re

import pytest
from botocore.exceptions import ClientError
from functions.task.iterator.app import lambda_handler

from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.kernel.keys import TaskRef
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.programs import Claim
from sfn_cqrs.machines.task.rules import Stop, StopTask, TaskStatus
from sfn_cqrs_tools.testing.builders import a_task, an_item

NOON = 1795608000
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem")
DONE, NOT_DONE = {"index": 1, "ok": True}, {"index": 1, "ok": False}


@pytest.fixture
def key(sample):
    return TaskRef.from_input(sample("task/start_execution")).key


@pytest.fixture
def begun(world, key):
    """A task of three items that is worked on."""
    world.seed_tasks(a_task(key, status=TaskStatus.PROCESSING, input=None))
    world.seed_items(*[an_item(key, index) for index in range(3)])
    return world


@pytest.fixture
def iterate(sample, lambda_context):
    """Work on item 1; a try after the first has a number above 0."""

    def run(tries=0, entered="2026-11-25T12:00:00.000Z"):
        event = sample("task/iterator")
        event["context"]["State"]["RetryCount"] = tries
        event["context"]["Execution"]["StartTime"] = entered
        return lambda_handler(event, lambda_context)

    return run


def test_the_handler_gets_the_item_and_its_result_is_kept(begun, key, iterate, handle_items):
    given = []
    handle_items(lambda item: given.append(item) or {"width": 80})

    assert iterate() == DONE

    (item,) = given
    assert (item.tenant, item.task_type, item.index, item.attempt, item.input) == (
        "tenant1",
        "OFFER_REMINDER",
        1,
        1,
        {"n": 1},
    )
    assert item.key == "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A-1"
    stored = begun.stored_item(key, 1)
    assert (stored.status, stored.result, stored.lease_until) == (
        TaskStatus.COMPLETED,
        {"width": 80},
        0,
    )


def test_while_the_handler_runs_the_item_is_claimed_until_the_function_has_ended(
    begun, key, iterate, handle_items
):
    seen = []
    handle_items(lambda _: seen.append(begun.stored_item(key, 1)))

    iterate()

    (item,) = seen
    assert (item.status, item.attempt, item.seq) == (TaskStatus.PROCESSING, 1, 0)
    assert item.lease_until == NOON + 300


def test_what_the_handler_raises_is_recorded_with_its_traceback_and_not_raised(
    begun, key, iterate, handle_items
):
    def fail(item):
        raise ValueError(f"no picture in {item.input}")

    handle_items(fail)

    assert iterate() == NOT_DONE

    item = begun.stored_item(key, 1)
    assert (item.status, item.error) == (TaskStatus.FAILED, "ValueError")
    first, place, source = item.cause.splitlines()
    assert first == "no picture in {'n': 1}"
    assert re.fullmatch(r'  File ".*/test_iterator\.py", line \d+, in fail', place)
    assert source == """    raise ValueError(f"no picture in {item.input}")"""
    assert begun.tasks.find(key).stop is None


def test_a_transient_error_goes_to_the_machine_while_there_are_tries_left(
    begun, key, iterate, handle_items
):
    def busy(_item):
        raise TransientError("the printer is busy")

    handle_items(busy, retry=1)
    with pytest.raises(TransientError, match="the printer is busy"):
        iterate(tries=0)
    between = begun.stored_item(key, 1).status

    assert iterate(tries=1) == NOT_DONE

    item = begun.stored_item(key, 1)
    assert between is TaskStatus.PROCESSING
    assert (item.status, item.error, item.seq) == (TaskStatus.FAILED, "TransientError", 1)


def test_a_busy_aws_fails_no_item_and_is_no_try_of_its_handler(begun, key, iterate, handle_items):
    errors = [THROTTLED] * 20 + [TransientError("the printer is busy")] * 2

    def busy(_item):
        raise errors.pop(0)

    handle_items(busy, retry=1)
    for tries in range(20):
        with pytest.raises(TransientError, match="ThrottlingException"):
            iterate(tries=tries)
    with pytest.raises(TransientError, match="the printer is busy"):
        iterate(tries=20)
    assert begun.stored_item(key, 1).status is TaskStatus.PROCESSING

    assert iterate(tries=21) == NOT_DONE

    item = begun.stored_item(key, 1)
    assert (item.status, item.error, item.retries) == (TaskStatus.FAILED, "TransientError", 1)


@pytest.mark.usefixtures("begun")
def test_an_item_that_is_delivered_again_after_it_ended_is_not_begun_again(iterate, handle_items):
    runs = []
    handle_items(runs.append)

    assert [iterate(), iterate(), iterate(tries=1)] == [DONE, DONE, DONE]

    assert len(runs) == 1


@pytest.mark.usefixtures("begun")
def test_a_try_after_a_function_died_begins_the_item_again(iterate, handle_items):
    runs = []

    def die_once(item):
        runs.append(item)
        if len(runs) == 1:
            raise KeyboardInterrupt

    handle_items(die_once)
    with pytest.raises(KeyboardInterrupt):
        iterate(tries=0)

    assert iterate(tries=1) == DONE
    assert len(runs) == 2


def test_a_function_that_outlives_its_try_records_nothing(begun, key, iterate, handle_items):
    def overtaken(_item):
        begun.tasks.write_item(key, Claim(1, 1, 1, NOON + 600))

    handle_items(overtaken)

    with pytest.raises(SupersededError, match="try 0 of attempt 1 no longer owns item 1"):
        iterate(tries=0)

    assert begun.stored_item(key, 1).status is TaskStatus.PROCESSING


def test_a_cancelled_task_begins_no_further_item(begun, key, iterate, handle_items):
    runs = []
    handle_items(runs.append)
    begun.tasks.change(key, StopTask(Stop.CANCELLED))

    assert iterate() == NOT_DONE

    assert runs == []
    assert begun.stored_item(key, 1).status is TaskStatus.CREATED


def test_the_first_failure_of_a_type_that_fails_fast_stops_the_rest(
    begun, key, iterate, handle_items
):
    def fail(_item):
        raise ValueError

    handle_items(fail, fail_fast=True)

    iterate()

    assert begun.tasks.find(key).stop is Stop.FAILED_FAST


def test_a_failure_whose_stop_was_lost_makes_up_for_it(begun, key, iterate, handle_items):
    begun.seed_items(an_item(key, 1, status=TaskStatus.FAILED, attempt=1, error="ValueError"))
    handle_items(lambda _: None, fail_fast=True)

    assert iterate(tries=1) == NOT_DONE

    assert begun.tasks.find(key).stop is Stop.FAILED_FAST


def test_an_attempt_that_no_longer_owns_the_task_begins_nothing(begun, key, iterate, handle_items):
    runs = []
    handle_items(runs.append)
    begun.seed_tasks(a_task(key, status=TaskStatus.PROCESSING, attempt=2))

    with pytest.raises(SupersededError, match="attempt 1 no longer owns the task"):
        iterate()

    assert runs == []


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize(
    ("entered", "answer"),
    [("2026-11-25T11:52:00.000Z", DONE), ("2026-11-25T11:51:59.999Z", NOT_DONE)],
)
def test_no_item_is_begun_that_could_outlive_its_execution(entered, answer, iterate, handle_items):
    handle_items(lambda _: None)

    assert iterate(entered=entered) == answer


def test_an_item_that_takes_longer_than_its_type_allows_fails(begun, key, iterate, handle_items):
    def forever(_item):
        while True:
            pass

    handle_items(forever, timeout=0.05)

    assert iterate() == NOT_DONE

    item = begun.stored_item(key, 1)
    assert item.error == "ItemTimeoutError"
    assert item.cause.splitlines()[0] == "the item took longer than 0.05 s"
    assert "in forever" in item.cause


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({1, 2}, "result: has the Python type set, which JSON does not have"),
        (float("nan"), "result: is NaN or infinite, which JSON does not have"),
        ("x" * 32_768, "the result has 32770 bytes, and at most 32768 are kept"),
    ],
)
def test_a_result_that_cannot_be_kept_fails_the_item(
    result, message, begun, key, iterate, handle_items
):
    handle_items(lambda _: result)

    assert iterate() == NOT_DONE

    item = begun.stored_item(key, 1)
    assert item.error == "ItemResultError"
    assert item.cause.startswith(message)


def test_an_item_whose_handler_is_gone_fails_and_says_so(begun, key, iterate, monkeypatch):
    handlers.load()
    monkeypatch.setattr(task_types, "_types", {})

    assert iterate() == NOT_DONE

    item = begun.stored_item(key, 1)
    assert item.error == "UnknownTaskTypeError"
    assert "'OFFER_REMINDER' is not registered" in item.cause
