"""What every run of the suites does, wherever its tests stand."""

import gc
import os
from shutil import rmtree
from tempfile import mkdtemp

import pytest
from tests.support import moto_shortcuts
from tests.support.every_suite import pytest_generate_tests  # noqa: F401 - a hook
from tests.support.real_time import RealTime
from tests.support.without_browser import pytest_terminal_summary  # noqa: F401 - a hook
from xdist.scheduler import LoadFileScheduling

gc.disable()  # until all is collected: nothing of it is garbage
gc.set_threshold(200_000, 20, 100)  # a seventh of all time went into looking for garbage
moto_shortcuts.install()
real_time = RealTime()
real_time.install()
_is_kept: dict[pytest.Config, bool] = {}
"""Whether the folder of a run stays: after a failure."""
_has_word = set()
SHARING = (
    "tools/tests/console/",
    "tools/tests/local/command_line/",
    "tools/tests/local/switched_on/",
    "tests/newcomer/commands/",
    "tests/security/on_a_stack/",
)
"""Folders whose files have one stack together; as packages, each needs a name of its own."""


class Scheduling(LoadFileScheduling):
    """Gives each process whole files, and all that share a stack to one process."""

    def _split_scope(self, nodeid):
        shared = (folder for folder in SHARING if nodeid.startswith(folder))
        return next(shared, None) or super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)  # before pytest looks where its folder is
def pytest_configure(config):
    """Give the run a folder that no other run of the same user locks.

    A server of PostgreSQL that root starts is another user's, who has to pass every folder above
    its data. Each run of pytest takes that right from the folder that all runs of root share.
    """
    config.pluginmanager.register(real_time)
    if config.option.basetemp is None:  # a process of several is given one
        config.option.basetemp = made = mkdtemp(prefix="tests-")
        config.add_cleanup(lambda: _is_kept.get(config) or rmtree(made, ignore_errors=True))


def _may_be_proof(path):
    """Say whether a file of tests has the word that marks what explores long."""
    return "proof" in path.read_text(encoding="utf-8")


def pytest_ignore_collect(collection_path, config):
    """Import for `-m proof` only what has such tests: every process would import all files."""
    wants_proof = config.option.markexpr.startswith("proof")
    is_of_tests = collection_path.suffix == ".py" and collection_path.name.startswith("test_")
    return True if wants_proof and is_of_tests and not _may_be_proof(collection_path) else None


def pytest_itemcollected(item):
    """Refuse a mark that `pytest_ignore_collect` does not see."""
    if item.get_closest_marker("proof") is not None and item.path not in _has_word:
        assert _may_be_proof(item.path), f"{item.path} has to say where `proof` comes from"
        _has_word.add(item.path)


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """Collect what is garbage once; pytest would look through all that stays five times."""
    _is_kept[session.config] = exitstatus == pytest.ExitCode.TESTS_FAILED
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
