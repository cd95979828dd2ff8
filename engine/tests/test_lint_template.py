"""The lint on a definition within its template, and its SARIF.

Source: AWS SAM Developer Guide, AWS::Serverless::StateMachine; SARIF 2.1.0, OASIS standard.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sfn_local.cli import cli
from sfn_local.lint import RULES, lint, sarif
from sfn_local.lint.template import lint_in_template
from sfn_local.lint.template_file import TemplateError

DEFINITION = {
    "StartAt": "call",
    "States": {
        "call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${CallFunction}"},
            "Next": "direct",
        },
        "direct": {"Type": "Task", "Resource": "${DirectFunction}", "End": True},
    },
}
TEMPLATE = """
Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.json
      DefinitionSubstitutions:
        CallFunction: !GetAtt CallFunction.Arn
        DirectFunction: !Sub "${DirectFunction.Arn}"
      Policies:
        - LambdaInvokePolicy:
            FunctionName: !Ref CallFunction
        - Statement:
            - Effect: Allow
              Action: [lambda:InvokeFunction]
              Resource: !GetAtt DirectFunction.Arn
      Logging: {Level: ALL}
      Tracing: {Enabled: true}
  CallFunction:
    Type: AWS::Serverless::Function
  DirectFunction:
    Type: AWS::Lambda::Function
"""
STATEMENTS = TEMPLATE[TEMPLATE.index("        - Statement") : TEMPLATE.index("      Logging")]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    path = tmp_path / "machine.asl.json"
    path.write_text(json.dumps(DEFINITION, indent=2))
    return path


def found(machine: Path, template: str) -> list[tuple[str, str]]:
    path = machine.with_name("template.yaml")
    path.write_text(template)
    return [
        (finding.id, finding.pointer)
        for finding in lint_in_template(machine.read_text(), machine, path)
    ]


def test_a_machine_that_fits_its_template_has_no_findings(machine: Path) -> None:
    assert found(machine, TEMPLATE) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "CallFunction: !GetAtt CallFunction.Arn",
            "Other: x",
            [
                ("substitution-unused", ""),
                ("substitution-missing", "/States/call/Parameters/FunctionName"),
            ],
        ),
        (STATEMENTS, "", [("role-lacks-function", "/States/direct")]),
        ("Effect: Allow", "Effect: Deny", [("role-lacks-function", "/States/direct")]),
        ("lambda:InvokeFunction", "lambda:Get*", [("role-lacks-function", "/States/direct")]),
        ("!Ref CallFunction", "!Ref Else", [("role-lacks-function", "/States/call")]),
        ("      Logging: {Level: ALL}\n", "", [("logging-missing", "")]),
        ("      Tracing: {Enabled: true}\n", "", [("tracing-missing", "")]),
    ],
)
def test_a_defect_of_the_template_is_found(
    machine: Path, old: str, new: str, expected: list[tuple[str, str]]
) -> None:
    assert old in TEMPLATE
    assert found(machine, TEMPLATE.replace(old, new, 1)) == expected


@pytest.mark.parametrize(
    "replacement",
    [
        "Resource: '*'",
        "Resource: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:*'",
        "Resource: [!GetAtt DirectFunction.Arn]",
    ],
)
def test_a_statement_that_covers_the_function_is_enough(machine: Path, replacement: str) -> None:
    template = TEMPLATE.replace("Resource: !GetAtt DirectFunction.Arn", replacement)

    assert found(machine, template) == []


def test_what_cannot_be_judged_is_taken_for_right(machine: Path) -> None:
    start = TEMPLATE.index("      Policies")
    end = TEMPLATE.index("      Logging")
    role = f"{TEMPLATE[:start]}      Role: !Ref Parameter\n{TEMPLATE[end:]}"
    connected = f"{TEMPLATE[:start]}{TEMPLATE[end:]}" + (
        "  Connector:\n    Type: AWS::Serverless::Connector\n    Properties:\n"
        "      Source: {Id: Machine}\n      Destination: {Id: CallFunction}\n"
        "      Permissions: [Write]\n"
    )

    assert found(machine, role) == []
    assert found(machine, connected) == []


def test_a_file_that_the_template_does_not_name_has_no_findings(machine: Path) -> None:
    assert found(machine, TEMPLATE.replace("machine.asl.json", "other.asl.json")) == []


def test_a_template_that_cannot_be_read_says_so(machine: Path) -> None:
    with pytest.raises(TemplateError, match="there is no template"):
        lint_in_template("{}", machine, machine.with_name("absent.yaml"))


def test_the_command_looks_at_the_template(machine: Path) -> None:
    template = machine.with_name("template.yaml")
    template.write_text(TEMPLATE.replace("CallFunction: !GetAtt", "Other: !GetAtt", 1))
    result = CliRunner().invoke(cli, ["lint", str(machine), "--template", str(template)])

    assert result.exit_code == 1
    assert "[substitution-missing]" in result.output


def test_sarif_has_a_result_for_each_finding_at_its_place() -> None:
    text = json.dumps(DEFINITION, indent=2).replace('"End"', '"Ende"')
    findings = lint(text, "machine.asl.json")
    run: dict[str, Any] = sarif(findings)["runs"][0]
    (result,) = [result for result in run["results"] if result["ruleId"] == "field-unknown"]
    rules = run["tool"]["driver"]["rules"]

    assert len(run["results"]) == len(findings)
    assert [rule["id"] for rule in rules] == list(RULES)
    assert rules[result["ruleIndex"]]["id"] == "field-unknown"
    assert result["level"] == "error"
    assert result["message"]["text"] == "a Task state has no Ende. Did you mean End?"
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "machine.asl.json"},
                "region": {"startLine": 15, "startColumn": 7},
            },
            "logicalLocations": [{"fullyQualifiedName": "/States/direct/Ende"}],
        }
    ]


def test_the_command_prints_sarif_or_json_but_not_both(machine: Path) -> None:
    printed = CliRunner().invoke(cli, ["lint", str(machine), "--format", "sarif"])
    both = CliRunner().invoke(cli, ["lint", str(machine), "--format", "sarif", "--json"])

    assert json.loads(printed.stdout)["version"] == "2.1.0"
    assert (both.exit_code, "exclude each other" in both.output) == (2, True)
