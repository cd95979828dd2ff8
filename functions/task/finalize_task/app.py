"""finalize_task: end the task by its items only, or continue it with the remaining ones.

Its input are the iterations' answers; one that gave up names the error of its function. An item
whose function could not be run because AWS was busy has not failed: it is left to the next
attempt. The Map's own Catch also leads here.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.failure import BUSY_ERRORS
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task.runner import TaskFlow
from sfn_cqrs.machines.task.state import TaskState, task_state


@task_state
def lambda_handler(state: TaskState) -> dict[str, object]:
    """Count the items' statuses and close the task.

    Raises:
        SupersededError: a later attempt owns the task.
    """
    answers = state.input if isinstance(state.input, list) else []
    errors = {one["index"]: str(one["error"]) for one in answers if "error" in one}
    abandoned = {index: error for index, error in errors.items() if error not in BUSY_ERRORS}
    now = bootstrap.now().timestamp()
    task = TaskFlow(state.ref.key).run(task_programs.finalize(state.ref.attempt, abandoned, now))
    return {"result": str(task.status), "attempt": task.attempt}
