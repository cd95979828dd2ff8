"""The hourly function works on the erasures that are open, and does at once what an event names."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated

import pytest
from functions.schedule.erase_people.app import lambda_handler
from tests.support.typed import declaring

from sfn_cqrs.care.erasure.service import ErasureService
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.erasure import Status
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.service import CommandService

BY = Audit("2026-11-25T08:00:00.000Z", "op1")


@pytest.fixture
def run(sample):
    """Return what runs the function; it may come to the end of its time after some steps."""

    def invoke(steps=1_000, looks=(), **detail):
        left = iter(looks or [900_000] * steps)
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: next(left, 0))
        event = sample("schedule/erase_people")
        return lambda_handler({**event, "detail": detail}, context)

    return invoke


@pytest.fixture
def service(world):  # noqa: ARG001 - in its place
    return ErasureService("tenant1")


@dataclass(frozen=True)
class Letter:
    reader: str
    address: Annotated[str, Personal] = ""


@pytest.fixture
def letter(world):  # noqa: ARG001 - in its place
    """Return what stores a letter to somebody."""

    def written(reader):
        attributes = {"reader": reader, "address": "12 St James's Square"}
        CommandService("tenant1").publish("LETTER", "l-1", name="a letter", attributes=attributes)

    with declaring():
        command_type("LETTER", model=Letter, subject="reader")
        yield written


def test_an_hour_in_which_nobody_is_to_be_erased_does_nothing(run, world):
    assert run() == {"due": 0}
    assert world.dynamodb.written == []


def test_what_is_open_is_gone_through_twice_with_time_between(run, service, world):
    asked = service.ask("person-1", "asked for", BY)

    assert run() == {"due": 1}
    assert service.get(asked.key.id).status is Status.RUNNING
    assert run() == {"due": 0}
    world.clock.advance(minutes=60)
    assert run() == {"due": 1}

    assert service.get(asked.key.id).status is Status.DONE
    assert run() == {"due": 0}


def test_where_the_time_ends_the_next_function_goes_on(run, service):
    asked = service.ask("person-1", "asked for", BY)

    run(steps=8)
    first = service.get(asked.key.id)
    run(steps=8)
    second = service.get(asked.key.id)

    assert first.step > 0
    assert second.step > first.step
    assert (first.passes, second.passes) == (0, 0)


def test_an_event_may_name_one_erasure_or_only_ask_what_it_would_find(run, service, world):
    assert run(tenant="tenant1", subject="person-1")["isComplete"]
    assert world.dynamodb.written == []
    asked = service.ask("person-1", "asked for", BY)

    assert run(tenant="tenant1", erasure=asked.key.id)["passes"] == 1


def turns(run, **asked):
    """Run the function until a pass is over; its clock jumps a second a look, and a turn has 7."""
    found = []
    while not found or found[-1]["step"] < found[-1]["steps"]:
        plan = {"plan": found[-1]} if found and "subject" in asked else {}
        found.append(run(looks=range(900_000, 0, -1_000), seconds=7, **asked, **plan))
    return found


def test_in_turns_a_plan_and_a_pass_say_how_far_they_are_and_end_as_in_one(run, service, letter):
    letter("person-1")
    whole = run(tenant="tenant1", subject="person-1")

    planned = turns(run, tenant="tenant1", subject="person-1")
    asked = service.ask("person-1", "asked for", BY)
    done = turns(run, tenant="tenant1", erasure=asked.key.id)

    assert len(planned) > 10
    assert [one["step"] for one in planned] == sorted({one["step"] for one in planned})
    assert planned[-1] == whole
    assert whole["found"]["commands"] == 1
    assert len(done) > 10
    assert (done[-1]["passes"], done[-1]["erased"]["commands"]) == (1, 1)
    assert run(tenant="tenant1", erasure=asked.key.id, seconds=7)["step"] == done[-1]["steps"]


def test_after_a_restore_all_are_asked_for_again(run, service, world):
    asked = service.ask("person-1", "asked for", BY)
    run()
    world.dynamodb.delete_item(
        TableName="CommandsTable", Key={"pk": {"S": asked.key.pk}, "sk": {"S": asked.key.sk}}
    )

    assert run(replay=True) == {"asked": 1}

    again = service.get(asked.key.id)
    assert (again.status, again.passes, again.reason) == (Status.RUNNING, 0, "asked for")
