"""Runs what a page of Markdown shows, in the order in which it shows it.

- ```console: lines that start with `$ ` are run, and what is below them is what they print;
  `…` stands for anything, `[exit 1]` for an exit code, and `&` at the end leaves a command running.
- `<!-- file: NAME -->` before a block: it is written to that file.
- ```python without a file is run. `<!-- needs: EXTRA -->` before a block: it needs an extra.
- ```sh is for people: commands that install or deploy.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

BLOCK = re.compile(r"(?:<!-- (file|needs): (\S+) -->\n)?```(\w*)\n(.*?)^```$", re.M | re.S)
EXIT = re.compile(r"\[exit (\d+)\]\n\Z")
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, its line, and what is said before it."""

    language: str
    text: str
    line: int
    file: str | None = None
    needs: str | None = None


def blocks(page: str) -> Iterator[Block]:
    """All blocks of a page."""
    for found in BLOCK.finditer(page):
        line = page.count("\n", 0, found.start(4)) + 1
        word, name, language, text = found.groups()
        yield Block(language, text, line, **({word: name} if word else {}))


@dataclass
class Runner:
    """Runs blocks in a folder, with the programs of a Python environment."""

    folder: Path
    programs: Path = field(default_factory=lambda: Path(sys.executable).parent)
    replace: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
        self._environment = {**kept, "PATH": f"{self.programs}{os.pathsep}{kept['PATH']}"}
        self._left_running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._left_running:
            process.terminate()
            process.communicate()

    def run(self, block: Block) -> None:
        """Run a block.

        Raises:
            AssertionError: it does something else than the page says.
        """
        text = block.text
        for old, new in self.replace.items():
            text = text.replace(old, new)
        if block.file is not None:
            path = self.folder / block.file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif block.language == "python":
            self._expect(block.line, shlex.join([str(self.programs / "python"), "-c", text]), "")
        elif block.language == "console":
            for command, printed in _commands(text):
                self._expect(block.line, command, printed)

    def _expect(self, line: int, command: str, printed: str) -> None:
        if command.endswith("&"):
            process = self._start(f"exec {command[:-1]}")
            self._left_running.append(process)
            assert process.stdout is not None
            got = "".join(process.stdout.readline() for _ in printed.splitlines())
        else:
            process = self._start(command)
            got, _ = process.communicate(timeout=PATIENCE_SECONDS)
            code = EXIT.search(printed)
            printed = EXIT.sub("", printed)
            assert process.returncode == int(code[1] if code else 0), f"line {line}: {got}"
        pattern = ".*".join(re.escape(part) for part in printed.split("…"))
        assert re.fullmatch(pattern, got), f"line {line}: `{command}` printed\n{got}"

    def _start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _commands(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed
