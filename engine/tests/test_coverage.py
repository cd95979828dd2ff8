"""Coverage: which ways through a definition were taken."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from engine.tests.conftest import Lab

from sfn_local import FunctionError
from sfn_local.cli import cli
from sfn_local.coverage import Coverage, Way, ways_of

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
MACHINE: dict[str, Any] = {
    "StartAt": "choose",
    "States": {
        "choose": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.n", "NumericEquals": 1, "Next": "call"},
                {"Variable": "$.n", "NumericEquals": 2, "Next": "call"},
            ],
            "Default": "each",
        },
        "call": {
            "Type": "Task",
            "Resource": FUNCTION,
            "Retry": [
                {"ErrorEquals": ["Busy"], "MaxAttempts": 1},
                {"ErrorEquals": ["States.ALL"], "MaxAttempts": 0},
            ],
            "Catch": [{"ErrorEquals": ["Busy"], "Next": "end"}],
            "Next": "end",
        },
        "each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                "StartAt": "inner",
                "States": {"inner": {"Type": "Pass", "End": True}},
            },
            "Next": "end",
        },
        "end": {"Type": "Succeed"},
    },
}


@pytest.fixture
def take(lab: Lab) -> Callable[..., set[Way]]:
    """A function that runs the machine on an input, and tells which ways were taken."""

    def run(data: Any, *errors: str) -> set[Way]:
        left = list(errors)

        def answer(_: Any) -> Any:
            if left:
                raise FunctionError(left.pop(0), "")

        lab.functions["f"] = answer
        ways: set[Way] = set()
        lab.engine.watch_ways(ways)
        lab.run(MACHINE, data)
        return ways

    return run


def test_a_definition_has_a_way_for_each_state_retrier_catcher_and_rule() -> None:
    assert sorted(ways_of(MACHINE)) == [
        ("call", "Catch", 0),
        ("call", "Retry", 0),
        ("call", "Retry", 1),
        ("call", "State", 0),
        ("choose", "Choices", 0),
        ("choose", "Choices", 1),
        ("choose", "Choices", 2),
        ("choose", "State", 0),
        ("each", "State", 0),
        ("end", "State", 0),
        ("inner", "State", 0),
    ]


def test_rules_with_one_target_are_told_apart(take: Callable[..., set[Way]]) -> None:
    assert take({"n": 2}) == {
        ("choose", "State", 0),
        ("choose", "Choices", 1),
        ("call", "State", 0),
        ("end", "State", 0),
    }


def test_retriers_and_catchers_are_ways(take: Callable[..., set[Way]]) -> None:
    ways = take({"n": 1}, "Busy", "Busy")

    assert {way for way in ways if way[0] == "call"} == {
        ("call", "State", 0),
        ("call", "Retry", 0),
        ("call", "Catch", 0),
    }


def test_children_that_have_no_history_count(take: Callable[..., set[Way]]) -> None:
    ways = take({"n": 0, "items": [1]})

    assert {("choose", "Choices", 2), ("inner", "State", 0)} <= ways


def test_what_was_not_taken_is_told_in_words(take: Callable[..., set[Way]]) -> None:
    coverage = Coverage.of(MACHINE, take({"n": 1}) | {("other", "State", 0)})

    assert list(coverage.lines("m")) == [
        "m: 4 of 11 ways, 36 %",
        "    choose: $.n = 2, to call: never",
        "    choose: otherwise, to each: never",
        "    call: was never retried after Busy",
        "    call: was never retried after States.ALL",
        "    call: never caught Busy, to end",
        "    each: was never entered",
        "    inner: was never entered",
    ]
    assert coverage.as_json()["missing"][0] == {
        "state": "choose",
        "field": "Choices",
        "position": 1,
        "what": "$.n = 2, to call: never",
    }


def test_a_definition_without_ways_is_covered() -> None:
    assert Coverage.of([], set()).percentage == 100.0


ORDER = {
    "StartAt": "call",
    "States": {
        "call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f"},
            "Catch": [{"ErrorEquals": ["E"], "Next": "failed"}],
            "Next": "pack",
        },
        "pack": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "g"},
            "End": True,
        },
        "failed": {"Type": "Fail", "Error": "Cancelled"},
    },
}
RETURN = {"0": {"Return": {"StatusCode": 200, "Payload": 1}}}
THROW = {"0": {"Throw": {"Error": "E", "Cause": ""}}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A function that runs `test` in a folder with a machine and these test cases."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "order.asl.json").write_text(json.dumps(ORDER))

    def run(cases: dict[str, Any], *arguments: str) -> Result:
        config = {
            "StateMachines": {"order": {"TestCases": cases}},
            "MockedResponses": {"Good": RETURN, "Bad": THROW},
        }
        (tmp_path / "MockConfigFile.json").write_text(json.dumps(config))
        command = ["test", "order.asl.json", *arguments]
        return CliRunner().invoke(cli, command, standalone_mode=False)

    return run


BOTH = {"Happy": {"call": "Good", "pack": "Good"}, "Sad": {"call": "Bad"}}


def test_every_test_case_is_run(project: Callable[..., Result]) -> None:
    result = project(BOTH)

    assert result.return_value == 0
    assert result.output.splitlines() == [
        "ok      order#Happy  SUCCEEDED",
        "ok      order#Sad    FAILED  Cancelled",
    ]


def test_a_case_without_an_answer_fails(project: Callable[..., Result]) -> None:
    result = project({"Half": {"call": "Good"}})

    assert result.return_value == 1
    assert result.output.splitlines()[0] == "FAILED  order#Half  FAILED  NoStub"


def test_a_share_may_be_asked_for(project: Callable[..., Result]) -> None:
    enough = project(BOTH, "--cov", "--min", "100")
    less = project({"Happy": BOTH["Happy"]}, "--min", "60")

    assert (enough.return_value, enough.output.splitlines()[-1]) == (
        0,
        "order: 4 of 4 ways, 100 %",
    )
    assert less.return_value == 1
    assert less.output.splitlines()[1:] == [
        "order: 2 of 4 ways, 50 %",
        "    call: never caught E, to failed",
        "    failed: was never entered",
        "order has less than 60.0 %",
    ]


def test_cases_and_coverage_as_json(project: Callable[..., Result]) -> None:
    told = json.loads(project(BOTH, "--json").output)

    assert told["cases"][1] == {
        "machine": "order",
        "case": "Sad",
        "status": "FAILED",
        "error": "Cancelled",
        "complaint": None,
    }
    assert told["coverage"]["order"]["percentage"] == 100.0


def test_an_input_may_be_given(project: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text("{")
    result = project(BOTH, "--input", str(tmp_path / "input.json"))

    assert "Invalid State Machine Execution Input" in str(result.exception)


def test_a_machine_without_cases_is_told(project: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "other.asl.json").write_text(json.dumps(ORDER))
    result = project(BOTH, "other.asl.json")

    assert str(result.exception) == "there are no test cases for other; only for: order"
