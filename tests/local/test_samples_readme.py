"""README on SAM's own tools and MockConfigFile.json, typed as far as no Docker is needed.

The command line of AWS is not installed: its lines are said with boto3, option by option.
"""

import re
import shlex
import subprocess
import sys

import boto3
import pytest
from tests.support.waiting import waited
from tests.template.stack import ROOT, TEMPLATE

ENDPOINT = "http://127.0.0.1:8083"


def lines(page: str, heading: str) -> list[str]:
    """The lines of the first block below a heading."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    block = re.search(r"```\w+\n(.*?)```", text, re.DOTALL)
    assert block
    return [re.sub(r"^\$ |&$", "", line).strip() for line in block[1].splitlines()]


README = lines("README.md", "With SAM's own tools")
LOCAL_STACK = lines("docs/local-stack.md", "Test cases at an endpoint")


def said(client, line: str):
    """Call what a line of `aws stepfunctions` calls."""
    _, _, operation, *words = shlex.split(line)
    given = {}
    for option, value in zip(words[::2], words[1::2], strict=True):
        name, *more = option.removeprefix("--").split("-")
        path = value.removeprefix("file://")
        is_file = path != value
        given[name + "".join(map(str.capitalize, more))] = (
            (ROOT / path).read_text(encoding="utf-8") if is_file else value
        )
    assert given.pop("endpointUrl") == ENDPOINT
    return getattr(client, operation.replace("-", "_"))(**given)


def test_readme_says_it_in_five_lines():
    assert len(README) <= 5


def test_sam_invokes_a_function_that_there_is_with_an_event_that_there_is():
    _, _, invoke = README[0].partition("&& ")
    *_, function, event_option, event = shlex.split(invoke)

    assert invoke.startswith(".venv-sam/bin/sam local invoke ")
    assert event_option == "--event"
    assert TEMPLATE.functions[function].folder.name == (ROOT / event).stem


@pytest.mark.parametrize("typed", [README[1:], LOCAL_STACK], ids=["README", "docs/local-stack.md"])
def test_a_test_case_runs_at_an_endpoint(typed):
    serve, create, start = typed
    words = shlex.split(serve)
    program = [sys.executable, "-m", "sfn_local.cli", *words[1:], "--port", "0"]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            url = re.search(r"http://\S+?(?=;|\s)", server.stdout.readline())
            assert url
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            client = boto3.client(
                "stepfunctions", endpoint_url=url[0], region_name="us-east-1", **keys
            )

            said(client, create)
            execution = said(client, start)["executionArn"]

            found = waited(
                lambda: client.describe_execution(executionArn=execution)["status"],
                lambda status: status != "RUNNING",
            )
            assert found == "SUCCEEDED"
        finally:
            server.terminate()
