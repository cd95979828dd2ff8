import textwrap
from pathlib import Path

import pytest
from tests.support.command_line import command_line
from tests.support.project import SCAFFOLDED, copy_project

from sfn_cqrs_tools.runtime.lambdas import Functions
from sfn_cqrs_tools.runtime.template import Function
from sfn_cqrs_tools.testing.quick_stack import quick_stack

collect_ignore = ["former_project"]  # a project of its own; test_former_project.py runs its tests


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch):
    """What a command waits for is there soon."""
    monkeypatch.setattr("sfn_cqrs_tools.client.pauses._LONGEST", 0.1)
    monkeypatch.setattr("sfn_cqrs_tools.client.pauses._FIRST", ())


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The whole stack, for one module."""
    with quick_stack(state_dir=tmp_path_factory.mktemp("state"), traces=True) as started:
        yield started
        assert started.denied == []


@pytest.fixture
def write_function(tmp_path):
    """Return a maker of functions: from a name and the text of its app.py."""

    def write(name: str, code: str, timeout: float = 10) -> Function:
        folder = tmp_path / "functions" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "app.py").write_text(textwrap.dedent(code))
        return Function(
            logical_id=name,
            name=f"toy-{name}",
            arn=f"arn:aws:lambda:us-east-1:000000000000:function:toy-{name}",
            folder=folder,
            handler="app.lambda_handler",
            timeout=timeout,
            memory=128,
            environment={},
        )

    return write


@pytest.fixture
def run_function(write_function):
    """Return a shortcut: the Functions of one function made of some code."""
    opened: list[Functions] = []

    def run(code: str, timeout: float = 10, **options) -> Functions:
        functions = Functions([write_function("Fn", code, timeout)], **options)
        opened.append(functions)
        return functions

    yield run
    for functions in opened:
        functions.close(patience=0)


@pytest.fixture
def toy() -> Path:
    return Path(__file__).parent / "toy" / "template.yaml"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of what the scaffold reads and changes, as the current folder."""
    copied = copy_project(tmp_path / "project", only=SCAFFOLDED)
    monkeypatch.chdir(copied)
    return copied


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A copy that nothing is written to."""
    return copy_project(tmp_path_factory.mktemp("untouched") / "project", only=SCAFFOLDED)


@pytest.fixture
def sfn_cqrs(monkeypatch, capsys):
    """Return what runs the command line in this process: its exit code and what it prints."""
    return command_line(monkeypatch, capsys)
