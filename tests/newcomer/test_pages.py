"""The lines and the Python that README and docs show, typed and run where a stack is.

What a page shows below a line is compared with what the line prints, as the tutorial's is.
`tests/support/code_blocks.py` says which lines are left to people, and why.
"""

import json
import os
import shlex
import sys

import pytest
from tests.support.code_blocks import ROOT, Block, blocks, fate
from tests.support.commands import ran

pytestmark = [
    pytest.mark.stack,
    pytest.mark.real_time("watches imports as a person does"),
    pytest.mark.usefixtures("_forgets"),
]

RUN = [block for block in blocks() if fate(block) == "run"]
PAGES = sorted({block.page for block in RUN})
PATH = os.pathsep.join((".", "examples/shop/app", "layer", "engine", "tools"))


@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_page_can_be_typed(person, page):
    here = [block for block in RUN if block.page == page and block.language != "python"]

    wrong = [wrong for block in here for wrong in person.works_through(block)]
    assert wrong == []


def test_a_page_that_shows_something_else_is_found(person):
    shown = "$ sfn-cqrs explain SyncHandlerError\nnobody knows\n"

    (wrong,) = person.works_through(Block("docs/a.md", 1, "console", shown, ""))
    assert wrong.startswith("docs/a.md:1: sfn-cqrs explain SyncHandlerError prints\nSyncHandler")


@pytest.mark.usefixtures("_seen")
def test_python_of_all_pages_runs(stack):
    """One process runs them all, each in a fork: names that a block does not make are given."""
    shown = [block for block in RUN if block.language == "python"]
    run = ran(
        *(sys.executable, "-m", "tests.newcomer.python_blocks"),
        input=json.dumps([(block.place, block.text) for block in shown]),
        env={**os.environ, **stack.state.read().environment, "PYTHONPATH": PATH},
        cwd=ROOT,
    )

    assert (run.returncode, run.stdout.split()) == (0, [block.place for block in shown]), run.stderr


ORDER = '{"customer": "ada", "total": 5}'
SCRIPT = """
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.command.data import DataService
CommandService("tenant1").publish("ORDER", "o-env", name="x", attributes={"customer": "ada"})
print(DataService("tenant1").get("ORDER", "o-old").attributes["total"])
"""


def test_with_it_the_python_lines_of_the_readme_run_in_any_script(typed):
    typed("publish", "ORDER", "o-old", "--name", "x", "--attributes", ORDER, "--sync")

    printed = typed("env").output
    names = dict(
        shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in printed.splitlines()
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": "examples/shop/app", **names}
    done = ran(sys.executable, "-c", SCRIPT, env=env)

    assert (done.stdout, done.returncode) == ("5\n", 0), done.stderr
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
