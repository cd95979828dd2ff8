"""The integrations that a Resource names; one module for each kind."""

import re
from typing import Protocol

from sfn_local.document import Document, Json
from sfn_local.errors import DefinitionError
from sfn_local.integrations.activity import ActivityTask
from sfn_local.integrations.attempt import Attempt
from sfn_local.integrations.aws_service import AwsService
from sfn_local.integrations.http_invoke import HttpInvoke
from sfn_local.integrations.lambda_function import LambdaFunction, LambdaInvoke
from sfn_local.integrations.service_job import JOBS, ServiceJob
from sfn_local.integrations.start_execution import StartExecution
from sfn_local.integrations.unserved import UnservedTask
from sfn_local.language.catalogue import ACTIONS, CALLBACK, SYNC, SYNC_2

PARTITION = r"arn:(?:aws[a-z-]*|\$\{[^}]+\})"  # in a file at rest a template may have its place
FUNCTION_ARN = re.compile(rf"{PARTITION}:lambda:[^:]*:[^:]*:function:[^:]+(:[^:]+)?")
ACTIVITY_ARN = re.compile(rf"{PARTITION}:states:[^:]+:[^:]+:activity:[^:]+")
OPTIMIZED = re.compile(rf"{PARTITION}:states:[^:]*:[^:]*:((?!stateMachine:|execution:)[^:]+:.+)")
SDK = re.compile(r"(aws-sdk:[a-z0-9]+):([a-zA-Z0-9]+)(\.waitForTaskToken)?")


class Integration(Protocol):
    """How a task's work is done."""

    @property
    def is_callback(self) -> bool:
        """Whether it waits for its token."""

    @property
    def has_token(self) -> bool:
        """Whether its arguments may take a token along that ends it."""

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


OWN: dict[str, Integration] = {
    "http:invoke": HttpInvoke(),
    "lambda:invoke": LambdaInvoke(is_callback=False),
    f"lambda:invoke{CALLBACK}": LambdaInvoke(is_callback=True),
    **{
        f"states:startExecution{pattern}": StartExecution(pattern)
        for pattern in ("", SYNC, SYNC_2, CALLBACK)
    },
}
UNSERVED_SERVICES = ("apigateway", "bedrockagentcore", "elasticmapreduce")
UNSERVED_ACTIONS = ("eks:call", "eks:runJob")


def _calls() -> dict[str, Integration]:
    """The integrations that are calls of an AWS service, with each of their patterns."""
    calls: dict[str, Integration] = {}
    for name, known in ACTIONS.items():
        service, _, action = name.partition(":")
        if name in OWN or name in UNSERVED_ACTIONS or service in UNSERVED_SERVICES:
            continue
        calls[name] = AwsService(service, action, is_callback=False)
        if CALLBACK in known.patterns:
            calls[f"{name}{CALLBACK}"] = AwsService(service, action, is_callback=True)
        if SYNC in known.patterns and name in JOBS:
            calls[f"{name}{SYNC}"] = ServiceJob(service, action, JOBS[name])
    return calls


INTEGRATIONS: dict[str, Integration] = {**OWN, **_calls()}


def find_integration(resource: Json) -> Integration:
    """The integration that a Resource names.

    Raises:
        DefinitionError: no task has such a resource.
    """
    if not isinstance(resource, str):
        raise DefinitionError("Resource must be an ARN", "/Resource")
    if FUNCTION_ARN.fullmatch(resource) or not resource.startswith("arn:"):
        return LambdaFunction(resource)
    if ACTIVITY_ARN.fullmatch(resource):
        return ActivityTask(resource)
    optimized = OPTIMIZED.fullmatch(resource)
    sdk = None if optimized is None else SDK.fullmatch(optimized[1])
    if sdk is not None:
        return AwsService(sdk[1], sdk[2], is_callback=sdk[3] is not None)
    if optimized is None:
        message = f"Resource {resource} is not an integration, a function or an activity"
        raise DefinitionError(message, "/Resource")
    return INTEGRATIONS.get(optimized[1]) or UnservedTask(resource)
