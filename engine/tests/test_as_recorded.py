"""Where AWS does what one would not expect, as it was recorded.

Sources: the recordings in localstack's tests/aws/services/stepfunctions/v2, each named by its
folder or file; where two disagree, the later one counts.
"""

import base64
import json
from typing import Any

import pytest
from engine.tests.conftest import Lab

from sfn_local.errors import ApiError
from sfn_local.lint.validation import validate
from sfn_local.operations import OPERATIONS

INVOKE = "arn:aws:states:::lambda:invoke"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
PASS = {"Type": "Pass", "End": True}
ROLE = {"role": "r"}
MACHINE = {"StartAt": "it", "States": {"it": PASS}}


def refusal(lab: Lab, definition: Any) -> str:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    with pytest.raises(ApiError) as caught:
        lab.engine.create_state_machine("m", text)
    return str(caught.value)


def ask(lab: Lab, operation: str, **given: Any) -> Any:
    asked = OPERATIONS[operation]
    return asked.run(lab.engine, asked.check(given))


def said(lab: Lab, operation: str, **given: Any) -> str:
    with pytest.raises(ApiError) as caught:
        ask(lab, operation, **given)
    return str(caught.value)


def test_an_iteration_follows_the_last_event_inside_the_one_before(lab: Lab) -> None:
    """scenarios: test_map_state."""
    processor = {"StartAt": "in", "States": {"in": PASS}}
    state = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor}
    chain = lab.run_state(state, [1, 2]).chain

    assert chain[3:] == [
        (4, 3, "MapIterationStarted"),
        (5, 4, "PassStateEntered"),
        (6, 5, "PassStateExited"),
        (7, 6, "MapIterationSucceeded"),
        (8, 6, "MapIterationStarted"),
        (9, 8, "PassStateEntered"),
        (10, 9, "PassStateExited"),
        (11, 10, "MapIterationSucceeded"),
        (12, 11, "MapStateSucceeded"),
        (13, 11, "MapStateExited"),
        (14, 13, "ExecutionSucceeded"),
    ]


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        (None, {}),
        ("null", None),
        ('"Hello"', "Hello"),
        ("[]", []),
        ("0.0", 0.0),
        ("no JSON", "no JSON"),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_a_payload_that_is_a_json_text_is_sent_as_it_is(lab: Lab, payload: Any, sent: Any) -> None:
    """services/test_lambda_task_service: test_invoke, test_invoke_json_values, November 2025."""
    lab.functions["f"] = lambda event: event
    parameters = {"FunctionName": FUNCTION, "Payload": payload}
    run = lab.run_state({"Type": "Task", "Resource": INVOKE, "Parameters": parameters})

    assert lab.calls == [("f", sent)]
    assert run.output["Payload"] == sent


def test_a_log_is_answered_where_its_tail_was_asked_for(lab: Lab) -> None:
    """services/test_lambda_task_service: test_invoke_unsupported_param."""
    lab.functions["f"] = lambda _: 1
    parameters = {"FunctionName": FUNCTION, "LogType": "Tail"}
    run = lab.run_state({"Type": "Task", "Resource": INVOKE, "Parameters": parameters})

    assert base64.b64decode(run.output["LogResult"])


@pytest.mark.parametrize(
    ("credentials", "role"),
    [
        ({"RoleArn": "arn:aws:iam::1:role/a"}, "arn:aws:iam::1:role/a"),
        ({"RoleArn.$": "$.role"}, "r"),
        ({"RoleArn.$": "States.Format('{}-{}', $.role, 1)"}, "r-1"),
    ],
)
def test_the_role_of_credentials_is_in_the_events(lab: Lab, credentials: Any, role: str) -> None:
    """credentials/test_credentials_base: test_cross_account_…, December 2024."""
    lab.functions["f"] = lambda _: 1
    optimized = {"Resource": INVOKE, "Parameters": {"FunctionName": FUNCTION}}
    direct = {"Resource": FUNCTION}
    shown = [
        event[name]["taskCredentials"]
        for task in (optimized, direct)
        for event in lab.run_state(
            {"Type": "Task", "Credentials": credentials, **task}, ROLE
        ).events
        for name in ("taskScheduledEventDetails", "lambdaFunctionScheduledEventDetails")
        if name in event
    ]

    assert shown == [{"roleArn": role}, {"roleArn": role}]


def test_an_expression_may_give_the_role_of_credentials(lab: Lab) -> None:
    """credentials/test_credentials_base: [SFN_START_EXECUTION_SYNC_ROLE_ARN_JSONATA]."""
    lab.functions["f"] = lambda _: 1
    credentials = {"RoleArn": "{% $states.input.role %}"}
    task = {"Type": "Task", "QueryLanguage": "JSONata", "Resource": FUNCTION}
    events = lab.run_state({**task, "Credentials": credentials}, ROLE).events

    assert events[2]["lambdaFunctionScheduledEventDetails"]["taskCredentials"] == {"roleArn": "r"}


@pytest.mark.parametrize("credentials", [{}, {"Role": "r"}])
def test_credentials_need_a_role(lab: Lab, credentials: Any) -> None:
    """credentials/test_credentials_base: test_invalid_credentials_field."""
    task = {"Type": "Task", "Resource": FUNCTION, "Credentials": credentials, "End": True}

    assert refusal(lab, {"StartAt": "a", "States": {"a": task}}) == (
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "
        "The field 'RoleArn' is required but was missing at /States/a/Credentials'"
    )


@pytest.mark.parametrize("pattern", [".sync", ".sync:2"])
def test_a_token_ends_a_task_that_waits_for_an_execution(lab: Lab, pattern: str) -> None:
    """callback/test_callback: test_sync_with_task_token."""
    waits = {"StartAt": "w", "States": {"w": {"Type": "Wait", "Seconds": 60, "End": True}}}
    inner = lab.engine.create_state_machine("inner", waits)
    parameters = {"StateMachineArn": inner, "Input": {"token.$": "$$.Task.Token"}}
    state = {"Resource": f"arn:aws:states:::states:startExecution{pattern}", "End": True}
    outer = {"it": {"Type": "Task", "Parameters": parameters, **state}}
    run = lab.start({"StartAt": "it", "States": outer})
    started = lab.engine.list_executions(inner)[0]["executionArn"]
    token = json.loads(lab.engine.describe_execution(started)["input"])["token"]
    lab.engine.send_task_success(token, '"sent"')
    lab.engine.run_until_idle()

    assert (run.status, run.output) == ("SUCCEEDED", "sent")


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("{}", "SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /"),
        ({"StartAt": "a"}, "SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /"),
        (
            {"StartAt": "a", "States": {"a": {"Type": "Typo", "End": True}}},
            "SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, "
            "Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/a/Type",
        ),
        (
            {"StartAt": "a", "States": {"a": {"Type": "Parallel", "Branches": [], "End": True}}},
            "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/a/Branches",
        ),
        (
            {"StartAt": "a", "States": {"a": {"Type": "Wait", "Timestamp": "2", "End": True}}},
            "SCHEMA_VALIDATION_FAILED: String does not match RFC3339 timestamp at "
            "/States/a/Timestamp",
        ),
        (
            {
                "StartAt": "a",
                "States": {"a": {**PASS, "Parameters": {"p.$": r"States.Array('\"')"}}},
            },
            "SCHEMA_VALIDATION_FAILED: The value for the field 'p.$' must be a valid JSONPath or a "
            "valid intrinsic function call at /States/a/Parameters",
        ),
        (
            {
                "QueryLanguage": "JSONata",
                "StartAt": "a",
                "States": {"a": {**PASS, "QueryLanguage": "JSONPath"}},
            },
            "SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' "
            "for whole state machine at /States/a",
        ),
    ],
)
def test_a_refused_definition_is_worded_as_aws_words_it(
    lab: Lab, definition: Any, reason: str
) -> None:
    """test_sfn_api, test_sfn_api_validation, test_state, scenarios: without line and column."""
    assert refusal(lab, definition) == f"Invalid State Machine Definition: '{reason}'"


@pytest.mark.parametrize(
    ("definition", "diagnostic"),
    [
        (
            " ",
            {
                "severity": "ERROR",
                "code": "SCHEMA_VALIDATION_FAILED",
                "message": "Definition must be a valid JSON object",
            },
        ),
        (
            "not a definition",
            {
                "severity": "ERROR",
                "code": "INVALID_JSON_DESCRIPTION",
                "message": "Unrecognized token 'not': was expecting (JSON String, Number, Array, "
                "Object or token 'null', 'true' or 'false')\n at "
                '[Source: (String)"not a definition"; line: 1, column: 4]',
                "location": '[Source: (String)"not a definition"; line: 1, column: 4]',
            },
        ),
        (
            "{}",
            {
                "severity": "ERROR",
                "code": "SCHEMA_VALIDATION_FAILED",
                "message": "These fields are required: [States, StartAt]",
                "location": "/",
            },
        ),
    ],
)
def test_what_is_no_definition_has_one_diagnostic(definition: str, diagnostic: Any) -> None:
    """test_sfn_api_validation: test_validate_state_machine_definition_not_a_definition."""
    assert validate(definition)["diagnostics"] == [diagnostic]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Invalid execution input."),
        (
            "not some JSON",
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token "
            "'null', 'true' or 'false')",
        ),
        (
            "{'a': 1}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
        ),
    ],
)
def test_an_input_that_is_no_json_is_worded_as_aws_words_it(
    lab: Lab, text: str, reason: str
) -> None:
    """test_sfn_api: test_invalid_start_execution_input."""
    machine = lab.engine.create_state_machine("m", MACHINE)

    assert said(lab, "StartExecution", stateMachineArn=machine, input=text) == (
        f"Invalid State Machine Execution Input: '{reason}'"
    )


def test_a_text_that_is_no_arn_is_told_by_its_prefix(lab: Lab) -> None:
    """test_sfn_api: test_describe_invalid_arn_sm."""
    assert said(lab, "DescribeStateMachine", stateMachineArn="no_arn") == (
        "Invalid Arn: 'Invalid ARN prefix: no_arn'"
    )


def test_a_page_token_that_is_too_long_is_repeated_and_a_task_token_is_not(lab: Lab) -> None:
    """test_sfn_api: test_list_sms_pagination; a task's token is a secret."""
    page, token = "p" * 1025, "t" * 2049

    assert f"Value '{page}' at 'nextToken'" in said(lab, "ListStateMachines", nextToken=page)
    assert token not in said(lab, "SendTaskHeartbeat", taskToken=token)


def test_statuses_are_listed_in_awss_order(lab: Lab) -> None:
    """test_sfn_api: test_state_machine_status_filter."""
    machine = lab.engine.create_state_machine("m", MACHINE)
    text = said(lab, "ListExecutions", stateMachineArn=machine, statusFilter="succeeded")

    assert text == (
        "1 validation error detected: Value 'succeeded' at 'statusFilter' failed to satisfy "
        "constraint: Member must satisfy enum value set: "
        "[SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]"
    )


def test_aliases_are_refused_in_awss_words(lab: Lab) -> None:
    """test_sfn_api_aliasing."""
    machine = lab.engine.create_state_machine("m", MACHINE)
    route = {"stateMachineVersionArn": f"{machine}:1", "weight": 50}
    asked = {"operation": "CreateStateMachineAlias", "routingConfiguration": [route]}
    shown = f"RoutingConfigurationListItem(stateMachineVersionArn={machine}:1, weight=50)"
    many = {"name": "alias", "routingConfiguration": [route] * 3}

    assert said(lab, **{**asked, "name": "A" * 81}) == (
        f"1 validation error detected: Value '{'A' * 81}' at 'name' failed to satisfy constraint: "
        "Member must have length less than or equal to 80"
    )
    assert f"Value '[{shown}, {shown}, {shown}]' at 'routing" in said(lab, **{**asked, **many})
    assert said(
        lab, "UpdateStateMachineAlias", stateMachineAliasArn=f"{machine}:none", description="d"
    ) == ("Request references a resource that does not exist.")


def test_a_name_in_brackets_keeps_a_backslash_before_the_other_quote(lab: Lab) -> None:
    """scenarios: test_escape_sequence_parsing[ESCAPE_SEQUENCES_JSONPATH]."""
    state = {**PASS, "Parameters": {"value.$": r"""$['Test\""Name"']"""}}
    run = lab.run_state(state, {r'Test\""Name"': 1, 'Test""Name"': 2})

    assert run.output == {"value": 1}


def test_an_inline_map_takes_a_tolerance_and_does_not_heed_it(lab: Lab) -> None:
    """evaluate_jsonata: test_base_map[TOLERATED_FAILURE_COUNT]."""
    inner = {"StartAt": "in", "States": {"in": {"Type": "Fail", "Error": "E"}}}
    run = lab.run_state({"Type": "Map", "ToleratedFailureCount": 5, "ItemProcessor": inner}, [1])

    assert (run.status, run.error) == ("FAILED", "E")


def answer_to(lab: Lab, state: dict[str, Any], data: Any = None, **more: Any) -> Any:
    given = {"definition": json.dumps(state), "input": json.dumps(data), **more}
    return ask(lab, "TestState", **{"inspectionLevel": "DEBUG", **given})


@pytest.mark.parametrize(
    ("fields", "stages"),
    [
        ({}, ["afterInputPath", "afterParameters", "afterResultPath", "afterResultSelector"]),
        ({"Result": 1}, ["afterResultPath", "afterResultSelector", "result"]),
    ],
)
def test_a_tested_pass_state_shows_its_result_or_what_leads_to_one(
    lab: Lab, fields: Any, stages: list[str]
) -> None:
    """test_state/test_test_state_scenarios: test_base_inspection_level_debug."""
    data = answer_to(lab, {**PASS, **fields})["inspectionData"]

    assert sorted(data) == sorted([*stages, "input"])


def test_the_limits_of_a_tested_map_are_evaluated(lab: Lab) -> None:
    """test_state/test_test_state_scenarios: test_base_map_state_inspect."""
    state = {
        "Type": "Map",
        "QueryLanguage": "JSONata",
        "Items": "{% $states.input %}",
        "MaxConcurrency": "{% 1 + 1 %}",
        "ToleratedFailurePercentage": "{% 1 %}",
        "ItemProcessor": MACHINE,
        "End": True,
    }
    data = answer_to(lab, state, [1], mock={"result": "[1]"})["inspectionData"]

    assert (data["maxConcurrency"], data["toleratedFailurePercentage"]) == (2, 1.0)


def test_a_tested_map_needs_items_though_its_work_is_mocked(lab: Lab) -> None:
    """test_state/test_state_context_object: test_state_map_context_object[ALL]."""
    state = {"Type": "Map", "ItemsPath": "$.a", "ItemProcessor": MACHINE, "End": True}
    answer = answer_to(lab, state, {"a": 1}, mock={"result": "[1]"})

    assert (answer["status"], answer["error"]) == ("FAILED", "States.Runtime")
    assert 'Reference path "$.a" must point to array.' in answer["cause"]


def test_a_retrier_without_attempts_left_is_shown(lab: Lab) -> None:
    """test_state/test_state_configuration: test_state_configuration_retrier_retry_count."""
    retry = [{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["E"], "MaxAttempts": 2}]
    state = {"Type": "Task", "Resource": FUNCTION, "Retry": retry, "End": True}
    error = {"errorOutput": {"error": "E"}}
    answer = answer_to(lab, state, mock=error, stateConfiguration={"retrierRetryCount": 2})

    assert answer["status"] == "FAILED"
    assert answer["inspectionData"]["errorDetails"] == {"retryIndex": 1}


@pytest.mark.parametrize(
    ("context", "complaint"),
    [
        ({"Execution": {"Id": 1}}, "Execution.Id must be a string"),
        ({"Map": {}}, "'Map' field is not supported when mocking a Context object"),
        ({"Execution": {"other": "x"}}, "Field 'other' is not allowed"),
        ({"Other": {}}, "Field 'Other' is not allowed"),
        (
            {"Task": {"Token": "t"}},
            "Context object contains 'Task' when state is not a Task state with a '.sync' or "
            "'.waitForTaskToken' service integration pattern",
        ),
    ],
)
def test_a_given_context_is_checked(lab: Lab, context: Any, complaint: str) -> None:
    """test_state/test_state_context_object: test_state_context_object_validation_failures."""
    state = {"Type": "Task", "Resource": FUNCTION, "End": True}
    text = said(
        lab,
        "TestState",
        definition=json.dumps(state),
        context=json.dumps(context),
        mock={"result": "1"},
    )

    assert text == f"Invalid Context object provided: {complaint}"


@pytest.mark.parametrize("context", [{}, {"Execution": {}, "State": {}, "StateMachine": {}}])
def test_a_given_context_is_the_whole_context(lab: Lab, context: Any) -> None:
    """test_state/test_state_context_object: test_state_context_object_edge_cases."""
    selector = {"c.$": "$$"}
    state = {"Type": "Task", "Resource": FUNCTION, "ResultSelector": selector, "End": True}
    answer = answer_to(lab, state, mock={"result": "1"}, context=json.dumps(context))

    assert json.loads(answer["output"]) == {"c": context}


def test_a_state_without_a_role_has_none_in_its_context(lab: Lab) -> None:
    """test_state/test_test_state_scenarios: test_state_with_variables, February 2026."""
    answer = answer_to(lab, {**PASS, "Parameters": {"role.$": "$$.Execution.RoleArn"}})

    assert answer["output"] == '{"role":null}'


def test_items_from_the_context_that_are_none_are_named_as_aws_names_them(lab: Lab) -> None:
    """test_state/test_state_context_object: test_state_map_context_object[EXECUTION_INPUT]."""
    inner = {"StartAt": "in", "States": {"in": PASS}}
    state = {"Type": "Map", "ItemsPath": "$$.Execution.Input", "ItemProcessor": inner}
    run = lab.run_state(state, {"a": 1})

    assert (run.cause or "").endswith('Reference path "$.Execution.Input" must point to array.')
