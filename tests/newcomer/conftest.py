import sys
from contextlib import closing, contextmanager

import pytest
from tests.newcomer.person import SEEN, Clones, Person, made_clone
from tests.support.command_line import command_line
from tests.support.places import EXAMPLE
from tests.support.terminal import Terminal
from tests.support.typed import forgetting, load

from sfn_cqrs_tools.stack.samples import FILE as SAMPLES
from sfn_cqrs_tools.testing.quick_stack import quick_stack

collect_ignore = ["courier"]  # a package of its own; test_courier_saga.py runs its tests
CLI = (sys.executable, "-m", "sfn_cqrs_tools.cli")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with quick_stack(state_dir=tmp_path_factory.mktemp("state")) as started:
        yield started


@pytest.fixture
def typed(monkeypatch, capsys, stack):
    """Return what types a command, quickly: in this process."""
    monkeypatch.setenv("SFN_CQRS_STATE", str(stack.state.path))
    return command_line(monkeypatch, capsys)


@pytest.fixture
def terminal(stack):
    """Return what types a command into a terminal of so many columns."""

    @contextmanager
    def run(*arguments, columns=80):
        env = {"SFN_CQRS_STATE": str(stack.state.path)}
        with closing(Terminal(*CLI, *arguments, columns=columns, env=env)) as opened:
            yield opened

    return run


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    return Clones(lambda: made_clone(tmp_path_factory.mktemp("clone")))


@pytest.fixture
def folder(clones, monkeypatch):
    """Return what makes an unchanged clone the current folder."""

    def enter():
        clone = clones.unchanged()
        of_the_stack = (EXAMPLE / SAMPLES).read_text(encoding="utf-8")
        (clone / SAMPLES).write_text(of_the_stack, encoding="utf-8")
        monkeypatch.chdir(clone)
        return clone

    return enter


@pytest.fixture
def _seen(typed):
    for line in SEEN:
        typed(*line.split(), "--version", "-1")


@pytest.fixture
def person(typed, folder, stack, _seen):
    return Person(typed, folder, stack)


@pytest.fixture(scope="module")
def _forgets():
    """Forget afterwards what clones declare; files after this one know the example alone."""
    load("shop")
    known = {*sys.modules}
    with forgetting():
        yield
    for name in {*sys.modules} - known:
        if name.partition(".")[0] == "starter":
            del sys.modules[name]
