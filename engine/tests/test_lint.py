"""The lint: each defect, alone in a definition that is right otherwise, is found at its place."""

import json
from copy import deepcopy
from typing import Any

import pytest

from sfn_local.lint import RULES, lint

GOOD: dict[str, Any] = {
    "Comment": "A machine without a defect.",
    "StartAt": "decide",
    "TimeoutSeconds": 3600,
    "States": {
        "decide": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.n", "NumericEquals": 1, "Next": "call"},
                {
                    "And": [
                        {"Variable": "$.s", "IsPresent": True},
                        {"Not": {"Variable": "$.s", "StringMatches": "a*"}},
                    ],
                    "Next": "park",
                },
            ],
            "Default": "each",
        },
        "call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": "f",
                "Payload": {"x.$": "$.x", "id.$": "$$.Execution.Id"},
            },
            "ResultSelector": {"kept.$": "$.Payload"},
            "ResultPath": "$.result",
            "TimeoutSeconds": 60,
            "HeartbeatSeconds": 10,
            "Retry": [
                {
                    "ErrorEquals": ["Lambda.ServiceException"],
                    "IntervalSeconds": 1,
                    "MaxAttempts": 2,
                    "BackoffRate": 1.5,
                    "MaxDelaySeconds": 9,
                    "JitterStrategy": "FULL",
                },
                {"ErrorEquals": ["States.ALL"]},
            ],
            "Catch": [
                {"ErrorEquals": ["A", "B"], "Next": "pause", "ResultPath": "$.error"},
                {"ErrorEquals": ["States.ALL"], "Next": "fail"},
            ],
            "Next": "pause",
        },
        "park": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {
                "QueueUrl": "q",
                "MessageBody": {"token.$": "$$.Task.Token", "n.$": "States.MathAdd($.n, 1)"},
            },
            "TimeoutSeconds": 600,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "fail"}],
            "Next": "pause",
        },
        "pause": {"Type": "Wait", "Seconds": 5, "Next": "fork"},
        "fork": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "left", "States": {"left": {"Type": "Pass", "End": True}}}],
            "Next": "success",
        },
        "each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 5,
            "ItemSelector": {"item.$": "$$.Map.Item.Value"},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "one",
                "States": {
                    "one": {
                        "Type": "Pass",
                        "Parameters": {"index.$": "$$.Map.Item.Index"},
                        "End": True,
                    }
                },
            },
            "Next": "rows",
        },
        "rows": {
            "Type": "Map",
            "Label": "rows",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                "Parameters": {"Bucket": "b", "Key.$": "$.key"},
            },
            "ItemBatcher": {"MaxItemsPerBatch": 100, "MaxInputBytesPerBatch": 100_000},
            "ToleratedFailurePercentage": 100,
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "b", "Prefix": "p"},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                "StartAt": "row",
                "States": {"row": {"Type": "Pass", "End": True}},
            },
            "Next": "success",
        },
        "success": {"Type": "Succeed"},
        "fail": {"Type": "Fail", "Error": "E", "CausePath": "$.cause"},
    },
}


def altered(good: dict[str, Any], pointer: str, value: Any) -> str:
    """A definition with another value at a JSON pointer; ... takes the value away."""
    definition = deepcopy(good)
    *way, last = pointer.removeprefix("/").split("/")
    holder: Any = definition
    for part in way:
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    key: Any = int(last) if isinstance(holder, list) else last
    if value is ...:
        del holder[key]
    else:
        holder[key] = value
    return json.dumps(definition, indent=2)


def changed(pointer: str, value: Any) -> str:
    return altered(GOOD, pointer, value)


def found(text: str) -> list[tuple[str, str]]:
    return [(finding.id, finding.pointer) for finding in lint(text)]


def test_a_good_definition_has_no_findings() -> None:
    assert found(json.dumps(GOOD)) == []


CALL = "/States/call"
ROWS = "/States/rows"


@pytest.mark.parametrize(
    ("pointer", "value", "rule"),
    [
        ("/TimeoutSeconds", 0, "number-range"),
        ("/TimeoutSeconds", 100_000_000, "number-range"),
        ("/TimeoutSeconds", "1", "field-type"),
        ("/Version", "2.0", "choice-of-values"),
        ("/QueryLanguage", "SQL", "choice-of-values"),
        ("/StartsAt", "call", "field-unknown"),
        ("/Resource", "f", "field-misplaced"),
        ("/StartAt", "nowhere", "target-unknown"),
        (f"{CALL}/Next", "nowhere", "target-unknown"),
        (f"{CALL}/Next", "left", "target-unknown"),
        (f"{CALL}/Catch/0/Next", "nowhere", "target-unknown"),
        ("/States/decide/Default", "nowhere", "target-unknown"),
        ("/States/decide/Choices/0/Next", "no", "target-unknown"),
        ("/States/island", {"Type": "Succeed"}, "unreachable"),
        ("/States/pause/Type", "wait", "type-unknown"),
        ("/States/pause", "later", "field-type"),
        (f"{CALL}/End", True, "transition-both"),
        ("/States/success/End", True, "field-misplaced"),
        ("/States/decide/Next", "call", "field-misplaced"),
        ("/States/pause/Retry", [], "field-misplaced"),
        (f"{CALL}/Timeoutseconds", 5, "field-unknown"),
        ("/States/decide/Choices", [], "rule-empty"),
        ("/States/decide/Choices/0/NumericEquals", "1", "rule-operand"),
        ("/States/decide/Choices/1/And/0/Next", "call", "rule-next"),
        ("/States/decide/Choices/1/And", [], "rule-empty"),
        ("/States/decide/Choices/1/And/1/Not", [], "field-type"),
        ("/States/decide/Choices/0/Variable", "n", "path-syntax"),
        (
            "/States/decide/Choices/1",
            {"Variable": "$.n", "NumericEquals": 1, "Next": "park"},
            "rule-shadowed",
        ),
        ("/States/pause/Seconds", -1, "number-range"),
        (f"{CALL}/Resource", "lambda", "resource-unknown"),
        (f"{CALL}/Resource", "arn:aws:states:::lambda:invok", "resource-unknown"),
        (f"{CALL}/Resource", "arn:aws:states:::lambda:invoke.sync", "resource-unknown"),
        (f"{CALL}/HeartbeatSeconds", 60, "heartbeat-range"),
        (f"{CALL}/TimeoutSecondsPath", "$.t", "value-and-path"),
        (f"{CALL}/TimeoutSeconds", 0, "number-range"),
        (f"{CALL}/Retry/0/ErrorEquals", [], "field-type"),
        (f"{CALL}/Catch/0/ErrorEquals", ["States.ALL"], "states-all-last"),
        (f"{CALL}/Catch/1/ErrorEquals", ["States.ALL", "C"], "states-all-alone"),
        (f"{CALL}/Catch/1/ErrorEquals", ["A"], "error-shadowed"),
        (f"{CALL}/Catch/0/ErrorEquals", ["States.Runtime"], "runtime-uncaught"),
        (f"{CALL}/Retry/0/IntervalSeconds", -1, "number-range"),
        (f"{CALL}/Retry/0/BackoffRate", 0.5, "number-range"),
        (f"{CALL}/Retry/0/MaxAttempts", -1, "number-range"),
        (f"{CALL}/Retry/0/MaxDelaySeconds", 1, "number-range"),
        (f"{CALL}/Retry/0/JitterStrategy", "HALF", "choice-of-values"),
        (f"{CALL}/InputPath", "$.a[", "path-syntax"),
        (f"{CALL}/ResultPath", "$.a[*]", "reference-path"),
        (f"{CALL}/Catch/0/ResultPath", "$..a", "reference-path"),
        (f"{CALL}/Arguments", {}, "language-mixed"),
        ("/States/each/Label", "x", "label-unused"),
        ("/States/each/MaxConcurrency", -1, "number-range"),
        ("/States/each/MaxConcurrency", 41, "inline-concurrency"),
        ("/States/fork/Branches", [], "field-missing"),
        (f"{ROWS}/ItemProcessor/ProcessorConfig/Mode", "BOTH", "choice-of-values"),
        (f"{ROWS}/Label", "a b", "label"),
        (f"{ROWS}/Label", "x" * 41, "label"),
        (f"{ROWS}/ItemReader/Resource", "s3", "resource-unknown"),
        (f"{ROWS}/ItemReader/ReaderConfig/CSVHeaders", ["a"], "csv-headers"),
        (f"{ROWS}/ItemReader/ReaderConfig/MaxItems", -1, "number-range"),
        (f"{ROWS}/ItemBatcher", {}, "batcher-empty"),
        (f"{ROWS}/ItemBatcher/MaxItem", 1, "field-unknown"),
        (f"{ROWS}/ItemBatcher/MaxInputBytesPerBatch", 300_000, "number-range"),
        (f"{ROWS}/ItemBatcher/MaxInputBytesPerBatch", 10, "batch-bytes-small"),
        (f"{ROWS}/ToleratedFailurePercentage", 101, "number-range"),
    ],
)
def test_a_defect_is_found_at_its_place(pointer: str, value: Any, rule: str) -> None:
    assert (rule, pointer) in found(changed(pointer, value))


@pytest.mark.parametrize(
    ("pointer", "value", "rule", "place"),
    [
        ("/Comment", ..., "comment-missing", ""),
        ("/TimeoutSeconds", ..., "machine-timeout-missing", ""),
        ("/StartAt", ..., "field-missing", ""),
        ("/States/pause/Next", "pause", "no-end", "/States/pause"),
        (
            "/States/fork/Branches/0",
            {"StartAt": "call", "States": {"call": {"Type": "Pass", "End": True}}},
            "name-repeated",
            "/States/fork/Branches/0/States/call",
        ),
        ("/States/pause/Type", ..., "field-missing", "/States/pause"),
        (f"{CALL}/Next", ..., "transition-missing", CALL),
        ("/States/decide/Choices/0/Next", ..., "rule-next", "/States/decide/Choices/0"),
        ("/States/decide/Choices/0/NumericEquals", ..., "rule-empty", "/States/decide/Choices/0"),
        ("/States/decide/Choices/0/IsNull", True, "rule-operator", "/States/decide/Choices/0"),
        ("/States/decide/Choices/0/Variable", ..., "field-missing", "/States/decide/Choices/0"),
        ("/States/pause/Seconds", ..., "wait-ways", "/States/pause"),
        ("/States/pause/SecondsPath", "$.s", "wait-ways", "/States/pause"),
        ("/States/fail/Cause", "C", "value-and-path", "/States/fail/CausePath"),
        (f"{CALL}/Resource", ..., "field-missing", CALL),
        (f"{CALL}/Parameters/FunctionName", ..., "argument-missing", f"{CALL}/Parameters"),
        ("/States/park/Parameters/QueueUrl", ..., "argument-missing", "/States/park/Parameters"),
        (f"{CALL}/TimeoutSeconds", ..., "timeout-missing", CALL),
        ("/States/park/TimeoutSeconds", ..., "timeout-missing", "/States/park"),
        ("/States/park/Parameters/MessageBody", "hello", "token-missing", "/States/park"),
        (f"{CALL}/Parameters/Payload", {"t.$": "$$.Task.Token"}, "token-elsewhere", CALL),
        (f"{CALL}/Retry", ..., "retry-missing", CALL),
        ("/States/park/Catch", ..., "catch-missing", "/States/park"),
        (f"{CALL}/Retry/0/ErrorEquals", ..., "field-missing", f"{CALL}/Retry/0"),
        (
            f"{CALL}/Parameters/Payload",
            {"x": "$.y"},
            "dollar-missing",
            f"{CALL}/Parameters/Payload/x",
        ),
        (
            f"{CALL}/Parameters/Payload",
            {"x": "States.UUID()"},
            "dollar-missing",
            f"{CALL}/Parameters/Payload/x",
        ),
        (
            f"{CALL}/Parameters/Payload",
            {"x.$": "y"},
            "dollar-literal",
            f"{CALL}/Parameters/Payload/x.$",
        ),
        (
            f"{CALL}/Parameters/Payload",
            {"x.$": 5},
            "dollar-literal",
            f"{CALL}/Parameters/Payload/x.$",
        ),
        (
            f"{CALL}/Parameters/Payload",
            {"x.$": "States.MathAdd($.n)"},
            "intrinsic",
            f"{CALL}/Parameters/Payload/x.$",
        ),
        (
            f"{CALL}/Parameters/Payload",
            {"x.$": "States.Nonsense()"},
            "intrinsic",
            f"{CALL}/Parameters/Payload/x.$",
        ),
        (
            f"{CALL}/Parameters/Payload",
            {"x.$": "$$.Execution.Nonsense"},
            "context-field",
            f"{CALL}/Parameters/Payload/x.$",
        ),
        (
            f"{CALL}/Parameters/Payload",
            {"x.$": "$$.Map.Item.Value"},
            "map-item-outside",
            f"{CALL}/Parameters/Payload/x.$",
        ),
        (
            "/States/each/ItemProcessor/States/one/Parameters",
            {"all.$": "$$"},
            "context-copied",
            "/States/each/ItemProcessor/States/one/Parameters/all.$",
        ),
        ("/States/each/ItemProcessor", ..., "processor-missing", "/States/each"),
        (
            f"{ROWS}/ItemProcessor/ProcessorConfig/ExecutionType",
            ...,
            "execution-type-missing",
            f"{ROWS}/ItemProcessor/ProcessorConfig",
        ),
        (
            f"{ROWS}/ItemReader/ReaderConfig/InputType",
            ...,
            "field-missing",
            f"{ROWS}/ItemReader/ReaderConfig",
        ),
        (
            f"{ROWS}/ItemReader/ReaderConfig/CSVHeaderLocation",
            "GIVEN",
            "csv-headers",
            f"{ROWS}/ItemReader/ReaderConfig",
        ),
        (f"{ROWS}/ResultWriter/Parameters/Bucket", ..., "argument-missing", f"{ROWS}/ResultWriter"),
    ],
)
def test_a_defect_may_be_found_elsewhere(pointer: str, value: Any, rule: str, place: str) -> None:
    assert (rule, place) in found(changed(pointer, value))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"Type": "Wait", "Timestamp": "tomorrow", "Next": "fork"}, "timestamp"),
        ({"Type": "Pass", "Next": "pause"}, "no-end"),
        (
            {
                "Type": "Choice",
                "Choices": [{"Variable": "$.x", "NumericEquals": 1, "Next": "fork"}],
            },
            "default-missing",
        ),
        (
            {
                "Type": "Choice",
                "Choices": [{"Variable": "$.x", "NumericEquals": 1, "Next": "fork"}],
                "Default": "pause",
            },
            "tight-loop",
        ),
    ],
)
def test_a_defect_of_a_whole_state_is_found(changes: dict[str, Any], rule: str) -> None:
    assert rule in [name for name, _ in found(changed("/States/pause", changes))]


def test_rules_that_ask_for_opposites_need_no_default() -> None:
    choice = {
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.x", "IsPresent": True, "Next": "fork"},
            {"Variable": "$.x", "IsPresent": False, "Next": "fail"},
        ],
    }

    assert found(changed("/States/pause", choice)) == []


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "a JSON value should stand here"),
        ("{", 1, 2, "a field name in double quotes should stand here"),
        ('{\n  "a": 1,\n}', 3, 1, "a field name in double quotes should stand here"),
        ('{\n  "a" 1\n}', 2, 7, "a colon should stand here"),
        ('{"a": [1 2]}', 1, 10, "a comma or ] should stand here"),
        ('{"a": 01}', 1, 8, "a comma or } should stand here"),
        ('{"a": NaN}', 1, 7, "a JSON value should stand here"),
        ("{'a': 1}", 1, 2, "a field name in double quotes should stand here"),
        ('{"a": "b\n"}', 1, 9, "invalid control character at"),
        ("{} {}", 1, 4, "the document should end here"),
        ("[" * 300, 1, 201, "the document is nested too deep"),
    ],
)
def test_what_is_no_json_is_found_with_line_and_column(
    text: str, line: int, column: int, message: str
) -> None:
    (finding,) = lint(text, "m.asl.json")

    assert (finding.id, finding.severity, finding.file) == ("json-syntax", "error", "m.asl.json")
    assert (finding.line, finding.column, finding.message) == (line, column, message)


def test_a_repeated_key_is_found_where_it_stands_again() -> None:
    text = '{\n"StartAt": "a",\n"States": {"a": {"Type": "Succeed"}},\n  "StartAt": "a"}'
    (finding,) = [finding for finding in lint(text) if finding.id == "duplicate-key"]

    assert (finding.line, finding.column, finding.pointer) == (4, 3, "/StartAt")


def test_a_finding_names_state_line_column_and_hint() -> None:
    text = changed("/States/each/ItemProcessor/States/one/Typo", 1)
    (finding,) = [finding for finding in lint(text) if finding.id == "field-unknown"]
    line = text.splitlines()[finding.line - 1]

    assert finding.state == "one"
    assert line[finding.column - 1 :].startswith('"Typo"')
    assert finding.hint == "Did you mean Type?"


def test_a_state_may_be_named_like_a_field() -> None:
    machine = {"StartAt": "States", "States": {"States": {"Type": "Pass", "End": True, "X": 1}}}
    (finding,) = [finding for finding in lint(json.dumps(machine)) if finding.id == "field-unknown"]

    assert (finding.state, finding.pointer) == ("States", "/States/States/X")


def test_a_jsonata_state_is_not_judged_as_jsonpath() -> None:
    machine = {
        "Comment": "c",
        "QueryLanguage": "JSONata",
        "StartAt": "a",
        "States": {
            "a": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": "f", "Payload": "{% $states.input %}"},
                "TimeoutSeconds": "{% $states.input.limit %}",
                "Output": "{% $states.result.Payload",
                "Retry": [{"ErrorEquals": ["States.ALL"]}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "b", "Output": {}}],
                "Next": "b",
            },
            "b": {"Type": "Pass", "Parameters": {}, "End": True},
        },
    }

    assert found(json.dumps(machine)) == [
        ("jsonata-braces", "/States/a/Output"),
        ("language-mixed", "/States/b/Parameters"),
    ]


def test_every_error_of_aws_is_an_error_here() -> None:
    assert {rule.severity for rule in RULES.values() if rule.is_refused} == {"error"}
