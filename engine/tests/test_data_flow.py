"""InputPath, Parameters, ResultSelector, ResultPath, OutputPath.

Source: Step Functions Developer Guide, "Processing input and output in Step Functions".
"""

import json
from typing import Any

import pytest
from engine.tests.conftest import Lab

DATA = {"a": {"b": 1}, "list": [1, 2]}


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, DATA),
        ({"InputPath": "$.a"}, {"b": 1}),
        ({"InputPath": None}, {}),
        ({"OutputPath": "$.a.b"}, 1),
        ({"OutputPath": None}, {}),
        ({"Result": {"r": 1}}, {"r": 1}),
        ({"Result": None}, None),
        ({"Result": {"r": 1}, "ResultPath": "$.a.r"}, {**DATA, "a": {"b": 1, "r": {"r": 1}}}),
        ({"Result": 1, "ResultPath": None}, DATA),
        ({"InputPath": "$.a", "ResultPath": "$.copy"}, {**DATA, "copy": {"b": 1}}),
        ({"InputPath": "$.a", "Result": 1, "ResultPath": "$.x", "OutputPath": "$.x"}, 1),
        ({"Parameters": {"x.$": "$.a.b", "y": 2}}, {"x": 1, "y": 2}),
        ({"Parameters": {"x": {"y": [{"z.$": "$.list"}]}}}, {"x": {"y": [{"z": [1, 2]}]}}),
        ({"InputPath": "$.a", "Parameters": {"x.$": "$.b"}}, {"x": 1}),
        ({"Parameters": {"x.$": "States.ArrayLength($.list)"}}, {"x": 2}),
        ({"Parameters": {"x.$": "$.list[*]"}}, {"x": [1, 2]}),
        ({"Parameters": {"x.$": "$"}}, {"x": DATA}),
        ({"Parameters": "text"}, "text"),
        ({"InputPath": "$$.Execution.Input.a"}, {"b": 1}),
        ({"OutputPath": "$$.State.Name"}, "it"),
        ({"Result": {"not.$": "$.a"}}, {"not.$": "$.a"}),
    ],
)
def test_a_pass_state_shapes_its_output(lab: Lab, fields: dict[str, Any], output: Any) -> None:
    run = lab.run_state({"Type": "Pass", **fields}, DATA)

    assert run.status == "SUCCEEDED"
    assert run.output == output


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"InputPath": "$.x"}, "Invalid path '$.x' : No results for path: $['x']"),
        ({"OutputPath": "$.x.y"}, "Invalid path '$.x.y' : Missing property in path $['x']"),
        (
            {"Parameters": {"v.$": "$.x"}},
            "The JSONPath '$.x' specified for the field 'v.$' could not be found in the input "
            "'" + json.dumps(DATA, separators=(",", ":")) + "'",
        ),
        (
            {"Parameters": {"v.$": "States.ArrayLength($.a)"}},
            "The function 'States.ArrayLength($.a)' had the following error: "
            "the first argument must be an array",
        ),
    ],
)
def test_a_path_that_leads_nowhere_is_a_runtime_error(
    lab: Lab, fields: dict[str, Any], cause: str
) -> None:
    run = lab.run_state({"Type": "Pass", **fields}, DATA)
    sentence = "An error occurred while executing the state 'it' (entered at the event id #2)."

    assert (run.status, run.error) == ("FAILED", "States.Runtime")
    assert run.cause == f"{sentence} {cause}"


def test_a_result_that_does_not_fit_into_the_input_is_a_match_failure(lab: Lab) -> None:
    run = lab.run_state({"Type": "Pass", "ResultPath": "$.a"}, "text")

    assert run.error == "States.ResultPathMatchFailure"


def test_a_tasks_result_is_selected_placed_and_narrowed(lab: Lab) -> None:
    lab.functions["f"] = lambda given: {"given": given, "more": "x"}
    run = lab.run_state(
        {
            "Type": "Task",
            "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f",
            "InputPath": "$.a",
            "Parameters": {"b.$": "$.b"},
            "ResultSelector": {"kept.$": "$.given.b", "state.$": "$$.State.Name"},
            "ResultPath": "$.result",
            "OutputPath": "$['a','result']",
        },
        DATA,
    )

    assert run.output == {"a": {"b": 1}, "result": {"kept": 1, "state": "it"}}


def test_the_input_of_a_state_is_not_changed_by_a_result(lab: Lab) -> None:
    machine = {
        "StartAt": "first",
        "States": {
            "first": {"Type": "Pass", "Result": 1, "ResultPath": "$.a.x", "Next": "second"},
            "second": {"Type": "Pass", "InputPath": "$$.Execution.Input", "End": True},
        },
    }

    assert lab.run(machine, DATA).output == DATA


@pytest.mark.parametrize(
    "value", [None, True, 0, 1.5, "", "text", [], {}, "日本 🙂", "\ud800", 10**30]
)
def test_every_json_value_passes_through(lab: Lab, value: Any) -> None:
    assert lab.run_state({"Type": "Pass"}, value).output == value
