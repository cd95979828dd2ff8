"""The decorator of every state of the command machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from sfn_cqrs.domain import chain
from sfn_cqrs.domain.keys import CommandRef
from sfn_cqrs.domain.process import Process
from sfn_cqrs.service.chain import Chain
from sfn_cqrs.service.context import LambdaHandler, StepFunctionsContext
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.passing import passing_is_transient


@dataclass(frozen=True, slots=True)
class CommandState:
    """What a state of the command machine works on.

    `process` is the item after the state's status was written; a state that writes none
    itself, because it runs per item or writes its status with something else, has none.
    """

    ref: CommandRef
    context: StepFunctionsContext
    input: Any
    process: Process | None

    @property
    def mine(self) -> Process:
        """The process item of a state that writes its status."""
        if self.process is None:
            raise TypeError(f"{self.context.state.name} does not write its status")
        return self.process

    @property
    def chain(self) -> Chain:
        """The chain of the item."""
        return Chain(self.ref.key)


StateFunction = Callable[[CommandState], dict[str, Any]]


def command_state(
    function: StateFunction, *, writes_status: bool = True, is_first: bool = False
) -> LambdaHandler:
    """Make a Lambda handler of a state's function; `is_first` is the one before the wait.

    The status `<state>:STARTED` is written if the attempt still owns the version; whatever
    is raised goes to the machine, whose Retry and Catch name it.

    Raises (from the handler):
        SupersededError: a newer attempt owns the version, or it is closed.
        TransientError: AWS was busy or unreachable.
    """

    @wraps(function)
    def lambda_handler(event: dict[str, Any], _lambda_context: Any) -> dict[str, Any]:
        context = StepFunctionsContext.from_event(event)
        ref = CommandRef.from_input(context.execution.input)
        with _logged(context, ref), passing_is_transient():
            process = None
            if writes_status:
                status = f"{context.state.name}:STARTED"
                beginning = chain.begin(ref.version, ref.attempt, status, is_first=is_first)
                process = Chain(ref.key).run(beginning)
            result = function(CommandState(ref, context, event.get("input"), process))
            logger.info("state finished")
            return result

    return lambda_handler


@contextmanager
def _logged(context: StepFunctionsContext, ref: CommandRef) -> Iterator[None]:
    """Name the execution, the state and the version in every line that this thread logs."""
    logger.thread_safe_append_keys(
        execution=context.execution.name,
        state=context.state.name,
        tenant=ref.key.tenant,
        type=ref.key.type,
        version=ref.version,
        attempt=ref.attempt,
    )
    try:
        yield
    finally:
        logger.thread_safe_clear_keys()


first_command_state = partial(command_state, is_first=True)
command_state_without_status = partial(command_state, writes_status=False)
