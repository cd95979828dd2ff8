"""docs/other-languages.md: its examples run, and its variables lead where it says."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from engine.tests.readme import Block, Runner, blocks

ENGINE = Path(__file__).parents[1]
NODE_PACKAGE = ENGINE / "node"
LOCKED = Path(__file__).parent / "node"
PAGE = (ENGINE / "docs" / "other-languages.md").read_text(encoding="utf-8")
VERSION = json.loads((NODE_PACKAGE / "package.json").read_text("utf-8"))["version"]
OLDEST_NODE = 20
KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
SENDS = {
    "StartAt": "send",
    "States": {
        "send": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "http://127.0.0.1/1/orders", "MessageBody": "hello"},
            "Next": "call",
        },
        "call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "pack"},
            "OutputPath": "$.Payload",
            "End": True,
        },
    },
}


def section(title: str) -> list[Block]:
    """The blocks of a part of the page."""
    return list(blocks(PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the page begins with."""
    for block in blocks(PAGE.partition("\n## ")[0]):
        (tmp_path / str(block.file)).write_text(block.text)
    return tmp_path


class Emulator(BaseHTTPRequestHandler):
    """Stands for an emulator of all other services: it notes who calls it, and answers."""

    asked: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        self.asked.append(target or self.path)
        answer = b'{"MessageId": "m-1"}' if target.startswith("AmazonSQS") else b'"packed"'
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def emulator() -> Iterator[tuple[str, list[str]]]:
    """The address of an emulator, and what was asked of it."""
    asked: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Noting", (Emulator,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def served(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The address of `sfn-local serve` in the folder, with further variables."""
    environment = {**os.environ, **KEYS, **getattr(request, "param", {})}
    if "emulator" in request.fixturenames:
        environment["AWS_ENDPOINT_URL"] = request.getfixturevalue("emulator")[0]
    command = [sys.executable, "-m", "sfn_local.cli", "serve", "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, "--wait-time-scale", "0", "--mock-config", "MockConfigFile.json"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield str(json.loads(process.stdout.readline())["sfn"])
    process.terminate()
    process.wait()


def test_the_example_in_python_passes(
    folder: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = (block for block in section("Python") if block.file)
    space: dict[str, Any] = {}
    exec(compile(example.text, str(example.file), "exec"), space)
    monkeypatch.chdir(folder)
    for name, value in {**KEYS, "AWS_ENDPOINT_URL_SFN": served}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    space["test_a_busy_function_is_called_again"]()


def test_step_functions_is_here_and_all_else_at_the_emulator(
    emulator: tuple[str, list[str]], served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the page says: one variable for all services, and one for Step Functions."""
    import boto3  # noqa: PLC0415 - of an extra

    address, asked = emulator
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", served)
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    sfn = boto3.client("stepfunctions", region_name="us-east-1", **keys)
    machine = sfn.create_state_machine(
        name="sends", definition=json.dumps(SENDS), roleArn="arn:aws:iam::123456789012:role/any"
    )
    arn = sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    while (run := sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
        continue

    assert (run["status"], run.get("output")) == ("SUCCEEDED", '"packed"')
    assert asked == ["AmazonSQS.SendMessage", "/2015-03-31/functions/pack/invocations"]


def node_or_fail() -> None:
    found = shutil.which("node") and subprocess.check_output(("node", "--version"), text=True)
    if not found or not shutil.which("npm") or int(found[1:].partition(".")[0]) < OLDEST_NODE:
        pytest.fail(f"needs Node {OLDEST_NODE} or later with npm: apt-get install nodejs npm")


def npm(folder: Path, *arguments: str) -> str:
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent")
    command = ["npm", *arguments, *quiet]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.proof
@pytest.mark.real_time("npm installs packages, and Node starts a server")
def test_the_example_in_node_passes_and_npx_runs_a_command(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the package as npm packs and installs it, and the SDK that is locked."""
    node_or_fail()
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(LOCKED / name, folder)
    packed = tmp_path_factory.mktemp("packed")
    npm(folder, "ci")
    npm(packed, "pack", str(NODE_PACKAGE))
    (archive,) = packed.glob("*.tgz")
    npm(folder, "install", "--no-save", "--offline", str(archive))
    monkeypatch.setenv("SFN_LOCAL_PYTHON", sys.executable)
    with Runner(folder) as runner:
        for block in section("Node"):
            runner.run(block)

    assert "$ npx sfn-local lint " in PAGE
    assert "\n$ node --test " in PAGE


STAND_IN = """#!/bin/sh
echo "$@" >> {log}
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip install"*) exit {pip} ;;
esac
"""


@pytest.mark.proof
@pytest.mark.real_time("Node is a process")
@pytest.mark.parametrize("pip", [0, 1])
def test_the_first_call_installs_this_version_once(tmp_path: Path, pip: int) -> None:
    """A stand-in for Python notes what it is called with; an install that fails leaves nothing."""
    node_or_fail()
    log, programs = tmp_path / "log", tmp_path / "bin"
    programs.mkdir()
    python = programs / "python3"
    python.write_text(STAND_IN.format(log=log, pip=pip))
    python.chmod(0o755)
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = ["node", str(NODE_PACKAGE / "bin" / "sfn-local.js"), "lint", "a b.asl.json"]
    ended = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        for _ in range(2)
    ]
    called = log.read_text().splitlines()
    installs = [line for line in called if " install " in line]

    assert {line.split()[-1] for line in installs} == {f"sfn-local[aws]=={VERSION}"}
    if pip == 0:
        assert [one.returncode for one in ended] == [0, 0]
        assert len(installs) == 1
        assert called[-2:] == ["-m sfn_local.cli lint a b.asl.json"] * 2
    else:
        assert [one.returncode for one in ended] == [1, 1]
        assert f"sfn-local {VERSION} could not be installed" in ended[0].stderr
        assert list((tmp_path / "cache" / "sfn-local").iterdir()) == []


def test_the_package_of_node_has_the_version_of_the_engine() -> None:
    text = (ENGINE / "pyproject.toml").read_text("utf-8")

    assert re.search(r'^version = "(.+)"$', text, re.M)[1] == VERSION  # type: ignore[index]
