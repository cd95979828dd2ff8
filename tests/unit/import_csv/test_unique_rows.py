"""Unique values in files: which row wins, and what errors.csv says."""

import csv
from dataclasses import dataclass

import pytest
from tests.support.typed import declaring
from tests.unit.import_csv.conftest import run_machine

from sfn_cqrs.kernel.errors import NotUniqueError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.model_strategy import ModelStrategy
from sfn_cqrs.machines.import_csv.results import PublishMode
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.import_csv.strategies import import_strategy
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService


@dataclass(frozen=True)
class Customer:
    code: str
    email: str = ""


@pytest.fixture(autouse=True)
def _customers(world):  # noqa: ARG001 - in its place
    with declaring():
        command_type("MEMBER", publish=MEMBERS, model=Customer, unique=("email",))

        @import_strategy("customers")
        class Customers(ModelStrategy):
            """The fields of the model."""

            type = "MEMBER"
            attributes = Customer
            code = "code"

        yield


@pytest.fixture
def imported(world):
    """Return a way to import lines by the machine; it answers the job."""

    def start(*lines, mode=PublishMode.SYNC, **more):
        service = ImportService("tenant1")
        key = service.upload_key("customers.csv")
        world.import_bucket.put(key, "\n".join(["code,email", *lines, ""]).encode())
        request = Request(table="customers", key=key, publish_mode=mode, **more)
        job = run_machine(service.start(request).job.key.id, world)
        world.clock.advance(minutes=1)
        return job

    return start


def latest(world, code):
    return world.commands.latest(ItemKey("tenant1", "MEMBER", code))


def report(world, job):
    text = b"".join(world.import_bucket.report(job.key)).decode("utf-8-sig")
    return list(csv.reader(text.splitlines()))[1:]


def counts(job):
    found = job.ending.counts
    return (found.created, found.updated, found.unchanged, found.failed)


@pytest.mark.parametrize("mode", list(PublishMode))
def test_of_two_rows_with_one_value_the_first_wins(mode, imported, world):
    job = imported("c-1,a@example.com", "c-2,A@example.com", "c-3,b@example.com", mode=mode)

    assert counts(job) == (2, 0, 0, 1)
    assert latest(world, "c-2") is None
    assert "not_unique" in str(report(world, job))
    assert "MEMBER c-1 has it" in str(report(world, job))


def test_a_row_whose_value_another_item_has_fails(imported, world):
    CommandService("tenant1").publish(
        "MEMBER", "x", name="x", attributes={"code": "x", "email": "a@example.com"}
    )

    job = imported("c-1,a@example.com", "c-2,b@example.com")

    assert counts(job) == (1, 0, 0, 1)
    assert latest(world, "c-1") is None


def test_a_value_may_go_from_one_row_to_another_in_the_same_file(imported, world):
    imported("c-1,a@example.com", "c-2,b@example.com")

    job = imported("c-1,new@example.com", "c-2,a@example.com")

    assert counts(job) == (0, 2, 0, 0)
    assert latest(world, "c-2").attributes["email"] == "a@example.com"


def test_two_rows_that_exchange_their_values_fail_both(imported):
    imported("c-1,a@example.com", "c-2,b@example.com")

    assert counts(imported("c-1,b@example.com", "c-2,a@example.com")) == (0, 0, 0, 2)


def test_a_dry_run_says_what_is_taken(imported, world):
    imported("c-1,a@example.com")

    job = imported("c-2,a@example.com", "c-3,b@example.com", dry_run=True)

    assert counts(job) == (1, 0, 0, 1)
    assert "not_unique" in str(report(world, job))


def test_an_undo_frees_values_and_takes_the_old_ones_back(imported, world):
    imported("c-1,a@example.com")
    job = imported("c-1,b@example.com", "c-2,c@example.com")
    service = ImportService("tenant1")

    undone = run_machine(service.undo(job.key.id).job.key.id, world)

    assert counts(undone)[3] == 0
    publish = CommandService("tenant1").publish
    for email in ("b@example.com", "c@example.com"):
        publish("MEMBER", email, name="x", attributes={"code": email, "email": email})
    with pytest.raises(NotUniqueError):
        publish("MEMBER", "y", name="x", attributes={"code": "y", "email": "a@example.com"})


def test_an_undo_of_a_value_that_somebody_has_taken_fails_its_row(imported, world):
    imported("c-1,a@example.com")
    job = imported("c-1,b@example.com")
    imported("c-2,a@example.com")

    undone = run_machine(ImportService("tenant1").undo(job.key.id).job.key.id, world)

    assert counts(undone) == (0, 0, 0, 1)
    assert "MEMBER c-2 has it" in str(report(world, undone))
