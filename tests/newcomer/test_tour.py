"""The tour, typed into a terminal as the page has it."""

import re
import shlex
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.terminal import Terminal

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ANSWERS = {  # by what a line begins with, the first of them that fits
    "sfn-cqrs publish ORDER o-1 --name": "ORDER o-1 version 1 is applied",
    "sfn-cqrs data get ORDER": '"total": 12.5',
    "sfn-cqrs read-model show orders_by_customer": '"total": 12.5',
    "sfn-cqrs read-model rebuild": "compared: 1 equal, 0 in one only, 0 different",
    "sfn-cqrs publish ORDER o-1 --partial": "ORDER o-1 version 2 is applied",
    "sfn-cqrs chain show": "v2 ● APPLIED",
    "sfn-cqrs data history": "First order",
    "sfn-cqrs task run": "1 of 1 completed, 0 failed",
    "sfn-cqrs approve": "is GRANTED",
    "sfn-cqrs import start": "10 rows, 10 created, 0 updated, 0 unchanged, 0 failed",
    "sfn-cqrs read-model show airports_by_country": 'JP    {"airports": 2}',
    "sfn-cqrs publish STOCK": "STOCK BOOK version 1 is applied",
    "sfn-cqrs saga start": "order-saga is COMPLETED",
    "sfn-cqrs execution show": "SUCCEEDED after",
    "sfn-cqrs logs": "CommandFinishFunction state finished",
    "sfn-cqrs doctor": "all is well",
    "curl -s localhost:8787/commands": '"version":1',
    "curl -s 'localhost:8787/data": '"total":3',
}


def tour():
    """The code blocks of the tour: the language and the lines of each."""
    page = (ROOT / "docs/tour.md").read_text()
    return re.findall(r"^```(sh|python)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def lines():
    blocks = "".join(text for language, text in tour() if language == "sh")
    plain = (re.sub(r"\s+# .*", "", line) for line in blocks.splitlines())
    return [line.replace(".venv/bin/", "") for line in plain if line != "make up"]


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def up(state):
    """The stack in one terminal, as `make up` starts it; the address of its API."""
    env = {"SFN_CQRS_STATE": str(state)}
    up = (BIN / "sfn-cqrs", "up", "--port", 0)
    with closing(Terminal(*up, cwd=ROOT, env=env)) as opened:
        yield opened.until(r"^  http +http://(\S+)$")[1]


@pytest.fixture
def shell(up, state):
    """Return what types a line into another terminal, as it stands but for the address."""

    def run(line):
        line = line.replace("localhost:8787", up)
        env = {"SFN_CQRS_STATE": str(state), "PATH": f"{BIN}:/usr/bin:/bin"}
        with closing(Terminal("bash", "-c", line, cwd=ROOT, env=env)) as opened:
            return opened.ended(), opened.text

    return run


def test_every_command_does_what_it_says(shell):
    left = dict(ANSWERS)

    for line in lines():
        begins = next((begin for begin in left if line.startswith(begin)), None)
        assert begins, f"nobody says what this answers: {line}"
        answer = left.pop(begins)
        code, text = shell(line)
        assert (code, answer in text) == (0, True), f"{line}\n{text}"

    assert not left, "the tour has lost a line"


def test_the_python_lines_run_with_the_environment_of_the_stack(shell):
    attributes = shlex.quote('{"customer": "ada", "total": 20}')
    shell(f"sfn-cqrs publish ORDER o-1 --version -1 --name x --attributes {attributes} --wait")
    (script,) = [text for language, text in tour() if language == "python"]

    code, text = shell(
        f'eval "$(sfn-cqrs env)"; PYTHONPATH=examples/shop/app python -c {shlex.quote(script)}'
    )

    assert code == 0, text
