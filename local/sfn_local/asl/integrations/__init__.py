"""What a Task state's Resource stands for; one module for each service."""

import re
from typing import Protocol

from sfn_local.asl.document import Document, Json
from sfn_local.asl.errors import DefinitionError
from sfn_local.asl.integrations.attempt import Attempt
from sfn_local.asl.integrations.lambda_function import LambdaFunction, LambdaInvoke

FUNCTION_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[^:]*:[^:]*:function:[^:]+(:[^:]+)?")
OPTIMIZED = re.compile(r"arn:aws[a-z-]*:states:::(.+)")


class Integration(Protocol):
    """How a task's work is done."""

    @property
    def is_callback(self) -> bool:
        """Whether it waits for its token."""

    def start(self, attempt: Attempt, arguments: Document) -> None:
        """Hand the work over, recording it.

        Raises:
            StateFailure: the arguments are not what the service takes.
        """

    async def finish(self, attempt: Attempt) -> Document:
        """Wait for the work's end, recording it; its result.

        Raises:
            StateFailure: it failed, or did not end in time.
        """


INTEGRATIONS: dict[str, Integration] = {
    "lambda:invoke": LambdaInvoke(is_callback=False),
    "lambda:invoke.waitForTaskToken": LambdaInvoke(is_callback=True),
}


def find_integration(resource: Json) -> Integration:
    """The integration that a Resource names.

    Raises:
        DefinitionError: there is none of this name.
    """
    if not isinstance(resource, str):
        raise DefinitionError("Resource must be an ARN", "/Resource")
    if FUNCTION_ARN.fullmatch(resource) or not resource.startswith("arn:"):
        return LambdaFunction(resource)
    optimized = OPTIMIZED.fullmatch(resource)
    if optimized is None or optimized[1] not in INTEGRATIONS:
        known = ", ".join(f"arn:aws:states:::{name}" for name in INTEGRATIONS)
        message = f"Resource {resource} is none of {known}, nor a function's ARN"
        raise DefinitionError(message, "/Resource")
    return INTEGRATIONS[optimized[1]]
