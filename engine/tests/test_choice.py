"""Choice. Source: Step Functions Developer Guide, "Choice workflow state"."""

from typing import Any

import pytest
from engine.tests.conftest import Lab

DATA = {
    "n": 5,
    "f": 5.0,
    "s": "banana",
    "t": "2026-11-25T12:00:00Z",
    "yes": True,
    "null": None,
    "list": [],
    "six": 6,
    "fruit": "banana",
    "later": "2026-11-25T14:00:00+01:00",
    "no": False,
    "star": "a*b",
}


def takes(lab: Lab, rule: dict[str, Any], data: Any = DATA) -> bool:
    state = {"Type": "Choice", "Choices": [{**rule, "Next": "caught"}], "Default": "other"}
    run = lab.run_state(state, data)
    assert run.status == "SUCCEEDED"
    return run.path == ["it", "caught"]


def variable(path: str, operator: str, operand: Any) -> dict[str, Any]:
    return {"Variable": path, operator: operand}


@pytest.mark.parametrize(
    "rule",
    [
        variable("$.n", "NumericEquals", 5),
        variable("$.n", "NumericEquals", 5.0),
        variable("$.f", "NumericEquals", 5),
        variable("$.n", "NumericLessThan", 5.5),
        variable("$.n", "NumericLessThanEquals", 5),
        variable("$.n", "NumericGreaterThan", -1),
        variable("$.n", "NumericGreaterThanEquals", 5),
        variable("$.n", "NumericLessThanPath", "$.six"),
        variable("$.n", "NumericEqualsPath", "$.f"),
        variable("$.six", "NumericGreaterThanPath", "$.n"),
        variable("$.six", "NumericGreaterThanEqualsPath", "$.n"),
        variable("$.n", "NumericLessThanEqualsPath", "$.six"),
        variable("$.s", "StringEquals", "banana"),
        variable("$.s", "StringLessThan", "cherry"),
        variable("$.s", "StringLessThanEquals", "banana"),
        variable("$.s", "StringGreaterThan", "Zebra"),
        variable("$.s", "StringGreaterThanEquals", "apple"),
        variable("$.s", "StringEqualsPath", "$.fruit"),
        variable("$.s", "StringMatches", "ban*"),
        variable("$.s", "StringMatches", "*a*a*"),
        variable("$.s", "StringMatches", "banana"),
        variable("$.star", "StringMatches", r"a\*b"),
        variable("$.yes", "BooleanEquals", True),
        variable("$.yes", "BooleanEqualsPath", "$.yes"),
        variable("$.t", "TimestampEquals", "2026-11-25T13:00:00+01:00"),
        variable("$.t", "TimestampLessThan", "2026-11-25T12:00:00.5Z"),
        variable("$.t", "TimestampLessThanPath", "$.later"),
        variable("$.later", "TimestampGreaterThanEquals", "2026-11-25T13:00:00Z"),
        variable("$.n", "IsPresent", True),
        variable("$.null", "IsPresent", True),
        variable("$.missing", "IsPresent", False),
        variable("$.missing.deeper", "IsPresent", False),
        variable("$.null", "IsNull", True),
        variable("$.n", "IsNull", False),
        variable("$.n", "IsNumeric", True),
        variable("$.yes", "IsNumeric", False),
        variable("$.s", "IsString", True),
        variable("$.yes", "IsBoolean", True),
        variable("$.t", "IsTimestamp", True),
        variable("$.s", "IsTimestamp", False),
        variable("$$.Execution.RedriveCount", "NumericEquals", 0),
        {"Not": variable("$.n", "NumericEquals", 6)},
        {"And": [variable("$.n", "NumericEquals", 5), variable("$.s", "IsString", True)]},
        {"Or": [variable("$.n", "NumericEquals", 6), variable("$.s", "IsString", True)]},
        {"And": [{"Or": [{"Not": variable("$.yes", "BooleanEquals", False)}]}]},
        {"Not": variable("$.missing", "IsPresent", True)},
    ],
)
def test_a_rule_that_holds_is_taken(lab: Lab, rule: dict[str, Any]) -> None:
    assert takes(lab, rule)


@pytest.mark.parametrize(
    "rule",
    [
        variable("$.n", "NumericEquals", 6),
        variable("$.s", "NumericEquals", 5),
        variable("$.n", "StringEquals", "5"),
        variable("$.yes", "NumericEquals", 1),
        variable("$.n", "BooleanEquals", True),
        variable("$.s", "StringMatches", "ban"),
        variable("$.s", "StringMatches", "*x*"),
        variable("$.s", "StringMatches", "b.n*"),
        variable("$.s", "TimestampEquals", "2026-11-25T12:00:00Z"),
        variable("$.n", "IsPresent", False),
        variable("$.missing", "IsPresent", True),
        variable("$.list[*]", "IsPresent", True),
        {"Not": variable("$.n", "NumericEquals", 5)},
        {"And": [variable("$.n", "NumericEquals", 5), variable("$.n", "NumericEquals", 6)]},
        {"And": [variable("$.missing", "IsPresent", True), variable("$.missing", "IsNull", True)]},
    ],
)
def test_a_rule_that_does_not_hold_is_not_taken(lab: Lab, rule: dict[str, Any]) -> None:
    assert not takes(lab, rule)


def test_the_first_rule_that_holds_decides(lab: Lab) -> None:
    rules = [
        {**variable("$.n", "NumericEquals", 1), "Next": "other"},
        {**variable("$.n", "NumericEquals", 5), "Next": "caught"},
        {**variable("$.n", "NumericLessThan", 9), "Next": "other"},
    ]

    assert lab.run_state({"Type": "Choice", "Choices": rules}, DATA).path == ["it", "caught"]


def test_no_rule_and_no_default_fail_the_execution(lab: Lab) -> None:
    rules = [{**variable("$.n", "NumericEquals", 1), "Next": "other"}]
    run = lab.run_state({"Type": "Choice", "Choices": rules, "Default": "caught"}, DATA)
    strict = {"Type": "Choice", "Choices": [*rules, {**rules[0], "Next": "caught"}]}
    failed = lab.run_state(strict, DATA)

    assert run.path == ["it", "caught"]
    assert (failed.status, failed.error, failed.cause) == (
        "FAILED",
        "States.Runtime",
        "An error occurred while executing the state 'it' (entered at the event id #2). "
        "Failed to transition out of the state. The state does not point to a next state.",
    )


def test_comparing_what_is_not_there_is_a_runtime_error(lab: Lab) -> None:
    state = {
        "Type": "Choice",
        "Choices": [{**variable("$.missing", "NumericEquals", 1), "Next": "caught"}],
        "Default": "other",
    }
    run = lab.run_state(state, DATA)

    assert run.error == "States.Runtime"
    assert run.cause == (
        "An error occurred while executing the state 'it' (entered at the event id #2). Invalid "
        "path '$.missing': The choice state's condition path references an invalid value."
    )


def test_a_choice_narrows_its_input_and_output(lab: Lab) -> None:
    state = {
        "Type": "Choice",
        "InputPath": "$.inner",
        "OutputPath": "$.n",
        "Choices": [{**variable("$.n", "NumericEquals", 5), "Next": "caught"}],
        "Default": "other",
    }

    assert lab.run_state(state, {"inner": DATA}).output == 5
