"""The decorator of every state of every machine."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from operator import attrgetter
from typing import Any, ClassVar, Generic, Self, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.errors import TransientError
from sfn_cqrs.kernel.functions.context import LambdaHandler, StepFunctionsContext
from sfn_cqrs.kernel.functions.logs import FINISHED, logged_as, logger, naming_request
from sfn_cqrs.kernel.functions.runner import Flow
from sfn_cqrs.kernel.keys import ExecutionRef
from sfn_cqrs.kernel.masking import mask, masked


@dataclass(frozen=True, slots=True)
class State:
    """The context of a state; each machine has its own kind, which adds what it works on.

    `remaining_ms` returns how long the function may still run.
    """

    context: StepFunctionsContext
    input: Any
    remaining_ms: Callable[[], int]

    @property
    def age(self) -> float:
        """Return the seconds since the execution was started."""
        began = datetime.fromisoformat(self.context.execution.start_time)
        return (bootstrap.now() - began).total_seconds()

    @property
    def logged(self) -> dict[str, object]:
        """Return the fields of every log line, besides the execution and the state."""
        raise NotImplementedError

    def entered(self) -> Self:
        """Do the work before the state's own, such as the write of its status; return the state."""
        return self


R = TypeVar("R", bound=ExecutionRef)


@dataclass(frozen=True, slots=True)
class AttemptState(State, Generic[R]):
    """The context of a state of one attempt, which the execution's input names.

    `ref` is the attempt that the execution runs, and `REF` its class. `LOGGED` maps names in log
    lines to attributes of the attempt; they come between the tenant and the attempt.
    """

    REF: ClassVar[type[Any]]
    LOGGED: ClassVar[Mapping[str, str]]
    ref: R = field(init=False)

    def __post_init__(self) -> None:
        """Read the attempt from the execution's input."""
        object.__setattr__(self, "ref", self.REF.from_input(self.context.execution.input))

    @property
    def logged(self) -> dict[str, object]:
        """Return the attempt's fields for log lines, and its number."""
        ref: Any = self.ref
        about = {name: attrgetter(path)(ref) for name, path in self.LOGGED.items()}
        return {"tenant": ref.key.tenant, **about, "attempt": ref.attempt}


F = TypeVar("F", bound=Flow[Any, Any, Any])


@dataclass(frozen=True, slots=True)
class FlowState(AttemptState[R], Generic[R, F]):
    """The context of a state whose attempt's record changes by programs, which `FLOW` runs."""

    FLOW: ClassVar[type[Any]]

    @property
    def flow(self) -> F:
        """Return the program runner of the attempt's record."""
        ref: Any = self.ref
        flow: F = self.FLOW(ref.key)
        return flow


S = TypeVar("S", bound=State)


def state(kind: type[S]) -> Callable[[Callable[[S], Any]], LambdaHandler]:
    """Return the decorator of a machine's states: it makes a Lambda handler of a state's function.

    Every exception goes to the machine, whose Retry and Catch name it.

    Raises (from the handler):
        TransientError: AWS was busy or unreachable, or another try may cure it.
    """

    def handler_of(function: Callable[[S], Any]) -> LambdaHandler:
        bootstrap.prepare()

        @naming_request
        @wraps(function)
        def lambda_handler(event: dict[str, Any], lambda_context: Any) -> Any:
            context = StepFunctionsContext.from_event(event)
            waiting = kind(context, event.get("input"), lambda: remaining_ms_of(lambda_context))
            names = {"execution": context.execution.name, "state": context.state.name}
            with logged_as(**names, **waiting.logged):
                with naming_transient():
                    result = function(waiting.entered())
                logger.info(FINISHED)
                return result

        return lambda_handler

    return handler_of


def remaining_ms_of(lambda_context: Any) -> int:
    """Return the milliseconds that the function may still run."""
    return int(lambda_context.get_remaining_time_in_millis())


@contextmanager
def naming_transient() -> Iterator[None]:
    """Raise transient errors by the one name that machines know: Lambda reports the exact class.

    Lambda also reports the text, to the machine's history and to the log, so the text is masked.
    """
    try:
        yield
    except Exception as error:
        if is_transient(error) and type(error) is not TransientError:
            raise TransientError(masked(f"{type(error).__name__}: {error}")) from error
        if (clean := mask(error)) is error:
            raise
        raise clean from None
