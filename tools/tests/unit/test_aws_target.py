"""The stack that `--stack` names: its resources and outputs, and those of a nested application."""

import re
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
from botocore.exceptions import ClientError

from sfn_cqrs_tools.client.aws import NoStackError, find_target
from sfn_cqrs_tools.runtime.fabric import session

NESTED = "arn:aws:cloudformation:us-east-1:123456789012:stack/clinic-dev-Cqrs-1ABC/guid"
APPLICATION = {
    "outputs": {"HttpApiUrl": "https://api.example.com", "Environment": "of the application"},
    "resources": {"FunctionLogGroup": ("AWS::Logs::LogGroup", "log-group-of-the-application")},
}
STACKS: dict[str, Any] = {
    NESTED: APPLICATION,
    "sfn-cqrs-dev": APPLICATION,
    "clinic-dev": {
        "outputs": {"Environment": "of the project"},
        "resources": {
            "Cqrs": ("AWS::CloudFormation::Stack", NESTED),
            "MineLogGroup": ("AWS::Logs::LogGroup", "log-group-of-the-project"),
        },
    },
}


class CloudFormation:
    """Answers as AWS does: each stack knows its own resources alone."""

    def describe_stacks(self, **asked: str) -> dict[str, Any]:
        outputs = self._stack(asked["StackName"])["outputs"]
        listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        return {"Stacks": [{"StackName": asked["StackName"], "Outputs": listed}]}

    def describe_stack_resource(self, **asked: str) -> dict[str, Any]:
        found = self._stack(asked["StackName"])["resources"].get(asked["LogicalResourceId"])
        if found is None:
            missing = f"Resource {asked['LogicalResourceId']} does not exist"
            raise refusal(missing, "DescribeStackResource")
        return {"StackResourceDetail": {"PhysicalResourceId": found[1]}}

    def get_paginator(self, operation: str) -> "CloudFormation":
        assert operation == "list_stack_resources"
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        return [
            {"StackResourceSummaries": [{"ResourceType": type_, "PhysicalResourceId": id_}]}
            for type_, id_ in self._stack(asked["StackName"])["resources"].values()
        ]

    def _stack(self, name: str) -> dict[str, Any]:
        if name not in STACKS:
            raise refusal(f"Stack with id {name} does not exist", "DescribeStacks")
        found: dict[str, Any] = STACKS[name]
        return found


def refusal(message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, operation)


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a project with a nested application into the account, and the application alone."""
    monkeypatch.setattr(boto3, "client", lambda _, **__: CloudFormation())


@pytest.mark.usefixtures("stacks")
def test_a_projects_stack_has_the_outputs_of_the_application_and_its_own() -> None:
    outputs = find_target(Path(), "clinic-dev").outputs

    assert outputs["HttpApiUrl"] == "https://api.example.com"
    assert outputs["Environment"] == "of the project"


@pytest.mark.usefixtures("stacks")
def test_a_resource_is_found_in_the_stack_and_in_the_application() -> None:
    target = find_target(Path(), "clinic-dev")

    assert target.physical_id("MineLogGroup") == "log-group-of-the-project"
    assert target.physical_id("FunctionLogGroup") == "log-group-of-the-application"


@pytest.mark.usefixtures("stacks")
def test_the_application_on_its_own_is_read_at_once() -> None:
    target = find_target(Path(), "sfn-cqrs-dev")

    assert target.outputs["Environment"] == "of the application"
    assert target.physical_id("FunctionLogGroup") == "log-group-of-the-application"


@pytest.mark.usefixtures("stacks")
def test_what_is_nowhere_is_told_with_the_stacks_name() -> None:
    with pytest.raises(click.ClickException, match="the stack clinic-dev has no Missing"):
        find_target(Path(), "clinic-dev").physical_id("Missing")
    with pytest.raises(NoStackError, match="the stack other cannot be read"):
        find_target(Path(), "other")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "You must specify a region; set AWS_PROFILE and AWS_DEFAULT_REGION"),
        ({"AWS_PROFILE": "gone"}, "The config profile (gone) could not be found; set AWS_PROFILE"),
    ],
)
def test_whoever_has_not_named_an_account_is_told_how(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(click.ClickException, match=re.escape(f"AWS cannot be called: {reason}")):
        find_target(Path(), "clinic-dev")


def test_a_profile_of_aws_is_none_of_the_local_stacks_business(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")

    assert session().client("sqs").meta.region_name == "us-east-1"
