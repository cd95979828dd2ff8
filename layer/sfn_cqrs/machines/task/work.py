"""Runs the user's handler on one item of a task."""

import random
import time
from collections.abc import Callable

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import naming_busy
from sfn_cqrs.kernel.errors import BusyError, ItemTimeoutError, TransientError
from sfn_cqrs.kernel.failure import MAX_ERROR, MAX_SUMMARY, trace_of
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.functions.time_limit import time_limit
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.notices import at_depth
from sfn_cqrs.machines.task.rules import Ending, Item, TaskStatus, TryAgain, checked_result
from sfn_cqrs.machines.task.types import TaskItem, TaskType


def work_on(task_type: TaskType, item: Item) -> Ending | TryAgain:
    """Run the handler; return how the item ended, or that it asks for another try.

    Raises:
        BusyError: AWS was busy or unreachable; it does not count as a try.
    """
    return _tried(task_type, item, is_last_try=not item.may_be_retried(task_type.retry))


def work_on_alone(
    task_type: TaskType, item: Item, remaining_ms: Callable[[], int]
) -> Ending | TryAgain:
    """Run the handler of a single task, with retries and back-off, since no machine retries it."""
    for attempt in range(task_type.retry):
        ending = _tried(task_type, item, is_last_try=False)
        if isinstance(ending, Ending):
            return ending
        pause = random.uniform(0, min(2**attempt, 30))
        if remaining_ms() / 1000 < pause + task_type.timeout:
            break
        time.sleep(pause)
    return _tried(task_type, item, is_last_try=True)


def _tried(task_type: TaskType, item: Item, *, is_last_try: bool) -> Ending | TryAgain:
    try:
        segment = bootstrap.tracer().segment(f"task {item.key.type}")
        hiding = models.hiding(item.key.tenant, task_type.model, item.input)
        with naming_busy(), segment, hiding, at_depth(item.depth), time_limit(task_type.timeout):
            result = checked_result(task_type.handler(_given(item)))
    except BusyError:
        raise
    except TransientError as error:
        return _failed(error, item) if is_last_try else TryAgain(str(error))
    except ItemTimeoutError as error:
        return _failed(error, item, f"the item took longer than {task_type.timeout:g} s")
    except Exception as error:  # a handler's error is the item's, never the machine's
        return _failed(error, item)
    return Ending(TaskStatus.COMPLETED, result)


def _given(item: Item) -> TaskItem:
    key = item.key
    return TaskItem(key.tenant, key.type, key.id, item.index, item.attempt, item.input)


def _failed(error: BaseException, item: Item, message: str | None = None) -> Ending:
    logger.warning("an item failed", exc_info=error, task=item.key.id, index=item.index)
    trace = trace_of(error)
    cause = masked(f"{str(error) if message is None else message}\n{trace}").rstrip()
    return Ending(
        TaskStatus.FAILED, error=type(error).__name__[:MAX_ERROR], cause=cause[:MAX_SUMMARY]
    )
