from pathlib import Path

import pytest

from sfn_cqrs_tools.runtime.template import Template
from sfn_local.lint.template_file import TemplateError

INNER = """
Parameters:
  Layer: {Type: String}
  Stage: {Type: String, Default: dev}
  Subnets: {Type: CommaDelimitedList, Default: ""}
  Days: {Type: Number, Default: 7}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Mappings:
  Sizes: {small: {memory: "128"}}
Globals:
  Function:
    Timeout: 9
    Runtime: python3.13
    Layers: [!Ref Layer]
    Environment:
      Variables:
        TABLE: !Ref Items
        STACK: !Ref AWS::StackName
        DAYS: !Sub "${Days} of ${Stage} in ${AWS::StackName}, ${!kept}"
Resources:
  Items: {Type: AWS::DynamoDB::Table, Properties: {}}
  Queue: {Type: AWS::SQS::Queue, Condition: IsProd, DependsOn: [Items]}
  WorkFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/work
      Handler: app.handler
      VpcConfig: {SubnetIds: !Ref Subnets}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: !Sub "${AWS::StackName}-work"
      DefinitionUri: machine.asl.json
      DefinitionSubstitutions:
        WorkFunction: !GetAtt WorkFunction.Arn
        Size: !FindInMap [Sizes, small, memory]
        Queue: !If [IsProd, !GetAtt Queue.Arn, none]
Outputs:
  Table: {Value: !Ref Items}
  TableArn: {Value: !GetAtt Items.Arn}
  Described: {Value: !Sub "${Items} in ${AWS::StackName}"}
"""
OUTER = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: prod}
Globals:
  Function: {MemorySize: 64, Handler: other.handler, Runtime: python3.13}
Resources:
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: app}}
  Inner:
    Type: AWS::Serverless::Application
    Properties:
      Location: framework/template.yaml
      Parameters: {Layer: !Ref Layer, Stage: !Ref Stage, Subnets: "a,b"}
  OwnFunction:
    Type: AWS::Serverless::Function
    DependsOn: Inner
    Properties:
      CodeUri: functions/own
      Environment:
        Variables:
          OWN_TABLE: !GetAtt Inner.Outputs.Table
          OWN_TEXT: !Sub "${Inner.Outputs.Described}, ${AWS::StackName}, ${Inner.Outputs.TableArn}"
Outputs:
  Own: {Value: !GetAtt Inner.Outputs.Table}
"""


def load(tmp_path: Path, *, outer: str = OUTER, inner: str = INNER, **parameters: str) -> Template:
    (tmp_path / "framework").mkdir()
    (tmp_path / "template.yaml").write_text(outer)
    (tmp_path / "framework/template.yaml").write_text(inner)
    return Template.load(tmp_path / "template.yaml", stack="clinic", parameters=parameters)


def test_functions_and_machines_of_an_application_are_the_parents(tmp_path: Path) -> None:
    template = load(tmp_path)

    work, own = template.functions["WorkFunction"], template.functions["OwnFunction"]
    assert work.folder == tmp_path / "framework/functions/work"
    assert own.folder == tmp_path / "functions/own"
    machine = template.machines["machine"]
    assert machine.name == "clinic-Inner-work"
    assert machine.path == tmp_path / "framework/machine.asl.json"
    assert machine.substitutions == {
        "WorkFunction": work.arn,
        "Size": "128",
        "Queue": template.arn("Queue"),
    }


def test_globals_reach_no_further_than_their_template(tmp_path: Path) -> None:
    template = load(tmp_path)

    work, own = template.functions["WorkFunction"], template.functions["OwnFunction"]
    assert (work.timeout, work.memory, work.handler) == (9, 128, "app.handler")
    assert (own.timeout, own.memory, own.handler) == (3, 64, "other.handler")
    assert work.environment == {
        "TABLE": "clinic-Items",
        "STACK": "clinic-Inner",
        "DAYS": "7 of prod in clinic-Inner, ${kept}",
    }


def test_the_parent_reads_outputs(tmp_path: Path) -> None:
    template = load(tmp_path)

    assert template.functions["OwnFunction"].environment == {
        "OWN_TABLE": "clinic-Items",
        "OWN_TEXT": "clinic-Items in clinic-Inner, clinic, "
        "arn:aws:dynamodb:us-east-1:000000000000:table/clinic-Items",
    }
    outputs = template.resolve(template.document["Outputs"])
    assert outputs["Own"] == outputs["Table"] == {"Value": "clinic-Items"}


def test_parameters_that_the_parent_does_not_pass_can_be_given(tmp_path: Path) -> None:
    template = load(tmp_path, Days="30")

    assert template.functions["WorkFunction"].environment["DAYS"].startswith("30 of prod")


def test_parameters_decide_the_conditions_of_the_application(tmp_path: Path) -> None:
    assert "Queue" not in load(tmp_path, Stage="dev").resources


def test_a_list_is_passed_as_cloudformation_does(tmp_path: Path) -> None:
    template = load(tmp_path)

    properties = template.of_type("AWS::Serverless::Function")["WorkFunction"]
    assert template.resolve(properties["VpcConfig"]) == {"SubnetIds": ["a", "b"]}


def test_names_that_both_have_are_kept_apart(tmp_path: Path) -> None:
    more = "\n  Items: {Type: AWS::SQS::Queue}\nConditions:\n  IsProd: !Equals [a, b]\nOutputs:"
    template = load(tmp_path, outer=OUTER.replace("\nOutputs:", more))

    assert template.document["Resources"]["Items"]["Type"] == "AWS::SQS::Queue"
    assert template.functions["WorkFunction"].environment["TABLE"] == "clinic-InnerItems"
    assert template.document["Resources"]["Queue"]["DependsOn"] == ["InnerItems"]
    assert "Queue" in template.resources  # by its own IsProd
    assert template.functions["OwnFunction"].environment["OWN_TABLE"] == "clinic-InnerItems"


def test_an_application_is_given_outputs_of_another_that_follows_it(tmp_path: Path) -> None:
    passed = "Parameters: {Layer: !Sub 'of ${Second.Outputs.Table}', Stage: !Ref Stage"
    second = """
  Second:
    Type: AWS::Serverless::Application
    Properties: {Location: framework/template.yaml, Parameters: {Layer: x}}
Outputs:"""
    outer = OUTER.replace("Parameters: {Layer: !Ref Layer, Stage: !Ref Stage", passed)
    template = load(tmp_path, outer=outer.replace("\nOutputs:", second))

    functions = template.of_type("AWS::Serverless::Function")
    assert template.resolve(functions["WorkFunction"]["Layers"]) == ["of clinic-SecondItems"]
    assert template.resolve(functions["SecondWorkFunction"]["Layers"]) == ["x"]


def test_sam_takes_the_whole(tmp_path: Path) -> None:
    template = load(tmp_path)
    (tmp_path / "framework/machine.asl.json").write_text(
        '{"StartAt": "w", "States": {"w": {"Type": "Task", "Resource": "${WorkFunction}",'
        ' "End": true}}}'
    )

    plain = template.translate()

    assert plain["Resources"]["WorkFunction"]["Type"] == "AWS::Lambda::Function"
    (layer,) = plain["Resources"]["WorkFunction"]["Properties"]["Layers"]
    assert layer["Ref"].startswith("Layer")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("framework/template.yaml", "{ApplicationId: a}", "is not in a folder"),
        ("framework/template.yaml", "https://example.org/t.yaml", "only applications in folders"),
        ("Layer: !Ref Layer,", "", "Inner has no value for the parameter Layer"),
        ("Layer: !Ref Layer,", "Layer: x, Odd: y,", "Inner has no parameter Odd"),
        ("Outputs.Table}", "Outputs.Nothing}", r"Inner has no Outputs\.Nothing"),
    ],
)
def test_what_cannot_run_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        load(tmp_path, outer=OUTER.replace(old, new))
