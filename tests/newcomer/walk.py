"""From an empty folder and wheels to a project that is tested, checked and built: `make walk`.

Prints the seconds of each step, and the files and lines that the project has after it. Packages
come from the wheels of this checkout, and what these need from the package index. `sam build`
needs python3.13 on the PATH.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SAM = CHECKOUT / ".venv-sam/bin"
MADE = {
    ".aws-sam",
    ".build",
    ".framework",
    ".git",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".sfn-cqrs",
    "wheels",
}
DOCS = "llms-full.txt"
PUBLISH = ("publish", "ITEM", "1", "--name", "first", "--attributes", "{}", "--wait")
LISTS = (("type", "list"), ("read-model", "list"))
RELOAD_SECONDS = 30
SAGA = ("new", "saga", "trip", "--steps", "reserve,charge,confirm", "--publish", "members")


@dataclass(frozen=True)
class Step:
    """What was done, how long it took, what it printed, and how large the project is then."""

    what: str
    seconds: float
    printed: str
    files: int
    lines: int

    def __str__(self) -> str:
        return f"{self.what:32} {self.seconds:6.1f} s {self.files:5} files {self.lines:6} lines"


class Walk:
    """A person in an empty folder, who has nothing but Python, make and wheels."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._project = folder / "clinic"
        self._cli = self._project / ".venv/bin/sfn-cqrs"
        path = os.pathsep.join((str(SAM), os.environ["PATH"]))
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
        self._environment = {**kept, "PATH": path}

    def steps(self, *, is_built: bool = True) -> Iterator[Step]:
        """Do each step, and yield it; `is_built` includes `sam build`."""
        wheels = self._folder / "wheels"
        pip = ("first/bin/python", "-m", "pip", "install", "--quiet")
        init = ("first/bin/sfn-cqrs", "init", "clinic", "--wheels", wheels)
        yield self._step("make dist", "make", "-C", CHECKOUT, "dist", f"DIST={wheels}")
        yield self._step("python3 -m venv first", sys.executable, "-m", "venv", "first")
        yield self._timed("pip install", lambda: self._run(*pip, *sorted(wheels.glob("*.whl"))))
        yield self._step("sfn-cqrs init clinic", *init)
        yield self._step("make setup", "make", "setup")
        yield self._timed("make up, and a first version", self._publishes)
        yield self._timed("a module out, and back again", self._reloads)
        yield self._step("make test", "make", "test")
        yield self._step("sfn-cqrs new saga trip", self._cli, *SAGA)
        yield self._step("make check", "make", "check")
        yield self._step("make test, with the saga", "make", "test")
        if is_built:
            yield self._step("make build (sam build)", "make", "build")

    def _step(self, what: str, *command: object) -> Step:
        return self._timed(what, lambda: self._run(*command))

    def _timed(self, what: str, do: Callable[[], str]) -> Step:
        began = time.monotonic()
        printed = do()
        seconds = time.monotonic() - began
        own = [*self._own()]
        lines = sum(
            len(one.read_text(encoding="utf-8").splitlines()) for one in own if one.name != DOCS
        )
        return Step(what, seconds, printed, len(own), lines)

    def _run(self, *command: object) -> str:
        here = self._project if self._project.exists() else self._folder
        done = subprocess.run(
            [str(one) for one in command],
            cwd=here,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def _up(self) -> Iterator[None]:
        """Start the stack, and end it."""
        command = [str(self._cli), "up", "--port", "0", "--json"]
        with subprocess.Popen(
            command, cwd=self._project, env=self._environment, stdout=subprocess.PIPE, text=True
        ) as up:
            try:
                assert up.stdout is not None
                json.loads(up.stdout.readline())
                yield
            finally:
                up.terminate()

    def _publishes(self) -> str:
        """Publish until the version is applied."""
        with self._up():
            return self._run(self._cli, *PUBLISH)

    def _reloads(self) -> str:
        """Take the module with the type out of the running project, and put it back.

        Return the types and read models of the project, after each.
        """
        module = self._project / "app/clinic/item.py"
        text = module.read_text(encoding="utf-8")
        with self._up():
            module.unlink()
            without = self._declared(is_there=False)
            module.write_text(text, encoding="utf-8")
            return json.dumps([without, self._declared(is_there=True)])

    def _declared(self, *, is_there: bool) -> list[str]:
        """Return the project's types and read models, as soon as there are both, or neither."""
        until = time.monotonic() + RELOAD_SECONDS
        while True:
            asked = [json.loads(self._run(self._cli, *one, "--json")) for one in LISTS]
            if {bool(each) for each in asked} == {is_there} or time.monotonic() > until:
                return [str(one.get("type", one.get("name"))) for each in asked for one in each]

    def _own(self) -> Iterator[Path]:
        for path in sorted(self._project.rglob("*")):
            parts = path.relative_to(self._project).parts
            is_made = MADE & {*parts} or parts[0].startswith(".venv") or "__pycache__" in parts
            if path.is_file() and not is_made:
                yield path


def main() -> None:
    """Walk in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="sfn-cqrs-walk-") as folder:
        for step in Walk(Path(folder)).steps():
            print(step, flush=True)


if __name__ == "__main__":
    main()
