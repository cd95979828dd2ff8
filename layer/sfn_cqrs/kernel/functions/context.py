"""The context that Step Functions passes with a state to its function."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.masking import mask

LambdaHandler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class Execution:
    """The running execution; `start_time` is ISO 8601, `redrive_count` starts at 0."""

    id: str
    input: dict[str, Any]
    name: str
    role_arn: str
    start_time: str
    redrive_count: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """The state; `retry_count` is 0 on the first try."""

    entered_time: str
    name: str
    retry_count: int


@dataclass(frozen=True, slots=True)
class StateMachine:
    """The machine."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class StepFunctionsContext:
    """The context object `$$`, and the task token of a callback state.

    Shape: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """

    execution: Execution
    state: State
    state_machine: StateMachine
    map_item: Any = None
    task_token: str | None = field(default=None, repr=False)

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> "StepFunctionsContext":
        """Return the context in a state's payload `{source, context, input, taskToken?}`.

        Raises:
            InvalidInputError: the payload has another form; the message names the missing part.
        """
        try:
            context = event["context"]
            execution, state, machine = (
                context["Execution"],
                context["State"],
                context["StateMachine"],
            )
            return cls(
                Execution(
                    execution["Id"],
                    execution["Input"],
                    execution["Name"],
                    execution.get("RoleArn", ""),
                    execution["StartTime"],
                    execution.get("RedriveCount", 0),
                ),
                State(state["EnteredTime"], state["Name"], state.get("RetryCount", 0)),
                StateMachine(machine["Id"], machine["Name"]),
                context.get("Map", {}).get("Item"),
                event.get("taskToken"),
            )
        except (KeyError, TypeError) as error:
            raise InvalidInputError(
                "event",
                f"lacks {error}; a state sends"
                ' {"source": "step-function", "context.$": "$$", "input.$": "$"}',
            ) from error


def sfn_handler(function: Callable[[Any, StepFunctionsContext], Any]) -> LambdaHandler:
    """Return a Lambda handler for a function of a state's input and its context.

    The handler masks what the function raises: Lambda reports it to the machine's history and to
    the log.
    """

    @wraps(function)
    def lambda_handler(event: dict[str, Any], _lambda_context: Any) -> Any:
        try:
            return function(event.get("input"), StepFunctionsContext.from_event(event))
        except Exception as error:
            if (clean := mask(error)) is error:
                raise
            raise clean from None

    return lambda_handler
