"""The environment of the stack, for what runs beside it."""

import json
import os
import shlex
import subprocess
import sys

import pytest

pytestmark = pytest.mark.stack

ORDER = '{"customer": "ada", "total": 5}'
SCRIPT = """
from sfn_cqrs.service.commands.service import CommandService
from sfn_cqrs.service.data import DataService
CommandService("tenant1").publish("ORDER", "o-env", name="x", attributes={"customer": "ada"})
print(DataService("tenant1").get("ORDER", "o-old").attributes["total"])
"""


def test_with_it_the_python_lines_of_the_readme_run_in_any_script(typed):
    typed("publish", "ORDER", "o-old", "--name", "x", "--attributes", ORDER, "--sync")

    printed = typed("env").output
    names = dict(
        shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in printed.splitlines()
    )
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "examples/shop/app", **names},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.stdout, ran.returncode) == ("5\n", 0), ran.stderr
    assert typed("chain", "show", "ORDER", "o-env").code == 0


def test_sam_local_and_other_tools_get_the_same(typed):
    as_json = typed("env", "--json").json

    assert as_json["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert json.loads(typed("env", "--for", "sam-local").output) == {"Parameters": as_json}
    assert f"APP_PACKAGE={as_json['APP_PACKAGE']}\n" in typed("env", "--for", "dotenv").output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes(typed, shell):
    script = typed("completion", shell)

    assert script.code == 0
    assert f"_SFN_CQRS_COMPLETE={shell}_complete" in script.output
