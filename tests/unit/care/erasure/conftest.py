"""Letters to a person, published, and what erases the person."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated

import pytest
from tests.support.typed import declaring
from tests.unit.api.conftest import call, event_of

from sfn_cqrs import bootstrap
from sfn_cqrs.care.erasure.service import ErasureService, work
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.handlers import command_type, sync_handler
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.projection import project
from sfn_cqrs.machines.command.runner import Chain, write_row
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.testing.fakes.stored import TABLES

__all__ = ["call", "event_of"]
TENANT, ADA, BOB = "tenant1", "person-4711", "person-0815"
KEY = ItemKey(TENANT, "LETTER", "l-1")
STREET, MAIL, NAME = "12 St James's Square", "ada@example.org", "To Ada Lovelace"
CANARIES = (STREET, MAIL, NAME, "4242")
BY = Audit("2026-11-25T08:00:00.000Z", "op1")


@dataclass(frozen=True)
class Guest:
    email: Annotated[str, Personal] = ""


@dataclass(frozen=True)
class Letter:
    reader: str
    address: Annotated[str, Personal]
    floor: Annotated[int, Personal] = 0
    guests: list[Guest] = field(default_factory=list)
    status: str = "new"


def a_letter(reader=ADA, **fields):
    personal = {"address": STREET, "floor": 4242, "guests": [{"email": MAIL}]}
    return {"reader": reader, **personal, "status": "new", **fields}


ERASED_LETTER = {
    "reader": ADA,
    "address": "[erased]",
    "floor": 0,
    "guests": [{"email": ""}],
    "status": "new",
}


@pytest.fixture(autouse=True)
def _letters():
    with declaring():
        command_type("LETTER", publish=MEMBERS, model=Letter, subject="reader")

        @sync_handler("LETTER")
        def letters(command):
            row = {"address": command.attributes.get("address"), "version": command.version}
            view = bootstrap.read_model("letters")
            view.put_if_newer(command.key.tenant, "all", command.key.code, row)

        yield


@pytest.fixture
def post(world):  # noqa: ARG001 - in its place
    """Return what publishes a letter and has it applied."""

    def publish(code="l-1", name=NAME, is_sync=True, **fields):
        service = CommandService(TENANT)
        publish = service.publish_sync if is_sync else service.publish
        return publish("LETTER", code, name=name, attributes=a_letter(**fields), version=-1)

    return publish


@pytest.fixture
def context():
    return SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)


def apply_open(world):
    """Do what the machine does to versions that are open."""
    for process in world.stored_processes():
        if not process.outcome.is_open:
            continue
        key, version = process.key, process.version
        snapshot = bootstrap.data().snapshot(key)
        if snapshot is not None:
            bootstrap.history().append(snapshot)
        write_row(key, version)
        for name in handlers.names_of(key.type):
            project(key, version, name)
        Chain(key).run(chain.close(version, process.attempt, Outcome.APPLIED, "finish:FINISHED"))


@pytest.fixture
def erase(world):
    """Return what erases a person: both passes, with the time between them."""

    def erased(subject=ADA, passes=2, is_applied=True):
        erasure = ErasureService(TENANT).ask(subject, "the person has asked for it", BY)
        for number in range(passes):
            if number:
                world.clock.advance(minutes=21)
            erasure = work(erasure, lambda: False)
            if is_applied:
                apply_open(world)
        return erasure

    return erased


def everything(world):
    """All that is stored in tables and buckets, as text."""
    found = [str(text) for name in TABLES for item in world._items(name) for text in leaves(item)]
    files = [body for versions in world.import_bucket.objects.values() for body in versions]
    found += [body.decode() for body in (*world.objects.versions.values(), *files)]
    return "\n".join([*found, *world.objects.bodies, *world.import_bucket.objects])


def leaves(value):
    """The values in a stored item, and the names that it has."""
    if isinstance(value, dict):
        return [*value, *(leaf for one in value.values() for leaf in leaves(one))]
    if isinstance(value, list):
        return [leaf for one in value for leaf in leaves(one)]
    return [value]
