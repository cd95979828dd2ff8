"""Deadlines: set and cleared by handlers, for the version that they are given."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from functions.schedule.publish_due.app import lambda_handler
from tests.support.typed import declaring

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey, PlanKey
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.handlers import command_type, find, sync_handler
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.projection import replaying, run_handler
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.schedule.deadlines import Deadlines
from sfn_cqrs.machines.schedule.declared import deadline, deadlines
from sfn_cqrs.machines.schedule.items import PLANS
from sfn_cqrs.machines.schedule.rules import Status, order_of
from sfn_cqrs.machines.schedule.service import PlanService
from tests.unit.conftest import LambdaContext

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BILL = ItemKey("tenant1", "BILL", "b-1")
SERVICE = CommandService("tenant1")
NAME = "deadline:payment"
OVERDUE = {"status": "OVERDUE"}


@dataclass
class Bill:
    cents: int = 0
    status: str = "OPEN"
    until: str = ""


@pytest.fixture(autouse=True)
def _bills(world):
    """Declare a type whose items have any attributes."""
    assert world
    with declaring():
        command_type("BILL", publish=MEMBERS, model=Bill)
        yield


@pytest.fixture
def due(sample, world):
    """Publish what is due after some time."""

    def publish(**time):
        world.clock.advance(**time)
        return lambda_handler(sample("schedule/publish_due"), LambdaContext())

    return publish


def published(**attributes):
    """Publish the next version of the bill, and return it."""
    SERVICE.publish("BILL", "b-1", version=-1, name="b", attributes={"cents": 1, **attributes})
    return SERVICE.latest("BILL", "b-1")


def applied(command):
    """Close a version, whose handlers have run."""
    closing = chain.close(command.version, 1, Outcome.APPLIED, "finish:FINISHED")
    Chain(command.key).run(closing)


def plan(world):
    return world.schedule.find(PlanKey(BILL, NAME))


def status(world):
    found = plan(world)
    return found.status, found.version


def test_what_no_later_version_prevents_comes_at_its_moment(due, world):
    command = published()
    Deadlines(command).set("payment", after=3 * DAY, publish=OVERDUE)
    applied(command)

    assert due(days=3, seconds=-1) == {}
    assert due(seconds=1) == {"done": 1}

    latest = SERVICE.latest("BILL", "b-1")
    assert (latest.version, latest.attributes) == (2, {"cents": 1, "status": "OVERDUE"})
    assert (latest.source, latest.created.by) == ("deadline:payment", "")
    assert status(world) == (Status.PUBLISHED, 2)


def test_what_a_later_version_clears_does_not_come(due, world):
    Deadlines(published()).set("payment", after=DAY, publish=OVERDUE)
    paid = published(status="PAID")
    Deadlines(paid).clear("payment")
    applied(paid)

    assert due(days=2) == {}
    assert status(world) == (Status.CANCELLED, None)


def test_a_late_retry_of_an_earlier_version_changes_nothing(due, world):
    first, second = published(), published(status="PAID")
    Deadlines(first).set("payment", after=DAY, publish=OVERDUE)
    Deadlines(second).clear("payment")

    Deadlines(first).set("payment", after=DAY, publish=OVERDUE)

    assert status(world) == (Status.CANCELLED, None)
    assert due(days=2) == {}


def test_what_was_cleared_before_it_was_set_stays_cleared(world):
    first, second = published(), published(status="PAID")
    Deadlines(second).clear("payment")

    Deadlines(first).set("payment", after=DAY, publish=OVERDUE)

    assert status(world) == (Status.CANCELLED, None)


def test_a_later_version_moves_it(due):
    first = published()
    Deadlines(first).set("payment", after=DAY, publish=OVERDUE)
    second = published(cents=2)
    Deadlines(second).set("payment", at=NOON + 5 * DAY, publish=OVERDUE)
    applied(first)
    applied(second)

    assert due(days=4) == {}
    assert due(days=1) == {"done": 1}


def test_the_tenth_version_is_later_than_the_ninth():
    assert order_of(9) < order_of(10)


def test_a_retry_of_the_same_version_counts_from_when_it_was_published(world):
    command = published()
    Deadlines(command).set("payment", after=DAY, publish=OVERDUE)
    before = plan(world)
    world.clock.advance(hours=5)

    Deadlines(command).set("payment", after=DAY, publish=OVERDUE)

    assert plan(world) == before
    assert before.due_at == "2026-11-26T12:00:00.000Z"


def test_what_a_late_handler_sets_is_due_as_if_it_was_in_time(world):
    command = published()
    world.clock.advance(hours=5)

    Deadlines(command).set("payment", after=DAY, publish=OVERDUE)

    assert plan(world).due_at == "2026-11-26T12:00:00.000Z"


def test_it_waits_for_the_handlers_of_the_latest_version(due):
    Deadlines(published()).set("payment", after=DAY, publish=OVERDUE)
    paid = published(status="PAID")  # its handlers have not run yet

    assert due(days=2) == {"busy": 1}
    Deadlines(paid).clear("payment")
    applied(paid)

    assert due(minutes=1) == {}
    assert SERVICE.latest("BILL", "b-1").attributes["status"] == "PAID"


def test_a_version_that_comes_in_between_is_waited_for(due, world, meanwhile):
    command = published()
    Deadlines(command).set("payment", after=DAY, publish=OVERDUE)
    applied(command)
    due()  # the jobs of the package have begun: the next publish is the deadline's
    meanwhile(lambda: published(status="PAID"))

    assert due(days=2) == {"busy": 1}
    assert SERVICE.latest("BILL", "b-1").attributes["status"] == "PAID"
    assert status(world) == (Status.PLANNED, None)


def test_a_version_without_a_process_has_an_hour_for_its_handlers(due, world):
    command = published()
    Deadlines(command).set("payment", after=timedelta(minutes=1), publish=OVERDUE)
    process = world.processes.find(BILL, 1)
    world.dynamodb.delete_item(
        TableName="CommandsTable",
        Key={"pk": {"S": BILL.pk}, "sk": {"S": BILL.process_sk(process.version)}},
    )

    assert due(minutes=59) == {"busy": 1}
    assert due(minutes=1) == {"done": 1}


def test_an_item_that_does_not_exist_any_more_refuses_it(due, world):
    command = published()
    Deadlines(command).set("payment", after=DAY, publish=OVERDUE)
    gone = replace(command, key=ItemKey("tenant1", "BILL", "b-2"))
    Deadlines(gone).set("payment", after=DAY, publish=OVERDUE)
    applied(command)

    assert due(days=1) == {"done": 2}

    found = world.schedule.find(PlanKey(gone.key, NAME))
    assert (found.status, found.reason) == (
        Status.REFUSED,
        "not_found: BILL b-2 does not exist",
    )


def test_what_has_passed_is_due_at_once(due):
    command = published()
    Deadlines(command).set("payment", at=NOON - DAY, publish=OVERDUE)
    applied(command)

    assert due() == {"done": 1}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "after"),
        ({"after": DAY, "at": NOON}, "after"),
        ({"at": datetime(2026, 12, 1)}, "at"),
        ({"after": 365 * 100 * DAY}, "after"),
        ({"after": DAY, "publish": {"cents": "x"}}, "attributes.cents"),
        ({"after": DAY, "publish": {"cents": float("nan")}}, "attributes.cents"),
    ],
)
def test_what_could_never_be_published_fails_the_version(world, given, field):
    with pytest.raises(InvalidInputError) as refused:
        Deadlines(published()).set("payment", **{"publish": OVERDUE, **given})

    assert refused.value.field == field
    assert world.all_of(PLANS) == []


@pytest.mark.parametrize("name", ["", "a\n", "a" * 3000])
def test_a_name_that_no_key_can_hold_is_refused(name):
    with pytest.raises(InvalidInputError):
        Deadlines(published()).clear(name)


def test_a_rebuild_leaves_deadlines_as_they_are(world):
    command = published()

    with replaying():
        Deadlines(command).set("payment", after=DAY, publish=OVERDUE)
        Deadlines(command).clear("payment")

    assert world.all_of(PLANS) == []


def test_a_client_cannot_plan_under_the_name_of_a_deadline():
    with pytest.raises(InvalidInputError) as refused:
        SERVICE.publish_at(
            "BILL", "b-1", at=NOON + DAY, name="", attributes={}, replace="deadline:payment"
        )

    assert refused.value.field == "replace"


def test_a_person_sees_it_and_cancels_it(due):
    command = published()
    Deadlines(command).set("payment", after=DAY, publish=OVERDUE)
    applied(command)
    service = PlanService("tenant1")

    assert [one.name for one in service.list().items] == [NAME]
    assert service.cancel("BILL", "b-1", NAME).status is Status.CANCELLED
    assert due(days=1) == {}


def test_a_handler_sets_it_for_the_version_that_it_is_given(world):
    @sync_handler("BILL")
    def bills(command):
        deadlines(command).set("payment", after=DAY, publish=OVERDUE)

    command = published()
    run_handler(command, "bills")

    assert plan(world).order == order_of(command.version)


@pytest.fixture
def declared():
    """Declare when a bill has to be paid."""

    @deadline("BILL", publish=OVERDUE)
    def payment(bill):
        if bill.model.until:
            return datetime.fromisoformat(bill.model.until)
        return DAY if bill.model.status == "OPEN" else None

    return lambda: find("BILL", "deadline_payment")(SERVICE.latest("BILL", "b-1"))


def test_a_declared_deadline_follows_each_version(world, declared):
    published()
    declared()
    assert plan(world).due_at == "2026-11-26T12:00:00.000Z"

    published(until="2026-12-24T18:00:00+01:00")
    declared()
    assert plan(world).due_at == "2026-12-24T17:00:00.000Z"

    published(status="PAID")
    declared()
    assert plan(world).status is Status.CANCELLED


def test_a_deleted_item_waits_for_nothing(world, declared):
    published()
    declared()
    SERVICE.delete("BILL", "b-1")
    declared()

    assert plan(world).status is Status.CANCELLED
