"""A handler of notices that causes the next notice comes to an end, whatever lies between."""

from itertools import count

import pytest
from tests.support.import_system import HEADER, a_line
from tests.support.system import TENANT, silent
from tests.support.whole_system import WholeSystem

from sfn_cqrs.commands import ChainService, CommandService, DataService
from sfn_cqrs.imports import ImportService
from sfn_cqrs.kernel.depth import DEEPEST
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.tasks import TaskService

MANY = 3 * DEEPEST
"""So often a loop goes round that nobody stops."""


@pytest.fixture
def system():
    with silent(), WholeSystem() as started:
        yield started


@pytest.fixture
def hearing(monkeypatch):
    """Register the one handler of an action; return how often it was called."""

    def register(action, handler, **declared):
        handlers.load()
        monkeypatch.setitem(handlers.registry.notices, action, [])
        monkeypatch.setattr(handlers.registry, "depths", {})
        told = []

        def on_it(notice):
            told.append(notice.get("depth", 0))
            if len(told) < MANY:
                handler(notice)

        handlers.on_notice(action, **declared)(on_it)
        return told

    return register


def publishes_the_next_version(notice):
    code = notice["content"]["code"]
    row = DataService(TENANT).get("ORDER", code)
    attributes = {**row.attributes, "total": row.version}
    CommandService(TENANT).publish("ORDER", code, name=code, attributes=attributes, version=-1)


def retries_what_has_failed(notice):
    content = notice["content"]
    if content["outcome"] == "FAILED":
        ChainService(TENANT).retry(content["type"], content["code"], content["version"])


def starts_another_task(_notice):
    TaskService(TENANT).create_single("ORDER_REMINDER", {"order": "o-1", "to": "a@example.com"})


def starts_a_task_of_many(_notice):
    TaskService(TENANT).create("ORDER_REMINDER", [{"order": "o-1", "to": "a@example.com"}])


def imports_another_row(notice):
    if notice["content"]["status"] == "COMPLETED":
        cells = dict(zip(HEADER, a_line("RJOO"), strict=True))
        ImportService(TENANT).import_row("airports", cells)


def fails(_command):
    raise InvalidInputError("code", "is wrong whatever happens")


@pytest.fixture
def failing(system, monkeypatch):  # noqa: ARG001 - it has the environment
    handlers.load()
    monkeypatch.setitem(handlers.registry.sync["ORDER"], "fails", fails)


def order(system):
    system.order()


LOOPS = {
    "publish": ("command-status", publishes_the_next_version, order),
    "task": ("task-status", starts_another_task, lambda system: system.remind("a@x.org")),
    "tasks": ("task-status", starts_a_task_of_many, lambda system: system.remind("a@x.org")),
    "row": ("import-status", imports_another_row, WholeSystem.import_row),
}


@pytest.mark.parametrize("way", sorted(LOOPS))
def test_a_loop_of_notices_ends(way, system, hearing):
    action, handler, begin = LOOPS[way]
    told = hearing(action, handler)

    begin(system)
    system.run()

    assert sorted(set(told)) == list(range(DEEPEST))
    assert len(told) < MANY


@pytest.mark.usefixtures("failing")
def test_a_handler_that_retries_what_fails_for_good_comes_to_an_end(system, hearing):
    told = hearing("command-status", retries_what_has_failed)

    system.order()
    system.run()

    assert sorted(set(told)) == list(range(DEEPEST))
    assert len(told) < MANY


def test_what_a_sync_handler_publishes_is_as_deep_as_its_version(system, hearing, monkeypatch):
    """Two types whose handlers cause one another, with a notice between them."""
    numbers = count()

    def publishes_stock(command):
        attributes = {"available": next(numbers)}
        CommandService(command.key.tenant).publish(
            "STOCK", "BOOK", name="Book", attributes=attributes, version=-1
        )

    def publishes_order(notice):
        if notice["content"]["type"] == "STOCK":
            attributes = {"customer": "ada", "total": next(numbers)}
            CommandService(TENANT).publish(
                "ORDER", "o-1", name="o-1", attributes=attributes, version=-1
            )

    handlers.load()
    monkeypatch.setitem(handlers.registry.sync["ORDER"], "publishes_stock", publishes_stock)
    told = hearing("command-status", publishes_order)

    system.order()
    system.run()

    assert max(told) == DEEPEST - 1
    assert len(told) < MANY


def test_a_handler_may_declare_a_longer_way(system, hearing):
    told = hearing("command-status", publishes_the_next_version, depth=DEEPEST + 4)

    system.order()
    system.run()

    assert max(told) == DEEPEST + 3
