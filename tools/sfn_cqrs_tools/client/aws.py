"""The AWS side of a stack, for commands that look behind the HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from sfn_cqrs_tools.runtime.fabric import session
from sfn_cqrs_tools.runtime.state import StateFolder


@dataclass(frozen=True)
class Target:
    """A stack's outputs and clients, wherever it runs."""

    outputs: Mapping[str, str]
    endpoints: Mapping[str, str]
    stack: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    express_log: Path | None = None
    """Where the local engine logs what EXPRESS machines do."""
    log: Path | None = None
    """Where the local stack logs what functions print."""

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        if self.stack is not None:
            return boto3.client(service)  # type: ignore[call-overload]
        endpoint = self.endpoints.get(service, self.endpoints["aws"])
        return session().client(service, endpoint_url=endpoint)  # type: ignore[call-overload]

    def function_name(self, logical_id: str) -> str:
        """Return what a function of the template is called there."""
        return logical_id if self.stack is None else self.physical_id(logical_id)

    def physical_id(self, logical_id: str) -> str:
        """Return what a resource of a stack on AWS is called.

        Raises:
            click.ClickException: there is none, or the stack cannot be read.
        """
        try:
            answer = self.client("cloudformation").describe_stack_resource(
                StackName=self.stack, LogicalResourceId=logical_id
            )
        except (BotoCoreError, ClientError) as error:
            raise click.ClickException(f"the stack {self.stack} cannot be read: {error}") from error
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])


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
        express_log=folder.express_log,
        log=folder.stack_log,
    )


class NoStackError(click.ClickException):
    """The account has no stack of that name."""


def stack_outputs(stack: str) -> dict[str, str]:
    """Return the outputs of a CloudFormation stack of the user's account.

    Raises:
        NoStackError: there is no such stack.
        click.ClickException: it cannot be read.
    """
    try:
        described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        kind = NoStackError if "does not exist" in str(error) else click.ClickException
        raise kind(f"the stack {stack} cannot be read: {error}") from error
    return {one["OutputKey"]: one["OutputValue"] for one in described[0].get("Outputs", [])}
