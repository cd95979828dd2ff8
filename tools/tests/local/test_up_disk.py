"""`up` on a full disk: it says so, refuses what it cannot keep, and goes on once there is room."""

import json
import shutil
import subprocess
from contextlib import ExitStack

import pytest
from engine.tests.full_disk import full_disk
from tests.support.command_line import command_line
from tests.support.project import copy_project
from tests.support.sockets import children
from tools.tests.local.running import CLI, PROJECT, Up
from tools.tests.local.test_up import command_of
from tools.tests.local.test_up_changes import Client

pytestmark = pytest.mark.stack

ORDER = {"type": "ORDER", "code": "o-1", "name": "first"}
BODY = {**ORDER, "attributes": {"customer": "ada", "total": 1}}


def test_up_on_a_full_disk_ends_with_a_sentence(tmp_path, toy):
    options = ["--template", str(toy), "--parameter", "Issuer=https://issuer.test"]
    with full_disk():
        up = subprocess.Popen(
            [*CLI, "up", "--port", "0", "--state", str(tmp_path / "state"), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    said, error = up.communicate(timeout=60)

    assert (up.returncode, said) == (1, "")
    assert error.startswith("error: ")
    assert f"is there room on the disk of {tmp_path / 'state'}" in error
    assert "Traceback" not in error


def test_a_stack_whose_disk_is_full_says_so_and_loses_nothing(tmp_path, monkeypatch, capfd):
    project = copy_project(tmp_path / "project", only=PROJECT)
    state = tmp_path / "state"
    up = Up(project, state)
    run = command_line(monkeypatch, capfd, after=up.options[:2])
    try:
        client = Client(up.until(r"^  http    (\S+)$")[1])
        up.until("^Ctrl-C ends it")
        with ExitStack() as disk:
            (fabric,) = (pid for pid in children(up.pid) if "fabric_process" in command_of(pid))
            for pid in (up.pid, fabric):
                disk.enter_context(full_disk(pid))
            refused, problem = client.ask("/commands", BODY)
            up.until(rf"trouble   nothing can be written to {state}/data \(.*\): requests are")
            ill = run("doctor", *up.options[2:])
        up.until(r"repaired  no longer: nothing can be written to ")
        given = ("--name", "first", "--attributes", json.dumps(BODY["attributes"]))
        published = run("publish", "ORDER", "o-1", *given, "--wait")
        well = run("doctor", *up.options[2:])
        shutil.rmtree(state)
        up.until(rf"trouble   {state} was removed while the stack runs")
    finally:
        up.end()

    assert (refused, json.loads(problem)["code"]) == (503, "busy")
    assert ill.code == 1
    assert "nothing can be written to" in ill.output + ill.error
    assert (published.code, well.code) == (0, 0), (published, well)
