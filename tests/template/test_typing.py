"""mypy knows what a user's handler is given: `command.model` is an instance of the type's model."""

import os
import sys
import tomllib
from pathlib import Path

import pytest
from tests.support.commands import ran
from tests.template.stack import ROOT

GOOD = '''
from dataclasses import dataclass
from datetime import date, datetime

from sfn_cqrs.kernel.command import Command
from sfn_cqrs.machines.command.handlers import command_type, sync_handler
from sfn_cqrs.machines.command.read_models import read_model_type


@dataclass(frozen=True)
class Appointment:
    """What a patient books."""

    doctor: str
    starts_at: datetime


def unmoved(current: Appointment | None, after: Appointment) -> str | None:
    """Refuse another doctor."""
    return "the doctor stays" if current and current.doctor != after.doctor else None


command_type("APPOINTMENT", model=Appointment, check=unmoved)


@sync_handler("APPOINTMENT")
def by_day(command: Command[Appointment]) -> None:
    """Take the day."""
    day: date = command.model.starts_at.date()
    print(day, command.model.doctor.title())


@dataclass(frozen=True)
class Slot:
    """A row of a doctor's day."""

    doctor: str


slots = read_model_type("slots", by="doctor", row=Slot)


@sync_handler("APPOINTMENT")
def by_doctor(command: Command[Appointment]) -> None:
    """Keep a row, and read it."""
    doctor = command.model.doctor
    slots.put_if_newer(command.key.tenant, doctor, "a", Slot(doctor), command.version)
    print([row.model.doctor.upper() for row in slots.rows("tenant1", doctor)])


@sync_handler("LOOSE")
def untyped(command: Command) -> None:
    """Take anything."""
    print(command.model.whatever, command.attributes.get("doctor"))
'''


def mypy(tmp_path: Path, **sources: str) -> str:
    """What mypy says of some files in its strict mode."""
    files = [tmp_path / f"{name}.py" for name in sources]
    for file, source in zip(files, sources.values(), strict=True):
        file.write_text(source)
    options = ["--strict", "--follow-imports=silent", f"--cache-dir={ROOT / '.mypy_cache'}"]
    words = (sys.executable, "-m", "mypy", *options, "--config-file=", *files)
    return ran(*words, env={**os.environ, "MYPYPATH": str(ROOT / "layer")}, cwd=tmp_path).stdout


@pytest.mark.long
def test_mypy_takes_a_handler_that_fits_and_names_what_does_not(tmp_path: Path) -> None:
    bad = GOOD.replace("starts_at.date()", "minutes").replace("doctor.title()", "starts_at.title()")
    bad = bad.replace("Slot(doctor)", "doctor").replace("doctor.upper()", "minutes")
    bad = bad.replace("current: Appointment | None", "current: str | None")

    said = mypy(tmp_path, good=GOOD, wrong=bad)

    assert "(checked 2 source files)" in said
    assert {line.partition(":")[0] for line in said.splitlines()[:-1]} == {"wrong.py"}
    assert '"Appointment" has no attribute "minutes"' in said
    assert '"datetime" has no attribute "title"' in said
    assert 'Argument "check" to "command_type"' in said
    assert 'Argument 4 to "put_if_newer" of "Rows" has incompatible type "str"' in said
    assert '"Slot" has no attribute "minutes"' in said


@pytest.mark.parametrize(
    ("distribution", "package"),
    [(".", "layer/sfn_cqrs"), ("engine", "engine/sfn_local"), ("tools", "tools/sfn_cqrs_tools")],
)
def test_a_package_that_says_it_is_typed_is_read_by_mypy_of_others(
    distribution: str, package: str
) -> None:
    project = tomllib.loads((ROOT / distribution / "pyproject.toml").read_text())["project"]

    assert "Typing :: Typed" in project["classifiers"]
    assert (ROOT / package / "py.typed").is_file()
