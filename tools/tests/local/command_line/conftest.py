import pytest
from tests.support.command_line import command_line

from sfn_cqrs_tools.testing.quick_stack import quick_stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    """One stack for all of these commands: it takes as long to start as ten of them."""
    with quick_stack(state_dir=tmp_path_factory.mktemp("state"), traces=True) as started:
        yield started
        assert started.denied == []


@pytest.fixture
def run(monkeypatch, capfdbinary, stack):
    """Return what runs a command on the stack."""
    return command_line(monkeypatch, capfdbinary, after=("--state", stack.state.path))
