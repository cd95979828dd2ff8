import json
import sys
from contextlib import closing, contextmanager
from typing import NamedTuple

import pytest
from tests.support.terminal import Terminal

from sfn_cqrs_tools.cli import main
from sfn_cqrs_tools.testing.quick_stack import quick_stack

CLI = (sys.executable, "-m", "sfn_cqrs_tools.cli")


class Result(NamedTuple):
    code: int
    output: str
    error: str

    @property
    def json(self):
        return json.loads(self.output)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with quick_stack(state_dir=tmp_path_factory.mktemp("state")) as started:
        yield started


@pytest.fixture
def typed(monkeypatch, capsys, stack):
    """Return what types a command, quickly: in this process."""

    def run(*arguments: object) -> Result:
        monkeypatch.setenv("SFN_CQRS_STATE", str(stack.state.path))
        monkeypatch.setattr(sys, "argv", ["sfn-cqrs", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Result(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def terminal(stack):
    """Return what types a command into a terminal of so many columns."""

    @contextmanager
    def run(*arguments, columns=80):
        env = {"SFN_CQRS_STATE": str(stack.state.path)}
        with closing(Terminal(*CLI, *arguments, columns=columns, env=env)) as opened:
            yield opened

    return run
