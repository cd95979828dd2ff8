"""A handler of notices that causes the next notice comes to an end, whatever lies between."""

from dataclasses import replace
from itertools import count

import pytest
from tests.support.import_system import HEADER, a_line
from tests.support.system import TENANT, silent
from tests.support.whole_system import WholeSystem

from sfn_cqrs.approvals import ApprovalService
from sfn_cqrs.commands import Caller, ChainService, CommandService, DataService
from sfn_cqrs.imports import ImportService
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.notices import DEEPEST
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.sagas import SagaService
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


def starts_another_saga(_notice, key=None):
    lines = [{"sku": "BOOK", "quantity": 1}]
    order = {"order": "o-1", "customer": "ada", "card": "visa", "total": 4}
    caller = Caller(idempotency_key=key)
    SagaService(TENANT).start("order-saga", {**order, "lines": lines}, caller=caller)


def starts_a_saga_that_publishes(notice):
    """Its steps publish several versions, and the first of each saga starts the next one."""
    starts_another_saga(notice, key=f"depth-{notice.get('depth', 0)}")


def asks_for_another_approval(_notice):
    ApprovalService(TENANT).request("ORDER_RELEASE", subject="o-1")


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


def stock(system):
    system.stock(available=1_000)


def buy(system):
    system.buy("o-1")


def ask(system):
    system.order()
    system.ask_release()


LOOPS = {
    "approval": ("approval-status", asks_for_another_approval, ask),
    "saga": ("saga-status", starts_another_saga, buy),
    "step": ("command-status", starts_a_saga_that_publishes, stock),
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


@pytest.fixture
def publishes_order():
    """Return what publishes the next version of one order, whatever it is called with."""
    numbers = count()

    def publish(*_):
        attributes = {"customer": "ada", "total": next(numbers)}
        CommandService(TENANT).publish(
            "ORDER", "o-1", name="o-1", attributes=attributes, version=-1
        )

    return publish


def test_what_a_sync_handler_publishes_is_as_deep_as_its_version(
    system, hearing, publishes_order, monkeypatch
):
    """Two types whose handlers cause one another, with a notice between them."""
    numbers = count()

    def publishes_stock(_command):
        attributes = {"available": next(numbers)}
        CommandService(TENANT).publish(
            "STOCK", "BOOK", name="Book", attributes=attributes, version=-1
        )

    def hears(notice):
        if notice["content"]["type"] == "STOCK":
            publishes_order()

    handlers.load()
    monkeypatch.setitem(handlers.registry.sync["ORDER"], "publishes_stock", publishes_stock)
    told = hearing("command-status", hears)

    system.order()
    system.run()

    assert max(told) == DEEPEST - 1
    assert len(told) < MANY


def test_what_a_task_publishes_is_as_deep_as_the_task(
    system, hearing, publishes_order, monkeypatch
):
    known = task_types.find("ORDER_REMINDER")
    publishing = replace(known, handler=publishes_order)
    monkeypatch.setitem(task_types._types, "ORDER_REMINDER", publishing)
    told = hearing("command-status", starts_another_task)

    system.order()
    system.run()

    assert max(told) == DEEPEST - 1
    assert len(told) < MANY


def test_what_the_handler_of_an_imported_row_publishes_is_as_deep_as_the_import(
    system, hearing, publishes_order, monkeypatch
):
    numbers = count()

    def imports_a_row(_notice):
        cells = dict(zip(HEADER, a_line("RJOO", f"Itami {next(numbers)}"), strict=True))
        ImportService(TENANT).import_row("airports", cells)

    handlers.load()
    monkeypatch.setattr(handlers.registry, "bulk", {})
    monkeypatch.setitem(handlers.registry.sync["AIRPORT"], "publishes_order", publishes_order)
    told = hearing("command-status", imports_a_row)

    system.order()
    system.run()

    assert max(told) == DEEPEST - 1
    assert len(told) < MANY


def test_a_handler_may_declare_a_longer_way(system, hearing):
    told = hearing("command-status", publishes_the_next_version, depth=DEEPEST + 4)

    system.order()
    system.run()

    assert max(told) == DEEPEST + 3
