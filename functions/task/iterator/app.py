"""iterator: work on one item, whose index is this iteration's input."""

from functools import partial

from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.rules import TaskStatus
from sfn_cqrs.machines.task.runner import TaskFlow
from sfn_cqrs.machines.task.state import TaskState, task_state
from sfn_cqrs.machines.task.work import work_on


@task_state
def lambda_handler(state: TaskState) -> dict[str, object]:
    """Run the user's handler; an item that is not begun any more is finalize_task's to judge.

    Raises:
        SupersededError: a later try or attempt owns the item.
        TransientError: the handler says try again, or somebody may still be at work on it.
    """
    index, tries = state.input, state.context.state.retry_count
    if state.is_late:
        return {"index": index, "ok": False}
    task_type = task_types.find_or_failing(state.ref.key.type)
    worker = partial(work_on, task_type)
    working = task_programs.work(
        state.ref.attempt, index, tries, state.lease_until, fails_fast=task_type.fail_fast
    )
    item = TaskFlow(state.ref.key, worker).run(working)
    return {"index": index, "ok": item is not None and item.status is TaskStatus.COMPLETED}
