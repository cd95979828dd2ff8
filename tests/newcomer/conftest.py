import sys
from contextlib import closing, contextmanager

import pytest
from tests.support.command_line import command_line
from tests.support.terminal import Terminal

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
