"""The lint of definitions where people keep them: templates, and files of other tools.

Sources: CloudFormation Template Reference, "Fn::ForEach"; AWS SAM Developer Guide,
AWS::Serverless::StateMachine; the README of serverless-step-functions; Terraform's documentation
of templatefile; what `cdk synth` writes for a StateMachine (aws-cdk, aws-stepfunctions).
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sfn_local.cli import cli
from sfn_local.lint.sources import lint_file
from sfn_local.lint.template_file import TemplateError, load_yaml

GOOD = {"StartAt": "it", "States": {"it": {"Type": "Pass", "End": True}}}
BAD = json.dumps({"StartAt": "it", "States": {"it": {"Type": "Pass", "Ende": True}}}, indent=1)
OF_BAD = [("transition-missing", "m.asl.json", 4), ("field-unknown", "m.asl.json", 6)]


def found(path: Path, text: str) -> tuple[list[tuple[str, str, int]], list[str]]:
    path.write_text(text)
    notes: list[str] = []
    findings = lint_file(path, text, notes.append)
    listed = [
        (each.id, Path(each.file).name, each.line)
        for each in findings
        if each.severity == "error" or each.id.startswith("substitution")
    ]
    return listed, notes


def sam(properties: str) -> str:
    return f"""Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Logging: {{Level: ALL}}
      Tracing: {{Enabled: true}}
      {properties}
"""


def test_the_file_of_a_definition_uri_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "m.asl.json").write_text(BAD)

    assert found(tmp_path / "template.yaml", sam("DefinitionUri: m.asl.json"))[0] == OF_BAD


def test_a_definition_in_yaml_is_looked_at(tmp_path: Path) -> None:
    text = "StartAt: it\nStates:\n  it:\n    Type: Pas\n    End: true\n"
    expected = [("type-unknown", "m.asl.yaml", 4)]

    assert found(tmp_path / "m.asl.yaml", text)[0] == expected
    assert found(tmp_path / "template.yaml", sam("DefinitionUri: m.asl.yaml"))[0] == expected


INLINE = """Definition:
        StartAt: call
        States:
          call:
            Type: Task
            Resource: arn:aws:states:::lambda:invoke
            TimeoutSeconds: !Ref Seconds
            Parameters:
              FunctionName: !GetAtt Function.Arn
              Payload.$: $
            Next: WAY
          end: {Type: Succeed}"""


def test_an_inline_definition_is_looked_at_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"

    assert found(path, sam(INLINE.replace("WAY", "end"))) == ([], [])
    assert found(path, sam(INLINE.replace("WAY", "nowhere")))[0] == [
        ("target-unknown", "template.yaml", 17),
        ("unreachable", "template.yaml", 18),
    ]


def test_substitutions_of_an_inline_definition_are_compared(tmp_path: Path) -> None:
    properties = INLINE.replace("WAY", "end").replace("!Ref Seconds", '"${Used}"')
    given = f"DefinitionSubstitutions: {{Used: 1, Unused: 2}}\n      {properties}"

    assert found(tmp_path / "template.yaml", sam(given))[0] == [
        ("substitution-unused", "template.yaml", 8)
    ]


@pytest.mark.parametrize("sub", ["", "!Sub "])
def test_a_definition_string_is_looked_at(tmp_path: Path, sub: str) -> None:
    text = json.dumps(GOOD, indent=1).replace('"Pass"', '"${Type}"').replace("\n", "\n        ")
    good = sam(f"DefinitionString: {sub}|\n        {text}")
    missing = [] if sub else [("substitution-missing", "template.yaml", 7)]
    path = tmp_path / "template.yaml"

    assert found(path, good)[0] == missing
    assert ("target-unknown", "template.yaml", 7) in found(path, good.replace('"it"', '"at"', 1))[0]


def test_a_template_that_cdk_wrote_is_looked_at(tmp_path: Path) -> None:
    parts = [
        '{"StartAt":"call","States":{"call":{"Next":"WAY","Type":"Task","Resource":"arn:',
        {"Ref": "AWS::Partition"},
        ':states:::lambda:invoke","Parameters":{"FunctionName":"',
        {"Fn::GetAtt": ["Function", "Arn"]},
        '","Payload.$":"$"}},"end":{"Type":"Succeed"}}}',
    ]
    properties = {"DefinitionString": {"Fn::Join": ["", parts]}, "LoggingConfiguration": {}}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    text = json.dumps({"Resources": {"Machine": machine}}, indent=1)
    path = tmp_path / "stack.template.json"

    assert found(path, text.replace("WAY", "end")) == ([], [])
    assert [rule for rule, _, _ in found(path, text.replace("WAY", "nowhere"))[0]] == [
        "target-unknown",
        "unreachable",
    ]


FOREACH = """Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Resources:
  Fn::ForEach::Machines:
    - Name
    - LIST
    - "${Name}Machine":
        Type: AWS::Serverless::StateMachine
        Properties:
          DefinitionUri: "${Name}.asl.json"
          Logging: {Level: ALL}
          Tracing: {Enabled: true}
"""


def test_a_loop_over_a_list_that_is_written_out_is_expanded(tmp_path: Path) -> None:
    (tmp_path / "good.asl.json").write_text(json.dumps(GOOD))
    (tmp_path / "m.asl.json").write_text(BAD)
    path = tmp_path / "template.yaml"

    assert found(path, FOREACH.replace("LIST", "[good, m]")) == (OF_BAD, [])
    assert list(load_yaml(path)["Resources"]) == ["goodMachine", "mMachine"]


def test_a_loop_within_a_loop_is_expanded_and_keys_have_letters_and_digits(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        """Resources:
  Fn::ForEach::A:
    - A
    - [x.1, y]
    - Fn::ForEach::B:
        - B
        - [p]
        - "T&{A}${B}": {Type: "${A}-${B}", Properties: {N: !Ref A}}
"""
    )

    assert load_yaml(path)["Resources"] == {
        "Tx1p": {"Type": "x.1-p", "Properties": {"N": "x.1"}},
        "Typ": {"Type": "y-p", "Properties": {"N": "y"}},
    }


def test_a_loop_over_a_parameter_is_skipped_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"

    assert found(path, FOREACH.replace("LIST", "!Ref Names")) == (
        [],
        ["Fn::ForEach::Machines goes through a list that is not written out: it is skipped"],
    )
    with pytest.raises(TemplateError, match="the resource Fn::ForEach::Machines has no Type"):
        load_yaml(path)


SERVERLESS = """service: s
stepFunctions:
  stateMachines:
    inline:
      definition:
        StartAt: wait
        States:
          wait: {Type: Wait, Seconds: "${self:custom.seconds}", Next: WAY}
          end:
            Type: Task
            Resource: {Fn::GetAtt: [work, Arn]}
            End: true
    named:
      definition: ${file(m.asl.json)}
    elsewhere: ${file(machines.yml)}
"""


def test_machines_of_the_serverless_framework_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "m.asl.json").write_text(json.dumps(GOOD))
    path = tmp_path / "serverless.yml"
    notes = ["elsewhere: its definition is elsewhere"]

    assert found(path, SERVERLESS.replace("WAY", "end")) == ([], notes)
    assert found(path, SERVERLESS.replace("WAY", "nowhere"))[0] == [
        ("target-unknown", "serverless.yml", 8),
        ("unreachable", "serverless.yml", 9),
    ]


TERRAFORM = """resource "aws_sfn_state_machine" "a" {
  definition = templatefile("${path.module}/m.asl.json", {
    arn = aws_lambda_function.f.arn
  })
}
resource "aws_sfn_state_machine" "b" {
  definition = <<EOF
{
  "StartAt": "it",
  "States": {"it": {"Type": "Wait", "Seconds": ${var.seconds}, "Next": "WAY"}}
}
EOF
}
"""


def test_definitions_of_terraform_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "m.asl.json").write_text(BAD)
    listed, _ = found(tmp_path / "main.tf", TERRAFORM)

    assert set(OF_BAD) <= set(listed)
    assert ("target-unknown", "main.tf", 10) in listed


def test_what_jsonencode_writes_is_noted(tmp_path: Path) -> None:
    text = 'definition = jsonencode({ StartAt = "it" })'

    assert len(found(tmp_path / "main.tf", text)[1]) == 1


@pytest.mark.parametrize(
    "properties", ["DefinitionUri: absent.asl.json", "DefinitionUri: {Bucket: b, Key: k}"]
)
def test_a_definition_that_is_not_here_is_noted(tmp_path: Path, properties: str) -> None:
    listed, notes = found(tmp_path / "template.yaml", sam(properties))

    assert (listed, len(notes)) == ([], 1)


def run(path: Path, text: str) -> Result:
    path.write_text(text)
    return CliRunner().invoke(cli, ["lint", str(path), "--strict"])


def test_the_command_takes_templates(tmp_path: Path) -> None:
    (tmp_path / "m.asl.json").write_text(BAD)
    bad = run(tmp_path / "template.yaml", sam("DefinitionUri: m.asl.json"))
    noted = run(tmp_path / "other.yaml", FOREACH.replace("LIST", "!Ref Names"))

    assert bad.exit_code == 1
    assert (noted.exit_code, noted.stderr.startswith("note: Fn::ForEach")) == (0, True)
