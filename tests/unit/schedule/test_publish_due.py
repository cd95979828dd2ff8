"""Plans: made, and published when they are due."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from functions.schedule.publish_due.app import lambda_handler
from tests.support.typed import declaring
from tests.unit.schedule.sweeping import Context

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import (
    IdempotencyMismatchError,
    InvalidInputError,
    NotFoundError,
    NotOpenError,
    NotPermittedError,
    VersionConflictError,
)
from sfn_cqrs.kernel.keys import ItemKey, PlanKey
from sfn_cqrs.kernel.policy import CODE, MEMBERS, Client, group
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.schedule import declared_jobs
from sfn_cqrs.machines.schedule.items import PLANS, shard
from sfn_cqrs.machines.schedule.rules import Status
from sfn_cqrs.machines.schedule.service import PlanService
from tests.unit.conftest import LambdaContext

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SERVICE = CommandService("tenant1")
NRT = ItemKey("tenant1", "NOTE", "NRT")
ADA = Caller("ada", "10.0.0.1", client=Client(frozenset({"sales"}), user="ada"))


def planned(code="NRT", after=HOUR, **more):
    fields = {"name": "Narita", "attributes": {"icao": "RJAA"}, **more}
    return SERVICE.publish_at("NOTE", code, at=NOON + after, **fields)


@pytest.fixture(autouse=True)
def _notes(monkeypatch):
    """Declare a type whose items have any attributes, and no job."""
    monkeypatch.setattr(declared_jobs, "_jobs", {})
    with declaring():
        command_type("NOTE", publish=MEMBERS)
        yield


@pytest.fixture
def due(sample, world):
    """Publish what is due after some time."""

    def publish(context=None, **time):
        world.clock.advance(**time)
        return lambda_handler(sample("schedule/publish_due"), context or LambdaContext())

    return publish


@pytest.fixture
def declared(world):
    """Declare a type for one test."""
    assert world
    with declaring():
        yield lambda **fields: command_type("PRICE", **fields)


def plan_of(world, planned):
    return world.schedule.find(
        PlanKey(ItemKey("tenant1", planned.type, planned.code), planned.plan)
    )


def status_of(world, planned):
    found = plan_of(world, planned)
    return found.status, found.version


def test_a_plan_is_no_version_until_it_is_due_and_one_then(due, world):
    plan = planned()

    assert due() == {}
    assert SERVICE.latest("NOTE", "NRT") is None
    assert due(minutes=60) == {"done": 1}

    latest = SERVICE.latest("NOTE", "NRT")
    assert (latest.version, latest.name, latest.attributes) == (1, "Narita", {"icao": "RJAA"})
    assert status_of(world, plan) == (Status.PUBLISHED, 1)
    assert due(minutes=1) == {}


def test_it_is_published_as_the_one_who_planned_it(due, declared):
    declared(publish=MEMBERS)

    SERVICE.publish_at(
        "PRICE", "a", at=NOON + HOUR, name="A", attributes={}, if_version=0, caller=ADA
    )
    due(hours=1)

    audit = SERVICE.latest("PRICE", "a").created
    assert (audit.by, audit.ip, audit.at) == ("ada", "10.0.0.1", "2026-11-25T13:00:00.000Z")


def test_plans_of_an_item_come_in_order_of_due_time(due, world):
    for hours, name in ((3, "a"), (1, "c"), (2, "b")):
        planned(after=timedelta(hours=hours), attributes={"n": hours}, replace=name)

    due(hours=3)

    found = [world.commands.find(NRT, version).attributes["n"] for version in (1, 2, 3)]
    assert found == [1, 2, 3]


def test_a_partial_plan_changes_what_is_there_then(due):
    SERVICE.publish("NOTE", "NRT", name="Narita", attributes={"a": 1})
    SERVICE.publish_at("NOTE", "NRT", at=NOON + HOUR, attributes={"b": 2}, partial=True)
    SERVICE.publish_partial("NOTE", "NRT", attributes={"a": 3})

    due(hours=1)

    latest = SERVICE.latest("NOTE", "NRT")
    assert (latest.version, latest.attributes) == (3, {"a": 3, "b": 2})


def test_a_plan_for_a_version_is_refused_once_there_is_another(due, world):
    SERVICE.publish("NOTE", "NRT", name="Narita", attributes={})
    plan = planned(if_version=1)
    SERVICE.publish_partial("NOTE", "NRT", attributes={"a": 1})

    assert due(hours=1) == {"done": 1}

    found = plan_of(world, plan)
    assert found.status is Status.REFUSED
    assert found.reason.startswith("version_conflict: ")
    assert SERVICE.latest("NOTE", "NRT").version == 2


def test_a_plan_that_the_item_says_already_ends_at_the_latest_version(due, world):
    SERVICE.publish("NOTE", "NRT", name="Narita", attributes={"icao": "RJAA"})
    plan = planned()

    due(hours=1)

    assert status_of(world, plan) == (Status.PUBLISHED, 1)
    assert SERVICE.latest("NOTE", "NRT").version == 1


def test_rights_are_asked_when_it_is_planned(declared):
    declared(publish=CODE)

    with pytest.raises(NotPermittedError):
        SERVICE.publish_at("PRICE", "a", at=NOON + HOUR, name="", attributes={}, caller=ADA)


def test_rights_are_asked_again_when_it_is_due(due, world):
    with declaring():
        command_type("PRICE", publish=MEMBERS)
        plan = SERVICE.publish_at("PRICE", "a", at=NOON + HOUR, name="", attributes={}, caller=ADA)
    with declaring():
        command_type("PRICE", publish=group("managers"))
        due(hours=1)

    found = plan_of(world, plan)
    assert found.status is Status.REFUSED
    assert found.reason.startswith("not_permitted: ")


@dataclass
class Price:
    euros: int


@dataclass
class NewPrice:
    cents: int


def test_a_shape_that_does_not_fit_is_not_planned(declared):
    declared(model=Price)

    with pytest.raises(InvalidInputError) as refused:
        SERVICE.publish_at("PRICE", "a", at=NOON + HOUR, name="", attributes={"euros": "x"})

    assert refused.value.field == "attributes.euros"


def test_a_plan_of_an_earlier_shape_is_upcast_when_it_is_due(due):
    with declaring():
        command_type("PRICE", model=Price)
        SERVICE.publish_at("PRICE", "a", at=NOON + HOUR, name="", attributes={"euros": 3})
    with declaring():
        upcast = {1: lambda old: {"cents": old["euros"] * 100}}
        command_type("PRICE", model=NewPrice, shape=2, upcast=upcast)
        due(hours=1)
        assert SERVICE.latest("PRICE", "a").attributes == {"cents": 300}


def test_a_rule_over_the_item_is_asked_only_when_it_is_due(due, declared, world):
    declared(model=Price, check=lambda before, _: None if before else "there is none")

    plan = SERVICE.publish_at("PRICE", "a", at=NOON + HOUR, name="", attributes={"euros": 3})
    due(hours=1)

    assert plan_of(world, plan).reason == "rule_refused: there is none"


@pytest.mark.usefixtures("world")
def test_what_a_publish_would_refuse_is_not_planned():
    with pytest.raises(NotFoundError):
        SERVICE.publish_at("NOTE", "NRT", at=NOON + HOUR, partial=True, attributes={})


@pytest.mark.usefixtures("world")
def test_a_plan_for_a_version_that_is_gone_is_not_made():
    with pytest.raises(VersionConflictError) as refused:
        planned(if_version=3)

    assert refused.value.current_version == 0


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("at", "problem"),
    [
        (NOON, "must be in the future"),
        (datetime(2026, 12, 1), "must be a datetime with a time zone"),
        ("2026-12-01", "must be a datetime with a time zone"),
        (datetime(2100, 1, 1, tzinfo=UTC), "must be before the year 2100"),
    ],
)
def test_what_is_no_moment_to_come_is_refused(at, problem):
    with pytest.raises(InvalidInputError) as refused:
        SERVICE.publish_at("NOTE", "NRT", at=at, name="", attributes={})

    assert (refused.value.field, refused.value.problem) == ("at", problem)


@pytest.mark.usefixtures("world")
def test_a_plan_holds_less_than_an_item():
    with pytest.raises(InvalidInputError) as refused:
        planned(attributes={"text": "x" * 262_144})

    assert refused.value.field == "attributes"


def test_the_same_request_makes_one_plan(due, world):
    caller = Caller(idempotency_key="k")
    first = planned(caller=caller)

    assert planned(caller=caller) == first
    due(hours=1)
    assert planned(caller=caller) == first
    with pytest.raises(IdempotencyMismatchError):
        planned(after=2 * HOUR, caller=caller)
    assert len(world.all_of(PLANS)) == 1


def test_a_plan_that_cannot_be_published_now_is_tried_again(due, world, monkeypatch):
    plan = planned()

    with monkeypatch.context() as patched:
        patched.setattr(world.commands, "publish", _raising)
        assert due(hours=1) == {"error": 1}

    assert status_of(world, plan) == (Status.PLANNED, None)
    assert due(minutes=1) == {"done": 1}


def _raising(_publication):
    raise ValueError("a defect")


def test_a_plan_that_somebody_has_ended_meanwhile_is_not_published(due, world, meanwhile):
    plan = planned()

    def ends():
        item = plan_of(world, plan).stored
        changed = {**item, "rev": {"S": "another"}, "status": {"S": "CANCELLED"}}
        world.dynamodb.put_item(TableName="CommandsTable", Item=changed)

    meanwhile(ends)

    assert due(hours=1) == {"done": 1}
    assert SERVICE.latest("NOTE", "NRT") is None


def test_a_tenant_with_few_plans_does_not_wait_for_one_with_many(due):
    other = next(name for name in map(str, range(999)) if _shard(name) == _shard("tenant1"))
    for number in range(30):
        planned(f"A{number}")
    CommandService(other).publish_at(
        "NOTE", "HND", at=NOON + 2 * HOUR, name="Haneda", attributes={}
    )

    due(Context(questions=20), hours=2)

    assert CommandService(other).latest("NOTE", "HND") is not None


def _shard(tenant):
    return shard(tenant, Status.PLANNED)


def test_a_plan_that_has_ended_expires_and_leaves_the_index(due, world):
    plan = planned()

    due(hours=1)

    stored = plan_of(world, plan).stored
    month = int((NOON + HOUR + timedelta(days=30)).timestamp())
    assert ("open_shard" in stored, stored["ttl"]) == (False, {"N": str(month)})


def test_a_plan_lies_beside_the_versions_of_its_item():
    assert PlanKey(NRT, "n#1").pk == NRT.pk
    assert PlanKey(NRT, "n#1").sk == "plan#n%231"


def test_what_is_planned_under_a_name_is_replaced(due, world):
    planned(replace="price", attributes={"n": 1})
    later = planned(after=2 * HOUR, replace="price", attributes={"n": 2})

    assert due(hours=1) == {}
    assert due(hours=1) == {"done": 1}

    assert later.plan == "price"
    assert SERVICE.latest("NOTE", "NRT").attributes == {"n": 2}
    assert plan_of(world, later).generation == 2


def test_a_repeated_request_replaces_nothing_again(due, world):
    caller = Caller(idempotency_key="k")
    planned(replace="price", attributes={"n": 1})
    later = planned(replace="price", attributes={"n": 2}, caller=caller)
    due(hours=1)

    assert planned(replace="price", attributes={"n": 2}, caller=caller) == later
    assert status_of(world, later) == (Status.PUBLISHED, 1)


def test_a_plan_that_was_published_may_be_planned_again_under_its_name(due):
    planned(replace="price", attributes={"n": 1})
    due(hours=1)
    planned(after=3 * HOUR, replace="price", attributes={"n": 2})
    due(hours=2)

    assert SERVICE.latest("NOTE", "NRT").attributes == {"n": 2}


def test_what_is_cancelled_is_not_published(due):
    plan = planned()

    cancelled = PlanService("tenant1").cancel("NOTE", "NRT", plan.plan)

    assert cancelled.status is Status.CANCELLED
    assert due(hours=1) == {}
    with pytest.raises(NotOpenError):
        PlanService("tenant1").cancel("NOTE", "NRT", plan.plan)


@pytest.mark.usefixtures("world")
def test_a_plan_may_be_published_before_its_time():
    plan = planned()

    ran = PlanService("tenant1").run("NOTE", "NRT", plan.plan)

    assert (ran.status, ran.version, ran.due_at) == (
        Status.PUBLISHED,
        1,
        "2026-11-25T12:00:00.000Z",
    )


def test_what_was_refused_is_listed_until_somebody_runs_or_cancels_it(due):
    SERVICE.publish("NOTE", "NRT", name="Narita", attributes={})
    plan = planned(caller=ADA)
    with declaring():
        command_type("NOTE", publish=group("managers"))
        due(hours=1)
    service = PlanService("tenant1")

    assert [one.name for one in service.list(Status.REFUSED).items] == [plan.plan]
    assert service.list().items == []
    assert service.run("NOTE", "NRT", plan.plan).status is Status.PUBLISHED
    assert service.list(Status.REFUSED).items == []


@pytest.mark.usefixtures("world")
def test_plans_are_listed_the_next_first_page_by_page():
    for hours in (3, 1, 2):
        planned(f"A{hours}", after=timedelta(hours=hours))
    service = PlanService("tenant1")

    page = service.list(limit=2)

    assert [one.item.code for one in page.items] == ["A1", "A2"]
    rest = service.list(limit=2, cursor=page.next_cursor)
    assert ([one.item.code for one in rest.items], rest.next_cursor) == (["A3"], None)
    with pytest.raises(InvalidInputError):
        PlanService("tenant2").list(cursor=page.next_cursor)


def test_a_client_sees_its_own_plans_and_those_of_what_it_may_read(declared):
    declared(publish=MEMBERS, read=group("managers"))
    made = SERVICE.publish_at(
        "PRICE", "a", at=NOON + HOUR, name="", attributes={}, if_version=0, caller=ADA
    )
    bob = PlanService("tenant1", Client(user="bob"))
    manager = PlanService("tenant1", Client(frozenset({"managers"}), user="carol"))

    assert bob.list().items == []
    with pytest.raises(NotPermittedError):
        bob.get("PRICE", "a", made.plan)
    assert [one.name for one in manager.list().items] == [made.plan]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("asks", ["get", "cancel", "run"])
def test_a_name_that_no_plan_can_have_is_refused(asks):
    with pytest.raises(InvalidInputError, match="plan"):
        getattr(PlanService("tenant1"), asks)("NOTE", "NRT", "a" * 3000)
