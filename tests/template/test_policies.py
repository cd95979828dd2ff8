import json
from typing import Any

import pytest
from tests.template.stack import (
    TEMPLATE,
    as_list,
    attribute,
    of_type,
    owned,
    role_statements,
    statements_of,
    translated,
)

from sfn_cqrs.kernel.sql.role import Role
from sfn_cqrs_tools.runtime import postgres

FUNCTIONS = sorted(TEMPLATE.functions)
MACHINE_ARNS = [
    "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
    f":stateMachine:${{AWS::StackName}}-{machine}"
    for machine in TEMPLATE.machines
]
WITHOUT_RESOURCE_TYPE = {"DeliverLogs"}  # IAM knows no resource for the actions of log delivery
MANAGED_BY_AWS = {  # SAM attaches these for logs, traces and event sources
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaDynamoDBExecutionRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
}
OF_CODE = "HandlerPolicy"
"""The managed policy of all functions that run the user's code."""
NO_VALUE = {"Ref": "AWS::NoValue"}
OF_THE_USER = {"Fn::If": ["HasAppPolicy", {"Ref": "AppPolicy"}, NO_VALUE]}
OF_SAGAS = {"ScheduleSweepSagasFunction", "StreamOnSagaChangedFunction"}
"""Who starts and describes the machines of projects, whose names begin with the stack's."""
SEND_TASK = {"states:SendTaskFailure", "states:SendTaskSuccess"}
ABORT = "s3:AbortMultipartUpload"
RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}


def roles() -> dict[str, dict[str, Any]]:
    return of_type("AWS::IAM::Role")


def allowed(logical_id: str, service: str) -> dict[str, set[str]]:
    """What a function may call of a service: resource, as text, to actions."""
    found: dict[str, set[str]] = {}
    for statement in statements_of(logical_id):
        actions = {one for one in as_list(statement["Action"]) if one.startswith(f"{service}:")}
        for resource in as_list(statement["Resource"]) if actions else []:
            found.setdefault(json.dumps(resource), set()).update(actions)
    return found


def who_may(action: str) -> set[str]:
    """The functions whose own statements allow an action."""
    return {
        logical_id
        for logical_id in FUNCTIONS
        for actions in allowed(logical_id, action.partition(":")[0]).values()
        if action in actions
    }


def test_no_statement_allows_every_resource_or_a_family_of_actions() -> None:
    for role in roles().values():
        for statement in role_statements(role):
            actions = as_list(statement["Action"])
            assert statement["Effect"] == "Allow"
            assert not [action for action in actions if "*" in action]
            if statement.get("Sid") not in WITHOUT_RESOURCE_TYPE:
                assert "*" not in as_list(statement["Resource"]), actions


def test_every_function_has_its_own_role_with_no_managed_policy_but_the_known() -> None:
    functions = of_type("AWS::Lambda::Function")
    attached = {
        arn.rpartition("/")[2]
        for role in roles().values()
        for arn in map(_text, role.get("ManagedPolicyArns", []))
        if arn not in (OF_CODE, "SyncPublishPolicy")
    } - {str(OF_THE_USER)}

    assert len({json.dumps(function["Role"]) for function in functions.values()}) == len(functions)
    assert attached <= MANAGED_BY_AWS


def _text(arn: Any) -> str:
    return str(arn if isinstance(arn, str) else arn.get("Fn::Sub") or arn.get("Ref") or arn)


def test_only_a_read_model_is_ever_deleted_from_and_only_a_few_scan() -> None:
    deletes = {
        json.dumps(owned(json.loads(resource)))
        for logical_id in FUNCTIONS
        for resource, actions in allowed(logical_id, "dynamodb").items()
        if "dynamodb:DeleteItem" in actions
    }

    assert deletes == {json.dumps(attribute("ReadModelsTable"))}
    assert who_may("dynamodb:Scan") == {
        "RebuildWorkOnSegmentFunction",
        "ScheduleAuditSampleFunction",
        "ScheduleErasePeopleFunction",
    }


def test_only_the_outboxes_consumers_the_sweeps_and_parents_start_executions() -> None:
    parents = {
        name
        for name, function in TEMPLATE.functions.items()
        if "children.start(" in (function.folder / "app.py").read_text(encoding="utf-8")
    }

    assert who_may("states:StartExecution") - parents == {
        "ApiHandleRequestFunction",  # a rebuild's: an operator asks again for one that was lost
        "QueueOnTaskActionFunction",
        "ScheduleSweepApprovalsFunction",
        "ScheduleSweepCommandsFunction",
        "ScheduleSweepImportsFunction",
        "ScheduleSweepSagasFunction",
        "ScheduleSweepTasksFunction",
        "StreamOnApprovalChangedFunction",
        "StreamOnImportChangedFunction",
        "StreamOnProcessChangedFunction",
        "StreamOnSagaChangedFunction",
    }


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_function_speaks_to_no_machine_but_ours(logical_id: str) -> None:
    executions = [f"{arn.replace(':stateMachine:', ':execution:')}:*" for arn in MACHINE_ARNS]
    ours = {json.dumps({"Fn::Sub": arn}) for arn in (*MACHINE_ARNS, *executions)}
    if logical_id in OF_SAGAS:
        any_machine = MACHINE_ARNS[0].rpartition("-")[0] + "-*"
        executions = any_machine.replace(":stateMachine:", ":execution:")
        ours |= {json.dumps({"Fn::Sub": arn}) for arn in (any_machine, executions)}

    assert allowed(logical_id, "states").keys() <= ours


def test_an_erasure_may_delete_and_read_every_version_of_a_file() -> None:
    files = {
        resource: actions
        for resource, actions in allowed("ScheduleErasePeopleFunction", "s3").items()
        if "ImportBucket" in resource and "s3:DeleteObjectVersion" in actions
    }

    assert files == {
        json.dumps({"Fn::Sub": f"${{ImportBucket.Arn}}/{folder}/*"}): {
            "s3:DeleteObjectVersion",
            "s3:GetObjectVersion",
        }
        for folder in ("jobs", "uploads")
    }


@pytest.mark.parametrize(
    ("logical_id", "sid", "operator", "partitions"),
    [
        ("ScheduleAuditSampleFunction", "Usage", "StringLike", ["USAGE#*"]),
        ("ScheduleSweepApprovalsFunction", "Lease", "StringEquals", ["SWEEP"]),
        ("ScheduleSweepImportsFunction", "Lease", "StringEquals", ["SWEEP"]),
        ("ScheduleSweepSagasFunction", "Lease", "StringEquals", ["SWEEP"]),
    ],
)
def test_who_counts_or_leases_writes_no_other_record_of_the_table(
    logical_id: str, sid: str, operator: str, partitions: list[str]
) -> None:
    (statement,) = [one for one in statements_of(logical_id) if one.get("Sid") == sid]

    leading = {"dynamodb:LeadingKeys": partitions}
    assert statement["Condition"] == {f"ForAllValues:{operator}": leading}


def test_nobody_can_read_a_history_where_task_tokens_stand() -> None:
    assert who_may("states:GetExecutionHistory") == set()


def test_who_may_wake_a_version_may_fail_it_as_well() -> None:
    """Whoever is first tells a version of its predecessor, however that has ended."""
    tells = {
        logical_id: actions & SEND_TASK
        for logical_id in FUNCTIONS
        for machine, actions in allowed(logical_id, "states").items()
        if ":stateMachine:" in machine and "-command" in machine and actions & SEND_TASK
    }

    assert tells
    assert {one: actions for one, actions in tells.items() if actions != SEND_TASK} == {}


def test_who_writes_reports_may_give_an_upload_up() -> None:
    written = json.dumps({"Fn::Sub": "${ImportBucket.Arn}/jobs/*"})
    in_parts = {
        logical_id: actions
        for logical_id in FUNCTIONS
        for resource, actions in allowed(logical_id, "s3").items()
        if resource == written and "s3:PutObject" in actions
    }
    in_parts.pop("ImportCsvCsvRowsHandlerFunction")  # its objects are small, and put whole

    assert in_parts
    assert {one for one, actions in in_parts.items() if ABORT not in actions} == set()


@pytest.mark.parametrize(
    "logical_id",
    [
        logical_id
        for logical_id in FUNCTIONS
        if "'InformationTopic'" in str(statements_of(logical_id))
    ],
)
def test_who_informs_people_may_use_the_topics_key(logical_id: str) -> None:
    topics = allowed(logical_id, "sns")
    keys = allowed(logical_id, "kms")

    assert topics[json.dumps({"Ref": "InformationTopic"})] == {"sns:Publish"}
    assert keys == {json.dumps(attribute("AlarmTopicKey")): {"kms:GenerateDataKey", "kms:Decrypt"}}


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("AWS::S3::Bucket", "Bucket"),
        ("AWS::SNS::Topic", "Topics"),
        ("AWS::SQS::Queue", "Queues"),
    ],
)
def test_buckets_topics_and_queues_refuse_whoever_comes_without_tls(
    kind: str, members: str
) -> None:
    guarded = set()
    for resource in translated().values():
        properties = resource.get("Properties", {})
        if resource["Type"] in RESOURCE_POLICIES and members in properties:
            (deny,) = _denials(properties["PolicyDocument"])
            assert deny["Principal"] == "*"
            assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            guarded |= {one["Ref"] for one in as_list(properties[members])}

    assert guarded == set(of_type(kind))


def _denials(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [statement for statement in document["Statement"] if statement["Effect"] == "Deny"]


def test_a_service_may_send_only_on_behalf_of_this_account_or_topic() -> None:
    for resource in translated().values():
        if resource["Type"] not in RESOURCE_POLICIES:
            continue
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow":
                assert statement["Principal"].keys() == {"Service"}
                conditions = json.dumps(statement["Condition"])
                assert "aws:SourceArn" in conditions or "aws:SourceAccount" in conditions


@pytest.mark.parametrize(
    ("policy", "condition", "actions"),
    [
        (
            "PostgresByDataApiPolicy",
            "HasAurora",
            {
                "rds-data:BeginTransaction",
                "rds-data:CommitTransaction",
                "rds-data:ExecuteStatement",
                "rds-data:RollbackTransaction",
                "secretsmanager:GetSecretValue",
            },
        ),
        ("PostgresByDsnPolicy", "HasPostgresDsn", {"secretsmanager:GetSecretValue"}),
    ],
)
def test_postgresql_is_for_those_who_have_its_driver_and_only_where_it_is_on(
    policy: str, condition: str, actions: set[str]
) -> None:
    resource = translated()[policy]
    statements = resource["Properties"]["PolicyDocument"]["Statement"]
    layered = {f"{name}Role" for name in with_driver()}

    assert resource["Condition"] == condition
    assert {role["Ref"] for role in resource["Properties"]["Roles"]} == layered
    assert {one for statement in statements for one in as_list(statement["Action"])} == actions
    assert "*" not in [each for one in statements for each in as_list(one["Resource"])]


def test_no_function_reads_the_secret_of_the_clusters_owner() -> None:
    policy = translated()["PostgresByDataApiPolicy"]["Properties"]["PolicyDocument"]
    (secret,) = [
        statement["Resource"]
        for statement in policy["Statement"]
        if "secretsmanager" in str(statement["Action"])
    ]
    named = [name for name, one in translated().items() if "MasterUserSecret" in json.dumps(one)]

    assert secret == {"Ref": "PostgresRoleSecret"}
    assert named == []
    assert "MasterUserSecret" in json.dumps(TEMPLATE.document["Outputs"]["Postgres"])


def test_the_functions_role_has_a_password_that_nobody_has_chosen() -> None:
    secret = translated()["PostgresRoleSecret"]
    made = secret["Properties"]["GenerateSecretString"]
    name = json.loads(made["SecretStringTemplate"])["username"]

    assert secret["Condition"] == "HasAurora"
    assert (made["GenerateStringKey"], made["PasswordLength"]) == ("password", 48)
    assert Role.checked(name, "x" * made["PasswordLength"]).name == postgres.FUNCTIONS
    assert name != translated()["PostgresCluster"]["Properties"]["MasterUsername"]


def with_driver() -> dict[str, dict[str, Any]]:
    """The functions that have PostgreSQL's driver."""
    return {
        name: function
        for name, function in of_type("AWS::Lambda::Function").items()
        if "PostgresLayer" in json.dumps(function["Layers"])
    }


def test_whoever_has_its_driver_runs_in_the_vpc_of_a_dsn_and_nobody_else() -> None:
    vpc = {
        "Fn::If": [
            "HasPostgresVpc",
            {
                "SubnetIds": {"Ref": "PostgresSubnets"},
                "SecurityGroupIds": {"Ref": "PostgresSecurityGroups"},
            },
            {"Ref": "AWS::NoValue"},
        ]
    }
    functions = of_type("AWS::Lambda::Function").items()
    found = {name: each["VpcConfig"] for name, each in functions if "VpcConfig" in each}

    assert found == dict.fromkeys(with_driver(), vpc)


def test_no_code_makes_interfaces_where_the_service_may() -> None:
    policy = translated()["NoInterfacesByCodePolicy"]["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    may = {
        name
        for name, role in roles().items()
        if "VPCAccess" in json.dumps(role.get("ManagedPolicyArns", []))
    }

    assert {role["Ref"] for role in policy["Roles"]} == may
    assert (statement["Effect"], statement["Resource"]) == ("Deny", "*")
    assert "ec2:CreateNetworkInterface" in statement["Action"]
    assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


def test_the_cluster_is_encrypted_kept_and_paused() -> None:
    cluster = translated()["PostgresCluster"]
    properties = cluster["Properties"]

    assert (cluster["Condition"], cluster["DeletionPolicy"]) == ("HasAurora", "Snapshot")
    assert "EnableCloudwatchLogsExports" not in cluster["Properties"]  # it quotes values
    assert properties["StorageEncrypted"] is True
    assert properties["EnableHttpEndpoint"] is True
    assert properties["ManageMasterUserPassword"] is True
    assert properties["DeletionProtection"] == {"Fn::If": ["IsProd", True, False]}
    assert properties["ServerlessV2ScalingConfiguration"]["MinCapacity"] == 0


def test_the_cluster_stays_at_a_minor_version_of_long_term_support() -> None:
    """An upgrade by itself would leave it, and CloudFormation cannot go back to what is written."""
    version = translated()["PostgresCluster"]["Properties"]["EngineVersion"]
    instance = translated()["PostgresInstance"]["Properties"]

    assert version in ("16.8", "17.7")  # AWS's list; both can be paused
    assert instance["AutoMinorVersionUpgrade"] is False
    assert not {"EnablePerformanceInsights", "PerformanceInsightsKMSKeyId"} & instance.keys()


def test_the_cluster_has_the_groups_that_are_given_or_the_default_one() -> None:
    groups = translated()["PostgresCluster"]["Properties"]["VpcSecurityGroupIds"]
    given = {"Ref": "PostgresSecurityGroups"}

    assert groups == {"Fn::If": ["HasPostgresSecurityGroups", given, {"Ref": "AWS::NoValue"}]}
    assert TEMPLATE.document["Conditions"]["HasPostgresSecurityGroups"] == {
        "Fn::Not": [{"Fn::Equals": [{"Fn::Join": [",", given]}, ""]}]
    }


def test_every_role_has_the_boundary_that_an_organisation_demands() -> None:
    bounded = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundary"}, NO_VALUE]}

    assert {name for name, one in roles().items() if one["PermissionsBoundary"] != bounded} == set()
