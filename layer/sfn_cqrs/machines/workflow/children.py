"""Executions within executions: a state of a parent waits for a child, which always answers.

The parent's callback state calls `start`. The child's last state calls `answer`. The state that its
catches lead to calls `refuse`. If a child is stopped or times out before either call, `answering`
answers for it: when it ends, and every minute. No execution gets a token: the child knows its
parent by name.
"""

import json
import random
import time
from contextlib import suppress
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import NotWaitingError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.functions.context import LambdaHandler, StepFunctionsContext
from sfn_cqrs.kernel.functions.logs import logger, naming_request
from sfn_cqrs.kernel.functions.state import naming_transient
from sfn_cqrs.machines.workflow import waits
from sfn_cqrs.machines.workflow.executions import Ended, Parent, StepFunctionService, child_name

SWEEP_SECONDS = 20
"""How long a sweep looks at waiting parents; the next sweep starts at another one."""


def start(
    context: StepFunctionsContext,
    machine: str,
    data: dict[str, Any],
    key: str | int | None = None,
) -> str:
    """Start an execution of a machine of this stack, and let the state wait for its answer.

    Return the child's name. It is the same for each try of the state, so a retry starts no second
    child. Each key has one child; without a key it is the index of the Map's item, see
    `waits.park`.

    Raises:
        InvalidInputError: the state sends no token, the data are not JSON, or they name a parent.
        PayloadTooLargeError: the data are larger than 256 KiB.
    """
    key = waits.park(context, key)
    parent = Parent(context.execution.name, context.state.name, key)
    arn = StepFunctionService().start_child(bootstrap.machine_arn(machine), data, parent)
    return arn.rpartition(":")[2]


def answer(context: StepFunctionsContext, result: object) -> bool:
    """Resume the parent with a result; return False if no parent waits any more.

    Raises:
        InvalidInputError, PayloadTooLargeError: the result is not JSON, or too large.
    """
    parent = Parent.of(context.execution.input)
    return parent is not None and _resumed(parent, result)


def refuse(context: StepFunctionsContext, failure: Failure) -> bool:
    """End the parent's wait with the child's error; return False if no parent waits any more."""
    parent = Parent.of(context.execution.input)
    return parent is not None and _refused(parent, failure.error, failure.cause)


def answering(machine: str, parent: str, state: str) -> LambdaHandler:
    """Return a Lambda handler that answers for children that ended without an answer.

    An event of Step Functions about an ended execution concerns only that execution. After any
    other event, such as a schedule's, the handler looks at every parent that waits in the state.
    """

    @naming_request
    @naming_transient()
    def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, object]:
        arn = event.get("detail", {}).get("executionArn")
        if arn is not None:
            ended = StepFunctionService().ended(arn)
            return {"answered": int(ended is not None and _settle(arn, ended))}
        return {"answered": _swept(machine, parent, state)}

    return lambda_handler


def _swept(machine: str, parent: str, state: str) -> int:
    """Answer all waiting parents whose children have ended; return how many."""
    service, until = StepFunctionService(), time.monotonic() + SWEEP_SECONDS
    running = service.running(bootstrap.machine_arn(parent))
    random.shuffle(running)
    answered = 0
    for name in running:
        tokens = bootstrap.waits().tokens(name, state)
        for key in random.sample(sorted(tokens), len(tokens)):
            if time.monotonic() > until:
                logger.warning("not every wait was looked at", machine=parent, all=len(running))
                return answered
            child = child_name(Parent(name, state, key))
            arn = service.execution_arn(bootstrap.machine_arn(machine), child)
            ended = service.ended(arn)
            if ended is not None:
                answered += _settle(arn, ended)
                bootstrap.waits().close(name, state, key, tokens[key])
    return answered


def _settle(arn: str, ended: Ended) -> bool:
    """Answer a parent for a child that has ended; return False if no parent waits any more."""
    parent = Parent.of(ended.input)
    if parent is None:
        return False
    is_answered = _answered(parent, ended)
    if is_answered:
        logger.warning("answered for a child", execution=arn, status=ended.status)
    return is_answered


def _answered(parent: Parent, ended: Ended) -> bool:
    if ended.status == "SUCCEEDED":
        return _resumed(parent, json.loads(ended.output or "null"))
    return _refused(parent, ended.error, ended.cause)


def _resumed(parent: Parent, result: object) -> bool:
    with suppress(NotWaitingError):  # its state never waited, so nobody can end such a wait
        return waits.resume(parent.execution, parent.state, result, key=parent.key)
    return False


def _refused(parent: Parent, error: str, cause: str) -> bool:
    with suppress(NotWaitingError):
        return waits.refuse(parent.execution, parent.state, error, cause, key=parent.key)
    return False
