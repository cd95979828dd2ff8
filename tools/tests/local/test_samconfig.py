"""The user's package is named once, in samconfig.toml."""

from types import SimpleNamespace

import pytest
from tests.support.project import copy_project

from sfn_cqrs_tools.runtime.state import StackError
from sfn_cqrs_tools.scaffold.changes import ScaffoldError
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.samconfig import app_package, with_package
from sfn_cqrs_tools.stack.settings import Settings

STAGE = "[{}.deploy.parameters]\nparameter_overrides = {}\n"


def test_the_package_that_every_stage_names_is_found(tmp_path):
    (tmp_path / "samconfig.toml").write_text(
        "version = 0.1\n"
        + STAGE.format("dev", """["Stage=dev", "AppPackage=library"]""")
        + STAGE.format("prod", """'Stage=prod AppPackage="library"'""")
    )

    assert app_package(tmp_path) == "library"


@pytest.mark.parametrize("text", ["", STAGE.format("dev", """["Stage=dev", 'AppPackage=""']""")])
def test_a_file_that_names_none_leaves_it_to_the_template(tmp_path, text):
    assert app_package(tmp_path) is None
    (tmp_path / "samconfig.toml").write_text(text)

    assert app_package(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[dev", "is not TOML"),
        (
            STAGE.format("dev", """["AppPackage=a"]""")
            + STAGE.format("prod", """["AppPackage=b"]"""),
            "names several AppPackages: a, b; give each stage the same",
        ),
        (
            STAGE.format("dev", """["AppPackage=a"]""") + STAGE.format("prod", "[]"),
            "names no AppPackage for prod; give each stage the same",
        ),
    ],
)
def test_a_file_that_cannot_be_followed_says_why(tmp_path, text, message):
    (tmp_path / "samconfig.toml").write_text(text)

    with pytest.raises(StackError, match=message):
        app_package(tmp_path)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ('[\n    "Stage=dev",\n]', '[\n    "AppPackage=library",\n    "Stage=dev",\n]'),
        ('["Stage=dev"]', '["AppPackage=library", "Stage=dev"]'),
        ("[]", '["AppPackage=library", ]'),
        ('"Stage=dev"', '"AppPackage=library Stage=dev"'),
        ('["Stage=dev", "AppPackage=shop"]', '["Stage=dev", "AppPackage=library"]'),
        ("""['AppPackage="shop"']""", "['AppPackage=library']"),
        ("'AppPackage=\"shop\" Stage=dev'", "'AppPackage=library Stage=dev'"),
    ],
)
def test_a_package_is_named_in_every_stage_and_all_else_stays(overrides, named):
    text = "# mine\nversion = 0.1\n[default.build.parameters]\nparallel = true # so\n"

    changed = with_package(text + STAGE.format("dev", overrides), "library")

    assert changed == text + STAGE.format("dev", named)


def test_the_default_which_asks_for_a_stage_is_none():
    text = STAGE.format("default", '"choose a stage: --config-env dev;"')

    changed = with_package(text + STAGE.format("dev", '["Stage=dev"]'), "library")

    assert changed == text + STAGE.format("dev", '["AppPackage=library", "Stage=dev"]')


def test_a_stage_without_parameters_is_given_one():
    text = '[dev.deploy.parameters]\nstack_name = "x"\n'

    assert with_package(text, "library") == (
        '[dev.deploy.parameters]\nparameter_overrides = ["AppPackage=library"]\nstack_name = "x"\n'
    )


@pytest.mark.parametrize("text", ["version = 0.1\n", "[dev]\ndeploy.parameters = {}\n"])
def test_a_file_that_is_written_otherwise_is_left_to_a_person(text):
    with pytest.raises(ScaffoldError, match="write AppPackage=library into the parameter_over"):
        with_package(text, "library")


def test_the_local_stack_runs_that_package_unless_a_parameter_names_another(tmp_path):
    project = copy_project(tmp_path / "project", only=("template.yaml", "statemachine/"))
    (project / "samconfig.toml").write_text(STAGE.format("dev", """["AppPackage=library"]"""))
    fabric = SimpleNamespace(function_name=lambda _stack, logical_id: logical_id)

    def package(**parameters):
        settings = Settings(
            template=project / "template.yaml", state_dir=tmp_path, parameters=parameters
        )
        stack = LocalStack(settings)
        stack.fabric = fabric
        return stack._load().parameters["AppPackage"]

    assert package() == "library"
    assert package(AppPackage="shop") == "shop"
