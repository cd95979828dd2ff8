"""The example, which is a project in this repository."""

from pathlib import Path

import pytest

from sfn_cqrs_tools import project as projects
from sfn_cqrs_tools.project import CHECKOUT, deployed, example, project
from sfn_cqrs_tools.runtime.state import StackError
from sfn_cqrs_tools.stack import definition_watch
from sfn_cqrs_tools.stack.framework import FOLDER, bring_up_to_date, is_nested
from sfn_cqrs_tools.stack.samconfig import package_of

EXAMPLE = "examples/shop"
STAGE = '[dev.deploy.parameters]\nparameter_overrides = ["AppPackage=library"]\n'


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another checkout of the framework, as the current folder."""
    for folder in (tmp_path, tmp_path / EXAMPLE):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "template.yaml").touch()
    (tmp_path / "pyproject.toml").write_text(f'[tool.sfn-cqrs]\nproject = "{EXAMPLE}"\n')
    monkeypatch.setattr(projects, "CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_in_the_frameworks_repository_the_project_is_the_example(checkout: Path) -> None:
    assert project() == checkout / EXAMPLE
    assert deployed() == checkout
    (checkout / "samconfig.toml").write_text('[dev.deploy.parameters]\nstack_name = "x"\n')
    assert project() == checkout / EXAMPLE


def test_a_package_of_its_own_makes_the_repository_the_project(checkout: Path) -> None:
    (checkout / "samconfig.toml").write_text(STAGE)

    assert project() == checkout


@pytest.mark.parametrize("lost", [f"{EXAMPLE}/template.yaml", "pyproject.toml"])
def test_a_repository_without_an_example_is_the_project(checkout: Path, lost: str) -> None:
    (checkout / lost).unlink()

    assert project() == checkout


def test_this_repositorys_example_is_the_shop() -> None:
    assert example() == CHECKOUT / EXAMPLE


def test_the_package_of_a_project_is_the_one_that_it_gives_to_the_framework(
    tmp_path: Path,
) -> None:
    template = tmp_path / "template.yaml"

    assert (package_of(CHECKOUT / EXAMPLE), package_of(CHECKOUT)) == ("shop", "starter")
    template.write_text("Resources: {A: {Type: AWS::SQS::Queue}}")
    with pytest.raises(StackError, match=r"template\.yaml names no AppPackage"):
        package_of(tmp_path)


def test_nothing_is_copied_into_the_example() -> None:
    example = CHECKOUT / EXAMPLE

    assert is_nested(example)
    assert not bring_up_to_date(example)
    assert (example / FOLDER).is_symlink()
    assert (example / FOLDER).resolve() == CHECKOUT


def test_a_change_of_the_frameworks_machines_or_template_is_seen(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = checkout / "statemachine"
    machines.mkdir()
    (checkout / EXAMPLE / FOLDER).symlink_to("../..")
    monkeypatch.setattr(definition_watch, "QUIET_SECONDS", 0)
    watch = definition_watch.DefinitionWatch(checkout / EXAMPLE / "template.yaml")

    (machines / "command.asl.json").write_text("{}")
    (checkout / "template.yaml").write_text("Resources: {}")

    assert watch.changed() == {machines / "command.asl.json", checkout / "template.yaml"}
