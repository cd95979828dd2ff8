"""The check of public definitions reads a commit, and its page shows what was counted."""

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sfn_local import Engine, InlineFunctions
from sfn_local.server import serve_engine

FOLDER = Path(__file__).parents[1] / "conformance" / "held_out"
MACHINE = {"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}
WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture(scope="module")
def check() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("held_out_check", FOLDER / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_the_figures(check: ModuleType) -> None:
    figures = json.loads((FOLDER / "figures.json").read_text("utf-8"))
    entries = json.loads((FOLDER / "repositories.json").read_text("utf-8"))

    assert check.table(figures) in check.PAGE.read_text("utf-8")
    assert [each["commit"] for each in figures] == [each["commit"] for each in entries]


def test_each_definition_of_a_commit_is_read_once(check: ModuleType, tmp_path: Path) -> None:
    files = {
        "a.asl.json": json.dumps(MACHINE),
        "copy.json": json.dumps(MACHINE),
        "package.json": '{"StartAt": 1}',
        "broken.json": '{"StartAt": "a", "States"',
        "notes.md": json.dumps({**MACHINE, "Comment": "no file of a definition"}),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    for arguments in (("init", "-q"), ("add", "."), (*WHO, "commit", "-qm", "definitions")):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True)

    assert list(check.definitions_of(tmp_path, "HEAD")) == [("a.asl.json", json.dumps(MACHINE))]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"Resource": "${Function}"},
            {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"},
        ),
        (
            {"Resource": "arn:${AWS::Partition}:states:::sns:publish"},
            {"Resource": "arn:aws:states:::sns:publish"},
        ),
        ({"MaxConcurrency": "${Most}"}, {"MaxConcurrency": 1}),
        ({"Output": "{% ${Count} + 1 %}"}, {"Output": "{% 1 + 1 %}"}),
        ({"Name": "a-${Stage}"}, {"Name": "a-x"}),
    ],
)
def test_placeholders_are_filled_by_one_rule(
    check: ModuleType, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert check.filled(given) == expected


def test_a_definition_is_counted_by_what_the_engine_does(check: ModuleType) -> None:
    wrong = {"StartAt": "a", "States": {"a": {"Type": "Pass", "Next": "b"}}}

    found = check.figures_of(json.dumps(MACHINE))
    assert {name for name, holds in found.items() if not holds} == {check.OF_MINISTACK}
    assert not check.figures_of(json.dumps(wrong))["created"]
    assert not check.figures_of(json.dumps(wrong))["ends"]


def test_the_page_has_each_refused_definition_with_the_reason(check: ModuleType) -> None:
    """What is refused, and neither wrong on purpose nor reviewed, would be printed."""
    reviewed = json.loads((FOLDER / "reviewed.json").read_text("utf-8"))
    halves = {each["repository"]: each for each in json.loads(check.FIGURES.read_text("utf-8"))}
    refused = sum(
        each["definitions"] - each["created"]
        for each in halves.values()
        if each["half"] == "looked at" and "asl-validator" not in each["repository"]
    )

    assert check.reviewed() in check.PAGE.read_text("utf-8")
    assert {each["verdict"] for each in reviewed} == {"mistake", "unknown"}
    assert all(halves[each["repository"]]["half"] == "looked at" for each in reviewed)
    assert sum("asl-validator" not in each["repository"] for each in reviewed) == refused
    assert check.is_known(reviewed[0], reviewed[0]["path"])
    assert check.is_known({"repository": "any"}, "tests/invalid-next.json")
    assert not check.is_known({"repository": "any"}, "tests/valid-next.json")


def test_an_emulator_is_asked_at_its_address(check: ModuleType) -> None:
    engine = Engine(functions=InlineFunctions(lambda *_: b"{}"))
    server = serve_engine(engine, port=0)
    try:
        assert check.is_created_at(server.url, MACHINE)
        assert not check.is_created_at(server.url, {"StartAt": "absent", "States": {}})
    finally:
        server.close()
        engine.close()
