"""The context that Step Functions passes with a state to its function."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.domain.masking import mask

LambdaHandler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class Execution:
    """The running execution; `start_time` is ISO 8601, `redrive_count` begins with 0."""

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
        """Read the payload `{source, context, input, taskToken?}` that every state sends.

        Raises:
            InvalidInputError: the payload is another; the message says which part is missing.
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
    """Make a Lambda handler of a function of a state's input and its context.

    What it raises is masked: Lambda reports it to the machine's history and to the log.
    """

    @wraps(function)
    def lambda_handler(event: dict[str, Any], _lambda_context: Any) -> Any:
        try:
            return function(event.get("input"), StepFunctionsContext.from_event(event))
        except Exception as error:
            mask(error)
            raise

    return lambda_handler
