"""Roles: a call that a machine's role does not allow fails, in AWS's words.

Source: IAM User Guide, "Policy evaluation logic" and "Troubleshoot access denied error messages".
"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from engine.tests.conftest import Run

from sfn_local import Engine, InlineFunctions, VirtualClock
from sfn_local.cli import cli
from sfn_local.executions.roles import Permission, Roles, RolesError

ROLE = "arn:aws:iam::123456789012:role/orders"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
INVOKE = "arn:aws:states:::lambda:invoke"


def allow(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}


def run(state: dict[str, Any], *policies: dict[str, Any], role: str = ROLE) -> Run:
    engine = Engine(
        functions=InlineFunctions(lambda _, payload: payload),
        clock=VirtualClock(),
        account="123456789012",
        roles=Roles({"orders": list(policies)}),
    )
    engine.create_state_machine("other", {"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})
    definition = {"StartAt": "it", "States": {"it": {**state, "End": True}}}
    machine = engine.create_state_machine("m", definition, role_arn=role)
    execution = engine.start_execution(machine, "e", "{}")
    engine.run_until(execution)
    return Run(engine, execution)


DIRECT = {"Type": "Task", "Resource": FUNCTION}
OPTIMIZED = {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "f"}}
NESTED = {
    "Type": "Task",
    "Resource": "arn:aws:states:::states:startExecution.sync:2",
    "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:other"},
}


@pytest.mark.parametrize("state", [DIRECT, OPTIMIZED])
@pytest.mark.parametrize(
    ("policy", "may"),
    [
        (allow("lambda:InvokeFunction", FUNCTION), True),
        (allow(["sqs:*", "lambda:Invoke*"], [f"{FUNCTION}*"]), True),
        (allow("LAMBDA:invokefunction"), True),
        (allow("lambda:InvokeFunction", f"{FUNCTION}-other"), False),
        (allow("lambda:GetFunction"), False),
        (allow("lambda:*", effect="Deny"), False),
        ({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}}, True),
        ({"Statement": {"Effect": "Allow", "Action": "*", "NotResource": FUNCTION}}, False),
    ],
)
def test_a_function_is_called_if_the_role_may(
    state: dict[str, Any], policy: dict[str, Any], *, may: bool
) -> None:
    ended = run(state, policy)

    assert ended.status == ("SUCCEEDED" if may else "FAILED")
    assert ended.error == (None if may else "Lambda.AWSLambdaException")


def test_a_refusal_says_who_may_not_do_what() -> None:
    assert (run(OPTIMIZED, allow("sqs:*")).cause or "").startswith(
        "User: arn:aws:sts::123456789012:assumed-role/orders/e is not authorized to perform: "
        f"lambda:InvokeFunction on resource: {FUNCTION} because no identity-based policy allows "
        "the lambda:InvokeFunction action (Service: lambda; Status Code: 403; "
        "Error Code: AccessDeniedException"
    )


def test_a_denial_is_stronger_than_what_is_allowed() -> None:
    refused = run(OPTIMIZED, allow("*"), allow("lambda:*", effect="Deny"))

    assert "with an explicit deny in an identity-based policy" in (refused.cause or "")


def test_an_unknown_role_may_do_nothing() -> None:
    assert run(OPTIMIZED, allow("*"), role=f"{ROLE}-of-nobody").status == "FAILED"


def test_the_role_of_credentials_is_asked_in_its_place() -> None:
    other = {**OPTIMIZED, "Credentials": {"RoleArn": "arn:aws:iam::210987654321:role/other"}}

    assert "assumed-role/other/" in (run(other, allow("*")).cause or "")


@pytest.mark.parametrize(
    ("action", "may"), [("states:StartExecution", True), ("states:Stop*", False)]
)
def test_a_nested_execution_is_started_if_the_role_may(action: str, *, may: bool) -> None:
    ended = run(NESTED, allow(action, NESTED["Parameters"]["StateMachineArn"]))

    assert ended.error == (None if may else "StepFunctions.AWSStepFunctionsException")


@pytest.mark.parametrize(
    ("resource", "arguments", "error", "needed"),
    [
        (
            "sqs:sendMessage",
            {"QueueUrl": "https://sqs/1/q", "MessageBody": "m"},
            "SQS.AmazonSQSException",
            "sqs:SendMessage on resource: arn:aws:sqs:us-east-1:123456789012:q ",
        ),
        (
            "dynamodb:getItem",
            {"TableName": "t", "Key": {}},
            "DynamoDB.AmazonDynamoDBException",
            "dynamodb:GetItem on resource: arn:aws:dynamodb:us-east-1:123456789012:table/t ",
        ),
        (
            "aws-sdk:s3:getObject",
            {"Bucket": "b", "Key": "k"},
            "S3.S3Exception",
            "s3:GetObject on resource: arn:aws:s3:::b/k ",
        ),
        (
            "aws-sdk:ec2:describeInstances",
            {},
            "Ec2.Ec2Exception",
            "ec2:DescribeInstances on resource: * ",
        ),
    ],
)
def test_services_are_asked_by_resource(
    resource: str, arguments: dict[str, Any], error: str, needed: str
) -> None:
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": arguments}
    refused = run(state, allow("lambda:*"))

    assert refused.error == error
    assert f"is not authorized to perform: {needed}" in (refused.cause or "")


def test_an_unknown_resource_is_judged_by_the_action() -> None:
    roles = Roles({ROLE: allow("ec2:Describe*", "arn:aws:ec2:::instance/1")})

    assert roles.refusal(ROLE, Permission("ec2:DescribeInstances", "*"), "s") is None


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"r": {}}', '{"r": {"Statement": [{"Effect": 1}]}}']
)
def test_a_malformed_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "roles.json"
    file.write_text(content)
    with pytest.raises(RolesError):
        Roles.read(file)
    result = CliRunner().invoke(cli, ["serve", "--port", "0", "--roles", str(file)])

    assert "--roles: " in result.output + str(result.exception)


def test_roles_are_read_by_name_or_arn(tmp_path: Path) -> None:
    file = tmp_path / "roles.json"
    file.write_text(json.dumps({ROLE: allow("lambda:*")}))

    assert Roles.read(file).refusal("orders", Permission("lambda:InvokeFunction", "f"), "s") is None
