"""docs/tutorial.md, typed into two terminals in an empty folder; it shows what is printed."""

import re
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.newcomer.page import Block, blocks, commands, edited, is_shown
from tests.support.proof import deep
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
INSTALLS = "python3 -m venv first && first/bin/pip install DIST/sfn_*.whl\n"
"""What the environment of the tests has already."""


class Reader:
    """A person with two terminals of so many columns in a folder."""

    def __init__(self, folder, columns, closes):
        self._columns = columns
        self._folder = folder
        self._closes = closes
        self._up = None
        self._address = ""
        self._env = {"PYTEST_ADDOPTS": f"--basetemp={folder}.tmp"}

    def works_through(self, block: Block):
        """Do what a block says, and compare what is seen with what it shows."""
        if block.action is not None:
            self._saves(block)
        elif block.language == "console":
            for command, code, printed in commands(block.text):
                self._types(command, code, printed)
        elif block.language == "pdb":
            self._debugs(block.text)
        elif block.language == "text":
            for line in block.text.splitlines():
                self._up.until(re.escape(line.replace("localhost:8787", self._address)))
        elif block.text == INSTALLS:
            (self._folder / "first").symlink_to(Path(sys.prefix))
        else:
            assert block.text == "cd library\nmake up\n", f"nobody types this: {block}"
            self._folder /= "library"
            (self._folder / ".venv").symlink_to(Path(sys.prefix))
            self._starts()

    def _starts(self):
        command = (self._folder / ".venv/bin/sfn-cqrs", "up", "--port", 0)
        self._up = self._opened(*command)
        self._closes.enter_context(closing(self._up))
        self._address = self._up.until(r"^  http +http://(\S+)$")[1]
        self._up.until("Ctrl-C ends it")

    def _saves(self, block):
        path = self._folder / block.file
        reloaded = rf"reloaded +{re.escape(block.file)}"
        before = len(re.findall(reloaded, self._up.text))
        text = block.text if block.action == "file" else edited(path.read_text(), block.text)
        path.write_text(text)
        if block.file.startswith("app/"):
            self._up.until(rf"(?s)({reloaded}.*?){{{before + 1}}}")

    def _types(self, command, code, printed):
        with closing(self._opened("bash", "-c", command)) as opened:
            ended = opened.ended()
        assert (ended, is_shown(printed, opened.left)) == (code, True), (
            f"at {self._columns} columns, exit code {ended}: $ {command}\n{opened.left}"
        )

    def _opened(self, *command):
        return Terminal(*command, columns=self._columns, cwd=self._folder, env=self._env)

    def _debugs(self, text):
        typed = 0
        for line in text.splitlines():
            if line.startswith("(Pdb) "):
                typed += 1
                self._up.until(rf"(?s)(\(Pdb\) .*?){{{typed}}}")
                self._up.press(line.removeprefix("(Pdb) ") + "\n")
            else:
                self._up.until(re.escape(line))


@pytest.mark.proof
@pytest.mark.stack
@pytest.mark.parametrize("columns", deep([80], [80, 120]))
def test_what_the_tutorial_types_prints_what_it_shows(columns, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()

    with ExitStack() as closes:
        reader = Reader(folder, columns, closes)
        for block in blocks(PAGE):
            reader.works_through(block)


def test_the_tutorial_types_something_in_every_part():
    parts = PAGE.split("\n## ")[1:]

    assert [part.partition("\n")[0] for part in parts if not list(blocks(part))] == []


def test_a_page_that_shows_something_else_is_found():
    assert is_shown("a …\n…\nlast\n", "a b\nc\nd\nlast\n")
    assert not is_shown("a …\nlast\n", "a b\nc\nlast\n")
    assert not is_shown("first\n", "another\n")
