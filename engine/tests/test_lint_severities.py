"""What the command says without an option: mistakes. A correct machine is silent.

The three machines are those that AWS's console, SAM's template and its guide begin with, in words
of our own: one task, a choice with a wait in a loop, and a Map.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sfn_local.cli import cli
from sfn_local.lint import RULES, lint, sarif

INVOKE = "arn:aws:states:::lambda:invoke"
CALL: dict[str, Any] = {
    "Type": "Task",
    "Resource": INVOKE,
    "Parameters": {"FunctionName": "${Function}", "Payload.$": "$"},
    "OutputPath": "$.Payload",
}
ONE_TASK = {"StartAt": "call", "States": {"call": {**CALL, "End": True}}}
POLL = {
    "StartAt": "wait",
    "States": {
        "wait": {"Type": "Wait", "Seconds": 10, "Next": "ask"},
        "ask": {**CALL, "Next": "done"},
        "done": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.status", "StringEquals": "OK", "Next": "end"},
                {"Variable": "$.status", "StringEquals": "FAILED", "Next": "fail"},
            ],
            "Default": "wait",
        },
        "end": {"Type": "Succeed"},
        "fail": {"Type": "Fail", "Error": "E"},
    },
}
EACH = {
    "QueryLanguage": "JSONata",
    "StartAt": "each",
    "States": {
        "each": {
            "Type": "Map",
            "Items": "{% $states.input.items %}",
            "ItemProcessor": {
                "StartAt": "put",
                "States": {
                    "put": {
                        "Type": "Task",
                        "Resource": "arn:aws:states:::dynamodb:putItem",
                        "Arguments": {
                            "TableName": "${Table}",
                            "Item": {"id": {"S": "{% $states.input.id %}"}},
                        },
                        "End": True,
                    }
                },
            },
            "End": True,
        }
    },
}


def run(tmp_path: Path, definition: Any, *options: str) -> Result:
    path = tmp_path / "a machine.asl.json"
    path.write_text(json.dumps(definition, indent=1))
    return CliRunner().invoke(cli, ["lint", str(path), *options])


@pytest.mark.parametrize("definition", [ONE_TASK, POLL, EACH])
def test_a_correct_machine_is_silent(tmp_path: Path, definition: Any) -> None:
    result = run(tmp_path, definition, "--strict")

    assert (result.exit_code, result.stdout) == (0, "")


def test_advice_is_given_to_whoever_asks(tmp_path: Path) -> None:
    result = run(tmp_path, ONE_TASK, "--advice")

    assert result.exit_code == 0
    assert "advice: the task call has no time limit [timeout-missing]" in result.stdout
    assert "0 errors, 0 warnings, 4 pieces of advice in 1 file" in result.stderr


def test_strict_fails_for_each_finding(tmp_path: Path) -> None:
    assert run(tmp_path, ONE_TASK, "--advice", "--strict").exit_code == 1


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"Parameters": {"x": "$.a"}}, "dollar-missing"),
        ({"Parameters": {"x": "{% $a %}"}}, "jsonata-text"),
        ({"QueryLanguage": "JSONata", "Output": {"x.$": "$.a"}}, "jsonpath-text"),
        ({"QueryLanguage": "JSONata", "Output": "{% 1"}, "jsonata-braces"),
    ],
)
def test_what_aws_takes_as_a_text_is_a_warning(fields: dict[str, Any], rule: str) -> None:
    state = {"Type": "Pass", "End": True, **fields}
    found = lint(json.dumps({"StartAt": "it", "States": {"it": state}}))

    assert ("warning", rule) in [(finding.severity, finding.id) for finding in found]


def test_what_aws_refuses_is_an_error() -> None:
    assert {rule.severity for rule in RULES.values() if rule.is_refused} == {"error"}


def test_sarif_has_the_levels_and_places_that_its_schema_knows(tmp_path: Path) -> None:
    """SARIF 2.1.0, sections 3.27.10 (level), 3.4.3 (uri), 3.30.5 and 3.30.6 (from 1)."""
    result = run(tmp_path, {**ONE_TASK, "Coment": ""}, "--advice", "--format", "sarif")
    (report,) = json.loads(result.stdout)["runs"]
    places = [each["locations"][0]["physicalLocation"] for each in report["results"]]

    assert {each["level"] for each in report["results"]} == {"error", "note"}
    uris = {place["artifactLocation"]["uri"].rpartition("/")[2] for place in places}
    assert uris == {"a%20machine.asl.json"}
    assert all(place["region"]["startLine"] >= 1 for place in places)
    assert all(place["region"]["startColumn"] >= 1 for place in places)
    assert all(
        report["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]
        for each in report["results"]
    )


def test_sarif_of_nothing_is_a_report_without_results() -> None:
    (report,) = sarif([])["runs"]

    assert report["results"] == []
