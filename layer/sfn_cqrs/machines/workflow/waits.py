"""Waits of a state machine of your own, by the execution's name instead of by their tokens.

A callback state's function calls `park`. Code that ends the wait calls `resume` or `refuse`. The
token never leaves the server.

A state inside a Map waits once for each item. The key tells these waits apart: the item's index,
or what you give to `park`.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidInputError, NotWaitingError
from sfn_cqrs.kernel.functions.context import StepFunctionsContext
from sfn_cqrs.machines.workflow.executions import StepFunctionService

MAX_KEY_CHARACTERS = 200


def park(context: StepFunctionsContext, key: str | int | None = None) -> str:
    """Keep the token of a callback state, and return the key of the wait.

    By default the key is the index of the Map's item, and "" outside of a Map. A Map within a Map
    needs a key: Step Functions passes a state only the inner index. A late run of an earlier try
    changes nothing.

    Raises:
        InvalidInputError: the state sends no token; add `"taskToken.$": "$$.Task.Token"`. Or the
            key is longer than 200 characters.
    """
    if context.task_token is None:
        raise InvalidInputError(
            "taskToken", 'is missing; a callback state sends "taskToken.$": "$$.Task.Token"'
        )
    name = key_of(context) if key is None else str(key)
    if len(name) > MAX_KEY_CHARACTERS:
        raise InvalidInputError("key", f"has more than {MAX_KEY_CHARACTERS} characters")
    state, execution = context.state, context.execution
    tries = f"{execution.redrive_count:04d}#{state.retry_count:02d}"
    since = f"{state.entered_time}#{tries}"
    bootstrap.waits().park(execution.name, state.name, context.task_token, since, name)
    return name


def key_of(context: StepFunctionsContext) -> str:
    """Return the index of the Map's item that a state works on; "" outside of a Map."""
    return str(context.map_item["Index"]) if context.map_item else ""


def resume(execution: str, state: str, result: object, *, key: str | int = "") -> bool:
    """Resume an execution with a result; return False if the wait has ended already.

    Raises:
        NotWaitingError: the execution has not reached this state, or there is none.
        InvalidInputError, PayloadTooLargeError: the result is not JSON, or too large.
    """
    token = _token(execution, state, str(key))
    return StepFunctionService().resume_execution(token, result)


def refuse(execution: str, state: str, error: str, cause: str = "", *, key: str | int = "") -> bool:
    """End a wait with an error that Retry and Catch can name; return False if it has ended already.

    Raises:
        NotWaitingError: the execution has not reached this state, or there is none.
    """
    token = _token(execution, state, str(key))
    return StepFunctionService().send_task_failure(token, error, cause)


def _token(execution: str, state: str, key: str) -> str:
    token = bootstrap.waits().token(execution, state, key)
    if token is None:
        of_key = f" with the key {key}" if key else ""
        raise NotWaitingError(f"{execution} does not wait in {state}{of_key}, or not yet")
    return token
