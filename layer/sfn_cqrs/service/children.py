"""Executions within executions: a state of a parent waits for a child, which always answers.

The parent's callback state calls `start`. The child's last state calls `answer`, and the one
that its catches lead to calls `refuse`. A child that comes to neither, since it is stopped or
runs out of time, is answered for by `answering`: when it ends, and every minute. No execution is
given a token: the child knows its parent by name.
"""

import json
import random
import time
from collections.abc import Callable
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.errors import NotWaitingError
from sfn_cqrs.domain.failure import Failure
from sfn_cqrs.service import waits
from sfn_cqrs.service.context import LambdaHandler, StepFunctionsContext
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.state import naming_transient
from sfn_cqrs.service.step_functions import Ended, Parent, StepFunctionService, child_name

SWEEP_SECONDS = 20
"""For so long a sweep looks at parents that wait; the next one begins somewhere else."""


def start(context: StepFunctionsContext, machine: str, data: dict[str, Any]) -> str:
    """Start an execution of a machine of this stack, and let the state wait for its answer.

    Answers the child's name: the same for each try of the state, so that a retry starts none.

    Raises:
        InvalidInputError: the state sends no token, or the data are no JSON or name a parent.
        PayloadTooLargeError: the data are larger than 256 KiB.
    """
    waits.park(context)
    parent = Parent(context.execution.name, context.state.name)
    arn = StepFunctionService().start_child(bootstrap.machine_arn(machine), data, parent)
    return arn.rpartition(":")[2]


def answer(context: StepFunctionsContext, result: object) -> bool:
    """Let the parent go on with a result; False if it waits no more, or there is none.

    Raises:
        InvalidInputError, PayloadTooLargeError: the result is no JSON, or too large.
    """
    parent = Parent.of(context.execution.input)
    return parent is not None and _unless_gone(lambda: waits.resume(*parent, result))


def refuse(context: StepFunctionsContext, failure: Failure) -> bool:
    """End the parent's wait with the child's error; False as for `answer`."""
    parent = Parent.of(context.execution.input)
    return parent is not None and _refused(parent, failure.error, failure.cause)


def answering(machine: str, parent: str, state: str) -> LambdaHandler:
    """A function that answers for the children of a machine which did not do so themselves.

    An event of Step Functions that an execution has ended is about that one; any other event, such
    as a schedule's, has it look at every parent that waits in the state.
    """

    @naming_transient()
    def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, object]:
        arn = event.get("detail", {}).get("executionArn")
        if arn is not None:
            return {"answered": int(_settled(arn))}
        return {"answered": _swept(machine, parent, state)}

    return lambda_handler


def _swept(machine: str, parent: str, state: str) -> int:
    """Answer for the children that have ended of all parents that wait; how many."""
    service, until = StepFunctionService(), time.monotonic() + SWEEP_SECONDS
    running = service.running(bootstrap.machine_arn(parent))
    random.shuffle(running)
    answered = 0
    for name in running:
        if time.monotonic() > until:
            logger.warning("not every parent was looked at", machine=parent, all=len(running))
            break
        child = child_name(Parent(name, state))
        answered += _settled(service.execution_arn(bootstrap.machine_arn(machine), child))
    return answered


def _settled(arn: str) -> bool:
    """Answer a parent for a child that has ended; False if it waits no more, or there is none."""
    ended = StepFunctionService().ended(arn)
    parent = None if ended is None else Parent.of(ended.input)
    if ended is None or parent is None:
        return False
    is_answered = _answered(parent, ended)
    if is_answered:
        logger.warning("answered for a child", execution=arn, status=ended.status)
    return is_answered


def _answered(parent: Parent, ended: Ended) -> bool:
    if ended.status == "SUCCEEDED":
        result = json.loads(ended.output or "null")
        return _unless_gone(lambda: waits.resume(*parent, result))
    return _refused(parent, ended.error, ended.cause)


def _refused(parent: Parent, error: str, cause: str) -> bool:
    return _unless_gone(lambda: waits.refuse(*parent, error, cause))


def _unless_gone(end: Callable[[], bool]) -> bool:
    """End a wait; False if its state has never waited, which nobody can end."""
    try:
        return end()
    except NotWaitingError:
        return False
