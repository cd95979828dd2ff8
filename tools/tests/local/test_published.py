"""Which version a deploy publishes of a function behind an alias, and what runs behind it."""

import json
from pathlib import Path

import pytest

from sfn_cqrs_tools.runtime.lambdas import Functions
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.runtime.versions import Versions

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Days: {Type: String, Default: "1"}
Resources:
  Known:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: known, PublishLambdaVersion: true}
  Unknown:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: unknown}
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: fn
      Handler: app.lambda_handler
      Runtime: python3.13
      Timeout: 30
      Layers: [!Ref Known, !Ref Unknown]
      AutoPublishAlias: live
      AutoPublishAliasAllProperties: true
      Environment: {Variables: {DAYS: !Ref Days}}
"""
HANDLER = """import os
from known_{name} import VALUE as known
from unknown_{name} import VALUE as unknown
def lambda_handler(event, context):
    return [1, known, unknown, os.environ["DAYS"], os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")]
"""
DIGEST = "def digest(layer, options): return options"
FIRST = ([1, 1, 1, "1"], "1")


@pytest.fixture
def root(tmp_path):
    name = f"{abs(hash(tmp_path)):x}"  # no other test has a module of this name
    for place in ("known", "unknown"):
        (tmp_path / place).mkdir()
        (tmp_path / place / f"{place}_{name}.py").write_text("VALUE = 1\n")
    (tmp_path / "fn").mkdir()
    (tmp_path / "fn/app.py").write_text(HANDLER.format(name=name))
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path


@pytest.fixture
def deploy(root, tmp_path_factory, monkeypatch):
    """Return what deploys the project, as a process that starts anew does."""
    running = []
    folder = tmp_path_factory.mktemp("data") / "versions"

    def deployed(days="1", options="", **given):
        template = Template.load(root / "template.yaml", parameters={"Days": days})
        monkeypatch.setenv("DAYS", days)
        quick = {"isolated": True, "reload_seconds": None, **given}
        functions = Functions(template.functions.values(), sources=template.layers, **quick)
        running.append(functions)
        environment = {"DAYS": days}
        functions.versions = Versions(template, folder, options, lambda _: environment, dict)
        functions.versions.deploy()
        return functions

    yield deployed
    for functions in running:
        functions.close()


def change(root: Path, place: str, old: str = "1", new: str = "2") -> None:
    (file,) = (root / place).glob("*.py")
    file.write_text(file.read_text().replace(old, new, 1))


def behind(functions: Functions) -> tuple[list, str]:
    """What runs behind the alias, and the version that it says."""
    *seen, _ = json.loads(functions.invoke("Fn:live", b"{}"))
    return seen, functions.described(functions.find("Fn"), "live")["Version"]


def latest(functions: Functions) -> list:
    return json.loads(functions.invoke("Fn", b"{}"))[:-1]


def test_a_deploy_of_the_same_publishes_nothing(deploy):
    assert behind(deploy()) == FIRST
    assert behind(deploy()) == FIRST


@pytest.mark.parametrize(
    ("place", "seen"), [("fn", [2, 1, 1, "1"]), ("known", [1, 2, 1, "1"])], ids=["code", "layer"]
)
def test_changed_code_and_a_changed_layer_that_publishes_are_a_new_version(
    deploy, root, place, seen
):
    deploy()
    change(root, place, *(("[1", "[2") if place == "fn" else ()))

    assert behind(deploy()) == (seen, "2")


def test_a_changed_property_is_a_new_version(deploy, root):
    deploy()
    text = (root / "template.yaml").read_text()
    (root / "template.yaml").write_text(text.replace("Timeout: 30", "Timeout: 31"))

    assert behind(deploy())[1] == "2"


def test_a_changed_value_behind_a_reference_never_reaches_the_alias(deploy):
    deploy()
    functions = deploy(days="9")

    assert behind(functions) == FIRST
    assert latest(functions) == [1, 1, 1, "9"]


def test_a_layer_that_no_hash_has_is_frozen_too(deploy, root):
    deploy()
    change(root, "unknown")
    functions = deploy()

    assert behind(functions) == FIRST
    assert latest(functions) == [1, 1, 2, "1"]


def test_what_was_held_back_arrives_with_the_next_version_all_together(deploy, root):
    deploy()
    change(root, "unknown")
    assert behind(deploy(days="9")) == FIRST
    change(root, "fn", "[1", "[2")

    assert behind(deploy(days="9")) == ([2, 1, 2, "9"], "2")


def test_going_back_to_what_was_is_a_version_again(deploy, root):
    deploy()
    change(root, "fn", "[1", "[2")
    deploy()
    change(root, "fn", "[2", "[1")

    assert behind(deploy()) == (FIRST[0], "3")


def test_a_layer_whose_build_tells_the_options_of_the_deploy_brings_parameters(deploy, root):
    (root / "known/deployment.py").write_text(DIGEST)
    deploy()

    assert behind(deploy(days="9", options="Days=9")) == ([1, 1, 1, "9"], "2")


def test_a_version_that_is_behind_knows_its_number(deploy):
    deploy()

    assert json.loads(deploy(days="9").invoke("Fn:live", b"{}"))[-1] == "1"


def test_a_save_is_a_deploy(deploy, root):
    functions = deploy(isolated=False, reload_seconds=0)
    assert behind(functions) == FIRST

    change(root, "fn", "[1", "[2")
    assert behind(functions) == ([2, 1, 1, "1"], "2")
    change(root, "unknown")
    assert latest(functions) == [2, 1, 2, "1"]
    assert behind(functions) == ([2, 1, 1, "1"], "2")


def test_what_is_kept_is_readable_by_its_owner_alone(deploy):
    functions = deploy()
    folder = functions.versions._folder

    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "versions.json").stat().st_mode & 0o077 == 0
