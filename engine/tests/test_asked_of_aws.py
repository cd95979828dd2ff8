"""The README's table "What AWS says, and what nobody has seen": a test for each row."""

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

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("\n### What AWS says, and what nobody has seen\n")[2].partition("\n## ")[0]
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

    assert len(ROWS) > 7
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
