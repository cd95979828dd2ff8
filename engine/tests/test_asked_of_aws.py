"""Two tables of docs/features.md of questions to AWS: a test for each row."""

import json
import re
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from engine.tests.conftest import Lab
from engine.tests.maps import CALL, MapLab

from sfn_local.errors import InvalidDefinition
from sfn_local.lint import lint
from sfn_local.operations import OPERATIONS

README = (Path(__file__).parents[1] / "docs/features.md").read_text(encoding="utf-8")
TABLE = README.partition("\n## Where AWS's own sources disagree\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (?!question|-)(.+?) \| (.+?) \| (.+?) \| `(\w+)` \|$", TABLE, re.M)
MODEL = botocore.session.get_session().get_service_model("stepfunctions")
PASS = {"StartAt": "b", "States": {"b": {"Type": "Pass", "End": True}}}
INLINE = {"Type": "Map", "ItemProcessor": PASS, "End": True}
DISTRIBUTED = {
    **INLINE,
    "ItemProcessor": {
        **PASS,
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    },
}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}


def machine(state: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"StartAt": "a", "States": {"a": state}, **fields}


def refusal(lab: Lab, definition: dict[str, Any]) -> str:
    with pytest.raises(InvalidDefinition) as refused:
        lab.engine.create_state_machine("m", definition)
    return str(refused.value)


def test_each_row_names_its_test_and_each_test_its_row() -> None:
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}

    assert len(ROWS) > 20
    assert {row[3] for row in ROWS} == tests - {"each_row_names_its_test_and_each_test_its_row"}


def test_timeout_zero(lab: Lab) -> None:
    task = {**TASK, "Parameters": {"FunctionName": "f"}}

    assert "Minimum value is 1 at /States/a/TimeoutSeconds" in refusal(
        lab, machine({**task, "TimeoutSeconds": 0})
    )
    assert "Minimum value is 1 at /TimeoutSeconds" in refusal(lab, machine(task, TimeoutSeconds=0))


def test_batch_of_zero(lab: Lab) -> None:
    batched = {**DISTRIBUTED, "ItemBatcher": {"MaxItemsPerBatch": 0}}

    assert "Minimum value is 1 at /States/a/ItemBatcher/MaxItemsPerBatch" in refusal(
        lab, machine(batched)
    )


def test_label_of_an_inline_map(lab: Lab) -> None:
    labelled = machine({**INLINE, "Label": "x"})
    lab.engine.create_state_machine("m", labelled)

    assert [
        (each.id, each.severity) for each in lint(json.dumps(labelled)) if each.severity != "advice"
    ] == [("label-unused", "warning")]


@pytest.mark.parametrize("field", ["ItemReader", "ResultWriter"])
def test_files_of_an_inline_map(lab: Lab, field: str) -> None:
    files = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b"}}

    assert f"an inline Map has no {field}" in refusal(lab, machine({**INLINE, field: files}))


def test_number_as_text(lab: Lab) -> None:
    waits = {"Type": "Wait", "Seconds": "75", "End": True}

    assert "at /States/a/Seconds" in refusal(lab, machine(waits))


def test_same_name_in_two_scopes(lab: Lab) -> None:
    text = refusal(lab, machine({"Type": "Parallel", "Branches": [PASS, PASS], "End": True}))

    assert text.startswith(
        "Invalid State Machine Definition: 'DUPLICATE_STATE_NAME: Duplicate State name: b at "
    )


def test_same_key_twice(lab: Lab) -> None:
    text = '{"StartAt": "a", "States": {"a": {"Type": "Fail"}, "a": {"Type": "Succeed"}}}'
    lab.engine.create_state_machine("m", text)

    assert [(each.id, each.severity) for each in lint(text) if each.severity != "advice"] == [
        ("duplicate-key", "warning")
    ]


def test_map_run_in_full() -> None:
    """Each member of the model is answered, at the latest after a redrive has ended."""
    maps = MapLab()
    maps.function = _failing_once()
    maps.run([1], processor=CALL)
    maps.engine.redrive_execution(maps.arn)
    maps.engine.run_until(maps.arn)
    described = maps.engine.describe_map_run(maps.map_run["mapRunArn"])
    shape = MODEL.operation_model("DescribeMapRun").output_shape

    assert described["status"] == "SUCCEEDED"
    assert set(described) == set(shape.members)
    for counts in ("itemCounts", "executionCounts"):
        assert set(described[counts]) == set(shape.members[counts].members)


def _failing_once() -> Any:
    calls: list[Any] = []

    def function(payload: Any) -> Any:
        calls.append(payload)
        if len(calls) == 1:
            raise ValueError("not yet")
        return payload

    return function


def test_tested_state_in_full(lab: Lab) -> None:
    """TestState takes each member of the model; a Map shows each stage that a Map has."""
    given = MODEL.operation_model("TestState").input_shape
    operation = OPERATIONS["TestState"]
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON", "ItemsPointer": "/a"},
        "Parameters": {"Bucket": "b", "Key": "k"},
    }
    state = {
        **DISTRIBUTED,
        "ItemReader": reader,
        "ItemSelector": {"v.$": "$$.Map.Item.Value"},
        "ItemBatcher": {"MaxItemsPerBatch": 2},
        "MaxConcurrency": 3,
        "ToleratedFailureCount": 1,
        "ToleratedFailurePercentage": 2,
    }
    asked = {
        "definition": json.dumps(state),
        "mock": {"result": "[]"},
        "stateConfiguration": {"mapItemReaderData": '{"a": [1]}'},
        "inspectionLevel": "DEBUG",
    }
    shown = operation.run(lab.engine, operation.check(asked))["inspectionData"]

    assert set(operation.parameters) == set(given.members)
    for name in ("mock", "stateConfiguration"):
        assert set(operation.parameters[name].members or {}) == set(given.members[name].members)
    assert {name for name in shown if name.startswith(("afterItem", "max", "tolerated"))} == {
        "afterItemsPointer",
        "afterItemSelector",
        "afterItemBatcher",
        "maxConcurrency",
        "toleratedFailureCount",
        "toleratedFailurePercentage",
    }
    output = MODEL.operation_model("TestState").output_shape
    assert set(shown) <= set(output.members["inspectionData"].members)


LARGE = "x" * 300_000


def jsonata(expression: str) -> dict[str, Any]:
    state = {"Type": "Pass", "Output": f"{{% {expression} %}}", "End": True}
    return machine(state, QueryLanguage="JSONata")


def test_limit_is_caught_from_a_task_only(lab: Lab) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "caught"}]
    task = {**TASK, "Parameters": {"FunctionName": "f"}, "Catch": catch}
    caught = {"Type": "Succeed"}
    lab.functions["f"] = lambda _: LARGE
    of_task = lab.run({"StartAt": "a", "States": {"a": task, "caught": caught}})
    small = {"f": lambda _: "x" * 200_000}
    lab.functions.update(small)
    twice = {**task, "ResultSelector": {"a.$": "$.Payload", "b.$": "$.Payload"}}
    of_state = lab.run({"StartAt": "a", "States": {"a": twice, "caught": caught}})

    assert of_task.status == "SUCCEEDED"
    assert (of_state.status, of_state.error) == ("FAILED", "States.DataLimitExceeded")


@pytest.mark.parametrize(
    ("expression", "status"),
    [
        ("$count([1..360145])", "SUCCEEDED"),
        ("$count([1..360146])", "FAILED"),
        ("+".join(["1"] * 100), "SUCCEEDED"),
        ("+".join(["1"] * 200), "FAILED"),
    ],
)
def test_limits_of_an_evaluation(lab: Lab, expression: str, status: str) -> None:
    if "[" in expression:
        first, last = re.findall(r"\d+", expression)
        expression = f"$count($range({first}, {last}, 1))"

    assert lab.run(jsonata(expression)).status == status


def test_string_of_a_number(lab: Lab) -> None:
    shown = [
        lab.run(jsonata(f"$string({number})")).output for number in ("9223372036854775807", "1/3")
    ]

    assert shown == ["9223372036854776000", "0.333333333333333"]


def test_bare_dollar(lab: Lab) -> None:
    definition = jsonata("$")
    lab.engine.create_state_machine("m", definition)

    assert "warning" in {each.severity for each in lint(json.dumps(definition))}


@pytest.mark.parametrize("action", ["bedrock:invokeModel", "eks:call"])
def test_callback_of_bedrock_and_eks(lab: Lab, action: str) -> None:
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{action}.waitForTaskToken", "End": True}

    assert "at /States/a" in refusal(lab, machine({**task, "Parameters": {}}))


def test_index_beyond_the_end(lab: Lab) -> None:
    run = lab.run(
        machine({"Type": "Pass", "Parameters": {"x.$": "$.a[3]"}, "End": True}), {"a": [1]}
    )

    assert (run.status, run.error) == ("FAILED", "States.Runtime")


def test_interval_zero(lab: Lab) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 0}]
    lab.functions["f"] = _failing_once()
    run = lab.run(machine({**TASK, "Parameters": {"FunctionName": "f"}, "Retry": retry}), {})

    assert run.status == "SUCCEEDED"


def test_inline_map_over_an_object(lab: Lab) -> None:
    run = lab.run(machine(INLINE), {"a": 1})

    assert (run.status, run.error) == ("FAILED", "States.Runtime")


def test_json_file_with_an_object() -> None:
    maps = MapLab()

    assert maps.read('{"a": 1}', InputType="JSON") is not None


def test_choice_without_a_match(lab: Lab) -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "b"}]}
    run = lab.run({"StartAt": "a", "States": {"a": choice, "b": {"Type": "Succeed"}}}, {"n": 2})

    assert run.error == "States.Runtime"


def test_error_of_an_intrinsic_function(lab: Lab) -> None:
    parameters = {"x.$": "States.StringToJson($.text)"}
    run = lab.run(machine({"Type": "Pass", "Parameters": parameters, "End": True}), {"text": "{"})

    assert run.error == "States.Runtime"


def test_missed_heartbeat(lab: Lab) -> None:
    waits = {
        **TASK,
        "Resource": f"{TASK['Resource']}.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"t.$": "$$.Task.Token"}},
        "HeartbeatSeconds": 5,
    }
    lab.functions["f"] = lambda payload: payload
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "caught"}]
    states = {"a": {**waits, "Catch": catch}, "caught": {"Type": "Succeed"}}

    assert lab.run(machine(waits)).error == "States.Timeout"
    assert lab.run({"StartAt": "a", "States": states}).status == "SUCCEEDED"


def test_token_before_the_answer(lab: Lab) -> None:
    def answer_at_once(given: Any) -> Any:
        lab.engine.send_task_success(given["t"], '"early"')
        return "late"

    lab.functions["f"] = answer_at_once
    waits = {
        **TASK,
        "Resource": f"{TASK['Resource']}.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"t.$": "$$.Task.Token"}},
    }

    assert lab.run(machine(waits)).output == "early"
