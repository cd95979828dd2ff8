"""One stack, one console and one browser for all tests of pages."""

from dataclasses import replace
from itertools import count

import pytest
from playwright.sync_api import expect
from tests.console.browser import A_MINUTE, DESK, Watched, chromium
from tests.console.state import api_of, fill, publish, wait
from tests.support.orders import NOWHERE

from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.console.backend import local
from sfn_cqrs_tools.console.server import ConsoleServer
from sfn_cqrs_tools.testing.quick_stack import quick_stack

_numbers = count(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="module")
def stack(folder):
    lane = {"ExpressLane": "disabled"}
    with quick_stack(
        state_dir=folder / "state", live=True, traces=True, parameters=lane
    ) as started:
        yield started


@pytest.fixture(scope="module")
def ids(stack, folder):
    """What the stack is filled with, by kind."""
    return fill(stack, folder)


@pytest.fixture(scope="module")
def console(stack, ids):  # noqa: ARG001 - the console shows it
    target = find_target(stack.state.path, None)
    backend = local(stack.name, stack.http, target, "kenji")
    server = ConsoleServer(replace(backend, look_seconds=0.6))
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def context(browser):
    made = browser.new_context(viewport=DESK, locale="en-GB", timezone_id="Asia/Tokyo")
    made.set_default_timeout(A_MINUTE)
    expect.set_options(timeout=A_MINUTE)  # a busy machine is late; what is wrong never comes
    yield made
    made.close()


@pytest.fixture
def page(context, console):
    """A page of somebody who may everything; it ends well only if nothing went wrong in it."""
    opened = context.new_page()
    watched = Watched(opened, console.origin)
    yield opened
    assert watched.problems == []
    assert watched.foreign == []


@pytest.fixture
def failed(stack):
    """An order whose first version has failed, and whose second waits behind it."""
    api = api_of(stack)
    code = f"f-{next(_numbers)}"
    publish(api, code, "To an unknown country", NOWHERE)
    wait(api, f"/commands/ORDER/{code}/1", "outcome", ("FAILED",))
    publish(api, code, "To a known one", {"customer": "eve", "total": 3}, version=1)
    wait(api, f"/commands/ORDER/{code}/2", "outcome", ("BLOCKED",))
    return code
