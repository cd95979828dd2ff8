"""Waits of a state machine of your own, by the execution's name instead of by their tokens.

A callback state's function calls `park`; who may end the wait calls `resume` or `refuse`. The
token never leaves the server.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.errors import InvalidInputError, NotWaitingError
from sfn_cqrs.service.context import StepFunctionsContext
from sfn_cqrs.service.step_functions import StepFunctionService


def park(context: StepFunctionsContext) -> None:
    """Keep the token of a callback state; a late run of an earlier try changes nothing.

    Raises:
        InvalidInputError: the state sends no token; add `"taskToken.$": "$$.Task.Token"`.
    """
    if context.task_token is None:
        raise InvalidInputError(
            "taskToken", 'is missing; a callback state sends "taskToken.$": "$$.Task.Token"'
        )
    state = context.state
    since = f"{state.entered_time}#{state.retry_count:02d}"
    bootstrap.waits().park(context.execution.name, state.name, context.task_token, since)


def resume(execution: str, state: str, result: object) -> bool:
    """Let an execution go on with a result; False if the wait has ended already.

    Raises:
        NotWaitingError: the execution has not come to this state, or there is none.
        InvalidInputError, PayloadTooLargeError: the result is no JSON, or too large.
    """
    return StepFunctionService().resume_execution(_token(execution, state), result)


def refuse(execution: str, state: str, error: str, cause: str = "") -> bool:
    """End a wait with an error that Retry and Catch can name; False if it has ended already.

    Raises:
        NotWaitingError: the execution has not come to this state, or there is none.
    """
    return StepFunctionService().send_task_failure(_token(execution, state), error, cause)


def _token(execution: str, state: str) -> str:
    token = bootstrap.waits().token(execution, state)
    if token is None:
        raise NotWaitingError(f"{execution} does not wait in {state}, or not yet")
    return token
