import json
import re
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

import pytest
from functions.api.decide_by_link.app import app as links
from tests.template.stack import (
    ISSUER,
    ROOT,
    TEMPLATE,
    attribute,
    called,
    of_type,
    owned,
    translated,
)

from sfn_cqrs.care import sweep as sweeps
from sfn_cqrs.care.live.channels import NAMESPACE
from sfn_cqrs.kernel.functions.queue import RECEIVES
from sfn_cqrs.kernel.keys import SagaRef
from sfn_cqrs.kernel.sql import failure_metrics as sql_failures
from sfn_cqrs.kernel.sweeps import QUEUE_LIFE
from sfn_cqrs.machines.approval.rules import Happened
from sfn_cqrs.machines.command import backlog
from sfn_cqrs.machines.task.state import BEGINS_WITHIN
from sfn_cqrs.machines.task.types import MAX_TIMEOUT
from sfn_cqrs_tools.client.executions import OF_THE_FRAMEWORK
from sfn_cqrs_tools.restore import restoring
from sfn_cqrs_tools.runtime.events import matches
from sfn_cqrs_tools.runtime.template import Template

TABLES = of_type("AWS::DynamoDB::Table")
QUEUES = of_type("AWS::SQS::Queue")
AUDIT, ERASES = "ScheduleAuditSampleFunction", "ScheduleErasePeopleFunction"
HOURLY = (AUDIT, ERASES)
SWEEPS = [n for n in TEMPLATE.functions if n.startswith("Schedule") and n not in HOURLY]
ALARMS = of_type("AWS::CloudWatch::Alarm")
DEAD_LETTERS = sorted(name for name in QUEUES if name.endswith("DeadLetterQueue"))
SWEPT_AGAIN = "SweepDeadLetterQueue"
"""Where nothing has to be done with what lies in it, so that an alarm on it would stick."""


def source_mapping(function: str) -> dict[str, Any]:
    (mapping,) = (
        properties
        for properties in of_type("AWS::Lambda::EventSourceMapping").values()
        if properties["FunctionName"] in ({"Ref": function}, called(function))
    )
    return mapping


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_kept_encrypted_restorable_and_paid_by_use(name: str) -> None:
    table = TABLES[name]

    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["IsProd", True, False]}


@pytest.mark.parametrize("name", [*TABLES, "AttributesBucket"])
def test_what_holds_data_stays_when_the_stack_goes(name: str) -> None:
    resource = translated()[name]

    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("table", ["CommandsTable", "SagasTable", "TasksTable", "ImportTmpTable"])
def test_the_index_of_what_is_open_holds_keys_only(table: str) -> None:
    (index,) = TABLES[table]["GlobalSecondaryIndexes"]

    assert index["IndexName"] == "open"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["open_shard", "opened_at"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_approvals_are_listed_by_what_is_due_and_by_their_status() -> None:
    indexes = {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in TABLES["ApprovalsTable"]["GlobalSecondaryIndexes"]
        if index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    }

    assert indexes == {"open": ["open_shard", "opened_at"], "status": ["tenant_status", "sk"]}


def test_what_is_acted_on_has_a_stream_and_one_reader_each() -> None:
    streams = {name: table.get("StreamSpecification") for name, table in TABLES.items()}
    readers = {
        mapping["FunctionName"]["Ref"]: source
        for mapping in of_type("AWS::Lambda::EventSourceMapping").values()
        if (source := owned(mapping["EventSourceArn"]))["Fn::GetAtt"][1] == "StreamArn"
    }

    assert {name: stream for name, stream in streams.items() if stream} == {
        "ApprovalsTable": {"StreamViewType": "NEW_IMAGE"},
        "CommandsTable": {"StreamViewType": "NEW_IMAGE"},
        "SagasTable": {"StreamViewType": "NEW_IMAGE"},
        "TasksTable": {"StreamViewType": "NEW_IMAGE"},
        "ImportTmpTable": {"StreamViewType": "NEW_IMAGE"},
    }
    assert readers == {
        "StreamOnApprovalChangedFunction": attribute("ApprovalsTable", "StreamArn"),
        "StreamOnImportChangedFunction": attribute("ImportTmpTable", "StreamArn"),
        "StreamOnProcessChangedFunction": attribute("CommandsTable", "StreamArn"),
        "StreamOnSagaChangedFunction": attribute("SagasTable", "StreamArn"),
        "StreamOnTaskChangedFunction": attribute("TasksTable", "StreamArn"),
    }


def test_restored_tables_stand_for_each_one_that_the_stack_would_make() -> None:
    named = {output.removesuffix("Name"): name for output, name in restoring.TABLES.items()}
    streams = iter(range(len(restoring.STREAMS)))

    for own, restored in choices(translated(), "OwnsTables"):
        table, *part = own.get("Fn::GetAtt", [own.get("Ref")])
        text = restored["Fn::Sub"]
        if part == ["StreamArn"]:
            text, label = text
            place = restoring.STREAMS.index(named[table])
            assert label == {"Label": {"Fn::Select": [place, {"Ref": "RestoredStreams"}]}}
            text = text.removesuffix("/stream/${Label}")
            next(streams)
        assert text.rpartition("/")[2] == f"${{RestoredTables}}-{named[table]}"
    assert next(streams, None) is None
    assert {translated()[table]["Condition"] for table in TABLES} == {"OwnsTables"}
    assert TABLES.keys() == named.keys()


def choices(value: Any, condition: str) -> Iterator[tuple[Any, Any]]:
    """Both values of every Fn::If on a condition, wherever it is."""
    if isinstance(value, list):
        for each in value:
            yield from choices(each, condition)
    elif isinstance(value, dict):
        if value.get("Fn::If", [None])[0] == condition:
            yield value["Fn::If"][1], value["Fn::If"][2]
        for each in value.values():
            yield from choices(each, condition)


@pytest.mark.parametrize(
    ("function", "lanes"),
    [
        ("StreamOnApprovalChangedFunction", None),
        ("StreamOnProcessChangedFunction", 10),
        ("StreamOnSagaChangedFunction", None),
        ("StreamOnTaskChangedFunction", None),
        ("StreamOnImportChangedFunction", None),
    ],
)
def test_a_stream_record_that_cannot_be_processed_does_not_stop_the_others(
    function: str, lanes: int | None
) -> None:
    mapping = source_mapping(function)

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == -1  # until it is too old
    assert mapping["MaximumRecordAgeInSeconds"] == 22 * 3600  # less than a stream keeps it
    assert mapping.get("ParallelizationFactor") == lanes
    assert mapping["DestinationConfig"] == {
        "OnFailure": {"Destination": attribute("StreamDeadLetterQueue")}
    }


HEARD: dict[str, tuple[list[dict[str, str]], list[dict[str, str]]]] = {
    "StreamOnProcessChangedFunction": (
        [
            {"kind": "process", "status": "start", "outcome": "OPEN"},
            {"kind": "process", "status": "finish:FINISHED", "outcome": "APPLIED"},
            {"kind": "process", "status": "sync_data:FAILED", "outcome": "FAILED"},
            {"kind": "process", "status": "check_version:FAILED", "outcome": "BLOCKED"},
            {"kind": "process", "status": "skip:FINISHED", "outcome": "SKIPPED"},
        ],
        [
            {"kind": "process", "status": "check_version:STARTED", "outcome": "OPEN"},
            {"kind": "process", "status": "publish_sync", "outcome": "OPEN"},
            {"kind": "process", "status": "wait_prev_command:STARTED", "outcome": "WAITING"},
            {"kind": "command"},
        ],
    ),
    "StreamOnTaskChangedFunction": (
        [
            *[{"kind": "task", "status": one} for one in ("CREATED", "COMPLETED", "CANCELLED")],
            {"kind": "item", "status": "FAILED"},
        ],
        [
            *[{"kind": "task", "status": one} for one in ("QUEUED", "PROCESSING")],
            *[{"kind": "item", "status": one} for one in ("CREATED", "PROCESSING")],
            {"kind": "pointer"},
        ],
    ),
    "StreamOnSagaChangedFunction": (
        [
            {"kind": "saga", "status": one}
            for one in ("CREATED", "COMPLETED", "COMPENSATED", "PARKED")
        ],
        [
            *[{"kind": "saga", "status": one} for one in ("RUNNING", "COMPENSATING")],
            {"kind": "sweep"},
        ],
    ),
    "StreamOnImportChangedFunction": (
        [*[{"kind": "job", "status": one} for one in ("CREATED", "FAILED")], {"kind": "count"}],
        [{"kind": kind} for kind in ("plan", "batch", "sweep")],
    ),
    "StreamOnApprovalChangedFunction": (
        [
            {"kind": "approval", "happened": str(one)}
            for one in Happened
            if one is not Happened.WAITING
        ],
        [{"kind": "approval", "happened": "WAITING"}],
    ),
}
"""What became of an item, by whether the function is told: what starts, ends or needs somebody."""


@pytest.mark.parametrize("function", HEARD)
def test_a_stream_lets_through_what_is_acted_on_and_not_what_expires(function: str) -> None:
    told, untold = HEARD[function]
    expired = {"eventName": "REMOVE", "dynamodb": {"Keys": {"pk": {"S": "TENANT#tenant1"}}}}

    assert [image for image in told if not lets_through(function, image)] == []
    assert [image for image in untold if lets_through(function, image)] == []
    assert not passes_filters(function, expired)


def lets_through(function: str, image: dict[str, str]) -> bool:
    """Whether a stream tells its consumer of an item that became this."""
    new_image = {name: {"S": value} for name, value in image.items()}
    return passes_filters(function, {"eventName": "MODIFY", "dynamodb": {"NewImage": new_image}})


def passes_filters(function: str, record: dict[str, Any]) -> bool:
    filters = source_mapping(function)["FilterCriteria"]["Filters"]
    return any(matches(json.loads(one["Pattern"]), record) for one in filters)


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_encrypted_and_has_dead_letters_or_is_watched(name: str) -> None:
    assert QUEUES[name]["SqsManagedSseEnabled"] is True
    if name in DEAD_LETTERS:
        days = 1 if name == SWEPT_AGAIN else 14
        assert QUEUES[name]["MessageRetentionPeriod"] == days * 86_400
        return

    redrive = QUEUES[name]["RedrivePolicy"]
    assert timedelta(seconds=QUEUES[name].get("MessageRetentionPeriod", 345_600)) == QUEUE_LIFE
    assert redrive["deadLetterTargetArn"]["Fn::GetAtt"][0] in DEAD_LETTERS
    assert redrive["maxReceiveCount"] == RECEIVES


@pytest.mark.parametrize(
    ("queue", "consumer"),
    [
        ("NotificationQueue", "QueueOnNotificationFunction"),
        ("TaskActionQueue", "QueueOnTaskActionFunction"),
        ("ImportActionQueue", "QueueOnImportActionFunction"),
        ("LiveQueue", "QueuePublishLiveFunction"),
    ],
)
def test_a_message_stays_hidden_for_six_times_as_long_as_its_consumer_may_run(
    queue: str, consumer: str
) -> None:
    timeout = TEMPLATE.functions[consumer].timeout

    assert QUEUES[queue]["VisibilityTimeout"] == 6 * timeout
    assert source_mapping(consumer)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_one_task_at_a_time_has_its_consumer_to_itself() -> None:
    assert source_mapping("QueueOnTaskActionFunction")["BatchSize"] == 1


def test_a_type_of_task_may_take_less_time_than_the_functions_that_work_on_it() -> None:
    for function in ("TaskIteratorFunction", "QueueOnTaskActionFunction"):
        assert TEMPLATE.functions[function].timeout >= MAX_TIMEOUT + 30


def test_imports_leave_a_quarter_of_the_accounts_thousand_lambdas_to_all_else() -> None:
    parameters = TEMPLATE.document["Parameters"]
    of_tenant, running, batches = (
        int(parameters[name]["Default"])
        for name in ("TenantRunningImports", "RunningImports", "ImportBatches")
    )

    assert running * batches <= 750
    assert of_tenant < running / 2


def test_items_are_begun_so_that_they_end_before_their_execution_does() -> None:
    machine = json.loads(TEMPLATE.machines["task"].definition)
    iterator = machine["States"]["map_state"]["ItemProcessor"]["States"]["iterator"]

    assert BEGINS_WITHIN + iterator["TimeoutSeconds"] < machine["TimeoutSeconds"]


@pytest.mark.parametrize(
    ("queue", "actions"),
    [
        (
            "Notification",
            ["command-status", "task-status", "import-status", "approval-status", "saga-status"],
        ),
        ("TaskAction", ["task-execute"]),
        ("ImportAction", ["import-execute"]),
        (
            "Live",
            [
                "command-status",
                "task-status",
                "sub-task-status",
                "import-status",
                "approval-status",
                "saga-status",
            ],
        ),
    ],
)
def test_a_queue_takes_its_messages_in_their_envelope(queue: str, actions: list[str]) -> None:
    subscription = of_type("AWS::SNS::Subscription")[f"{queue}Subscription"]

    assert subscription["TopicArn"] == {"Ref": "EventsTopic"}
    assert subscription["Endpoint"] == attribute(f"{queue}Queue")
    assert subscription["FilterPolicy"] == {"action": actions}
    assert subscription["RawMessageDelivery"] is False
    assert subscription["RedrivePolicy"] == {
        "deadLetterTargetArn": attribute(f"{queue}DeadLetterQueue")
    }


def test_every_topic_is_encrypted() -> None:
    topics = of_type("AWS::SNS::Topic")

    assert {name: topic["KmsMasterKeyId"] for name, topic in topics.items()} == {
        "AlarmTopic": {"Ref": "AlarmTopicKey"},
        "InformationTopic": {"Ref": "AlarmTopicKey"},
        "EventsTopic": "alias/aws/sns",
        "FailureTopic": "alias/aws/sns",
    }


@pytest.mark.parametrize("name", ["AttributesBucket", "ImportBucket"])
def test_a_bucket_is_private_versioned_and_encrypted(name: str) -> None:
    bucket = of_type("AWS::S3::Bucket")[name]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]
    assert bucket["LifecycleConfiguration"]["Rules"][0]["Status"] == "Enabled"


def test_every_function_writes_to_the_one_log_group_what_the_code_says() -> None:
    for name, function in of_type("AWS::Lambda::Function").items():
        assert function["LoggingConfig"] == {
            "LogGroup": {"Ref": "FunctionLogGroup"},
            "LogFormat": "JSON",
            "ApplicationLogLevel": {"Ref": "LogLevel"},
            "SystemLogLevel": "WARN",
        }, name


NOBODY_LOOKS = (
    "Schedule",
    "Stream",
    "QueueOnNotification",
    "QueuePublishLive",
    "QueueDigestFailures",
)


def test_every_function_is_traced_but_those_that_begin_traces_nobody_looks_at() -> None:
    for name, function in of_type("AWS::Lambda::Function").items():
        mode = "PassThrough" if name.startswith(NOBODY_LOOKS) else "Active"
        assert function["TracingConfig"] == {"Mode": mode}, name


def test_without_notices_nobody_pays_for_their_way() -> None:
    chosen = {**ISSUER, "Notices": "disabled"}
    loaded = Template.load(ROOT / "template.yaml", parameters=chosen)
    (mapping,) = (
        each for each in loaded.event_sources if each.function == "QueueOnNotificationFunction"
    )

    assert "NotificationSubscription" not in loaded.of_type("AWS::SNS::Subscription")
    assert loaded.resolve(mapping.properties["Enabled"]) is False
    assert not [each for each in loaded.of_type("AWS::CloudWatch::Alarm") if "Notification" in each]


@pytest.mark.parametrize(
    ("chosen", "made"),
    [
        ({}, set()),
        ({"Dashboards": "work"}, {"WorkDashboard"}),
        ({"Dashboards": "all"}, {"WorkDashboard", "MachineryDashboard"}),
    ],
)
def test_a_dashboard_is_made_where_somebody_asks_for_it(
    chosen: dict[str, str], made: set[str]
) -> None:
    loaded = Template.load(ROOT / "template.yaml", parameters={**ISSUER, **chosen})

    assert loaded.of_type("AWS::CloudWatch::Dashboard").keys() == made


@pytest.mark.parametrize("name", of_type("AWS::Logs::LogGroup"))
def test_no_log_is_kept_for_ever(name: str) -> None:
    retention = translated()[name]["Properties"]["RetentionInDays"]

    assert retention in ({"Ref": "LogRetentionDays"}, TEMPLATE.parameters["LogRetentionDays"])


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_runs_every_minute_and_its_dead_letters_are_kept(name: str) -> None:
    rules = of_type("AWS::Events::Rule")
    own = [rule for logical_id, rule in rules.items() if logical_id.startswith(name)]

    assert rules[f"{name}EveryMinute"]["ScheduleExpression"] == "rate(1 minute)"
    for rule in own:
        (target,) = rule["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": attribute("SweepDeadLetterQueue")}
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_the_queue_of_dead_sweeps_takes_them_from_every_rule_that_names_it() -> None:
    naming = {
        name
        for name, rule in of_type("AWS::Events::Rule").items()
        for target in rule["Targets"]
        if target.get("DeadLetterConfig") == {"Arn": attribute("SweepDeadLetterQueue")}
    }
    dead_letters = of_type("AWS::SQS::QueuePolicy")["SweepDeadLetterQueuePolicy"]
    (may_send, _) = dead_letters["PolicyDocument"]["Statement"]
    senders = may_send["Condition"]["ArnEquals"]["aws:SourceArn"]

    assert sorted(sender["Fn::GetAtt"][0] for sender in senders) == sorted(naming)


def test_each_kind_is_swept_by_one_function() -> None:
    swept = [
        name
        for function in SWEEPS
        for name in re.findall(
            r"[A-Z_]{4,}",
            (TEMPLATE.functions[function].folder / "app.py").read_text().splitlines()[-1],
        )
    ]

    assert sorted(swept) == sorted(
        name for name, value in vars(sweeps).items() if isinstance(value, sweeps.Kind)
    )
    assert len(swept) == len(sweeps.KINDS)


def test_of_every_machine_that_is_swept_a_bad_end_reaches_the_function_that_sweeps_it() -> None:
    rules = of_type("AWS::Events::Rule")
    heard = {
        arn["Fn::Sub"].rpartition("${AWS::StackName}-")[2]: name
        for name, rule in rules.items()
        for arn in rule.get("EventPattern", {}).get("detail", {}).get("stateMachineArn", [])
        if "Fn::Sub" in arn
        if name.startswith("Schedule")
        and rule["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    }

    assert heard == {
        "command": "ScheduleSweepCommandsFunctionExecutionEnded",
        "task": "ScheduleSweepTasksFunctionExecutionEnded",
        "import-csv": "ScheduleFinishImportsFunctionExecutionEnded",
        "zip-orchestrator": "ScheduleSweepImportsFunctionExecutionEnded",
        "approval": "ScheduleSweepApprovalsFunctionExecutionEnded",
    }


def test_a_bad_end_of_a_machine_that_is_not_the_frameworks_reaches_the_sweep_of_sagas() -> None:
    rule = of_type("AWS::Events::Rule")["ScheduleSweepSagasFunctionExecutionEnded"]
    detail = TEMPLATE.resolve(rule["EventPattern"]["detail"])
    ((_, others),) = [one.popitem() for one in detail["stateMachineArn"]]

    own = {TEMPLATE.machines[name].arn for name in OF_THE_FRAMEWORK - {SagaRef.DECLARED}}
    assert set(others) == own
    assert detail["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    (prefix,) = detail["executionArn"]
    executions = TEMPLATE.machines["command"].arn.replace(":stateMachine:", ":execution:")
    assert prefix == {"prefix": executions.removesuffix("command")}


def test_the_api_leads_everything_to_its_function_but_what_needs_no_token() -> None:
    by_link = {
        (route.method, re.sub(r"<(\w+?)_?>", r"{\1}", route.path))
        for route in links._dynamic_routes
    }

    assert {(route.method, route.path) for route in TEMPLATE.routes} == by_link | {
        ("GET", "/docs"),
        ("ANY", "$default"),
        ("OPTIONS", "/{proxy+}"),
        ("POST", "/webhooks/{proxy+}"),
    }


def test_every_route_wants_a_token_but_pages_and_what_a_link_opens() -> None:
    paths = of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["Body"]["paths"]
    without_token = {
        (method, path)
        for path, methods in paths.items()
        for method, route in methods.items()
        if route["security"] != [{"Jwt": []}]
    }

    by_link = {("get", "/approvals/{id}/decide"), ("post", "/approvals/{id}/decide")}
    signed = ("post", "/webhooks/{proxy+}")
    assert without_token == {("get", "/docs"), ("options", "/{proxy+}"), *by_link, signed}


def test_approval_links_are_off_unless_somebody_switches_them_on() -> None:
    secret = translated()["ApprovalLinkSecret"]

    assert TEMPLATE.document["Parameters"]["ApprovalLinks"]["Default"] == "disabled"
    assert secret["Condition"] == "HasApprovalLinks"
    assert secret["Properties"]["GenerateSecretString"]["PasswordLength"] == 64
    assert TEMPLATE.environment["APPROVAL_LINK_SECRET"] == ""


def test_live_updates_are_off_and_published_by_one_function_alone() -> None:
    live = {name: one for name, one in translated().items() if "AppSync" in one["Type"]}
    (api,) = of_type("AWS::AppSync::Api").values()
    modes = api["EventConfig"]
    publishers = [
        name
        for name, role in of_type("AWS::IAM::Role").items()
        if "appsync:EventPublish" in json.dumps(role)
    ]

    assert TEMPLATE.parameters["Live"] == "disabled"
    assert {one["Condition"] for one in live.values()} == {"HasLive"}
    assert modes["DefaultPublishAuthModes"] == [{"AuthType": "AWS_IAM"}]
    assert modes["DefaultSubscribeAuthModes"] == [{"AuthType": "OPENID_CONNECT"}]
    assert modes["ConnectionAuthModes"] == [{"AuthType": "OPENID_CONNECT"}]
    assert publishers == ["QueuePublishLiveFunctionRole"]
    mapping = source_mapping("QueuePublishLiveFunction")
    assert mapping["Enabled"] == {"Fn::If": ["HasLive", True, False]}


def test_the_event_bus_is_off_and_one_function_alone_puts_events_on_it() -> None:
    buses = {name: one for name, one in translated().items() if "EventBus" in one["Type"]}
    roles = of_type("AWS::IAM::Role").items()

    assert TEMPLATE.parameters["Events"] == "disabled"
    assert {name: one["Condition"] for name, one in buses.items()} == {"EventBus": "HasEvents"}
    assert [name for name, role in roles if "events:PutEvents" in json.dumps(role)] == [
        "QueueOnNotificationFunctionRole"
    ]


@pytest.mark.parametrize("is_own", [True, False])
def test_live_updates_trust_whom_the_api_trusts(is_own: bool) -> None:
    pool = {"UserPool": "enabled" if is_own else "disabled"}
    given = {**ISSUER, **pool, "JwtAudience": "client,other"}
    loaded = Template.load(ROOT / "template.yaml", stack="shop", parameters=given)
    (api,) = of_type("AWS::AppSync::Api").values()
    (own,) = (one for one in api["EventConfig"]["AuthProviders"] if len(one) > 1)

    trusted = loaded.resolve(own["OpenIDConnectConfig"])

    assert trusted == (
        {
            "Issuer": "https://cognito-idp.us-east-1.amazonaws.com/shop-CognitoUserPool",
            "ClientId": "^(shop-CognitoUserPoolClient)$",
        }
        if is_own
        else {"Issuer": ISSUER["JwtIssuer"], "ClientId": "^(client|other)$"}
    )


def test_who_may_subscribe_is_asked_of_our_function_and_of_no_other() -> None:
    (namespace,) = of_type("AWS::AppSync::ChannelNamespace").values()
    (source,) = of_type("AWS::AppSync::DataSource").values()

    assert namespace["Name"] == NAMESPACE
    assert "PublishAuthModes" not in namespace  # those of the API
    assert namespace["HandlerConfigs"] == {
        "OnSubscribe": {
            "Behavior": "DIRECT",
            "Integration": {
                "DataSourceName": attribute("LiveDataSource", "Name"),
                "LambdaConfig": {"InvokeType": "REQUEST_RESPONSE"},
            },
        }
    }
    function = attribute("LiveOnSubscribeFunction")
    assert source["LambdaConfig"] == {"LambdaFunctionArn": function}
    (policy,) = of_type("AWS::IAM::Role")["LiveDataSourceRole"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("lambda:InvokeFunction", function)


def test_the_api_is_throttled_and_logged() -> None:
    for name, stage in of_type("AWS::ApiGatewayV2::Stage").items():
        assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"], name
        assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"], name
        assert stage["AccessLogSettings"]["DestinationArn"] == attribute("ApiAccessLogGroup"), name
        assert "authorization" not in stage["AccessLogSettings"]["Format"].lower(), name


def test_the_machines_api_is_optional_and_signed() -> None:
    assert translated()["MachineHttpApi"]["Condition"] == "HasMachineApi"
    (route,) = of_type("AWS::ApiGatewayV2::Route").values()
    assert route["AuthorizationType"] == "AWS_IAM"


def test_an_api_whose_authorizer_cannot_be_made_fails_the_deploy() -> None:
    assert of_type("AWS::ApiGatewayV2::Api")["HttpApi"]["FailOnWarnings"] is True


def test_a_deploy_without_an_issuer_is_refused() -> None:
    assertions = TEMPLATE.document["Rules"]["NoDeployWithoutIssuer"]["Assertions"]

    has_own = {"Fn::Equals": [{"Ref": "UserPool"}, "enabled"]}
    assert [one["Assert"] for one in assertions] == [
        {"Fn::Or": [has_own, {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]}]}
        for name in ("JwtIssuer", "JwtAudience")
    ]


def test_nobody_of_the_stacks_own_pool_writes_or_chooses_a_tenant() -> None:
    pool = translated()["CognitoUserPool"]
    (client,) = of_type("AWS::Cognito::UserPoolClient").values()
    (group,) = of_type("AWS::Cognito::UserPoolGroup").values()
    (attributes,) = pool["Properties"]["Schema"]

    assert pool["Condition"] == "HasUserPool"
    assert pool["Properties"]["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert (attributes["Name"], attributes["Mutable"]) == ("tenant", False)
    assert client["WriteAttributes"] == ["email", "name"]
    assert "custom:tenant" in client["ReadAttributes"]
    assert client["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert group["GroupName"] == "operator"


@pytest.mark.parametrize("is_own", [True, False])
def test_the_api_trusts_the_stacks_own_pool_if_it_has_one(is_own: bool) -> None:
    pool = {"UserPool": "enabled" if is_own else "disabled"}
    loaded = Template.load(ROOT / "template.yaml", stack="shop", parameters={**ISSUER, **pool})

    (api,) = (one for one in of_type("AWS::ApiGatewayV2::Api").values() if "Body" in one)
    schemes = api["Body"]["components"]["securitySchemes"]
    trusted = loaded.resolve(schemes["Jwt"]["x-amazon-apigateway-authorizer"])

    own = (
        "https://cognito-idp.us-east-1.amazonaws.com/shop-CognitoUserPool",
        ["shop-CognitoUserPoolClient"],
    )
    given = (ISSUER["JwtIssuer"], [ISSUER["JwtAudience"]])
    configuration = trusted["jwtConfiguration"]
    assert (configuration["issuer"], configuration["audience"]) == (own if is_own else given)


MINUTES_5, HOUR = 300, 3_600
FIRES = {
    "ExecutionsFailed": ("Sum", MINUTES_5, 1, 1),
    "ExecutionsTimedOut": ("Sum", MINUTES_5, 1, 1),
    "ImportCsvExecutionsFailedAlarm": (FIVE := ("Sum", 3 * MINUTES_5, 1, 5)),
    "ApprovalExecutionsFailedAlarm": FIVE,
    "ExecutionTime": ("p99", MINUTES_5, 3, 10_000),
    "Errors": ("Sum", MINUTES_5, 2, 1),
    "Throttles": ("Sum", MINUTES_5, 3, 1),
    "ThrottledEvents": ("Sum", MINUTES_5, 3, 1),
    "IteratorAge": ("Maximum", MINUTES_5, 2, 300_000),
    "ApproximateAgeOfOldestMessage": ("Maximum", MINUTES_5, 1, 900),
    "ApproximateNumberOfMessagesVisible": ("Maximum", 60, 1, 1),
    "NumberOfMessagesSent": ("Sum", MINUTES_5, 2, 1),
    "OldestUnappliedSeconds": ("Maximum", MINUTES_5, 3, 3_600),
    "OldestUnrepairedSeconds": ("Maximum", MINUTES_5, 2, 14_400),
    "OldestOpenTaskAge": ("Maximum", MINUTES_5, 3, 3_600),
    "OldestOpenSagaAge": ("Maximum", MINUTES_5, 3, 3_600),
    "OldestOpenApprovalAge": ("Maximum", MINUTES_5, 3, 3_600),
    "OldestOpenImportAge": ("Maximum", MINUTES_5, 3, 21_600),
    "OldestOpenZipImportAge": ("Maximum", MINUTES_5, 3, 86_400),
    "ACUUtilization": ("Average", MINUTES_5, 3, 95),
    "SqlFailures": ("Sum", MINUTES_5, 3, 1),
    "IF(failed >= 5, 100 * failed / asked, 0)": ("Sum", MINUTES_5, 1, 1),
    "IF(asked >= 20, 100 * refused / asked, 0)": ("Sum", MINUTES_5, 3, 50),
    "Latency": ("p90", MINUTES_5, 3, 5_000),
    "RebuildExecutionTimeAlarm": ("Maximum", MINUTES_5, 1, 86_400_000),
    "AuditFindingsAlarm": ("Maximum", HOUR, 1, 1),
    "LateCommandAlarm": ("Maximum", MINUTES_5, 2, 300),
    "FailureAgeAlarm": ("Maximum", MINUTES_5, 1, 1_800),
    "IF(failed >= 5, 100 * failed / started, 0)": ("Sum", 3 * MINUTES_5, 1, 1),
    "FILL(commands, 0) + FILL(read_models, 0)": ("Sum", MINUTES_5, 3, 100),
    "DeployErrorsAlarm": ("Sum", MINUTES_5, 1, 1),
}
"""Statistic, seconds of a period, how many periods, and from which value on an alarm fires.

By the metric, by the expression, or by the alarm where it has a reason of its own.
"""
PAGES = {
    "CommandExecutionsFailedAlarm",
    "ImportCsvExecutionsFailedAlarm",
    "ApprovalExecutionsFailedAlarm",
    "OldestOpenCommandAlarm",
    "OldestOpenTaskAlarm",
    "OldestOpenZipImportAlarm",
    "OldestOpenImportAlarm",
    "OldestOpenApprovalAlarm",
    "OldestOpenSagaAlarm",
    "StreamIteratorAgeAlarm",
    "TaskStreamIteratorAgeAlarm",
    "ImportStreamIteratorAgeAlarm",
    "ApprovalStreamIteratorAgeAlarm",
    "SagaStreamIteratorAgeAlarm",
    "TaskActionAgeAlarm",
    "ImportActionAgeAlarm",
    "NotificationAgeAlarm",
    "FailureAgeAlarm",
    "StreamDeadLettersAlarm",
    "NotificationDeadLettersAlarm",
    "FailureDeadLettersAlarm",
    "SweepsFailAlarm",
    "ApiServerErrorsAlarm",
    "MachineApiServerErrorsAlarm",
    "ApiRefusalsAlarm",
    "PostgresCapacityAlarm",
    "PostgresFailuresAlarm",
}
"""Alarms for which somebody gets up."""
MOST_METRICS, OUR_MACHINES = 42, 8
"""What a stack without extras pays for, each ten cents a month; a machine of a user's has three."""


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_fires_when_its_runbook_says(name: str) -> None:
    alarm = ALARMS[name]
    (statistic,) = {
        stat.get("Statistic") or stat.get("ExtendedStatistic") or stat["Stat"]
        for stat in _stats(name)
    }
    (period,) = {stat["Period"] for stat in _stats(name)}
    numbers = statistic, period, alarm["EvaluationPeriods"], alarm["Threshold"]

    watched = alarm["Metrics"][0]["Expression"] if "Metrics" in alarm else alarm["MetricName"]
    assert numbers == FIRES[name if name in FIRES else watched]
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert "DatapointsToAlarm" not in alarm  # all of the periods


@pytest.mark.parametrize("name", [name for name, one in ALARMS.items() if "Metrics" in one])
def test_an_alarm_that_reckons_uses_every_metric_that_it_pays_for(name: str) -> None:
    metrics = ALARMS[name]["Metrics"]

    used = {word for one in metrics for word in re.findall(r"\w+", one.get("Expression", ""))}
    assert {one["Id"] for one in metrics if "MetricStat" in one} <= used


def _stats(name: str) -> list[dict[str, Any]]:
    """The metrics that an alarm is paid for."""
    alarm = ALARMS[name]
    if "Metrics" not in alarm:
        return [alarm]
    return [each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each]


def test_alarms_of_a_stack_without_extras_cost_four_dollars_and_twenty_cents() -> None:
    resources = TEMPLATE.document["Resources"]
    by_default = (None, "HasNotices")
    paid = [
        stat
        for name in ALARMS
        if resources[name].get("Condition") in by_default
        for stat in _stats(name)
    ]

    assert len(paid) <= MOST_METRICS + 3 * (len(TEMPLATE.machines) - OUR_MACHINES)


@pytest.mark.parametrize("name", TEMPLATE.machines)
def test_every_machine_has_an_alarm_on_how_long_it_takes(name: str) -> None:
    """The age of the oldest that is open, where a sweep knows it: it fires while one hangs."""
    ages = {kind.metric for kind in sweeps.KINDS if kind.metric and name in _machines(kind)}
    watched = [
        alarm
        for alarm in ALARMS.values()
        if alarm.get("MetricName") in ages
        or (
            alarm.get("MetricName") in ("ExecutionTime", "ExecutionsTimedOut")
            and TEMPLATE.resolve(alarm["Dimensions"][0]["Value"]) == TEMPLATE.machines[name].arn
        )
    ]

    assert watched


def _machines(kind: sweeps.Kind[Any]) -> Collection[str]:
    """What runs a kind; an import's file is ended by a sweep of its own."""
    if kind.name == "import":
        kind = sweeps.ENDED_IMPORTS
    given: list[dict[str, Any]] = [{"saga": "order-saga"}, {"saga": "courier", "declared": True}]
    return {kind.machine(each) for each in given}


@pytest.mark.parametrize("queue", sorted(QUEUES.keys() - set(DEAD_LETTERS)))
def test_every_queue_has_an_alarm_on_its_oldest_message(queue: str) -> None:
    (alarm,) = (
        one
        for one in ALARMS.values()
        if one.get("MetricName") == "ApproximateAgeOfOldestMessage"
        and one["Dimensions"] == [{"Name": "QueueName", "Value": attribute(queue, "QueueName")}]
    )

    assert alarm["Statistic"] == "Maximum"


@pytest.mark.parametrize(
    ("api", "condition"), [("HttpApi", None), ("MachineHttpApi", "HasMachineApi")]
)
def test_every_api_has_an_alarm_on_its_own_failures(api: str, condition: str | None) -> None:
    ((name, _),) = (
        (name, one) for name, one in ALARMS.items() if {"Ref": api} in _counted(name, "5xx")
    )

    assert TEMPLATE.document["Resources"][name].get("Condition") == condition


def _counted(name: str, metric: str) -> list[Any]:
    """What an alarm counts a metric of."""
    metrics = [each.get("Metric", each) for each in _stats(name)]
    return [one["Dimensions"][0]["Value"] for one in metrics if one["MetricName"] == metric]


@pytest.mark.parametrize("name", [name for name in ALARMS if name != "DeployErrorsAlarm"])
def test_an_alarm_and_its_end_reach_the_topic(name: str) -> None:
    topic = "AlarmTopic" if name in PAGES else "InformationTopic"

    assert ALARMS[name]["AlarmActions"] == [{"Ref": topic}]
    assert ALARMS[name]["OKActions"] == ALARMS[name]["AlarmActions"]


def test_the_errors_of_a_deploy_call_nobody_because_somebody_deploys() -> None:
    assert not {"AlarmActions", "OKActions"} & set(ALARMS["DeployErrorsAlarm"])


def test_in_prod_somebody_is_called() -> None:
    rule = TEMPLATE.document["Rules"]["NoProdWithoutAlarmEmail"]
    (assertion,) = rule["Assertions"]

    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}


@pytest.mark.parametrize(
    ("given", "called", "informed"),
    [
        ({}, None, None),
        ({"AlarmEmail": "night@x.org"}, "night@x.org", "night@x.org"),
        ({"InformationEmail": "day@x.org"}, None, "day@x.org"),
        (
            {"AlarmEmail": "night@x.org", "InformationEmail": "day@x.org"},
            "night@x.org",
            "day@x.org",
        ),
    ],
)
def test_alarms_call_one_address_and_information_goes_to_another(
    given: dict[str, str], called: str | None, informed: str | None
) -> None:
    loaded = Template.load(ROOT / "template.yaml", parameters={**ISSUER, **given})
    resources = loaded.of_type("AWS::SNS::Subscription")
    told = {
        loaded.resolve(each["TopicArn"]).rpartition(":")[2]: loaded.resolve(each["Endpoint"])
        for each in resources.values()
        if each["Protocol"] == "email"
    }

    topics = {loaded.name("AlarmTopic"): called, loaded.name("InformationTopic"): informed}
    assert told == {topic: address for topic, address in topics.items() if address}


def test_sweeps_that_fail_raise_an_alarm_that_is_over_when_they_end_well() -> None:
    (alarm,) = (one for one in ALARMS.values() if one.get("MetricName") == "NumberOfMessagesSent")

    watched = [{"Name": "QueueName", "Value": attribute(SWEPT_AGAIN, "QueueName")}]
    assert alarm["Dimensions"] == watched
    assert QUEUES[SWEPT_AGAIN]["MessageRetentionPeriod"] == 24 * 60 * 60
    assert not any(
        one.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        and one["Dimensions"] == watched
        for one in ALARMS.values()
    )


@pytest.mark.parametrize("queue", [each for each in DEAD_LETTERS if each != SWEPT_AGAIN])
def test_a_single_dead_letter_raises_an_alarm(queue: str) -> None:
    (alarm,) = (
        one
        for one in ALARMS.values()
        if one.get("MetricName") == "ApproximateNumberOfMessagesVisible"
        and one["Dimensions"] == [{"Name": "QueueName", "Value": attribute(queue, "QueueName")}]
    )

    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


@pytest.mark.parametrize(
    "metric",
    [
        "ExecutionsFailed",
        "ExecutionTime",
        "IteratorAge",
        "OldestUnappliedSeconds",
        "OldestOpenSagaAge",
        "OldestOpenTaskAge",
        "OldestOpenImportAge",
        "OldestOpenApprovalAge",
        "OldestUnrepairedSeconds",
        "Throttles",
        "ThrottledEvents",
        "WriteThrottleEvents",
        "5xx",
        "4xx",
        "Latency",
        "SqlFailures",
    ],
)
def test_what_can_go_wrong_is_watched(metric: str) -> None:
    assert [alarm for alarm in ALARMS.values() if metric in str(alarm)]


def test_what_fails_by_an_event_is_known_by_its_dead_letters_or_its_errors() -> None:
    resources = TEMPLATE.document["Resources"]
    invoked = [
        name for name in TEMPLATE.functions if name.startswith(("Event", "Live", "Schedule"))
    ]
    watched = {
        json.dumps(stat["Dimensions"])
        for name in ALARMS
        for stat in [ALARMS[name]]
        if "Dimensions" in stat
    }

    for name in invoked:
        config = resources[name]["Properties"].get("EventInvokeConfig")
        by_errors = [{"Name": "FunctionName", "Value": {"Ref": name}}]
        if config is None:
            assert json.dumps(by_errors) in watched
            continue
        (letters, _) = config["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"]
        by_letters = [{"Name": "QueueName", "Value": attribute(letters, "QueueName")}]
        assert json.dumps(by_letters) in watched


def test_a_stream_that_lags_raises_an_alarm_whatever_it_lags_for() -> None:
    streams = {name for name in TEMPLATE.functions if name.startswith("Stream")}
    watched = {
        alarm["Dimensions"][0]["Value"]["Ref"]
        for alarm in ALARMS.values()
        if alarm.get("MetricName") == "IteratorAge"
    }

    assert watched == streams


def test_nobody_pays_for_metrics_of_event_sources_that_nobody_reads() -> None:
    mappings = of_type("AWS::Lambda::EventSourceMapping").values()

    assert mappings
    assert not any("MetricsConfig" in mapping for mapping in mappings)


@pytest.mark.parametrize(
    "name",
    [
        "OldestOpenCommandAlarm",
        "OldestOpenTaskAlarm",
        "OldestOpenSagaAlarm",
        "OldestOpenImportAlarm",
        "OldestOpenApprovalAlarm",
        "OldestOpenZipImportAlarm",
    ],
)
def test_the_age_of_the_oldest_is_watched_under_the_name_that_the_sweep_gives_it(
    name: str,
) -> None:
    alarm = ALARMS[name]
    environment = TEMPLATE.document["Globals"]["Function"]["Environment"]["Variables"]

    assert alarm["Namespace"] == environment["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [
        {"Name": "service", "Value": environment["POWERTOOLS_SERVICE_NAME"]}
    ]
    (kind,) = (kind for kind in sweeps.KINDS if kind.metric == alarm["MetricName"])
    # Of missing data the first deploy tells nobody.
    assert alarm["TreatMissingData"] == ("missing" if kind.reports else "notBreaching")
    told = [{"Ref": "AlarmTopic"}] if kind.reports else None
    assert alarm.get("InsufficientDataActions") == told


def test_that_no_sweep_reports_is_told_by_one_kind() -> None:
    assert [kind.name for kind in sweeps.KINDS if kind.reports] == ["command"]


def test_a_backlog_is_watched_under_the_name_that_the_sweep_gives_it() -> None:
    alarm = ALARMS["UnrepairedCommandAlarm"]

    assert (alarm["Namespace"], alarm["MetricName"]) == ("sfn-cqrs", backlog.AGE)
    assert alarm["Dimensions"] == ALARMS["OldestOpenCommandAlarm"]["Dimensions"]
    assert alarm["TreatMissingData"] == "notBreaching"  # nothing is told where nothing waits


def test_sql_that_fails_is_watched_under_the_name_that_functions_give_it() -> None:
    alarm = ALARMS["PostgresFailuresAlarm"]
    resource = TEMPLATE.document["Resources"]["PostgresFailuresAlarm"]
    environment = TEMPLATE.document["Globals"]["Function"]["Environment"]["Variables"]

    assert resource["Condition"] == "HasPostgres"
    assert (alarm["Namespace"], alarm["MetricName"]) == ("sfn-cqrs", sql_failures.METRIC)
    assert alarm["Namespace"] == environment["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [
        {"Name": "service", "Value": environment["POWERTOOLS_SERVICE_NAME"]}
    ]
    assert alarm["TreatMissingData"] == "notBreaching"  # nothing is told while nothing fails


def test_what_is_invoked_by_an_event_is_tried_three_times_and_then_kept() -> None:
    resources = TEMPLATE.document["Resources"]
    invoked = [name for name in TEMPLATE.functions if name.startswith(("Event", "Schedule"))]

    assert invoked
    for name in invoked:
        config = resources[name]["Properties"]["EventInvokeConfig"]
        assert config["MaximumRetryAttempts"] == 2
        assert config["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


def test_uploads_start_imports_only_if_a_parameter_says_so() -> None:
    rule = of_type("AWS::Events::Rule")["EventOnFileUploadedFunctionUploaded"]
    bucket = of_type("AWS::S3::Bucket")["ImportBucket"]

    assert TEMPLATE.parameters["ImportOnUpload"] == "disabled"
    assert rule["State"] == {"Fn::If": ["HasImportOnUpload", "ENABLED", "DISABLED"]}
    assert bucket["NotificationConfiguration"] == {
        "Fn::If": [
            "HasImportOnUpload",
            {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            {"Ref": "AWS::NoValue"},
        ]
    }
    (target,) = rule["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": attribute("FileUploadedDeadLetterQueue")}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0


def test_a_browser_may_send_uploads_from_where_it_may_call_the_api() -> None:
    cors = of_type("AWS::S3::Bucket")["ImportBucket"]["CorsConfiguration"]["Fn::If"]

    assert (cors[0], cors[2]) == ("HasCors", {"Ref": "AWS::NoValue"})
    (rule,) = cors[1]["CorsRules"]
    assert rule["AllowedOrigins"] == {"Fn::Split": [",", {"Ref": "CorsOrigins"}]}
    assert rule["AllowedMethods"] == ["POST", "GET"]


RESERVED = {
    "ApiHandleRequestFunction": "ApiConcurrency",
    "ImportCsvCsvRowsHandlerFunction": "ImportConcurrency",
    **{name: "StreamConcurrency" for name in TEMPLATE.functions if name.startswith("StreamOn")},
}


def test_concurrency_is_reserved_where_a_parameter_says_so_and_by_default_nowhere() -> None:
    functions = of_type("AWS::Lambda::Function")
    reserved = {
        name: function["ReservedConcurrentExecutions"]
        for name, function in functions.items()
        if "ReservedConcurrentExecutions" in function
    }

    assert reserved == {
        name: {"Fn::If": [f"Has{parameter}", {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}
        for name, parameter in RESERVED.items()
    }
    for parameter in set(RESERVED.values()):
        assert TEMPLATE.document["Parameters"][parameter]["Default"] == ""
        is_empty = {"Fn::Equals": [{"Ref": parameter}, ""]}
        assert TEMPLATE.document["Conditions"][f"Has{parameter}"] == {"Fn::Not": [is_empty]}


WARM_TABLES = {"CommandsTable", "DataTable", "HistoryTable", "ReadModelsTable"}


def test_what_each_command_writes_to_is_warm_where_a_parameter_says_so() -> None:
    tables = of_type("AWS::DynamoDB::Table")
    warm = {
        "Fn::If": [
            "HasWarmWrites",
            {"WriteUnitsPerSecond": {"Ref": "WarmWrites"}},
            {"Ref": "AWS::NoValue"},
        ]
    }

    assert {name for name, table in tables.items() if "WarmThroughput" in table} == WARM_TABLES
    for name in WARM_TABLES:
        indexes = tables[name].get("GlobalSecondaryIndexes", [])
        assert [part["WarmThroughput"] for part in (tables[name], *indexes)] == [
            warm for _ in (name, *indexes)
        ]
    assert TEMPLATE.document["Parameters"]["WarmWrites"]["Default"] == ""
    assert TEMPLATE.document["Conditions"]["HasWarmWrites"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "WarmWrites"}, ""]}]
    }
