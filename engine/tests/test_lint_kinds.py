"""The kinds of defects that a definition can have, beyond those of test_lint: each is found."""

import json
from typing import Any

import pytest
from engine.tests.test_lint import CALL, GOOD, ROWS, changed, found

from sfn_local.lint import RULES
from sfn_local.lint.implications import implies
from sfn_local.lint.validation import validate

DECIDE, EACH = "/States/decide", "/States/each"
ONE = f"{EACH}/ItemProcessor/States/one"
PAYLOAD = f"{CALL}/Parameters/Payload"
DEEP = "States.Array(" * 11 + "1" + ")" * 11
PARKED = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {"FunctionName": "f", "Payload": {"t.$": "$$.Task.Token"}},
    "TimeoutSeconds": 9,
    "End": True,
}


@pytest.mark.parametrize(
    ("pointer", "value", "rule"),
    [
        ("/States", ..., "field-missing"),
        ("/States", {}, "field-missing"),
        (f"{CALL}/Comment", "x" * 1024 * 1024, "too-large"),
        (f"{ONE}/Next", "success", "target-unknown"),
        ("/States/fork/Branches/0/States/left/Next", "success", "target-unknown"),
        ("/States/fork/Branches/0/StartAt", ..., "field-missing"),
        ("/States/fork/Branches/0/StartAt", "call", "target-unknown"),
        ("/States/fork/Branches", ..., "field-missing"),
        (f"/States/{'x' * 81}", {"Type": "Succeed"}, "name-too-long"),
        ("/States/pause/Type", "Later", "type-unknown"),
        ("/States/fail/End", True, "field-misplaced"),
        ("/States/fail/Next", "call", "field-misplaced"),
        (f"{DECIDE}/End", True, "field-misplaced"),
        (f"{DECIDE}/Retry", [], "field-misplaced"),
        ("/States/success/Catch", [], "field-misplaced"),
        ("/States/fail/Retry", [], "field-misplaced"),
        (f"{ONE}/Catch", [], "field-misplaced"),
        (f"{DECIDE}/Choices", ..., "field-missing"),
        (f"{DECIDE}/Choices/0/NumericEqual", 1, "rule-operator"),
        (f"{DECIDE}/Choices/1/And/1/Not", {}, "rule-empty"),
        (f"{DECIDE}/Choices/0", {"Or": [], "Next": "call"}, "rule-empty"),
        (
            f"{DECIDE}/Choices/0",
            {"Variable": "$.n", "NumericEqualsPath": "n", "Next": "call"},
            "rule-operand",
        ),
        (f"{DECIDE}/Default", ..., "default-missing"),
        ("/States/pause", {"Type": "Wait", "Timestamp": "tomorrow", "Next": "fork"}, "timestamp"),
        ("/States/pause/Timestamp", "2026-11-25T12:00:00Z", "wait-ways"),
        ("/States/fail/ErrorPath", "$.e", "value-and-path"),
        (f"{CALL}/Resource", "arn:aws:states:::glue:startJob", "resource-unknown"),
        (f"{CALL}/Resource", "arn:aws:states:::glue:startJobRun", "argument-missing"),
        (f"{CALL}/Resource", "arn:aws:states:::dynamodb:getItem.sync", "resource-unknown"),
        (f"{CALL}/Resource", "arn:aws:states:::dynamodb:getItem", "argument-missing"),
        (f"{CALL}/Resource", "arn:aws:states:::sns:publish", "argument-missing"),
        (f"{CALL}/HeartbeatSecondsPath", "$.h", "value-and-path"),
        (f"{CALL}/Catch/0/ErrorEquals", [], "field-type"),
        (f"{CALL}/Catch/0/ErrorEquals", ..., "field-missing"),
        (f"{CALL}/Retry/0/MaxDelaySeconds", 31_622_401, "number-range"),
        (PAYLOAD, {"x.$": {"y": 1}}, "dollar-literal"),
        (PAYLOAD, {"x.$": "States.Array(1"}, "intrinsic"),
        (PAYLOAD, {"x.$": DEEP}, "intrinsic"),
        (PAYLOAD, {"x.$": "$.a b"}, "path-syntax"),
        (f"{CALL}/Assign", {"a.b": 1}, "variable-name"),
        (f"{CALL}/Assign", {"x" * 81: 1}, "variable-name"),
        (
            f"{EACH}/Iterator",
            {"StartAt": "o", "States": {"o": {"Type": "Succeed"}}},
            "processor-both",
        ),
        (f"{EACH}/ItemReader", {}, "distributed-only"),
        (f"{EACH}/ItemBatcher", {"MaxItemsPerBatch": 1}, "distributed-only"),
        (f"{EACH}/ResultWriter", {}, "distributed-only"),
        (f"{EACH}/ToleratedFailureCount", 1, "inline-tolerance"),
        (f"{EACH}/ToleratedFailurePercentagePath", "$.p", "inline-tolerance"),
        (f"{EACH}/MaxConcurrencyPath", "$.c", "value-and-path"),
        (
            f"{ROWS}/ItemProcessor/ProcessorConfig/ExecutionType",
            "FAST",
            "choice-of-values",
        ),
        (f"{ROWS}/ItemProcessor/States/row", PARKED, "express-callback"),
        (
            f"{ROWS}/ItemProcessor/States/row",
            {**PARKED, "Resource": "arn:aws:states:::states:startExecution.sync:2"},
            "express-callback",
        ),
        (f"{ROWS}/Label", "", "label"),
        (f"{ROWS}/Label", "a?b", "label"),
        (f"{ROWS}/ToleratedFailureCount", -1, "number-range"),
        (f"{ROWS}/ToleratedFailurePercentagePath", "$.p", "value-and-path"),
        (f"{ROWS}/ItemReader/Resource", ..., "field-missing"),
        (f"{ROWS}/ItemReader/ReaderConfig/InputType", "XML", "choice-of-values"),
        (f"{ROWS}/ItemReader/ReaderConfig/MaxItems", 100_000_001, "number-range"),
        (f"{ROWS}/ItemReader/ReaderConfig/MaxItemsPath", "$.m", ""),
        (f"{ROWS}/ItemBatcher/MaxItemsPerBatch", 0, "number-range"),
        (f"{ROWS}/ItemBatcher/MaxItemsPerBatchPath", "$.m", "value-and-path"),
    ],
)
def test_a_defect_of_each_kind_is_found(pointer: str, value: Any, rule: str) -> None:
    findings = [name for name, _ in found(changed(pointer, value))]

    assert rule in findings if rule else findings == []


def test_a_value_with_its_path_is_found_in_a_reader_too() -> None:
    config = {
        "InputType": "CSV",
        "CSVHeaderLocation": "FIRST_ROW",
        "MaxItems": 1,
        "MaxItemsPath": "$.m",
    }
    text = changed(f"{ROWS}/ItemReader/ReaderConfig", config)

    assert "value-and-path" in [name for name, _ in found(text)]


def test_a_map_that_may_lose_its_results_is_found() -> None:
    rows = dict(GOOD["States"]["rows"])
    del rows["ResultWriter"], rows["ToleratedFailurePercentage"]

    assert ("results-lost", "/States/rows") in found(changed("/States/rows", rows))


def test_a_loop_without_a_wait_or_counter_is_found() -> None:
    states = {
        "ask": {"Type": "Pass", "Next": "look"},
        "look": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.done", "BooleanEquals": True, "Next": "end"}],
            "Default": "ask",
        },
        "end": {"Type": "Succeed"},
    }

    assert "tight-loop" in [
        name for name, _ in found(json.dumps({"StartAt": "ask", "States": states}))
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        {"NextToken.$": "$.NextToken"},
        {"ExclusiveStartKey.$": "$.LastEvaluatedKey"},
        {"Rest.$": "$.Rest[1:]"},
        {"Index.$": "States.MathAdd($.Index, 1)"},
    ],
)
def test_a_loop_over_pages_or_the_rest_of_a_list_advances(parameters: dict[str, str]) -> None:
    states = {
        "ask": {"Type": "Pass", "Parameters": parameters, "Next": "look"},
        "look": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.done", "BooleanEquals": True, "Next": "end"}],
            "Default": "ask",
        },
        "end": {"Type": "Succeed"},
    }

    rules = [name for name, _ in found(json.dumps({"StartAt": "ask", "States": states}))]
    assert "tight-loop" not in rules


@pytest.mark.parametrize(
    "state",
    [
        PARKED,
        {**PARKED, "Resource": "arn:aws:states:::states:startExecution.sync:2"},
        {**PARKED, "Resource": "arn:aws:states:us-east-1:123456789012:activity:a"},
        {
            "Type": "Map",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                "StartAt": "o",
                "States": {"o": {"Type": "Succeed"}},
            },
            "End": True,
        },
    ],
    ids=["callback", "job", "activity", "distributed map"],
)
def test_what_an_express_machine_may_not_do_is_found(state: Any) -> None:
    text = json.dumps({"StartAt": "a", "States": {"a": state}})

    assert validate(text, "EXPRESS", "ERROR", 0)["result"] == "FAIL"


LIMITED = {
    **{name: value for name, value in GOOD["States"]["rows"].items() if name != "ResultWriter"},
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "fail"}],
}


def test_too_much_data_expected_from_a_catch_all_is_found() -> None:
    by_name = {"ErrorEquals": ["States.DataLimitExceeded"], "Next": "fail"}
    caught = {**LIMITED, "Catch": [by_name, *LIMITED["Catch"]]}

    assert ("limit-uncaught", f"{ROWS}/Catch") in found(changed(ROWS, LIMITED))
    assert "limit-uncaught" not in [name for name, _ in found(changed(ROWS, caught))]


@pytest.mark.parametrize("error", ["States.DataLimitExceeded", "States.Runtime"])
def test_a_choice_on_an_error_that_no_catch_leads_to_is_found(error: str) -> None:
    rule = {"Variable": "$.error.Error", "StringEquals": error, "Next": "call"}

    assert ("limit-uncaught", f"{DECIDE}/Choices/0") in found(changed(f"{DECIDE}/Choices/0", rule))


def variable(name: str = "$.n", **comparison: Any) -> dict[str, Any]:
    return {"Variable": name, **comparison}


ABOVE_FIVE = variable(NumericGreaterThan=5)
PRESENT = variable("$.s", IsPresent=True)
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00+02:00"


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        (ABOVE_FIVE, variable(NumericGreaterThan=1)),
        (ABOVE_FIVE, variable(NumericGreaterThanEquals=5)),
        (variable(NumericEquals=7), variable(NumericLessThan=7.5)),
        (variable(NumericLessThan=3), variable(NumericLessThanEquals=3)),
        (variable(TimestampGreaterThan=LATE), variable(TimestampGreaterThan=EARLY)),
        (variable("$.s", StringLessThan="b"), variable("$.s", StringLessThan="c")),
        (variable("$.s", StringEquals="abc"), variable("$.s", StringMatches="a*")),
        (variable("$.s", StringMatches="ab*c"), variable("$.s", StringMatches="a*")),
        (variable("$.s", StringMatches="*.txt"), variable("$.s", StringMatches="*")),
        (variable("$.s", StringEquals="a*"), variable("$.s", StringMatches="a\\*")),
        (variable("$.s", StringEquals="x"), PRESENT),
        (variable("$.s", IsString=True), PRESENT),
        (variable("$.s", StringMatches="x*"), variable("$.s", IsString=True)),
        (variable("$.s", TimestampEquals=EARLY), variable("$.s", IsString=True)),
        (variable(NumericEquals=1), variable(IsString=False)),
        (variable(BooleanEquals=True), variable(IsBoolean=True)),
        ({"And": [ABOVE_FIVE, PRESENT]}, variable(NumericGreaterThan=1)),
        (ABOVE_FIVE, {"Or": [PRESENT, variable(NumericGreaterThan=1)]}),
        ({"Or": [ABOVE_FIVE, variable(NumericEquals=3)]}, variable(NumericGreaterThan=1)),
        ({"And": [ABOVE_FIVE, PRESENT]}, {"And": [PRESENT, variable(NumericGreaterThan=1)]}),
        ({"Not": variable(NumericGreaterThan=1)}, {"Not": ABOVE_FIVE}),
        ({**ABOVE_FIVE, "Next": "a", "Comment": "c"}, {**ABOVE_FIVE, "Next": "b"}),
    ],
)
def test_a_rule_that_an_earlier_one_implies_is_found(later: Any, earlier: Any) -> None:
    text = changed(f"{DECIDE}/Choices", [{**earlier, "Next": "call"}, {**later, "Next": "park"}])

    assert ("rule-shadowed", f"{DECIDE}/Choices/1") in found(text)


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        (variable(NumericGreaterThan=1), ABOVE_FIVE),
        (variable(NumericGreaterThanEquals=5), ABOVE_FIVE),
        (variable("$.m", NumericGreaterThan=5), variable(NumericGreaterThan=1)),
        (variable("$.s", StringMatches="a*"), variable("$.s", StringMatches="ab*")),
        (variable("$.s", StringMatches="*b"), variable("$.s", StringMatches="a*")),
        (variable("$.s", StringEquals="b"), variable("$.s", StringMatches="a*")),
        (variable("$.s", StringGreaterThan="a"), variable("$.s", StringMatches="a*")),
        (variable("$.s", StringMatches="a*"), variable("$.s", StringGreaterThan="a")),
        (variable("$.s", StringEquals="x"), variable("$.s", IsTimestamp=False)),
        (variable("$.s", IsPresent=False), PRESENT),
        (variable("$.s", IsNull=False), variable("$.s", IsString=True)),
        (variable(NumericEqualsPath="$.a"), variable(NumericEqualsPath="$.b")),
        (ABOVE_FIVE, {"And": [variable(NumericGreaterThan=1), PRESENT]}),
        ({"Or": [ABOVE_FIVE, PRESENT]}, variable(NumericGreaterThan=1)),
        ({"Not": ABOVE_FIVE}, variable(NumericLessThanEquals=5)),
        (variable(NumericEquals="1"), variable(NumericEquals=1)),
        (variable(TimestampEquals="soon"), variable(TimestampGreaterThan=EARLY)),
        (1, ABOVE_FIVE),
    ],
)
def test_a_rule_that_may_still_be_reached_is_not(later: Any, earlier: Any) -> None:
    assert not implies(later, earlier)


@pytest.mark.parametrize(
    ("earlier", "later", "is_found"),
    [
        ("{% $states.input.n > 1 %}", "{% $states.input.n > 1 %}", True),
        ("{% true %}", "{% $states.input.n > 1 %}", True),
        ("{% $states.input.n > 1 %}", "{% $states.input.n > 2 %}", False),
    ],
)
def test_jsonata_conditions_are_compared_as_texts(earlier: str, later: str, is_found: bool) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Condition": each, "Next": "end"} for each in (earlier, later)],
        "Default": "end",
    }
    states = {"choose": choice, "end": {"Type": "Succeed"}}
    definition = {"QueryLanguage": "JSONata", "StartAt": "choose", "States": states}
    rules = [name for name, _ in found(json.dumps(definition))]

    assert ("rule-shadowed" in rules) is is_found


def test_every_rule_has_a_hint_and_a_severity() -> None:
    assert [name for name, rule in RULES.items() if not rule.hint.endswith((".", "}."))] == []
    assert {rule.severity for rule in RULES.values()} == {"error", "warning", "advice"}
