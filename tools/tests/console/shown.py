"""A stack that is filled, and the console that shows it."""

from dataclasses import replace

import pytest

from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.console.backend import local
from sfn_cqrs_tools.console.server import ConsoleServer
from sfn_cqrs_tools.testing.quick_stack import quick_stack

LANE = {"ExpressLane": "disabled"}


def shown(scope, fill):
    """Make the fixtures `folder`, `stack`, `ids` (what `fill` says of the stack) and `console`."""

    @pytest.fixture(scope=scope)
    def folder(tmp_path_factory):
        return tmp_path_factory.mktemp("console")

    @pytest.fixture(scope=scope)
    def stack(folder):
        state = folder / "state"
        with quick_stack(state_dir=state, live=True, traces=True, parameters=LANE) as started:
            yield started

    @pytest.fixture(scope=scope)
    def ids(stack, folder):
        return fill(stack, folder)

    @pytest.fixture(scope="module")  # it remembers for minutes what it has seen
    def console(stack, ids):  # noqa: ARG001 - the console shows it
        target = find_target(stack.state.path, None)
        backend = local(stack.name, stack.http, target, "kenji")
        server = ConsoleServer(replace(backend, look_seconds=0.6))
        yield server
        server.close()

    return folder, stack, ids, console
