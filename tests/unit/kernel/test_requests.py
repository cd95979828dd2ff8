"""Requests with an idempotency key: whatever they make is made once, whoever asks how often."""

from dataclasses import replace
from functools import partial

import pytest
from tests.support.orders import an_order
from tests.unit.zip_orchestrator.zip_corpus import TWO

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import BusyError, IdempotencyMismatchError
from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.results import PublishMode
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.service import SagaService
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.task.service import TaskService
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs.machines.zip_orchestrator.service import ZipRequest

ONCE = Caller(user="taro", idempotency_key="once")
FILE = Request(table="airports", key="uploads/tenant1/1/airports.csv")
ARCHIVE = ZipRequest(key="uploads/tenant1/1/airports.zip", table="airports")
CELLS = {"icao": "RJAA", "name": "Narita", "country": "JP", "lat": "1", "lon": "2", "tz": "Z"}
LETTERS = [{"order": "o-1", "to": "ada@example.com"}, {"order": "o-2", "to": "taro@example.com"}]


def task(items=LETTERS):
    return TaskService("tenant1").create("ORDER_REMINDER", items, caller=ONCE)


def saga(total=40):
    return SagaService("tenant1").start("order-saga", an_order(total=total), caller=ONCE)


def approval(subject="o-1"):
    return ApprovalService("tenant1").request("ORDER_RELEASE", subject=subject, caller=ONCE)


def file(request=FILE):
    return ImportService("tenant1").start(request, ONCE).job.key.id


def file_at_once(request=FILE):
    return ImportService("tenant1").import_now(request, ONCE).progress.job.key.id


def row(mode=PublishMode.SYNC):
    service = ImportService("tenant1")
    return service.import_row("airports", CELLS, ONCE, publish_mode=mode).job.key.id


def archive(request=ARCHIVE):
    return ImportService("tenant1").start_zip(request, ONCE).job.key.id


OTHERS = {
    task: partial(task, LETTERS[:1]),
    saga: partial(saga, 41),
    approval: partial(approval, "o-2"),
    file: archive,
    file_at_once: partial(file_at_once, replace(FILE, encoding="cp932")),
    row: partial(row, PublishMode.ASYNC),
    archive: partial(archive, replace(ARCHIVE, dry_run=True)),
}
"""What makes something, and what asks for something else."""
each = pytest.mark.parametrize("make", OTHERS, ids=lambda make: make.__name__)


@pytest.fixture(autouse=True)
def _asked_of(world):
    """An order, and what is to be imported."""
    order = {"name": "Order", "attributes": {"customer": "ada"}}
    CommandService("tenant1").publish("ORDER", "o-1", **order)
    world.import_bucket.put(FILE.key, ",".join(CELLS).encode())
    world.import_bucket.put(ARCHIVE.key, TWO)


def made(world):
    """How many records there are."""
    return sum(len(world.all_of(kind)) for kind in (TASKS, SAGAS, APPROVALS, IMPORTS, ZIPS))


@each
def test_the_same_request_makes_one_though_what_it_is_of_is_gone(make, world):
    first = make()
    world.import_bucket.objects.clear()

    assert make() == first
    assert made(world) == 1


@each
def test_a_key_that_was_used_for_something_else_is_refused(make, world):
    make()

    with pytest.raises(IdempotencyMismatchError):
        OTHERS[make]()
    assert made(world) == 1


@each
def test_of_two_same_requests_at_once_the_loser_gets_the_winners_id(make, world, monkeypatch):
    find, winners = world.requests.find, []

    def late(*_):
        monkeypatch.setattr(world.requests, "find", find)
        winners.append(make())

    monkeypatch.setattr(world.requests, "find", late)

    assert [make()] == winners
    assert made(world) == 1


@each
def test_a_request_that_is_answered_just_now_is_to_come_again(make, monkeypatch):
    monkeypatch.setattr(Records, "create", lambda *_: False)

    with pytest.raises(BusyError, match="is being answered just now; try again"):
        make()
