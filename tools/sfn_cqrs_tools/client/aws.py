"""The AWS side of a stack, for commands that look behind the HTTP API."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import boto3
import click
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from sfn_cqrs_tools.runtime.fabric import local_client, patient
from sfn_cqrs_tools.runtime.state import StateFolder

API: Final = "HttpApiUrl"
"""The output that every stack of the framework has."""
_MISSING: Final = "does not exist"
_UNSAID: Final = (NoCredentialsError, NoRegionError, ProfileNotFound)
"""Nobody has said whose account is meant, or in which region."""


@dataclass(frozen=True)
class Target:
    """A stack's outputs and clients, wherever it runs."""

    outputs: Mapping[str, str]
    endpoints: Mapping[str, str]
    stack: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """The name of the local stack."""
    express_log: Path | None = None
    """The file in which the local engine logs EXPRESS machines."""
    log: Path | None = None
    """The file in which the local stack logs the output of functions."""
    traces: Path | None = None
    """The file in which the local stack keeps the segments of traces."""
    _clients: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    def client(self, service: str) -> Any:
        """Return a boto3 client, made once."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._client(service)
            return self._clients[service]

    def _client(self, service: str) -> Any:
        if self.stack is not None:
            return client_on_aws(service)
        endpoint = self.endpoints.get(service, self.endpoints["aws"])
        return local_client(service, endpoint)

    def function_name(self, logical_id: str) -> str:
        """Return a function's name in the stack."""
        return logical_id if self.stack is None else self.physical_id(logical_id)

    def physical_id(self, logical_id: str) -> str:
        """Return the physical id of a resource of a stack on AWS, or of one nested in it.

        Raises:
            click.ClickException: there is no such resource, or the stack cannot be read.
        """
        assert self.stack is not None
        client = self.client("cloudformation")
        with _reading(self.stack):
            for stack in chain((self.stack,), nested_in(client, self.stack)):
                if found := _physical_id(client, stack, logical_id):
                    return found
        raise click.ClickException(f"the stack {self.stack} has no {logical_id}")


def find_target(state: Path, stack: str | None) -> Target:
    """Return the local stack, or one on AWS.

    Raises:
        StackError: no local stack runs there.
        click.ClickException: there is no such stack on AWS.
    """
    if stack is not None:
        return Target(stack_outputs(stack), {}, stack)
    folder = StateFolder(state)
    info = folder.read()
    endpoints = {"aws": info.aws, "stepfunctions": info.sfn, "lambda": info.lambda_}
    return Target(
        info.outputs,
        endpoints,
        environment=info.environment,
        name=info.name,
        express_log=folder.express_log,
        log=folder.stack_log,
        traces=folder.traces,
    )


class NoStackError(click.ClickException):
    """The account has no stack of that name."""


def stack_outputs(stack: str) -> dict[str, str]:
    """Return the outputs of a CloudFormation stack of the user's account.

    The framework is nested in a project's stack: the outputs of both, the project's first.

    Raises:
        NoStackError: there is no such stack.
        click.ClickException: it cannot be read.
    """
    client = client_on_aws("cloudformation")
    with _reading(stack):
        outputs = _outputs(client, stack)
        if API in outputs:
            return outputs
        for nested in nested_in(client, stack):
            outputs = {**_outputs(client, nested), **outputs}
    return outputs


def client_on_aws(service: str) -> Any:
    """Return a client of the account and region that the environment or a profile names.

    Raises:
        click.ClickException: they name none.
    """
    try:
        return boto3.client(service, config=patient(service))  # type: ignore[call-overload]
    except BotoCoreError as error:
        raise click.ClickException(f"AWS cannot be called: {_told(error)}") from error


def _told(error: Exception) -> str:
    how = "; set AWS_PROFILE and AWS_DEFAULT_REGION, or call `aws configure`"
    return f"{str(error).rstrip('.')}{how}" if isinstance(error, _UNSAID) else str(error)


@contextmanager
def _reading(stack: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        kind = NoStackError if _MISSING in str(error) else click.ClickException
        raise kind(f"the stack {stack} cannot be read: {_told(error)}") from error


def _outputs(client: Any, stack: str) -> dict[str, str]:
    (described,) = client.describe_stacks(StackName=stack)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}


def nested_in(client: Any, stack: str) -> Iterator[str]:
    """Yield the ARNs of the stacks that this one has made."""
    for page in client.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::CloudFormation::Stack":
                yield resource["PhysicalResourceId"]


def _physical_id(client: Any, stack: str, logical_id: str) -> str | None:
    try:
        answer = client.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    except ClientError as error:
        if _MISSING in str(error) and logical_id in str(error):
            return None
        raise
    return str(answer["StackResourceDetail"]["PhysicalResourceId"])
