"""TestState.

Source: Step Functions API Reference, TestState, MockInput, TestStateConfiguration, InspectionData;
Developer Guide, "Testing state machines with TestState API".
"""

import json
from typing import Any

import pytest
from engine.tests.conftest import Lab

from sfn_local import FunctionError
from sfn_local.errors import ApiError
from sfn_local.operations import OPERATIONS

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
INVOKE = "arn:aws:states:::lambda:invoke"
TASK = {"Type": "Task", "Resource": FUNCTION, "Next": "after"}
RETRY = [
    {"ErrorEquals": ["Other"]},
    {"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "MaxAttempts": 2, "BackoffRate": 2},
]
CATCH = [
    {"ErrorEquals": ["Other"], "Next": "other"},
    {"ErrorEquals": ["States.ALL"], "Next": "caught", "ResultPath": "$.error"},
]


def ask(lab: Lab, definition: dict[str, Any], data: Any = None, **more: Any) -> dict[str, Any]:
    operation = OPERATIONS["TestState"]
    given = {
        "definition": json.dumps(definition),
        "input": json.dumps(data),
        "roleArn": "arn:aws:iam::123456789012:role/r",
        **more,
    }
    return operation.run(lab.engine, operation.check(given))


def refused(lab: Lab, definition: dict[str, Any], **more: Any) -> str:
    with pytest.raises(ApiError) as caught:
        ask(lab, definition, **more)
    return caught.value.code


def returned(value: Any) -> dict[str, Any]:
    return {"result": json.dumps(value)}


def thrown(error: str, cause: str = "c") -> dict[str, Any]:
    return {"errorOutput": {"error": error, "cause": cause}}


def test_a_state_is_run_with_its_data_flow(lab: Lab) -> None:
    state = {"Type": "Pass", "Result": {"b": 2}, "ResultPath": "$.r", "Next": "after"}
    answer = ask(lab, state, {"a": 1})

    assert answer == {
        "status": "SUCCEEDED",
        "output": '{"a":1,"r":{"b":2}}',
        "nextState": "after",
    }


def test_a_task_really_calls_its_function(lab: Lab) -> None:
    lab.functions["f"] = lambda given: {"got": given}

    assert ask(lab, TASK, 1)["output"] == '{"got": 1}'
    assert lab.calls == [("f", 1)]


def test_a_last_state_has_no_next(lab: Lab) -> None:
    assert ask(lab, {"Type": "Succeed"}, 1) == {"status": "SUCCEEDED", "output": "1"}


def test_a_choice_says_where_it_leads(lab: Lab) -> None:
    rule = {"Variable": "$.n", "NumericEquals": 1, "Next": "one"}
    state = {"Type": "Choice", "Choices": [rule], "Default": "other"}

    assert ask(lab, state, {"n": 1})["nextState"] == "one"
    assert ask(lab, state, {"n": 2})["nextState"] == "other"


def test_a_wait_passes_on_the_clock(lab: Lab) -> None:
    before = lab.clock.time()
    answer = ask(lab, {"Type": "Wait", "Seconds": 60, "End": True}, 1)

    assert (answer["status"], lab.clock.time() - before) == ("SUCCEEDED", 60)


def test_a_state_that_takes_more_than_five_minutes_times_out(lab: Lab) -> None:
    answer = ask(lab, {"Type": "Wait", "Seconds": 301, "End": True})

    assert answer == {"status": "FAILED", "error": "States.Timeout"}


def test_a_fail_state_fails_with_error_and_cause(lab: Lab) -> None:
    answer = ask(lab, {"Type": "Fail", "Error": "E", "Cause": "C"})

    assert answer == {"status": "FAILED", "error": "E", "cause": "C"}


def test_a_state_that_cannot_be_run_on_its_data_fails(lab: Lab) -> None:
    answer = ask(lab, {"Type": "Pass", "InputPath": "$.absent", "End": True}, {})

    assert (answer["status"], answer["error"]) == ("FAILED", "States.Runtime")
    assert "executing the state 'StateName'" in answer["cause"]


def test_debug_shows_each_stage_of_the_data_flow(lab: Lab) -> None:
    state = {
        **TASK,
        "InputPath": "$.in",
        "Parameters": {"x.$": "$.a"},
        "ResultSelector": {"kept.$": "$.r"},
        "ResultPath": "$.result",
        "OutputPath": "$.result",
    }
    answer = ask(
        lab,
        state,
        {"in": {"a": 1}},
        inspectionLevel="DEBUG",
        mock=returned({"r": 2, "dropped": 3}),
    )

    assert answer["output"] == '{"kept":2}'
    assert answer["inspectionData"] == {
        "input": '{"in": {"a": 1}}',
        "afterInputPath": '{"a":1}',
        "afterParameters": '{"x":1}',
        "result": '{"r": 2, "dropped": 3}',
        "afterResultSelector": '{"kept":2}',
        "afterResultPath": '{"in":{"a":1},"result":{"kept":2}}',
    }


def test_the_stages_before_a_failure_are_shown(lab: Lab) -> None:
    state = {**TASK, "InputPath": "$.in", "Parameters": {"x.$": "$.absent"}}
    answer = ask(lab, state, {"in": {}}, inspectionLevel="DEBUG", mock=returned(1))

    assert answer["status"] == "FAILED"
    assert set(answer["inspectionData"]) == {"input", "afterInputPath"}


def test_a_jsonata_state_shows_its_arguments(lab: Lab) -> None:
    state = {
        "QueryLanguage": "JSONata",
        "Type": "Task",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": "f", "Payload": "{% $states.input.a + $n %}"},
        "Assign": {"seen": "{% $states.result.Payload %}"},
        "Output": "{% $states.result.Payload * 2 %}",
        "End": True,
    }
    answer = ask(
        lab,
        state,
        {"a": 1},
        inspectionLevel="DEBUG",
        variables='{"n": 10}',
        mock=returned({"Payload": 4}),
    )

    assert answer["output"] == "8"
    assert answer["inspectionData"]["afterArguments"] == '{"FunctionName":"f","Payload":11}'
    assert json.loads(answer["inspectionData"]["variables"]) == {"n": 10, "seen": 4}


def test_a_mock_takes_the_place_of_the_work(lab: Lab) -> None:
    answer = ask(lab, TASK, mock=returned({"ok": True}))

    assert (answer["status"], answer["output"], lab.calls) == ("SUCCEEDED", '{"ok": true}', [])


def test_a_mocked_error_that_would_be_retried_says_when(lab: Lab) -> None:
    state = {**TASK, "Retry": RETRY, "Catch": CATCH}
    answers = [
        ask(
            lab,
            state,
            inspectionLevel="DEBUG",
            mock=thrown("Busy"),
            stateConfiguration={"retrierRetryCount": made},
        )
        for made in (0, 1)
    ]

    assert [answer["status"] for answer in answers] == ["RETRIABLE", "RETRIABLE"]
    assert (answers[0]["error"], answers[0]["cause"]) == ("Busy", "c")
    assert [answer["inspectionData"]["errorDetails"] for answer in answers] == [
        {"retryIndex": 1, "retryBackoffIntervalSeconds": 3},
        {"retryIndex": 1, "retryBackoffIntervalSeconds": 6},
    ]


def test_a_mocked_error_without_retries_left_is_caught(lab: Lab) -> None:
    answer = ask(
        lab,
        {**TASK, "Retry": RETRY, "Catch": CATCH},
        {"a": 1},
        inspectionLevel="DEBUG",
        mock=thrown("Busy"),
        stateConfiguration={"retrierRetryCount": 2},
    )

    assert answer["status"] == "CAUGHT_ERROR"
    assert (answer["error"], answer["nextState"]) == ("Busy", "caught")
    assert answer["output"] == '{"a":1,"error":{"Error":"Busy","Cause":"c"}}'
    assert answer["inspectionData"]["errorDetails"] == {"catchIndex": 1}


def test_a_real_failure_is_retriable_or_fails(lab: Lab) -> None:
    def busy(_: Any) -> Any:
        raise FunctionError("Busy", "no")

    lab.functions["f"] = busy

    assert ask(lab, {**TASK, "Retry": RETRY})["status"] == "RETRIABLE"
    assert ask(lab, TASK) == {"status": "FAILED", "error": "Busy", "cause": "no"}


@pytest.mark.parametrize(
    "state",
    [
        {**TASK, "Resource": f"{INVOKE}.waitForTaskToken", "Parameters": {"FunctionName": "f"}},
        {**TASK, "Resource": "arn:aws:states:::states:startExecution.sync"},
        {**TASK, "Resource": "arn:aws:states:us-east-1:000000000000:activity:a"},
        {
            "Type": "Parallel",
            "Branches": [{"StartAt": "b", "States": {"b": {"Type": "Succeed"}}}],
            "End": True,
        },
        {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "b", "States": {"b": {"Type": "Succeed"}}},
            "End": True,
        },
    ],
    ids=["callback", "sync", "activity", "Parallel", "Map"],
)
def test_what_waits_or_has_inner_states_needs_a_mock(lab: Lab, state: dict[str, Any]) -> None:
    assert refused(lab, state) == "InvalidDefinition"
    assert ask(lab, state, [], mock=returned([1]))["output"] == "[1]"


def test_a_map_shows_its_items_and_limits(lab: Lab) -> None:
    state = {
        "Type": "Map",
        "ItemsPath": "$.rows",
        "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"},
        "MaxConcurrency": 5,
        "ItemProcessor": {"StartAt": "b", "States": {"b": {"Type": "Succeed"}}},
        "End": True,
    }
    answer = ask(lab, state, {"rows": [7, 8]}, inspectionLevel="DEBUG", mock=returned([]))
    data = answer["inspectionData"]

    assert (data["afterItemsPath"], data["maxConcurrency"]) == ("[7,8]", 5)
    assert json.loads(data["afterItemSelector"]) == [{"v": 7, "i": 0}, {"v": 8, "i": 1}]


def test_too_many_failed_iterations_fail_a_map(lab: Lab) -> None:
    state = {
        "Type": "Map",
        "ToleratedFailureCount": 2,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "b",
            "States": {"b": {"Type": "Succeed"}},
        },
        "End": True,
    }
    answers = [
        ask(
            lab,
            state,
            [],
            mock=returned([0, 0, 0]),
            stateConfiguration={"mapIterationFailureCount": failed},
        )
        for failed in (2, 3)
    ]

    assert answers[0]["status"] == "SUCCEEDED"
    assert answers[1]["error"] == "States.ExceedToleratedFailureThreshold"


def test_a_context_may_be_given_with_a_mock(lab: Lab) -> None:
    state = {**TASK, "Parameters": {"who.$": "$$.Execution.Name", "n.$": "$$.State.RetryCount"}}
    context = json.dumps({"Execution": {"Name": "mine"}, "State": {"RetryCount": 3}})
    answer = ask(lab, state, {}, inspectionLevel="DEBUG", mock=returned(1), context=context)

    assert answer["inspectionData"]["afterParameters"] == '{"who":"mine","n":3}'
    assert refused(lab, state, context=context) == "ValidationException"


def test_a_state_of_a_whole_machine_is_found_by_name(lab: Lab) -> None:
    inner = {"Type": "Pass", "Output": "{% $states.input + 1 %}", "End": True}
    machine = {
        "QueryLanguage": "JSONata",
        "StartAt": "each",
        "States": {
            "each": {
                "Type": "Map",
                "ItemProcessor": {"StartAt": "inner", "States": {"inner": inner}},
                "End": True,
            }
        },
    }

    assert ask(lab, machine, 1, stateName="inner")["output"] == "2"
    assert refused(lab, machine, stateName="absent") == "ValidationException"


@pytest.mark.parametrize(
    ("state", "more", "code"),
    [
        ({"Type": "Pass"}, {}, "InvalidDefinition"),
        ({"Type": "Nonsense", "End": True}, {}, "InvalidDefinition"),
        ({"Type": "Succeed"}, {"mock": {"result": "1"}}, "ValidationException"),
        (TASK, {"mock": {}}, "ValidationException"),
        (TASK, {"mock": {"result": "{"}}, "ValidationException"),
        (TASK, {"mock": {"result": "1", **thrown("E")}}, "ValidationException"),
        (TASK, {"mock": {"errorOutput": {}}}, "ValidationException"),
        (TASK, {"variables": "[]"}, "InvalidExecutionInput"),
        (TASK, {"input": "{"}, "InvalidExecutionInput"),
        (TASK, {"inspectionLevel": "ALL"}, "ValidationException"),
        (
            TASK,
            {"mock": {"result": "1"}, "stateConfiguration": {"retrierRetryCount": -1}},
            "ValidationException",
        ),
    ],
)
def test_questions_that_are_none_are_refused(
    lab: Lab, state: dict[str, Any], more: dict[str, Any], code: str
) -> None:
    assert refused(lab, state, **more) == code
