"""The checks find a sound project sound, and each of them finds a fault."""

import io
import json
import sys
import time

import boto3
import pytest
from tests.accept import checks, project
from tests.accept.__main__ import REFUSED, main
from tests.accept.checks import CHECKS
from tests.accept.report import FAILED, LEFT, OK, bill, run
from tests.accept.stacks import Account, Local

HERE = [one.number for one in CHECKS if one.is_local]
ITS_OWN_TEST = {6, 13}
STACK = "hotel-accept"


@pytest.fixture
def broken(tmp_path):
    """A project with a fault for each check, on a stack that nobody waits for."""
    folder = project.made(tmp_path)
    app = folder / f"app/{project.NAME}"
    (app / "extra.py").write_text(
        'from sfn_cqrs.types import command_type\n\ncommand_type("EXTRA")\n', encoding="utf-8"
    )
    fault = '    raise RuntimeError("a fault")\n'
    project.replace(app / "item.py", "    row = {", f"{fault}    row = {{")
    project.replace(app / "failing.py", '    raise ValueError("it fails, as it should")\n', "")
    project.replace(app / "notes.py", "    publish_decided(", "    _ = (publish_decided, ")
    charge = '\n\n@saga_step(SAGA, "charge")'
    undone = '    return {"id": step.input["id"]}\n'
    project.replace(app / "trip.py", undone + charge, fault + charge)
    reads = "        attributes: dict"
    project.replace(app / "rooms_import.py", reads, f"    {fault}{reads}")
    project.replace(folder / "template.yaml", project.RIGHT_OF_TABLE, "")
    stack = Local(folder)
    stack.patience, stack.rows = 2.0, 10
    stack.deploy()
    yield stack
    stack.stop()


@pytest.mark.stack
@pytest.mark.proof
def test_a_sound_project_is_accepted(tmp_path):
    code = main(["--local", "--report", str(tmp_path)])

    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    ended = {one["number"]: one["ended"] for one in found}
    assert (code, ended) == (0, {one.number: OK if one.is_local else LEFT for one in CHECKS}), found
    assert all(one["only_an_account"] for one in found)
    assert (tmp_path / "report.md").read_text(encoding="utf-8").count("\n|") == len(CHECKS) + 2


@pytest.mark.stack
@pytest.mark.proof
def test_each_check_finds_its_fault(broken):
    made = [one for one in CHECKS if one.is_local and one.number not in ITS_OWN_TEST]

    ended = {one.number: one.ended for one in run(broken, made, time.monotonic())}

    assert ended == dict.fromkeys([one.number for one in made], FAILED)


class Stale:
    """A stack whose alias has the environment of the deploy before."""

    def __init__(self, live, latest):
        self.environments = {"live": live, "$LATEST": latest}

    def deploy(self):
        """Deploy what no alias gets."""

    def function(self, logical_id):
        return logical_id

    def client(self, _service):
        return self

    def cli(self, *_words):
        return json.dumps({"behind_alias": []})

    def get_function_configuration(self, *, FunctionName, Qualifier):  # noqa: N803 - as boto3's
        assert FunctionName
        return {"Environment": {"Variables": {"HISTORY_TTL_DAYS": self.environments[Qualifier]}}}


@pytest.mark.parametrize("found", [("", "30"), ("30", "")])
def test_an_environment_that_is_stale_is_found(tmp_path, found):
    stack = Stale(*found)
    stack.project = tmp_path
    (tmp_path / "template.yaml").write_text(project.PACKAGE, encoding="utf-8")

    with pytest.raises(checks.CheckFailedError, match="HISTORY_TTL_DAYS"):
        checks.reaches_live(stack)


def test_a_rehearsal_that_ends_badly_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(project, "PROGRAM", "false")

    with pytest.raises(project.CommandError):
        checks.restores(Local(tmp_path))


class Stacks:
    """An account of AWS, as far as it is looked at before anything is made."""

    def __init__(self, *names):
        self.names = names

    def get_paginator(self, _operation):
        return self

    def paginate(self):
        return [{"Stacks": [{"StackName": name} for name in self.names]}]


@pytest.mark.parametrize("name", [STACK, f"{STACK}-Cqrs-1ABC"])
def test_an_account_with_such_a_stack_is_left_alone(capsys, monkeypatch, tmp_path, name):
    monkeypatch.setattr(boto3, "client", lambda _service: Stacks(name))

    assert main(["--yes", "--report", str(tmp_path)]) == REFUSED

    assert "nothing is done" in capsys.readouterr().out


def test_nobody_pays_who_has_not_agreed(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(boto3, "client", lambda _service: Stacks("another"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))

    assert main(["--report", str(tmp_path)]) == REFUSED

    assert "dollars" in capsys.readouterr().out


def test_a_check_that_nobody_can_make_is_left_on_an_account_too(tmp_path):
    account = Account(tmp_path, STACK, "sam", "nobody@example.com")
    unmade = [one for one in CHECKS if one.run is None]

    assert [(one.number, one.ended) for one in run(account, unmade, 0)] == [(14, LEFT)]


def test_the_bill_is_made_of_counts_and_time():
    month = 730 * 3600

    assert bill({}, month) == pytest.approx(9.101)
    assert bill({"commands": 2_000_000}, 0) == pytest.approx(2 * bill({"rows": 1_000_000}, 0))
