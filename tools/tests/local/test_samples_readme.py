"""The page on SAM's tools and MockConfigFile.json: its lines run in a fresh shell as they stand.

The port alone is another one, since the page's may be in use. Where AWS's command line is not
installed, a script takes its place that says a line with boto3, and knows a region and credentials
only as the command line does.
"""

import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from tests.template.stack import ROOT, TEMPLATE

PORT = ":8083"
AWS = shutil.which("aws") or Path(__file__).parents[3] / "tests/support/aws.py"
BIN = Path(sys.executable).parent


def lines(page: str, heading: str) -> list[str]:
    """The lines of the first block below a heading."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    block = re.search(r"```\w+\n(.*?)```", text, re.DOTALL)
    assert block
    return [line.removeprefix("$ ") for line in block[1].splitlines()]


SAM = lines("docs/local-stack.md", "`sam local invoke`")
LOCAL_STACK = lines("docs/local-stack.md", "Test cases at an endpoint")


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def shell(tmp_path):
    """Run lines in a shell that has nothing but programs; end what they leave running."""
    for name, path in {"aws": AWS, "sfn-local": BIN / "sfn-local"}.items():
        (tmp_path / name).symlink_to(path)

    def run(typed: list[str]) -> subprocess.CompletedProcess[str]:
        told = [line.replace(".venv/bin/", "") for line in typed]
        script = "\n".join(["trap 'kill $(jobs -p)' EXIT", *told])
        path = f"{tmp_path}:{BIN}:/usr/bin:/bin"
        return subprocess.run(
            ["bash", "-ec", script],
            cwd=ROOT,
            env={"PATH": path, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_sam_is_there_once_it_has_built():
    made, _, _ = SAM[0].partition(" && ")

    dry = subprocess.run([*shlex.split(made), "-n"], cwd=ROOT, stdout=PIPE, text=True, check=True)

    assert made == "make build"
    assert ".venv-sam/bin/sam build" in dry.stdout


def test_sam_invokes_a_function_that_there_is_with_an_event_that_there_is():
    _, _, invoke = SAM[0].partition(" && ")
    *_, function, event_option, event = shlex.split(invoke)

    assert invoke.startswith(".venv-sam/bin/sam local invoke ")
    assert event_option == "--event"
    assert TEMPLATE.functions[function].folder.name == (ROOT / event).stem


def at(port: int, typed: list[str]) -> list[str]:
    """The lines with another port, which the server is told as well."""
    moved = [line.replace(PORT, f":{port}") for line in typed]
    return [re.sub(r"^(\S*sfn-local serve .*) &$", rf"\1 --port {port} &", line) for line in moved]


def test_a_test_case_runs_at_an_endpoint(shell):
    port = free_port()
    *_, start = at(port, LOCAL_STACK)
    asked = f"aws stepfunctions describe-execution --endpoint-url http://127.0.0.1:{port}"
    ends = f"""
        execution=$({start} | grep -o 'arn:aws:states:[^"]*:execution:[^"]*')
        until {asked} --execution-arn "$execution" | grep -v RUNNING | grep '"status"'; do :; done
    """

    said = shell([*at(port, LOCAL_STACK)[:-1], ends])

    assert said.returncode == 0, said.stderr
    assert '"status": "SUCCEEDED"' in said.stdout


@pytest.mark.parametrize("lacks", ["AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"])
def test_without_a_region_or_credentials_the_lines_would_fail(shell, lacks):
    said = shell([re.sub(rf" {lacks}=\S+", "", line) for line in at(free_port(), LOCAL_STACK)])

    assert said.returncode != 0
    assert re.search("region|credentials", said.stderr)
