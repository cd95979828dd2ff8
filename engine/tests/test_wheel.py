"""The distribution as its users get it: a wheel, in a virtual environment with nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from engine.tests.readme import Block, Runner, blocks
from engine.tests.test_readme import PAGE, free_port

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
BLOCKS = list(blocks(PAGE))
QUICK_STARTS = (ROOT / "docs" / "quick-starts.md").read_text(encoding="utf-8")
MINUTE = list(blocks(QUICK_STARTS.partition("\n## One minute\n")[2].partition("\n## ")[0]))
ORDER = next(block for block in BLOCKS if block.file == "order.asl.json")
A_MINUTE = 60
CALLS_SQS = json.dumps(
    {
        "StartAt": "send",
        "States": {
            "send": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage",
                "Parameters": {"QueueUrl": "q", "MessageBody": "m"},
                "End": True,
            }
        },
    }
)


class Environment:
    """A virtual environment, which exists already or is made."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        if not folder.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)

    def install(self, *requirements: str) -> None:
        self._pip("install", "--quiet", *requirements)

    def installed(self) -> set[str]:
        listed = json.loads(self._pip("list", "--format", "json"))
        return {plain(each["name"]) for each in listed} - {"pip", "setuptools"}

    def _pip(self, *arguments: str) -> str:
        python = str(self.programs / "python")
        command = [python, "-m", "pip", "--disable-pip-version-check", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def plain(requirement: str) -> str:
    """The name of a distribution, as all of its spellings have it."""
    return re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower().replace("_", "-")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source") / "engine"
    ignored = shutil.ignore_patterns("tests", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(source.parent), str(source)], check=True)
    (built,) = source.parent.glob("*.whl")
    return built


@pytest.fixture
def bare(wheel: Path, tmp_path: Path) -> Environment:
    environment = Environment(tmp_path / "bare")
    environment.install(str(wheel))
    return environment


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    sources = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("sfn_local/**/*.py")}
    cases = {f"sfn_local/{path.relative_to(ROOT)}" for path in ROOT.glob("conformance/cases/*")}
    data = {"graph/style.css", "graph/taken.css", "language/jsonata/messages.json", "skill.md"}
    assert {name for name in names if ".dist-info/" not in name} == {
        *sources,
        *cases,
        *(f"sfn_local/{name}" for name in data),
        "sfn_local/py.typed",
    }
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_nothing_but_the_declared_dependencies_is_needed(bare: Environment, tmp_path: Path) -> None:
    declared = [each for each in requires("sfn-local") or () if "extra ==" not in each]
    assert bare.installed() == {"sfn-local", *map(plain, declared)}

    (tmp_path / "sqs.asl.json").write_text(CALLS_SQS)
    port = free_port()
    with Runner(tmp_path, bare.programs) as runner:
        runner.run(ORDER)
        runner.run(Block("console", "$ sfn-local lint order.asl.json\nno findings in 1 file\n", 0))
        runner.run(Block("console", f"$ sfn-local serve --port {port} &\nStep Functions …\n", 0))
        ended = run_on(f"http://127.0.0.1:{port}", CALLS_SQS)

    assert (ended["status"], ended["error"], ended["cause"]) == (
        "FAILED",
        "States.TaskFailed",
        "install 'sfn-local[aws]' to call sqs, or mock the state",
    )


@pytest.mark.alone
@pytest.mark.real_time("what a stranger needs is measured by the clock")
def test_a_strangers_first_test_is_green_within_a_minute(wheel: Path, tmp_path: Path) -> None:
    """The page's commands, typed; a constraint leads pip to the wheel in the place of PyPI."""
    constraint = tmp_path / "constraint.txt"
    constraint.write_text(f"sfn-local @ {wheel.as_uri()}\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    folder = tmp_path / "empty"
    folder.mkdir()
    (install,) = (block.text for block in MINUTE if block.language == "sh")

    began = time.monotonic()
    environment = {**os.environ, "PATH": path, "PIP_CONSTRAINT": str(constraint)}
    subprocess.run(["/bin/sh", "-ec", install], cwd=folder, env=environment, check=True)
    stranger = Environment(folder / ".venv")
    with Runner(folder, stranger.programs) as runner:
        for block in MINUTE:
            runner.run(block)
    seconds = time.monotonic() - began

    assert stranger.installed() == {"sfn-local", "click", "pyyaml"}
    assert "$ sfn-local test hello.test.yaml\nok " in "".join(block.text for block in MINUTE)
    assert seconds < A_MINUTE


def run_on(url: str, definition: str) -> dict[str, Any]:
    """Create a machine behind the API of an engine, and run it to its end."""

    def ask(operation: str, **given: str) -> dict[str, Any]:
        headers = {"X-Amz-Target": f"AWSStepFunctions.{operation}"}
        request = urllib.request.Request(url, json.dumps(given).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return dict(json.load(response))

    role = "arn:aws:iam::123456789012:role/any"
    machine = ask("CreateStateMachine", name="m", definition=definition, roleArn=role)
    started = ask("StartExecution", stateMachineArn=machine["stateMachineArn"], input="{}")
    while True:
        described = ask("DescribeExecution", executionArn=started["executionArn"])
        if described["status"] != "RUNNING":
            return described


def test_the_readmes_examples_run_there_with_pytest_and_then_with_the_extra(
    bare: Environment, wheel: Path, tmp_path: Path
) -> None:
    bare.install("pytest")
    assert "boto3" not in bare.installed()
    with Runner(tmp_path, bare.programs, {"8083": free_port()}) as runner:
        for block in BLOCKS:
            if block.needs is None:
                runner.run(block)
        bare.install(f"sfn-local[aws] @ {wheel.as_uri()}")
        for block in BLOCKS:
            if block.needs is not None:
                runner.run(block)

    assert [block.needs for block in BLOCKS if block.needs] == ["aws"]
