"""Apply mutants to a copy of the tree, and run the tests that find them there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.code import ROOT, Code
from tests.mutants.mutant import Mutant
from tests.support.commands import ran
from tests.support.project import tracked

SOURCES = ("examples/shop/app", "layer", "engine", "tools")
"""These folders win over the packages that are installed from the working tree."""
EXAMPLE = "examples/shop/"
"""A project of its own, whose tests run in its folder."""
PATIENCE_SECONDS = 1_800
"""A fault may make a loop without end."""
_PASSED, _FAILED = 0, 1
"""Exit codes of pytest; any other means that it could not run the tests."""


class Verdict(StrEnum):
    """The tests' answer to a fault."""

    FOUND = "found"
    NOT_FOUND = "NOT FOUND"
    BROKEN = "BROKEN"
    """The tests could not run, so that they say nothing."""


class Tree:
    """A copy of the working tree, with one fault at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._code = Code(root)
        self._times = count(1_000_000_000)

    def run(self, tests: Sequence[str]) -> tuple[int, str]:
        """Run tests, each in its project; return the first bad exit code, and what pytest says.

        The code is -1 if they do not end.
        """
        example = [test.removeprefix(EXAMPLE) for test in tests if test.startswith(EXAMPLE)]
        own = [test for test in tests if not test.startswith(EXAMPLE)]
        code, said = _PASSED, ""
        for folder, some in ((self._root, own), (self._root / EXAMPLE, example)):
            if some and code == _PASSED:
                code, said = self._run_in(folder, some)
        return code, said

    def _run_in(self, project: Path, tests: Sequence[str]) -> tuple[int, str]:
        folders = [project, *(self._root / folder for folder in SOURCES)]
        path = os.pathsep.join(map(str, folders))
        try:
            done = ran(
                *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests),
                cwd=project,
                env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTEST_ADDOPTS": ""},
                timeout=PATIENCE_SECONDS,
            )
        except subprocess.TimeoutExpired as late:
            return -1, str(late)
        return done.returncode, done.stdout + done.stderr

    def try_(self, mutant: Mutant) -> tuple[Verdict, str]:
        """Run a mutant's tests with its fault; return what they say."""
        with self._applied(mutant):
            code, said = self.run([mutant.found_by])
        verdicts = {_PASSED: Verdict.NOT_FOUND, _FAILED: Verdict.FOUND}
        return verdicts.get(code, Verdict.BROKEN), said

    @contextmanager
    def _applied(self, mutant: Mutant) -> Iterator[None]:
        path, text = mutant.fault.applied_to(self._code)
        before = path.read_text(encoding="utf-8")
        self._write(path, text)
        try:
            yield
        finally:
            self._write(path, before)

    def _write(self, path: Path, text: str) -> None:
        """Write a text with a time of its own: compiled code of a text before it is out of date."""
        path.write_text(text, encoding="utf-8")
        at = next(self._times)
        os.utime(path, (at, at))


@contextmanager
def a_copy() -> Iterator[Tree]:
    """Copy what git knows or would add, as it is now."""
    with TemporaryDirectory(prefix="mutants-") as folder:
        root = Path(folder)
        for name in tracked():
            if (ROOT / name).is_file() or (ROOT / name).is_symlink():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name, follow_symlinks=False)
        yield Tree(root)
