import pytest

from sfn_cqrs.machines.task.rules import (
    Begin,
    CloseTask,
    Continue,
    Counts,
    Queue,
    Retry,
    Stop,
    StopTask,
    TaskStatus,
)
from sfn_cqrs_tools.testing.builders import a_task

AT = "2026-11-25T12:00:00.000Z"
PROCESSING = a_task(status=TaskStatus.PROCESSING, input=None)


def test_a_message_is_noted_before_it_is_sent_and_may_be_sent_again():
    queued = Queue(1).on(a_task(), AT)

    assert queued == a_task(status=TaskStatus.QUEUED)
    assert Queue(1).on(queued, AT) == queued
    assert Queue(2).on(queued, AT) is None


def test_a_fast_worker_is_not_overwritten_by_the_message_that_began_it():
    begun = Begin(1).on(a_task(input_s3="tasks/tenant1/t-1.json"), AT)

    assert begun == PROCESSING
    assert Queue(1).on(begun, AT) is None
    assert Begin(1).on(begun, AT) is None


def test_the_first_reason_to_stop_stays():
    stopped = StopTask(Stop.FAILED_FAST).on(PROCESSING, AT)

    assert stopped.stop is Stop.FAILED_FAST
    assert StopTask(Stop.CANCELLED).on(stopped, AT) is None
    assert StopTask(Stop.CANCELLED).on(a_task(status=TaskStatus.FAILED), AT) is None


def test_an_attempt_that_has_ended_is_retried_once_with_what_did_not_go_well():
    closed = CloseTask(1, TaskStatus.FAILED, Counts(2, 1, 0)).on(PROCESSING, AT)
    retried = Retry(1, (2,)).on(closed, AT)

    assert (closed.status, closed.counts) == (TaskStatus.FAILED, Counts(2, 1, 0))
    assert retried == a_task(input=None, attempt=2, pending=(2,), left=1, opened_at=AT)
    assert Retry(1, (2,)).on(retried, AT) is None
    assert CloseTask(1, TaskStatus.COMPLETED, Counts(3)).on(closed, AT) is None


def test_what_an_attempt_left_goes_on_as_the_next_one():
    stopped = StopTask(Stop.CANCELLED).on(PROCESSING, AT)

    assert Continue(1, (0, 1)).on(stopped, AT).stop is None
    assert Continue(1, (0, 1)).on(PROCESSING, AT).pending == (0, 1)


@pytest.mark.parametrize("task", [a_task(), a_task(status=TaskStatus.COMPLETED)])
def test_only_what_is_being_worked_on_goes_on(task):
    assert Continue(1, (0,)).on(task, AT) is None
    assert Retry(1, (0,)).on(task, AT) is None
