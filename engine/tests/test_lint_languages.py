"""The lint on query languages and variables.

Source: Step Functions Developer Guide, "Transforming data with JSONata in Step Functions" and
"Passing data between states with variables"; that valid definitions pass was tried on the 170 of
aws-samples/step-functions-workflows-collection (of which one has its QueryLanguage in States, one
its filters without quotes, one a token where there is none).
"""

import json
from typing import Any

import pytest
from engine.tests.test_lint import altered

from sfn_local.lint import lint

CALL = "arn:aws:states:::lambda:invoke"

JSONATA: dict[str, Any] = {
    "Comment": "A machine without a defect.",
    "QueryLanguage": "JSONata",
    "StartAt": "first",
    "States": {
        "first": {
            "Type": "Pass",
            "Assign": {"total": "{% $sum($states.input.prices) %}", "limit": 10},
            "Next": "decide",
        },
        "decide": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $total > $limit and $not($states.input.done) %}",
                    "Assign": {"reason": "{% 'large: ' & $string($total) & ' $undefined' %}"},
                    "Output": {"n": "{% $total %}"},
                    "Next": "call",
                }
            ],
            "Default": "end",
        },
        "call": {
            "Type": "Task",
            "Resource": CALL,
            "Arguments": {
                "FunctionName": "f",
                "Payload": {
                    "why": "{% $reason %}",
                    "each": "{% $map($states.input.rows, function($row, $i) { $row.n + $i }) %}",
                    "sorted": "{% ($f := λ($x){ $x * 2 }; /* $gone */ $f($total)) %}",
                    "id": "{% $states.context.Execution.Id & $uuid() %}",
                },
            },
            "TimeoutSeconds": "{% $limit %}",
            "Assign": {"answer": "{% $states.result.Payload %}"},
            "Output": "{% $states.result.Payload %}",
            "Retry": [{"ErrorEquals": ["Lambda.ServiceException"]}],
            "Catch": [
                {
                    "ErrorEquals": ["States.ALL"],
                    "Output": "{% $states.errorOutput.Cause %}",
                    "Assign": {"answer": "{% $states.errorOutput %}"},
                    "Next": "each",
                }
            ],
            "Next": "each",
        },
        "each": {
            "Type": "Map",
            "Items": "{% $answer %}",
            "ItemSelector": {"item": "{% $states.context.Map.Item.Value %}"},
            "ItemProcessor": {
                "StartAt": "one",
                "States": {
                    "one": {
                        "Type": "Pass",
                        "Assign": {"inner": "{% $answer %}"},
                        "Next": "two",
                    },
                    "two": {"Type": "Pass", "Output": "{% $inner %}", "End": True},
                },
            },
            "Next": "end",
        },
        "end": {"Type": "Succeed"},
    },
}

JSONPATH: dict[str, Any] = {
    "Comment": "A machine without a defect.",
    "StartAt": "first",
    "States": {
        "first": {
            "Type": "Pass",
            "Assign": {"total.$": "$.total", "kept": {"a.$": "$.a"}},
            "Next": "decide",
        },
        "decide": {
            "Type": "Choice",
            "Choices": [{"Variable": "$total", "NumericEqualsPath": "$kept.a", "Next": "wait"}],
            "Default": "end",
        },
        "wait": {"Type": "Wait", "SecondsPath": "$kept.a", "Next": "shape"},
        "shape": {
            "Type": "Pass",
            "Parameters": {"text.$": "States.Format('{} $undefined', $total)", "id.$": "$$.State"},
            "End": True,
        },
        "end": {"Type": "Succeed"},
    },
}


def found(text: str) -> list[tuple[str, str]]:
    return [
        (finding.id, finding.pointer)
        for finding in lint(text)
        if finding.id != "machine-timeout-missing"
    ]


@pytest.mark.parametrize("definition", [JSONATA, JSONPATH], ids=["JSONata", "JSONPath"])
def test_a_good_definition_has_no_findings(definition: dict[str, Any]) -> None:
    assert found(json.dumps(definition)) == []


TASK = "/States/call"


@pytest.mark.parametrize(
    ("pointer", "value", "rule"),
    [
        ("/States/end/QueryLanguage", "JSONPath", "language-mixed"),
        (f"{TASK}/Parameters", {}, "language-mixed"),
        (f"{TASK}/Catch/0/ResultPath", "$.e", "language-mixed"),
        ("/States/decide/Choices/0/Variable", "$.a", "language-mixed"),
        ("/States/each/ItemsPath", "$.a", "language-mixed"),
        (f"{TASK}/Arguments/x.$", "$.a", "jsonpath-text"),
        (f"{TASK}/Output", "{% $states.result", "jsonata-braces"),
        (f"{TASK}/Arguments/x", "{% $sume(1) %}", "function-unknown"),
        (f"{TASK}/Arguments/x", "{% $eval('1') %}", "function-unknown"),
        (f"{TASK}/Arguments/x", "{% $states.result %}", "states-field"),
        (f"{TASK}/Output", "{% $states.errorOutput %}", "states-field"),
        (f"{TASK}/Output", "{% $states.output %}", "states-field"),
        ("/States/first/Output", "{% $states.result %}", "states-field"),
        (f"{TASK}/Catch/0/Output", "{% $states.result %}", "states-field"),
        ("/States/first/Assign/states", 1, "variable-name"),
        ("/States/first/Output", "{% ($states := 1; 2) %}", "variable-name"),
        ("/States/first/Assign/1st", 1, "variable-name"),
        (f"/States/first/Assign/{'v' * 81}", 1, "variable-name"),
        ("/States/first/Output", "{% $nothing %}", "variable-undefined"),
        ("/States/first/Output", "{% $answer %}", "variable-undefined"),
        ("/States/first/Output", "{% $total %}", "variable-undefined"),
        ("/States/end/Output", "{% $inner %}", "variable-inner"),
        ("/States/first/Assign/unread", 1, "variable-unused"),
    ],
)
def test_a_defect_of_a_jsonata_machine_is_found(pointer: str, value: Any, rule: str) -> None:
    assert (rule, pointer) in found(altered(JSONATA, pointer, value))


@pytest.mark.parametrize(
    ("pointer", "value", "rule", "place"),
    [
        (
            "/States/each/ItemProcessor/States/one/Assign",
            {"answer": 1},
            "variable-shadowed",
            "/States/each/ItemProcessor/States/one/Assign/answer",
        ),
        (
            "/States/each/ItemProcessor/ProcessorConfig",
            {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "variable-undefined",
            "/States/each/ItemProcessor/States/one/Assign/inner",
        ),
    ],
)
def test_a_defect_of_a_jsonata_machine_may_be_found_elsewhere(
    pointer: str, value: Any, rule: str, place: str
) -> None:
    assert (rule, place) in found(altered(JSONATA, pointer, value))


@pytest.mark.parametrize(
    ("pointer", "value", "rule"),
    [
        ("/States/end/Output", "x", "language-mixed"),
        ("/States/shape/Parameters/x", "{% 1 %}", "jsonata-text"),
        ("/States/wait/SecondsPath", "$nothing", "variable-undefined"),
        ("/States/first/InputPath", "$total", "variable-undefined"),
    ],
)
def test_a_defect_of_a_jsonpath_machine_is_found(pointer: str, value: Any, rule: str) -> None:
    assert (rule, pointer) in found(altered(JSONPATH, pointer, value))


def test_a_defect_of_a_jsonpath_machine_may_be_found_inside_the_changed_value() -> None:
    text = altered(JSONPATH, "/States/wait/Assign", {"a.b": 1})

    assert ("variable-name", "/States/wait/Assign/a.b") in found(text)


@pytest.mark.parametrize(
    ("expression", "column"),
    [("{% 1 + %}", 9), ("{% foo bar %}", 12), ("{% $map(a, function($x){ $x ) %}", 31)],
)
def test_a_syntax_error_is_found_where_it_ends_inside_its_expression(
    expression: str, column: int
) -> None:
    text = altered(JSONATA, "/States/end/Output", expression)
    (finding,) = [finding for finding in lint(text) if finding.id == "jsonata-syntax"]
    line = text.splitlines()[finding.line - 1]

    assert (finding.pointer, finding.state) == ("/States/end/Output", "end")
    assert finding.column - line.index('"{%') == column


def test_a_variable_that_one_way_assigns_may_be_read() -> None:
    assert found(altered(JSONATA, "/States/end/Output", "{% $reason %}")) == []


def test_a_catcher_of_a_jsonpath_state_has_no_output() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Output": {}, "Next": "end"}]
    parameters = {"FunctionName": "f"}
    retry = [{"ErrorEquals": ["Lambda.ServiceException"]}]
    task = {
        "Type": "Task",
        "Resource": CALL,
        "Parameters": parameters,
        "TimeoutSeconds": 5,
        "Retry": retry,
        "Catch": catch,
        "Next": "end",
    }
    definition = {
        "Comment": "c",
        "StartAt": "call",
        "States": {"call": task, "end": {"Type": "Succeed"}},
    }

    assert found(json.dumps(definition)) == [("language-mixed", "/States/call/Catch/0/Output")]


@pytest.mark.parametrize(
    ("action", "arguments", "warns"),
    [
        ("sqs:sendMessage", {"QueueUrl": "q", "MessageBody": "b"}, True),
        (
            "sqs:sendMessage",
            {"QueueUrl": "q", "MessageBody": "b", "MessageDeduplicationId.$": "$.id"},
            False,
        ),
        ("states:startExecution", {"StateMachineArn": "m"}, True),
        ("states:startExecution", {"StateMachineArn": "m", "Name.$": "$.id"}, False),
        ("dynamodb:getItem", {"TableName": "t", "Key": {}}, False),
    ],
)
def test_a_broad_retry_of_what_is_not_idempotent_is_a_warning(
    action: str, arguments: dict[str, Any], warns: bool
) -> None:
    task = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{action}",
        "Parameters": arguments,
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "End": True,
    }
    rules = [name for name, _ in found(json.dumps({"StartAt": "a", "States": {"a": task}}))]

    assert ("retry-repeats" in rules) is warns
