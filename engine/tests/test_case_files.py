"""`sfn-local test` with cases in files, and `sfn-local record`, which makes them."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner, Result

from sfn_local.cli import cli

DEFINITION = {
    "StartAt": "charge",
    "States": {
        "charge": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "charge", "Payload.$": "$"},
            "ResultSelector": {"receipt.$": "$.Payload"},
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 5, "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["Declined"], "Next": "cancelled"}],
            "Next": "wait",
        },
        "wait": {"Type": "Wait", "Seconds": 60, "Next": "pack"},
        "pack": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}},
            "End": True,
        },
        "cancelled": {"Type": "Fail", "Error": "Cancelled", "Cause": "not paid"},
    },
}
PACKED = {
    "name": "packed",
    "input": {"id": 1},
    "stubs": {"charge": [{"Throw": {"Error": "Busy"}}, "r-1"]},
    "mocks": {"pack": {"parcel": "p-1"}},
    "expect": {
        "path": ["charge", "wait", "pack"],
        "output": {"parcel": {"$match": "^p-"}},
        "seconds": 65,
        "payloads": {"charge": [{"id": 1}, {"id": 1}]},
    },
}
DECLINED = {
    "name": "declined",
    "stubs": {"charge": {"Throw": {"Error": "Declined", "Cause": "no money"}}},
    "expect": {"error": "Cancelled", "cause": "not paid"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "order.asl.json").write_text(json.dumps(DEFINITION))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, *cases: dict[str, Any], name: str = "order.test.yaml", **more: Any) -> str:
    (folder / name).write_text(yaml.safe_dump({**more, "cases": list(cases)}))
    return name


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), standalone_mode=False)


def test_cases_pass_whose_run_is_as_expected(folder: Path) -> None:
    result = run("test", write(folder, PACKED, DECLINED))

    assert result.return_value == 0
    assert (
        result.output
        == "ok      order#packed    SUCCEEDED\nok      order#declined  FAILED  Cancelled\n"
    )


@pytest.mark.parametrize(
    ("expected", "complaint"),
    [
        ({"path": ["charge"]}, "path has 3 items, not 1"),
        ({"output": {"parcel": "p-2"}}, "output.parcel is 'p-1', not 'p-2'"),
        ({"error": "Cancelled"}, "error lacks"),
        ({"status": "FAILED"}, "status is 'SUCCEEDED', not 'FAILED'"),
        ({"seconds": 60}, "seconds is 65.0, not 60"),
        ({"payloads": {"charge": [{"id": 2}]}}, "payloads.charge has 2 items, not 1"),
    ],
)
def test_a_case_fails_with_what_differs(folder: Path, expected: Any, complaint: str) -> None:
    result = run("test", write(folder, {**PACKED, "expect": expected}))

    assert result.return_value == 1
    assert complaint in result.output


def test_a_case_that_expects_nothing_expects_success(folder: Path) -> None:
    result = run("test", write(folder, {**DECLINED, "expect": {}}))

    assert "status is 'FAILED', not 'SUCCEEDED'" in result.output
    assert "the cause is 'not paid'" in result.output


def test_a_task_without_an_answer_fails_the_case(folder: Path) -> None:
    case = {"name": "bare", "expect": {"error": "NoStub"}}

    assert "the state charge was called and has no stub" in run("test", write(folder, case)).output


def test_an_execution_may_wait_for_its_token(folder: Path) -> None:
    case = {"name": "waits", "stubs": {"charge": 1, "pack": None}, "expect": {"status": "RUNNING"}}

    assert run("test", write(folder, case)).return_value == 0


def test_json_names_its_definition_and_a_test_case_of_a_mock_configuration(folder: Path) -> None:
    answers = {"0": {"Return": {"StatusCode": 200, "Payload": "r"}}}
    mocks = {
        "StateMachines": {"order": {"TestCases": {"Paid": {"charge": "Paid", "pack": "Paid"}}}},
        "MockedResponses": {"Paid": answers},
    }
    (folder / "mocks.json").write_text(json.dumps(mocks))
    cases = [{"name": "paid", "case": "Paid"}]
    content = {"machine": "order.asl.json", "mockConfig": "mocks.json", "cases": cases}
    (folder / "any.json").write_text(json.dumps(content))

    assert run("test", "any.json").return_value == 0


def test_junit_and_coverage_tell_of_cases_of_files(folder: Path) -> None:
    file = write(folder, PACKED, {**DECLINED, "expect": {"error": "Other"}})
    result = run("test", file, "--junit", "junit.xml", "--cov", "--min", "100")
    suite = ElementTree.parse(folder / "junit.xml").getroot().find("testsuite")

    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "order: 6 of 6 ways, 100 %" in result.output


def test_cases_are_chosen_by_their_names(folder: Path) -> None:
    result = run("test", write(folder, PACKED, DECLINED), "-k", "decl", "--json")

    assert [case["case"] for case in json.loads(result.output)["cases"]] == ["declined"]


def test_cases_run_in_processes(folder: Path) -> None:
    cases = [{**PACKED, "name": f"case {number}"} for number in range(4)]
    result = run("test", write(folder, *cases), "--jobs", "2", "--json")

    assert [case["case"] for case in json.loads(result.output)["cases"]] == [
        case["name"] for case in cases
    ]


def test_a_date_in_yaml_is_a_text(folder: Path) -> None:
    (folder / "order.test.yaml").write_text(
        "cases:\n- input: {day: 2026-11-29}\n  stubs: {charge: {Throw: {Error: Declined}}}\n"
        "  expect: {error: Cancelled, payloads: {charge: [{day: '2026-11-29'}]}}\n"
    )

    assert run("test", "order.test.yaml").return_value == 0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"cases": 1}, "has no list of cases"),
        ({"cases": [], "more": 1}, "has no more; it may have machine, mockConfig, cases"),
        ({"cases": [1]}, "case 1 must be an object"),
        ({"cases": [{"inputs": 1}]}, "case 1 has no inputs"),
        ({"cases": [{"expect": {"result": 1}}]}, "expect has no result"),
        ({"cases": [], "machine": "other.asl.json"}, "there is no definition other.asl.json"),
        ({"cases": [{"mocks": []}]}, "mocks are an object"),
        ({"cases": [{"case": "Unknown"}]}, "case 1: "),
        ({"cases": [{"name": "a"}, {"name": "a"}]}, "two cases have the name a"),
        (
            {"cases": [{"stubs": {"chrage": 1}}]},
            "stubs: there is no state chrage (did you mean charge?)",
        ),
        ({"cases": [{"mocks": {"packs": 1}}]}, "mocks: there is no state packs"),
        ({"cases": [{"stubs": {"charge": {"Throw": {"Error": [1]}}}}]}, "the Error and the Cause"),
        ({"cases": [{"mocks": {"pack": {"Throw": {"Name": "E"}}}}]}, "Throw takes"),
        ({"cases": [{"stubs": {"charge": {"Throw": "E"}}}]}, "Throw takes"),
    ],
)
def test_a_file_that_is_not_well_formed_says_why(
    folder: Path, content: Any, complaint: str
) -> None:
    (folder / "order.test.yaml").write_text(yaml.safe_dump(content))
    result = run("test", "order.test.yaml")

    assert complaint in str(result.exception)


def test_a_recorded_execution_is_a_case_that_passes(folder: Path) -> None:
    stubs = {"charge": [{"Throw": {"Error": "Busy"}}, "r-1"], "pack": {"parcel": "p-1"}}
    (folder / "stubs.json").write_text(json.dumps(stubs))
    definition = json.loads(json.dumps(DEFINITION).replace(".waitForTaskToken", ""))
    (folder / "order.asl.json").write_text(json.dumps(definition))
    run("run", "order.asl.json", "--stubs", "stubs.json", "--history", "history.json")
    for name in ("one", "two", "one"):
        recorded = run("record", "history.json", "--name", name, "--to", "order.test.yaml")
    content = yaml.safe_load((folder / "order.test.yaml").read_text())

    assert recorded.output == "wrote one to order.test.yaml\n"
    assert [case["name"] for case in content["cases"]] == ["two", "one"]
    assert content["cases"][0]["expect"]["path"] == ["charge", "wait", "pack"]
    assert content["cases"][0]["mocks"]["charge"][0] == {"Throw": {"Error": "Busy", "Cause": ""}}
    assert run("test", "order.test.yaml").return_value == 0


def test_a_recorded_failure_is_printed_as_a_case(folder: Path) -> None:
    (folder / "stubs.json").write_text(json.dumps({"charge": {"Throw": {"Error": "Declined"}}}))
    run("run", "order.asl.json", "--stubs", "stubs.json", "--history", "history.json")
    printed = yaml.safe_load(run("record", "history.json", "--machine", "order.asl.json").output)

    assert printed["machine"] == "order.asl.json"
    assert printed["cases"][0]["expect"] == {
        "status": "FAILED",
        "error": "Cancelled",
        "path": ["charge", "cancelled"],
    }
