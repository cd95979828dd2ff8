import gc
from contextlib import ExitStack
from io import StringIO

import pytest
from tests.support import moto_shortcuts
from tests.support.real_time import RealTime

from sfn_cqrs.service.logs import logger

gc.set_threshold(50_000, 20, 100)  # a seventh of all time went into looking for garbage
moto_shortcuts.install()
real_time = RealTime()
real_time.install()


def pytest_configure(config):
    config.pluginmanager.register(real_time)


def pytest_collection_finish():
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that no worker has it left at the end."""
    stacks = {item.path for item in items if item.get_closest_marker("stack")}

    def turn(item):
        is_long = item.get_closest_marker("long") is not None
        return not is_long, item.path not in stacks, "simulation" not in item.path.parts

    items.sort(key=turn)


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
