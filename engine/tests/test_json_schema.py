"""The JSON Schemas for editors, held against the conformance suite's definitions."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from sfn_local.cli import cli
from sfn_local.conformance.cases import Case, load
from sfn_local.mock_skeleton import mock_skeleton

STATE = {"Type": "Pass", "End": True}
ACCEPTED = [case for case in load() if "expect" in case.content]


def validator(kind: str) -> Draft7Validator:
    printed = CliRunner().invoke(cli, ["schema", kind], standalone_mode=False).output
    schema = json.loads(printed)
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


ASL = validator("asl")
MOCK = validator("mock")


def definition_of(case: Case) -> Any:
    if "definition" in case.content:
        return case.content["definition"]
    state = case.content["state"]
    return {"StartAt": "it", "States": {"it": state}}


def test_whatever_can_run_fits() -> None:
    wrong = [
        (case.id, [error.message for error in ASL.iter_errors(definition_of(case))])
        for case in ACCEPTED
        if "refused" not in case.content["expect"]
    ]

    assert len(wrong) > 400
    assert [(name, messages) for name, messages in wrong if messages] == []


@pytest.mark.parametrize(
    "definition",
    [
        [],
        {"States": {"a": STATE}},
        {"StartAt": "a", "States": {"a": {"End": True}}},
        {"StartAt": "a", "States": {"a": {"Type": "Typo", "End": True}}},
        {"StartAt": "a", "States": {"a": {**STATE, "Typo": 1}}},
        {"StartAt": "a", "States": {"a": {**STATE, "Seconds": 1}}},
        {"StartAt": "a", "States": {"a": {"Type": "Task", "End": True}}},
        {"StartAt": "a", "States": {"a": {"Type": "Wait", "Seconds": -1, "End": True}}},
        {"StartAt": "a", "States": {"a": {"Type": "Wait", "Seconds": "1", "End": True}}},
        {"StartAt": "a", "States": {"a": {"Type": "Parallel", "Branches": [{}], "End": True}}},
        {
            "StartAt": "a",
            "States": {"a": {"Type": "Map", "ItemProcessor": {"StartAt": "b"}, "End": True}},
        },
        {
            "StartAt": "a",
            "States": {"a": {"Type": "Task", "Resource": "r", "Retry": [{}], "End": True}},
        },
        {
            "StartAt": "a",
            "States": {
                "a": {
                    "Type": "Task",
                    "Resource": "r",
                    "Retry": [{"ErrorEquals": ["E"], "BackoffRate": 0}],
                    "End": True,
                }
            },
        },
    ],
)
def test_what_has_wrong_fields_does_not(definition: Any) -> None:
    assert not ASL.is_valid(definition)


def test_an_expression_may_stand_for_a_number() -> None:
    wait = {"Type": "Wait", "QueryLanguage": "JSONata", "Seconds": "{% 1 %}", "End": True}

    assert ASL.is_valid({"StartAt": "a", "States": {"a": wait}})


def test_the_mock_configurations_that_we_write_fit() -> None:
    invoke = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    machine = {"StartAt": "a", "States": {"a": {**invoke, "Parameters": {"FunctionName": "f"}}}}

    assert MOCK.is_valid(mock_skeleton("m", machine))


@pytest.mark.parametrize(
    "answers", [{}, {"x": {"Return": 1}}, {"0": {}}, {"0": {"Throw": {}}}, {"0": {"Typo": 1}}]
)
def test_other_answers_do_not(answers: Any) -> None:
    config = {"StateMachines": {"m": {"TestCases": {}}}, "MockedResponses": {"r": answers}}

    assert not MOCK.is_valid(config)
