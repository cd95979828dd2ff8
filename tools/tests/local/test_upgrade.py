"""A project is made with one release, and upgraded to the next while executions run."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.support.project import copy_project

from sfn_cqrs_tools.project import CHECKOUT

pytestmark = [pytest.mark.long, pytest.mark.proof, pytest.mark.stack]

BEFORE, AFTER = "0.0.9", version("sfn-cqrs-tools")
MARK = "state_of_the_release_before"
MARKED = ("approval", "command")
SLOW = '''"""What waits for a file, as for an AWS that is busy."""

from pathlib import Path

from sfn_cqrs.domain.command import Command
from sfn_cqrs.domain.errors import BusyError
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service.approvals.types import Decided, approval_type
from sfn_cqrs.service.handlers import command_type, sync_handler
from sfn_cqrs.service.tasks.types import TaskItem, task_handler

UPGRADED = Path(__file__).parents[2] / "upgraded"

command_type("PARCEL", publish=MEMBERS, lane="standard")


def wait_for_it() -> None:
    if not UPGRADED.exists():
        raise BusyError


@sync_handler("PARCEL")
def parcels(command: Command) -> None:
    wait_for_it()


@task_handler("WEIGH", timeout=30, publish=MEMBERS)
def weigh(item: TaskItem) -> dict[str, str]:
    if not UPGRADED.exists():
        raise ValueError("not upgraded")
    return {"weighed": item.key}


@task_handler("WRAP", timeout=30, publish=MEMBERS)
def wrap(item: TaskItem) -> dict[str, str]:
    if item.input == 2:
        wait_for_it()
    return {"wrapped": item.key}


@approval_type("PARCEL_RELEASE", group="operator")
def release(decided: Decided) -> None:
    """Do nothing."""
'''
IMPORTS = "from sfn_cqrs.errors import InvalidInputError\n"
"""What `new saga` writes."""
SLOW_IMPORTS = """\
from sfn_cqrs.domain.errors import InvalidInputError, TransientError
from clinic.slow import UPGRADED
"""
STARTED = sorted(("command", *MARKED, "refund", "task", "trip"))
PATIENCE_SECONDS = 300


def called(folder: Path, *command: object) -> str:
    """Run a program without this environment's packages; return what it prints."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(one) for one in command],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def wheels_of(checkout: Path, target: Path) -> Path:
    """Build the three distributions of a checkout."""
    for folder in ("engine", ".", "tools"):
        uv = CHECKOUT / ".venv-uv/bin/uv"
        called(checkout, uv, "build", "--quiet", "--out-dir", target, folder)
    return target


def make_release_before(folder: Path) -> Path:
    """Copy this checkout as another version, whose machines have one more state at their ends."""
    checkout = copy_project(folder, only=("",))
    for part in ("engine", ".", "tools"):
        project = checkout / part / "pyproject.toml"
        project.write_text(project.read_text(encoding="utf-8").replace(AFTER, BEFORE))
    for machine in MARKED:
        path = checkout / f"statemachine/{machine}.asl.json"
        text = path.read_text(encoding="utf-8")
        definition = json.loads(text.replace('"Next": "success"', f'"Next": "{MARK}"'))
        definition["States"][MARK] = {"Type": "Pass", "Next": "success"}
        path.write_text(json.dumps(definition))
    return checkout


class Project:
    """A project, with an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cli = folder / ".venv/bin/sfn-cqrs"

    def installs(self, wheels: Path, release: str) -> None:
        pip = (self.folder / ".venv/bin/python", "-m", "pip", "install", "--quiet", "--upgrade")
        called(self.folder, *pip, "--find-links", wheels, f"sfn-cqrs-tools=={release}")
        assert f"sfn-cqrs, version {release}\n" == self.types("--version")

    def types(self, *words: object) -> str:
        return called(self.folder, self._cli, *words)

    def json(self, *words: object) -> object:
        return json.loads(self.types(*words, "--json"))

    @contextmanager
    def stack(self):
        """The stack runs."""
        command = [str(self._cli), "up", "--port", "0", "--json"]
        with subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True) as up:
            try:
                json.loads(up.stdout.readline())
                yield
            finally:
                up.terminate()

    def executions(self) -> list[dict[str, str]]:
        return self.json("execution", "list")

    def running(self) -> dict[str, str]:
        """The machine of each execution that runs, by its name."""
        listed = self.executions()
        return {one["name"]: one["machine"] for one in listed if one["status"] == "RUNNING"}

    def until(self, is_so) -> None:
        """Wait until something is so."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < ends, self.types("execution", "list")


@pytest.fixture
def clinic(tmp_path):
    """A project that was made with the release before, and the wheels of the next one."""
    before = wheels_of(make_release_before(tmp_path / "checkout"), tmp_path / "before")
    called(tmp_path, sys.executable, "-m", "venv", "first")
    pip = ("first/bin/python", "-m", "pip", "install", "--quiet", "--find-links", before)
    called(tmp_path, *pip, f"sfn-cqrs-tools=={BEFORE}")
    called(tmp_path, "first/bin/sfn-cqrs", "init", "clinic", "--wheels", before)
    (tmp_path / "clinic/.venv").symlink_to(tmp_path / "first")
    made = Project(tmp_path / "clinic")
    saga = ("--steps", "reserve,charge", "--publish", "members", "--own-machine")
    made.types("new", "saga", "trip", *saga)
    made.types("new", "workflow", "refund", "--states", "check,approve", "--callback", "approve")
    (made.folder / "app/clinic/slow.py").write_text(SLOW)
    slow_down(made.folder / "app/clinic/trip.py")
    return made, wheels_of(CHECKOUT, tmp_path / "after")


def slow_down(trip: Path) -> None:
    """Let the saga's second step wait, too, and import by an old path."""
    first, step, rest = trip.read_text().partition("def charge(step: SagaStep) -> Json:\n")
    head, imports, body = first.partition(IMPORTS)
    words, line, end = rest.partition("    return ")
    assert "" not in {step, imports, line}
    waits = "    if not UPGRADED.exists():\n        raise TransientError\n"
    trip.write_text(f"{head}{SLOW_IMPORTS}{body}{step}{words}{waits}{line}{end}")


def test_what_ran_before_an_upgrade_ends_after_it(clinic):
    project, wheels = clinic
    parcel = ("publish", "PARCEL", "p-1", "--attributes", "{}")
    with project.stack():
        project.types(*parcel, "--name", "first")
        project.types(*parcel, "--name", "second", "--version", "1")
        task = project.types("task", "run", "WEIGH", "[1, 2]", "--no-wait").strip()
        wrapping = project.types("task", "run", "WRAP", "[1, 2, 3]", "--no-wait").strip()
        project.types("saga", "start", "trip", '{"id": "1"}', "--no-wait")
        project.types("start", "refund", "--no-wait", "--name", "refund-1")
        asked = project.types("approval", "request", "PARCEL_RELEASE", "--subject", "p-1").strip()
        project.until(lambda: sorted(project.running().values()) == STARTED)
        project.until(lambda: project.json("task", "show", task)["status"] == "FAILED")
        before = project.running()

    project.installs(wheels, AFTER)
    (project.folder / "upgraded").touch()
    with project.stack():
        project.types("publish", "ITEM", "i-1", "--name", "new", "--attributes", "{}", "--wait")
        project.types("approve", asked, "--as", "hanako", "--reason", "Agreed")
        project.types("resume", "refund-1", "approve", "{}")
        project.types("task", "retry", task)
        project.until(lambda: not project.running())
        ended = {one["name"]: one["status"] for one in project.executions()}
        shown = {name: project.types("execution", "show", name) for name in before}
        wrapped = project.json("task", "show", wrapping)
        well = project.types("doctor")

    assert {ended[name] for name in before} == {"SUCCEEDED"}
    assert {before[name] for name, text in shown.items() if MARK in text} == set(MARKED)
    assert (wrapped["status"], wrapped["completed"]) == ("COMPLETED", 3)
    assert "all is well" in well
