import gc
import os
import sys
from contextlib import ExitStack, nullcontext
from io import StringIO
from pathlib import Path

import pytest
from tests.support import moto_shortcuts
from tests.support.every_suite import pytest_generate_tests  # noqa: F401 - a hook
from tests.support.real_time import RealTime
from tests.support.typed import declared, forgetting, load, package_of
from tests.support.without_browser import pytest_terminal_summary  # noqa: F401 - a hook
from xdist.scheduler import LoadFileScheduling

from sfn_cqrs.kernel import masking
from sfn_cqrs.kernel.functions.logs import logger

gc.disable()  # until all is collected: nothing of it is garbage
gc.set_threshold(200_000, 20, 100)  # a seventh of all time went into looking for garbage
moto_shortcuts.install()
real_time = RealTime()
real_time.install()
TESTS = Path(__file__).parent
SHARING = tuple(
    f"tests/{folder}/"
    for folder in (
        "console",
        "local/command_line",
        "local/switched_on",
        "newcomer/commands",
        "security/on_a_stack",
    )
)
"""Folders whose files have one stack together; as packages, each needs a name of its own."""
IN_PROCESS = {"contract", "integration", "security", "simulation", "template", "unit"}
"""The suites whose handlers run in the process of the tests."""


class Scheduling(LoadFileScheduling):
    """Gives each process whole files, and all that share a stack to one process."""

    def _split_scope(self, nodeid):
        shared = (folder for folder in SHARING if nodeid.startswith(folder))
        return next(shared, None) or super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure(config):
    config.pluginmanager.register(real_time)


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    """Collect what is garbage once; pytest would look through all that stays five times."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)  # of those that are not deselected
def pytest_collection_modifyitems(items):
    """Begin with stacks and models; what takes minutes is the first that a process gets."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    stacks = {item.path for item in items if item.get_closest_marker("stack")}
    long = [item for item in items if item.get_closest_marker("long") is not None]

    def turn(item):
        return item.path not in stacks, "simulation" not in item.path.parts

    items[:] = sorted((item for item in items if item not in long), key=turn)
    share = (len(items) + len(long)) / processes
    for number, item in enumerate(long):
        items.insert(int(number % processes * share), item)


@pytest.fixture(scope="module", autouse=True)
def _declarations(request):
    """Load what is tested, and refuse that a file declares what files after it would know."""
    if request.path.relative_to(TESTS).parts[0] not in IN_PROCESS:
        yield
        return
    load("shop")
    own, known = package_of(request.path), {*sys.modules}
    with nullcontext() if own == "shop" else forgetting():
        load(own)
        before = declared()
        yield
        masking._personal.clear()  # or what these items hold is masked in the logs of others
        assert declared() == before, "declare within tests.support.typed.declaring"
    if own != "shop":  # so that it can be loaded again
        for name in [one for one in {*sys.modules} - known if one.partition(".")[0] == own]:
            del sys.modules[name]


@pytest.fixture
def log(monkeypatch):
    """What the functions log, as text."""
    text = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", text)
    return text


@pytest.fixture
def bank():
    """Let no refund be made; return what says that it can be from now on."""
    from tests.template.saga_calls import refunds_are_refused  # noqa: PLC0415 - the runtime is large

    with ExitStack() as closed:
        closed.enter_context(refunds_are_refused())
        yield closed.close
