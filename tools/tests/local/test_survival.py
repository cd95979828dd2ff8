"""`up` goes on where it was after a kill."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.command_line import Result, command_line
from tests.support.waiting import waited

pytestmark = pytest.mark.stack

CLI = [sys.executable, "-m", "sfn_cqrs_tools.cli"]


class Stack:
    """`sfn-cqrs up` on a folder, on ports that stay; commands run in this process."""

    def __init__(self, state: Path, run: Callable[..., Result]) -> None:
        self.state = state
        self.ran = run
        self.port = seven_free_ports()
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*CLI, "up", "--json", "--port", str(self.port), "--state", self.state],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.endpoints = json.loads(self.process.stdout.readline())

    def again(self) -> None:
        self.process.kill()
        self.process.wait(60)
        self.process.stdout.close()
        waited(lambda: not is_open(self.port + 3))  # the fabric ends with it, a moment later
        self.start()

    def run(self, *command: str) -> str:
        done = self.ran(*command, "--state", self.state)
        assert done.code == 0, done.error
        return done.output

    def eventually(self, *command: str, has: str) -> str:
        return waited(lambda: self.run(*command), lambda found: has in found)


def seven_free_ports() -> int:
    """Return the first of seven ports; another process asks for others, below those of clients."""
    choices = range(20_000, 32_760, 7)
    begin = os.getpid() % len(choices)
    for first in (*choices[begin:], *choices[:begin]):
        if not any(is_open(first + offset) for offset in range(7)):
            return first
    raise AssertionError("no seven ports in a row are free")


def is_open(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def stack(tmp_path, monkeypatch, capfd):
    started = Stack(tmp_path / "state", command_line(monkeypatch, capfd))
    yield started
    started.process.terminate()
    started.process.wait(60)
    started.process.stdout.close()


def test_items_waiting_executions_and_postgresql_outlive_a_kill(stack):
    order = json.dumps({"customer": "ada", "total": 1200})
    stack.run("publish", "ORDER", "o-1", "--name", "Kettle", "--attributes", order, "--wait")
    asked = stack.run("approval", "request", "ORDER_RELEASE", "--subject", "o-1").strip()
    stack.eventually("approval", "show", asked, has="WAITING")
    before = dict(stack.endpoints)

    stack.again()
    (waiting,) = json.loads(stack.run("execution", "list", "--status", "running", "--json"))
    stack.run("approve", asked, "--as", "supervisor")
    stack.eventually("data", "get", "ORDER", "o-1", "--json", has="release")
    found = stack.run("data", "list", "ORDER", "--json")

    assert {**stack.endpoints, "pid": 0} == {**before, "pid": 0}
    assert waiting["machine"] == "approval"
    assert [one["code"] for one in json.loads(found)] == ["o-1"]
