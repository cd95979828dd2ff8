"""What other repositories take from this one: two actions and a hook; and what a visitor reads."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.template.stack import ROOT

GITHUB = ROOT / ".github"
RIGHT = {"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}
WRONG = {"StartAt": "b", "States": {"a": {"Type": "Succeed"}}}


@pytest.fixture
def job(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a job on a runner that has sfn-local already."""
    programs = tmp_path / "temp/sfn-local/bin"
    programs.mkdir(parents=True)
    (programs / "sfn-local").symlink_to(Path(sys.executable).with_name("sfn-local"))
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"RUNNER_TEMP": f"{tmp_path}/temp", "GITHUB_ENV": f"{tmp_path}/env"}


def step(name: str, folder: Path, job: dict[str, str], **variables: str) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", GITHUB / "actions" / name],
        cwd=folder,
        env=job | {"GITHUB_ACTION_PATH": str((GITHUB / "actions" / name).parent)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def machine(folder: Path, name: str, definition: object) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(definition))


@pytest.mark.parametrize(("definition", "code"), [(RIGHT, 0), (WRONG, 1)])
def test_lint_fails_for_an_error_and_writes_sarif_either_way(
    definition: object, code: int, tmp_path: Path, job: dict[str, str]
) -> None:
    machine(tmp_path, "in/a folder.asl.json", RIGHT)
    machine(tmp_path, "in/deep/b.asl.json", definition)

    ended, said = step(
        "lint/lint.sh", tmp_path, job, FILES="in/**/*.asl.json", TEMPLATE="", SARIF="out.sarif"
    )

    sarif = json.loads((tmp_path / "out.sarif").read_text())
    errors = [one for one in sarif["runs"][0]["results"] if one["level"] == "error"]
    assert (ended, bool(errors)) == (code, bool(code)), said


def test_lint_of_no_file_fails(tmp_path: Path, job: dict[str, str]) -> None:
    ended, said = step("lint/lint.sh", tmp_path, job, FILES="none/*.json")

    assert (ended, said) == (2, "no file matches: none/*.json\n")


@pytest.fixture
def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@pytest.fixture
def served(tmp_path: Path, port: str, job: dict[str, str]) -> Iterator[dict[str, str]]:
    """Start the engine as the action does, and answer what later steps get."""
    command = f"trap '' TERM; bash {GITHUB}/actions/serve/serve.sh & wait $!; echo started; cat"
    variables = job | {"PORT": port, "SCALE": "0", "MOCK_CONFIG": "", "AWS_REGION": "eu-west-1"}
    runner = subprocess.Popen(
        ["bash", "-c", command],
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert runner.stdout
    assert runner.stdout.readline() == "started\n"
    yield dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    os.killpg(runner.pid, signal.SIGKILL)
    runner.communicate()


def test_serve_answers_when_its_step_ends_and_keeps_a_jobs_own_region(
    served: dict[str, str], port: str
) -> None:
    assert served == {
        "AWS_ENDPOINT_URL_SFN": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }


def test_serve_that_cannot_start_fails_and_says_why(tmp_path: Path, job: dict[str, str]) -> None:
    ended, said = step(
        "serve/serve.sh", tmp_path, job, PORT="0", SCALE="0", MOCK_CONFIG="missing.json"
    )

    assert ended == 1
    assert "missing.json" in said


def test_the_hook_runs_a_command_of_a_package_that_is_here_on_each_definition() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (package,) = hook["additional_dependencies"]
    program, *_ = hook["entry"].split()

    assert f"\n{program} = " in (ROOT / package / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(hook["files"], "statemachine/command.asl.json")
    assert not re.search(hook["files"], "template.yaml")


@pytest.mark.parametrize("page", sorted(GITHUB.glob("*.md")), ids=lambda page: page.name)
def test_a_link_of_a_page_for_visitors_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []
