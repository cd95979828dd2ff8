"""What IAM answers on this machine: policies, conditions, and the actions that calls ask for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.over_http import fetch
from tests.support.stubs import a_client
from tools.tests.local.test_stack import TOY_OPTIONS

from sfn_cqrs_tools.runtime.iam.conditions import holds
from sfn_cqrs_tools.runtime.iam.enforcement import VARIABLE, Enforcement
from sfn_cqrs_tools.runtime.iam.policies import DENIED, MISSING, Grant, Permissions
from sfn_cqrs_tools.runtime.iam.requests import asked, leading_keys
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.settings import Settings

DYNAMODB = "arn:aws:dynamodb:us-east-1:000000000000"
ORDERS = f"{DYNAMODB}:table/shop-OrdersTable"
FILES = "arn:aws:s3:::shop-files"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:shop-order"
DOCUMENT = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Archive: { Type: String, Default: "off" }
Conditions:
  HasArchive: !Equals [!Ref Archive, "on"]
Resources:
  OrderFunction:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.lambda_handler
      CodeUri: functions/order/
      Policies:
        - !Ref SharedPolicy
        - DynamoDBReadPolicy: { TableName: !Ref OrdersTable }
        - !If
          - HasArchive
          - Statement: [{ Effect: Allow, Action: "s3:DeleteObject", Resource: "*" }]
          - !Ref AWS::NoValue
        - Statement:
            - Effect: Allow
              Action: dynamodb:UpdateItem
              Resource: !GetAtt OrdersTable.Arn
              Condition: { "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": [SWEEP] } }
            - Effect: Allow
              Action: [s3:PutObject, "s3:Get*"]
              Resource: !Sub "${Files.Arn}/jobs/*"
            - Effect: Deny
              Action: s3:GetObjectVersion
              Resource: "*"
            - Effect: Allow
              Action: kinesis:PutRecord
              Resource: !GetAtt Clicks.Arn
  OwnFunction:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.lambda_handler
      CodeUri: functions/own/
      Policies: [!Ref AppPolicy]
  AppPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Action: "ssm:GetParameter", Resource: "*" }
  FreeFunction:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.lambda_handler
      CodeUri: functions/free/
      Policies: [AmazonS3ReadOnlyAccess]
  SharedPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Action: "sns:Publish", Resource: !Ref Notes }
  GuardPolicy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: guard
      Roles: [!Ref OrderFunctionRole]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Deny
            Action: ec2:CreateNetworkInterface
            Resource: "*"
            Condition: { "Null": { "lambda:SourceFunctionArn": "false" } }
  OrdersTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      AttributeDefinitions:
        - { AttributeName: pk, AttributeType: S }
        - { AttributeName: day, AttributeType: S }
      GlobalSecondaryIndexes:
        - IndexName: days
          KeySchema: [{ AttributeName: day, KeyType: HASH }]
          Projection: { ProjectionType: KEYS_ONLY }
  Files: { Type: AWS::S3::Bucket, Properties: { BucketName: shop-files } }
  Notes: { Type: AWS::SNS::Topic }
  Clicks: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
"""


def permissions(tmp_path: Path, **parameters: str) -> Permissions:
    path = tmp_path / "template.yaml"
    path.write_text(DOCUMENT)
    template = Template.load(path, stack="shop", parameters=parameters)
    return Permissions.of(template, template.translate())


@pytest.fixture
def shop(tmp_path: Path) -> Permissions:
    return permissions(tmp_path)


def may(shop: Permissions, action: str, resource: str | None, keys: Any = None) -> bool:
    return shop.refusal("OrderFunction", action, resource, keys) is None


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:GetItem", ORDERS),
        ("dynamodb:Query", f"{ORDERS}/index/days"),
        ("s3:PutObject", f"{FILES}/jobs/a/b.csv"),
        ("s3:GetObject", f"{FILES}/jobs/a.csv"),
        ("sns:Publish", "arn:aws:sns:us-east-1:000000000000:shop-Notes"),
        ("kinesis:PutRecord", "arn:aws:kinesis:us-east-1:000000000000:stream/any"),
        ("s3:PutObject", None),
    ],
)
def test_a_role_allows_what_its_policies_name(
    shop: Permissions, action: str, resource: str | None
) -> None:
    assert may(shop, action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:PutItem", ORDERS),
        ("dynamodb:GetItem", f"{DYNAMODB}:table/shop-OtherTable"),
        ("s3:PutObject", f"{FILES}/uploads/a.csv"),
        ("s3:DeleteObject", f"{FILES}/jobs/a.csv"),
        ("sqs:SendMessage", None),
    ],
)
def test_a_role_allows_nothing_else(shop: Permissions, action: str, resource: str | None) -> None:
    assert shop.refusal("OrderFunction", action, resource) == MISSING


def test_a_parameter_switches_a_policy_on(tmp_path: Path) -> None:
    assert may(permissions(tmp_path, Archive="on"), "s3:DeleteObject", f"{FILES}/jobs/a.csv")


@pytest.mark.parametrize(
    ("action", "resource"),
    [("s3:GetObjectVersion", f"{FILES}/jobs/a.csv"), ("ec2:CreateNetworkInterface", "*")],
)
def test_what_a_statement_denies_no_other_allows(
    shop: Permissions, action: str, resource: str
) -> None:
    assert shop.refusal("OrderFunction", action, resource) == DENIED


@pytest.mark.parametrize(
    ("keys", "is_allowed"),
    [(["SWEEP"], True), (["SWEEP", "TENANT#a"], False), (["TENANT#a"], False), (None, True)],
)
def test_a_condition_holds_for_the_keys_of_the_request(
    shop: Permissions, keys: list[str] | None, is_allowed: bool
) -> None:
    assert may(shop, "dynamodb:UpdateItem", ORDERS, lambda: keys) is is_allowed


def test_a_policy_of_aws_that_is_not_known_allows_all(shop: Permissions) -> None:
    assert shop.refusal("FreeFunction", "s3:GetObject", f"{FILES}/a") is None
    assert shop.refusal("FreeFunction", "dynamodb:PutItem", ORDERS) is None


def test_grants_that_were_needed_are_known(shop: Permissions) -> None:
    may(shop, "sns:Publish", "arn:aws:sns:us-east-1:000000000000:shop-Notes")
    (used,) = shop.used

    assert used == Grant(
        "OrderFunction",
        "SharedPolicy",
        "sns:Publish",
        "arn:aws:sns:us-east-1:000000000000:shop-Notes",
    )
    assert used in shop.grants()


def test_permissions_go_to_other_processes_as_they_are(shop: Permissions) -> None:
    other = Permissions.of_json(shop.as_json())

    assert other.roles == shop.roles
    assert other.grants() == shop.grants()
    assert other.tables == {"shop-OrdersTable": {"": "pk", "days": "day"}}


@pytest.mark.parametrize(
    ("operator", "values", "wanted", "expected"),
    [
        ("StringEquals", ["a"], ["a", "b"], True),
        ("StringEquals", [], ["a"], False),
        ("StringEqualsIfExists", [], ["a"], True),
        ("StringNotEquals", ["a"], ["a", "b"], False),
        ("StringNotEquals", [], ["a"], True),
        ("StringLike", ["uploads/x"], ["uploads/*"], True),
        ("StringNotLike", ["uploads/x"], ["uploads/*"], False),
        ("ForAllValues:StringLike", [], ["a"], True),
        ("ForAllValues:StringLike", ["a", "b"], ["a"], False),
        ("ForAnyValue:StringEquals", ["a", "b"], ["b"], True),
        ("ForAnyValue:StringEquals", [], ["b"], False),
        ("Bool", ["true"], ["True"], True),
        ("Null", [], ["true"], True),
        ("Null", ["a"], ["true"], False),
        ("NumericLessThan", ["7"], ["8"], True),  # not known here, so nobody is refused by it
    ],
)
def test_conditions_compare_as_iam_does(
    operator: str, values: list[str], wanted: list[str], expected: bool
) -> None:
    condition = {operator: {"aws:Key": wanted}}

    assert holds(condition, {"aws:key": values}, unknown=True) is expected


def test_a_key_that_is_not_known_refuses_nobody() -> None:
    condition = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}

    assert holds(condition, {}, unknown=True)
    assert not holds(condition, {}, unknown=False)


@pytest.mark.parametrize(
    ("prefix", "operation", "params", "expected"),
    [
        (
            "dynamodb",
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "a"}},
                    {"ConditionCheck": {"TableName": "b"}},
                ]
            },
            {"dynamodb:PutItem a", "dynamodb:ConditionCheckItem b"},
        ),
        (
            "dynamodb",
            "BatchWriteItem",
            {"RequestItems": {"a": [{"PutRequest": {"Item": {}}}], "b": []}},
            {"dynamodb:BatchWriteItem a", "dynamodb:BatchWriteItem b"},
        ),
        ("dynamodb", "Query", {"TableName": "a", "IndexName": "i"}, {"dynamodb:Query i"}),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k/1"}, {"s3:GetObject 1"}),
        (
            "s3",
            "GetObject",
            {"Bucket": "b", "Key": "k", "VersionId": "1"},
            {"s3:GetObjectVersion k"},
        ),
        ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, {"s3:PutObject k"}),
        ("s3", "AbortMultipartUpload", {"Bucket": "b", "Key": "k"}, {"s3:AbortMultipartUpload k"}),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, {"s3:ListBucket arn:aws:s3:::b"}),
        (
            "s3",
            "CopyObject",
            {"Bucket": "b", "Key": "new", "CopySource": "/a/old"},
            {"s3:GetObject old", "s3:PutObject new"},
        ),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "b", "Delete": {"Objects": [{"Key": "1"}, {"Key": "2"}]}},
            {"s3:DeleteObject 1", "s3:DeleteObject 2"},
        ),
        (
            "sqs",
            "SendMessageBatch",
            {"QueueUrl": "http://h/0/q"},
            {"sqs:SendMessage arn:aws:sqs:us-east-1:000000000000:q"},
        ),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "f"},
            {"lambda:InvokeFunction arn:aws:lambda:us-east-1:000000000000:function:f"},
        ),
        (
            "ssm",
            "GetParameters",
            {"Names": ["/x/a", "/x/b"]},
            {"ssm:GetParameters a", "ssm:GetParameters b"},
        ),
        ("states", "SendTaskSuccess", {"taskToken": "t"}, {"states:SendTaskSuccess " + MACHINE}),
        ("monitoring", "PutMetricData", {"Namespace": "n"}, {"cloudwatch:PutMetricData None"}),
        (
            "events",
            "DescribeRule",
            {"Name": "arn:aws:events:x"},
            {"events:DescribeRule arn:aws:events:x"},
        ),
    ],
)
def test_a_call_asks_for_what_aws_asks_for(
    prefix: str, operation: str, params: dict[str, Any], expected: set[str]
) -> None:
    found = asked(prefix, operation, params, {"t": MACHINE}.get)

    assert {f"{one.action} {str(one.resource).rpartition('/')[2]}" for one in found} == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"Key": {"pk": {"S": "a"}}}, ["a"]),
        ({"Item": {"pk": "a", "n": 1}}, ["a"]),
        ({"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}]}, ["a", "b"]),
        (
            {
                "KeyConditionExpression": "#p = :p AND sk > :s",
                "ExpressionAttributeNames": {"#p": "pk"},
                "ExpressionAttributeValues": {":p": {"S": "a"}, ":s": {"S": "b"}},
            },
            ["a"],
        ),
        ({}, []),
        ({"Key": {"other": {"S": "a"}}}, None),
    ],
)
def test_partition_keys_are_read_from_the_request(
    part: dict[str, Any], expected: list[str] | None
) -> None:
    assert leading_keys(part, "pk") == expected


@pytest.fixture
def enforced(shop: Permissions) -> Iterator[Enforcement]:
    enforcement = Enforcement(lambda: "OrderFunction")
    enforcement.permissions = shop
    enforcement.start()
    yield enforcement
    enforcement.stop()


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "status", "message"),
    [
        (
            "dynamodb",
            "put_item",
            {"TableName": "shop-OrdersTable", "Item": {"pk": {"S": "1"}}},
            "AccessDeniedException",
            400,
            f"dynamodb:PutItem on resource: {ORDERS} because no identity-based policy allows the"
            " dynamodb:PutItem action. Add dynamodb:PutItem on OrdersTable to the Policies of"
            " OrderFunction in template.yaml",
        ),
        (
            "s3",
            "put_object",
            {"Bucket": "shop-files", "Key": "uploads/a"},
            "AccessDenied",
            403,
            f's3:PutObject on resource: "{FILES}/uploads/a" because no identity-based policy allows'
            " the s3:PutObject action. Add s3:PutObject on Files/* to the Policies of"
            " OrderFunction in template.yaml",
        ),
        (
            "sns",
            "publish",
            {"TopicArn": "arn:aws:sns:us-east-1:000000000000:other", "Message": "m"},
            "AuthorizationError",
            403,
            "SNS:Publish on resource: arn:aws:sns:us-east-1:000000000000:other because no"
            " identity-based policy allows the SNS:Publish action. Add sns:Publish on"
            " arn:aws:sns:us-east-1:000000000000:other to the Policies of OrderFunction in"
            " template.yaml",
        ),
        (
            "sqs",
            "send_message",
            {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/0/q", "MessageBody": "m"},
            "AccessDenied",
            403,
            "sqs:sendmessage on resource: arn:aws:sqs:us-east-1:000000000000:q because no"
            " identity-based policy allows the sqs:sendmessage action. Add sqs:SendMessage on"
            " arn:aws:sqs:us-east-1:000000000000:q to the Policies of OrderFunction in"
            " template.yaml",
        ),
        (
            "s3",
            "get_object",
            {"Bucket": "shop-files", "Key": "jobs/a", "VersionId": "1"},
            "AccessDenied",
            403,
            f's3:GetObjectVersion on resource: "{FILES}/jobs/a" with an explicit deny in an'
            " identity-based policy. A policy of OrderFunction in template.yaml denies"
            " s3:GetObjectVersion on Files/*",
        ),
    ],
)
def test_a_refusal_is_what_aws_answers_and_says_what_to_do(
    enforced: Enforcement,
    service: str,
    operation: str,
    params: dict[str, Any],
    code: str,
    status: int,
    message: str,
) -> None:
    client = a_client(service, endpoint_url="http://127.0.0.1:9")

    with pytest.raises(ClientError) as refused:
        getattr(client, operation)(**params)

    error = refused.value.response
    user = "arn:aws:sts::000000000000:assumed-role/shop-OrderFunctionRole/shop-OrderFunction"
    assert error["Error"] == {
        "Code": code,
        "Message": f"User: {user} is not authorized to perform: {message}",
    }
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    assert list(enforced.denied) == [error["Error"]["Message"]]


def test_who_has_a_projects_policy_is_told_to_add_it_there(shop: Permissions) -> None:
    enforcement = Enforcement(lambda: "OwnFunction")
    enforcement.permissions = shop
    enforcement.start()
    client = a_client("dynamodb", endpoint_url="http://127.0.0.1:9")

    with pytest.raises(ClientError, match="Add dynamodb:Scan on OrdersTable to AppPolicy in"):
        client.scan(TableName="shop-OrdersTable")
    enforcement.stop()


def test_the_pattern_of_a_machine_is_told_since_a_reference_to_it_would_be_circular(
    shop: Permissions,
) -> None:
    role = shop.roles["OwnFunction"]
    arn = "arn:aws:states:us-east-1:000000000000:stateMachine:shop-x1-order-refund"
    names = {arn: "OrderRefundStateMachine"}
    enforcement = Enforcement(lambda: "OwnFunction")
    enforcement.permissions = Permissions({"OwnFunction": role}, {}, names)
    enforcement.start()
    client = a_client("stepfunctions", endpoint_url="http://127.0.0.1:9")

    with pytest.raises(ClientError) as refused:
        client.start_execution(stateMachineArn=arn)
    enforcement.stop()

    assert refused.value.response["Error"]["Message"].endswith(
        'Add states:StartExecution on !Sub "arn:${AWS::Partition}:states:${AWS::Region}:'
        '${AWS::AccountId}:stateMachine:*-order-refund" to AppPolicy in template.yaml'
    )


def test_a_process_of_its_own_reads_what_it_may(
    shop: Permissions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policies.json").write_text(shop.as_json())
    monkeypatch.setenv(VARIABLE, str(tmp_path / "policies.json"))
    found = Enforcement.of_environment("OrderFunction")

    assert found is not None
    assert json.loads(found.permissions.as_json()) == json.loads(shop.as_json())  # type: ignore[union-attr]


@pytest.mark.stack
@pytest.mark.parametrize(("iam", "status"), [(True, 500), (False, 204)])
def test_functions_in_processes_of_their_own_are_refused_as_well(
    tmp_path: Path, iam: bool, status: int
) -> None:
    settings = Settings(state_dir=tmp_path, isolated=True, iam=iam, **TOY_OPTIONS)
    with LocalStack(settings) as stack:
        found = fetch(f"{stack.http}/files/a", method="DELETE").status
        said = stack.state.stack_log.read_text(encoding="utf-8")

    assert found == status
    assert ("Add dynamodb:DeleteItem on ItemsTable to the Policies of ApiFunction" in said) is iam
