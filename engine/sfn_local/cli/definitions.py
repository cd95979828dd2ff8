"""The files that engine, run, graph and lint take, and what is said of those that are wrong."""

import json
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import click

from sfn_local.cli.command import program
from sfn_local.document import Json
from sfn_local.mocks import DEFAULT_FILE, MockConfig, MockError
from sfn_local.words import meant

C = TypeVar("C", bound=Callable[..., Any])

FOLDER = Path("statemachine")
SUFFIX = ".asl.json"
MOCK_CONFIG = "SFN_MOCK_CONFIG"

definition_argument = click.argument("definition", metavar="MACHINE|FILE")
mock_config_option = click.option(
    "--mock-config",
    metavar="FILE",
    envvar=MOCK_CONFIG,
    help=f"The mock configuration; else {MOCK_CONFIG}, {DEFAULT_FILE}, or that beside the machine.",
)


def input_option(told: str) -> Callable[[C], C]:
    """Add --input, the file of an execution's input; told is of what it is."""
    default = "events/MACHINE/start_execution.json, or {}"
    return click.option(
        "-i", "--input", "path", metavar="FILE", help=f"{told}  [default: {default}]"
    )


def find(definition: str) -> Path:
    """The file of a definition given by its path, or by the name of its machine.

    A name is looked for in statemachine/, and then in that folder of each nested application.
    """
    path = Path(definition)
    if path.is_file():
        return path
    folders = [FOLDER, *sorted(Path().glob(f"*/{FOLDER}"))]
    for named in (folder / f"{definition}{SUFFIX}" for folder in folders):
        if named.is_file():
            return named
    known = {folder: _machines_in(folder) for folder in folders}
    there = "".join(
        f"; the machines in {folder}/ are: {', '.join(names)}"
        for folder, names in known.items()
        if names
    )
    close = meant(definition, chain.from_iterable(known.values()))
    raise click.ClickException(f"there is no file {definition}{close}{there}")


def _machines_in(folder: Path) -> list[str]:
    return sorted(file.name.removesuffix(SUFFIX) for file in folder.glob(f"*{SUFFIX}"))


def read(path: Path) -> str:
    """The text of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{path} is not in UTF-8: {error}") from error


def load(definition: str) -> Json:
    """The definition in a file, as JSON."""
    path = find(definition)
    try:
        return json.loads(read(path))
    except ValueError as error:
        raise click.ClickException(f"{path} is not JSON: {error}") from error


def read_option(option: str, path: str, hint: str = "") -> str:
    """Return the text of an option's file; - is stdin. An error has the hint."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise click.UsageError(f"{option}: there is no file {path}{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{option}: {error}") from error


def machine_name(definition: str) -> str:
    """The name that a definition has by its file."""
    return find(definition).name.removesuffix(".json").removesuffix(".asl")


def mocks_of(definition: str, path: str | None) -> MockConfig:
    """The mock configuration that is named, or the definition's: in this folder, or beside it."""
    if path:
        return read_mocks(path)
    beside = find(definition).parent / DEFAULT_FILE
    is_beside = beside.is_file() and not Path(DEFAULT_FILE).is_file()
    return read_mocks(str(beside) if is_beside else DEFAULT_FILE)


def input_of(definition: str, path: str | None) -> str:
    """Return the input that --input names, or else the sample of a machine's input."""
    return sample_input(definition) if path is None else read_option("--input", path)


def sample_input(definition: str) -> str:
    """Return a machine's input from the project's sample events; `{}` if it has none."""
    path = find(definition).resolve()
    folder = machine_name(definition).replace("-", "_")
    sample = path.parents[1] / "events" / folder / "start_execution.json"
    return read(sample) if path.parent.name == FOLDER.name and sample.is_file() else "{}"


def read_mocks(path: str) -> MockConfig:
    """The mock configuration in a file."""
    try:
        return MockConfig.read(Path(path))
    except MockError as error:
        hint = f"`{program()} mock new FILE` writes one"
        raise click.UsageError(f"--mock-config: {error}; {hint}") from error
