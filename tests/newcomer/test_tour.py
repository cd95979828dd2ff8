"""The tour, typed into a terminal as the page has it; it shows what is printed."""

import shlex
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.newcomer.page import blocks, commands, is_shown
from tests.support.terminal import Terminal

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COLUMNS = 120


def shown():
    """The code blocks of the tour."""
    return list(blocks((ROOT / "docs/tour.md").read_text(encoding="utf-8")))


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
        line = line.replace("localhost:8787", up).replace(".venv/bin/", "")
        env = {"SFN_CQRS_STATE": str(state), "PATH": f"{BIN}:/usr/bin:/bin"}
        with closing(Terminal("bash", "-c", line, columns=COLUMNS, cwd=ROOT, env=env)) as opened:
            return opened.ended(), opened.left

    return run


def test_every_command_prints_what_the_tour_shows(shell):
    consoles = [block.text for block in shown() if block.language == "console"]
    typed = [command for text in consoles for command in commands(text)]

    for line, code, printed in typed:
        ended, left = shell(line)
        assert (ended, is_shown(printed, left)) == (code, True), f"$ {line}\n{left}"
    assert len(typed) > 15


def test_nothing_but_the_start_of_the_stack_is_left_to_the_reader():
    assert [block.text for block in shown() if block.language == "sh"] == ["make up\n"]
    assert {block.language for block in shown()} == {"sh", "console", "python"}


def test_the_python_lines_run_with_the_environment_of_the_stack(shell):
    attributes = shlex.quote('{"customer": "ada", "total": 20}')
    shell(f"sfn-cqrs publish ORDER o-1 --version -1 --name x --attributes {attributes} --wait")
    (script,) = [block.text for block in shown() if block.language == "python"]

    code, text = shell(
        f'eval "$(sfn-cqrs env)"; PYTHONPATH=examples/shop/app python -c {shlex.quote(script)}'
    )

    assert code == 0, text
