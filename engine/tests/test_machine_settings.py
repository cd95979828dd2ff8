"""What CreateStateMachine takes beside the definition, and what Describe shows of a machine.

Sources: Step Functions API Reference; answers and texts recorded from AWS in localstack's
tests/aws/services/stepfunctions/v2/test_sfn_api_logs, test_sfn_api_variable_references.
"""

import json
from typing import Any

import pytest
from engine.tests.conftest import Lab
from engine.tests.maps import CALL, MapLab

from sfn_local import is_of_map_run, trace_header
from sfn_local.errors import ApiError
from sfn_local.operations import OPERATIONS

PASS = {"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}
ROLE = "arn:aws:iam::123456789012:role/r"
GROUP = {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:1:log-group:g:*"}}
ALL = {"level": "ALL", "includeExecutionData": True, "destinations": [GROUP]}
OFF = {"level": "OFF", "includeExecutionData": False}
KMS = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "alias/k"}


def call(lab: Lab | MapLab, name: str, /, **given: Any) -> dict[str, Any]:
    operation = OPERATIONS[name]
    return operation.run(lab.engine, operation.check(given))


def create(lab: Lab, definition: Any = PASS, **more: Any) -> str:
    text = json.dumps(definition)
    answer = call(
        lab, "CreateStateMachine", **{"name": "m", "definition": text, "roleArn": ROLE, **more}
    )
    return str(answer["stateMachineArn"])


def describe(lab: Lab | MapLab, arn: str, **more: Any) -> dict[str, Any]:
    return call(lab, "DescribeStateMachine", stateMachineArn=arn, **more)


def refused(lab: Lab, name: str, /, **given: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        call(lab, name, **given)
    return caught.value.code, str(caught.value)


def test_settings_have_awss_defaults(lab: Lab) -> None:
    described = describe(lab, create(lab))

    assert described["loggingConfiguration"] == OFF
    assert described["tracingConfiguration"] == {"enabled": False}
    assert described["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}
    assert "variableReferences" not in described


def test_settings_are_kept_and_can_be_changed(lab: Lab) -> None:
    arn = create(
        lab,
        loggingConfiguration=ALL,
        tracingConfiguration={"enabled": True},
        encryptionConfiguration=KMS,
    )
    created = describe(lab, arn)
    call(lab, "UpdateStateMachine", stateMachineArn=arn, tracingConfiguration={"enabled": False})
    updated = describe(lab, arn)

    assert created["loggingConfiguration"] == ALL
    assert created["tracingConfiguration"] == {"enabled": True}
    assert created["encryptionConfiguration"] == updated["encryptionConfiguration"] == KMS
    assert updated["tracingConfiguration"] == {"enabled": False}
    assert "revisionId" in updated


def test_the_same_name_with_other_settings_is_another_machine(lab: Lab) -> None:
    arn = create(lab, loggingConfiguration=ALL)

    assert create(lab, loggingConfiguration=ALL) == arn
    with pytest.raises(ApiError) as caught:
        create(lab)
    assert caught.value.code == "StateMachineAlreadyExists"


@pytest.mark.parametrize(
    ("logging", "shown"),
    [({}, OFF), ({"destinations": []}, {**OFF, "destinations": []}), ({**OFF}, OFF)],
)
def test_logging_may_be_left_off(lab: Lab, logging: Any, shown: Any) -> None:
    assert describe(lab, create(lab, loggingConfiguration=logging))["loggingConfiguration"] == shown


@pytest.mark.parametrize(
    "logging",
    [
        {"level": "ALL"},
        {"level": "ALL", "destinations": []},
        {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {}}]},
        {"level": "ALL", "destinations": [GROUP, GROUP]},
    ],
)
def test_logging_needs_exactly_one_destination(lab: Lab, logging: Any) -> None:
    given = {"name": "m", "definition": json.dumps(PASS), "roleArn": ROLE}

    assert refused(lab, "CreateStateMachine", **given, loggingConfiguration=logging) == (
        "InvalidLoggingConfiguration",
        "Invalid Logging Configuration: Must specify exactly one Log Destination.",
    )


@pytest.mark.parametrize(
    "encryption",
    [{"type": "CUSTOMER_MANAGED_KMS_KEY"}, {"type": "AWS_OWNED_KEY", "kmsKeyId": "k"}],
)
def test_a_key_is_named_where_it_is_the_customers(lab: Lab, encryption: Any) -> None:
    machine = {"definition": json.dumps(PASS), "roleArn": ROLE}
    given = {"name": "m", "encryptionConfiguration": encryption}

    assert refused(lab, "CreateStateMachine", **machine, **given)[0] == (
        "InvalidEncryptionConfiguration"
    )
    assert refused(lab, "CreateActivity", **given)[0] == "InvalidEncryptionConfiguration"


def test_an_activity_has_tags_and_its_encryption(lab: Lab) -> None:
    tags = [{"key": "k", "value": "v"}]
    arn = call(lab, "CreateActivity", name="a", tags=tags, encryptionConfiguration=KMS)
    again = refused(lab, "CreateActivity", name="a")

    assert call(lab, "ListTagsForResource", resourceArn=arn["activityArn"])["tags"] == tags
    described = call(lab, "DescribeActivity", activityArn=arn["activityArn"])
    assert described["encryptionConfiguration"] == KMS
    assert again[0] == "ActivityAlreadyExists"


def test_a_machine_says_which_variables_its_states_read(lab: Lab) -> None:
    states = {
        "set": {"Type": "Pass", "Assign": {"low": 1, "high": 2, "t": "x"}, "Next": "each"},
        "each": {
            "Type": "Map",
            "ItemsPath": "$.rows",
            "ItemSelector": {"v.$": "States.MathAdd($low, $$.Map.Item.Value)"},
            "ItemProcessor": {
                "StartAt": "inner",
                "States": {"inner": {"Type": "Pass", "Parameters": {"t.$": "$t"}, "End": True}},
            },
            "Next": "choose",
        },
        "choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$low", "NumericLessThanPath": "$high", "Next": "end"}],
            "Default": "end",
        },
        "end": {"Type": "Succeed"},
    }
    described = describe(lab, create(lab, {"StartAt": "set", "States": states}))

    assert described["variableReferences"] == {
        "each": ["low"],
        "choose": ["high", "low"],
        "inner": ["t"],
    }


def test_metadata_only_leaves_the_definition_out(lab: Lab) -> None:
    """API Reference, DescribeStateMachine: the returned definition will be {}."""
    arn = create(lab)
    execution = lab.engine.start_execution(arn, "x")
    described = [
        describe(lab, arn, includedData="METADATA_ONLY"),
        call(
            lab,
            "DescribeStateMachineForExecution",
            executionArn=execution,
            includedData="METADATA_ONLY",
        ),
    ]

    assert [each["definition"] for each in described] == ["{}", "{}"]
    assert describe(lab, arn, includedData="ALL_DATA")["definition"] == json.dumps(PASS)


def test_metadata_only_leaves_payloads_out(lab: Lab) -> None:
    started = call(lab, "StartExecution", stateMachineArn=create(lab), name="x", input='{"a":1}')
    lab.engine.run_until(started["executionArn"])
    described = call(
        lab,
        "DescribeExecution",
        executionArn=started["executionArn"],
        includedData="METADATA_ONLY",
    )
    express = create(lab, name="e", type="EXPRESS")
    answered = call(
        lab, "StartSyncExecution", stateMachineArn=express, includedData="METADATA_ONLY"
    )

    for each in (described, answered):
        assert each["status"] == "SUCCEEDED"
        assert {"input", "output"} & set(each) == set()
        assert each["inputDetails"] == each["outputDetails"] == {"included": False}
    assert answered["billingDetails"]["billedMemoryUsedInMB"] == 64


def test_a_trace_header_is_shown(lab: Lab) -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
    machine, express = create(lab), create(lab, name="e", type="EXPRESS")
    started = call(lab, "StartExecution", stateMachineArn=machine, traceHeader=trace)
    described = lab.engine.describe_execution(started["executionArn"])
    answered = call(lab, "StartSyncExecution", stateMachineArn=express, traceHeader=trace)

    assert described["traceHeader"] == answered["traceHeader"] == trace
    assert refused(lab, "StartExecution", stateMachineArn=machine, traceHeader="\u00e9")[0] == (
        "ValidationException"
    )


def test_whoever_runs_a_function_is_told_the_trace_of_the_execution_and_of_its_parent() -> None:
    trace, maps = "Root=1-5759e988-bd862e3fe1be46a994272793", MapLab()
    maps.function = lambda _item: trace_header.get()
    maps.run([1], processor=CALL)
    started = maps.engine.started_execution(maps.machine, "y", "[1]", trace)
    maps.engine.run_until(started["executionArn"])

    assert maps.execution["output"] == "[null]"
    described = maps.engine.describe_execution(started["executionArn"])
    assert json.loads(described["output"]) == [trace]
    assert trace_header.get() is None


def test_whoever_runs_a_function_is_told_if_a_child_of_a_map_run_calls_it(lab: Lab) -> None:
    maps = MapLab()
    maps.function = lambda _item: is_of_map_run.get()
    maps.run([1], processor=CALL)
    lab.functions["f"] = lambda _: is_of_map_run.get()
    call_f = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"}
    processor = {"StartAt": "f", "States": {"f": {**call_f, "End": True}}}

    inline = lab.run_state({"Type": "Map", "ItemProcessor": processor, "End": True}, [1])
    alone = lab.run_state({**call_f, "End": True}, 1)

    assert (maps.execution["output"], inline.output, alone.output) == ("[true]", [False], False)


def test_a_map_runs_children_have_their_own_definition() -> None:
    maps = MapLab()
    maps.run([1], Label="Each")
    labelled = f"{maps.machine}/Each"
    (child,) = maps.engine.list_children(maps.map_run["mapRunArn"])
    described = maps.engine.describe_state_machine_for_execution(child["executionArn"])

    assert json.loads(described["definition"])["StartAt"] == "each"
    assert (described["label"], described["mapRunArn"]) == ("Each", child["mapRunArn"])
    assert describe(maps, labelled)["definition"] == described["definition"]
    assert describe(maps, labelled)["stateMachineArn"] == labelled
    with pytest.raises(ApiError, match="Does Not Exist"):
        describe(maps, f"{maps.machine}/Other")


def test_executions_are_listed_by_whether_they_were_redriven() -> None:
    maps = MapLab()
    maps.function = refuse_two
    maps.run([1, 2], processor={"Type": "Task", "Resource": FUNCTION, "End": True})
    maps.engine.redrive_execution(maps.arn)
    maps.engine.run_until(maps.arn)
    run = maps.map_run["mapRunArn"]
    listed = {
        wanted: [
            child["redriveCount"]
            for child in call(maps, "ListExecutions", mapRunArn=run, redriveFilter=wanted)[
                "executions"
            ]
        ]
        for wanted in ("REDRIVEN", "NOT_REDRIVEN")
    }

    assert listed == {"REDRIVEN": [1], "NOT_REDRIVEN": [0]}


FUNCTION = "arn:aws:lambda:us-east-1:0:function:f"


def refuse_two(item: int) -> int:
    if item == 2:
        raise ValueError("two")
    return item


def test_a_child_that_waits_for_its_redrive_is_pending() -> None:
    """API Reference, ListExecutions: statusFilter PENDING_REDRIVE."""
    maps = MapLab()
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    maps.start([1, 2], processor=wait, MaxConcurrency=2)
    maps.engine.update_map_run(maps.map_run["mapRunArn"], most_at_once=1)
    maps.engine.stop_execution(maps.arn)
    maps.engine.run_until_idle()
    maps.engine.redrive_execution(maps.arn)
    maps.engine.run_until_idle()
    run = maps.map_run
    pending = maps.engine.list_children(run["mapRunArn"], "PENDING_REDRIVE")
    maps.engine.run_until(maps.arn)
    counts = run["executionCounts"]

    assert (counts["running"], counts["pendingRedrive"], len(pending)) == (1, 1, 1)
    assert maps.engine.list_children(run["mapRunArn"], "PENDING_REDRIVE") == []


@pytest.mark.parametrize(
    "given", [{"redriveFilter": "REDRIVEN"}, {"statusFilter": "PENDING_REDRIVE"}]
)
def test_filters_of_map_runs_are_refused_for_machines(lab: Lab, given: Any) -> None:
    machine = create(lab)

    assert refused(lab, "ListExecutions", stateMachineArn=machine, **given)[0] == (
        "ValidationException"
    )
