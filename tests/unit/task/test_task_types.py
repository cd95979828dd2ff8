import time

import pytest

from sfn_cqrs.kernel.errors import ItemTimeoutError, UnknownTaskTypeError
from sfn_cqrs.kernel.functions.time_limit import time_limit
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.types import task_handler


@pytest.fixture(autouse=True)
def _no_types(monkeypatch):
    handlers.load()
    monkeypatch.setattr(task_types, "_types", {})


def resize(_item):
    return None


def test_a_handler_declares_what_it_asks_for():
    task_handler("RESIZE", timeout=90, retry=0, fail_fast=True, concurrency=40)(resize)

    found = task_types.find("RESIZE")
    assert (found.timeout, found.retry, found.fail_fast, found.concurrency) == (90, 0, True, 40)


def test_what_is_not_declared_has_a_default():
    assert task_handler("RESIZE")(resize) is resize

    assert task_types.find("RESIZE") == task_types.TaskType("RESIZE", resize, 60, 3, False)


@pytest.mark.parametrize(
    ("type_", "settings"),
    [
        ("resize", {}),
        ("", {}),
        ("1A", {}),
        ("X" * 65, {}),
        ("RESIZE", {"timeout": 0}),
        ("RESIZE", {"timeout": 271}),
        ("RESIZE", {"retry": -1}),
        ("RESIZE", {"retry": 9}),
        ("RESIZE", {"concurrency": 0}),
        ("RESIZE", {"concurrency": 41}),
    ],
)
def test_what_the_machine_cannot_honour_is_refused_where_it_is_declared(type_, settings):
    with pytest.raises(ValueError, match=r"RESIZE|not a task type"):
        task_handler(type_, **settings)


def test_two_modules_cannot_register_one_type(monkeypatch):
    task_handler("RESIZE")(resize)

    def another(_item):
        return None

    monkeypatch.setattr(another, "__module__", "shop.pictures")

    with pytest.raises(ValueError, match=r"RESIZE has a handler in .*test_task_types already"):
        task_handler("RESIZE")(another)


def test_a_module_that_is_loaded_again_replaces_its_handler():
    task_handler("RESIZE", retry=1)(resize)
    task_handler("RESIZE", retry=2)(resize)

    assert task_types.find("RESIZE").retry == 2


@pytest.mark.parametrize("type_", ["NOPE", None, 1, ["RESIZE"]])
def test_an_unknown_type_is_refused_with_the_known_ones(type_):
    task_handler("RESIZE")(resize)

    with pytest.raises(UnknownTaskTypeError, match="is not registered; known types: RESIZE"):
        task_types.find(type_)


def run_limited(seconds, work):
    with time_limit(seconds):
        work()


def test_a_block_that_takes_too_long_is_interrupted():
    until = time.monotonic() + 60

    def spin():
        while time.monotonic() < until:
            pass

    with pytest.raises(ItemTimeoutError):
        run_limited(0.02, spin)

    assert time.monotonic() < until


def test_a_handler_does_not_take_the_interruption_for_an_error_of_its_own():
    def stubborn():
        while True:
            try:
                sum(range(100))
            except Exception:
                continue

    with pytest.raises(ItemTimeoutError):
        run_limited(0.02, stubborn)


def test_a_block_that_is_quick_is_left_alone_and_so_is_what_follows():
    for _ in range(200):
        with time_limit(60):
            pass

    with time_limit(0.01):
        value = 1
    deadline = time.monotonic() + 0.05
    while time.monotonic() < deadline:
        value += 1
    assert value > 1
