"""`sfn-cqrs type check`: the working copy against a revision of git."""

import subprocess

import pydantic
import pytest
from tests.support.command_line import command_line
from tests.support.typed import Visit

from sfn_cqrs.kernel.models.models import model_of
from sfn_cqrs_tools.cli.type import _rows

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Environment:
      Variables: { APP_PACKAGE: clinic }
    Runtime: python3.13
    Handler: app.lambda_handler
Resources:
  ShowFunction:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: functions/show/ }
  AppLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: app/ }
"""
VISITS = """
from dataclasses import dataclass

from sfn_cqrs.types import command_type


@dataclass
class Visit:
    patient: str
    duration: int


command_type("VISIT", model=Visit)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a project in a repository of git, with one commit on main."""
    folder = tmp_path / "clinic"
    (folder / "app/clinic").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "app/clinic/__init__.py").write_text("")
    (folder / "app/clinic/visits.py").write_text(VISITS)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "first")
    monkeypatch.chdir(folder)
    return folder


def git(folder, *arguments):
    subprocess.run(["git", *arguments], cwd=folder, check=True)


@pytest.fixture
def check(project, monkeypatch, capsys):
    """Return what saves a module and checks the project."""
    run = command_line(monkeypatch, capsys, before="type")

    def save_and_check(text, *options):
        (project / "app/clinic/visits.py").write_text(text)
        return run("check", "--template", "template.yaml", *options)

    return save_and_check


RENAMED = VISITS.replace("duration: int", "minutes: int")
SHAPED = RENAMED.replace(
    "model=Visit",
    'model=Visit, shape=2, upcast={1: lambda old: {**old, "minutes": old.pop("duration")}}',
)


BUCKETS = """
from sfn_cqrs.read_models import read_model_type

read_model_type("visits_by_day", by="day", buckets=4)
"""


def test_another_number_of_buckets_is_refused_and_a_new_read_model_is_not(project, check):
    assert check(VISITS + BUCKETS).code == 0
    git(project, "add", "-A")
    git(project, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "more")

    changed = check(VISITS + BUCKETS.replace("buckets=4", "buckets=16"))
    renamed = check(VISITS + BUCKETS.replace('day", by', 'day_2", by').replace("=4", "=16"))

    assert (changed.code, renamed.code) == (1, 0)
    assert "read model visits_by_day: buckets= was 4, and is 16: no row" in changed.output
    assert renamed.output == "1 type: stored versions fit (main)\n"


def test_a_renamed_field_breaks_until_the_type_has_a_new_shape(check):
    unchanged = check(VISITS)
    renamed = check(RENAMED)
    shaped = check(SHAPED)

    assert (unchanged.code, unchanged.output) == (0, "1 type: stored versions fit (main)\n")
    assert (renamed.code, renamed.output) == (
        1,
        "breaks  VISIT: attributes.duration is removed: give it shape=2 and an upcast\n"
        "breaks  VISIT: attributes.minutes is required, and was not:"
        " give it shape=2 and an upcast\n",
    )
    assert shaped.code == 0


def test_a_wider_field_and_another_type_break_nothing(check):
    wider = VISITS.replace("duration: int", "duration: int | None = None")

    assert check(wider + 'command_type("OTHER")\n').code == 0


def test_a_first_model_breaks_unless_somebody_has_looked_at_what_is_stored(check, project):
    check('from sfn_cqrs.machines.command.handlers import command_type\n\ncommand_type("VISIT")\n')
    git(project, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qam", "no model")

    first = check(VISITS)
    looked_at = check(VISITS.replace("model=Visit", "model=Visit, shape=2, upcast={1: dict}"))
    another = check(
        'from sfn_cqrs.machines.command.handlers import command_type\n\ncommand_type("VISIT")\n'
    )

    assert (first.code, first.output) == (
        1,
        "breaks  VISIT: has its first model, which stored versions may not fit:"
        " give it shape=2 and an upcast, which is {1: dict} if they fit\n",
    )
    assert (looked_at.code, another.code) == (0, 0)


def test_a_shape_does_not_go_back(check, project):
    check(SHAPED)
    git(project, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qam", "second")

    result = check(VISITS, "--against", "main", "--json")

    assert result.code == 1
    assert result.json["findings"] == ["VISIT: its shape was 2, and is 1"]


def test_what_cannot_be_read_is_told(check):
    assert "no_such" in check(VISITS, "--against", "no_such").error
    assert "SyntaxError" in check("def").error


class Node(pydantic.BaseModel):
    """One that has others of its kind."""

    name: str
    below: list["Node"] = []


def test_fields_of_nested_objects_are_shown_with_their_paths():
    visit, node = model_of(Visit).schema(), model_of(Node).schema()
    root = node["$defs"]["Node"]

    shown = dict(_rows(visit, visit))

    assert shown["guests[].name"] == ("string length >= 1", "yes", "")
    assert shown["guests[].email"][0] == "string (personal)"
    assert list(dict(_rows(root, node))) == ["name", "below", "below[].name", "below[].below"]
