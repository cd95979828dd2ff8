from dataclasses import replace
from datetime import timedelta

import pytest

from sfn_cqrs.kernel.command import Content
from sfn_cqrs.kernel.errors import NotFoundError, SupersededError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.saga.types import SagaStep
from sfn_cqrs.machines.schedule.effects import plan_once, unplan_once
from sfn_cqrs.machines.schedule.rules import Status
from sfn_cqrs.machines.schedule.service import PlanService

PLANS = SagaStep("tenant1", "courier", "g-1", "remind_later", 1, {})
UNDOES = replace(PLANS, name="forget", undoes="remind_later")
ITEM = ("STOCK", "BOOK")
LATE = {"available": 0}
DAYS = timedelta(days=3)


@pytest.fixture(autouse=True)
def _item(world):
    assert world.data.find(ItemKey("tenant1", *ITEM)) is None
    CommandService("tenant1").publish_sync(*ITEM, name="Book", attributes={"available": 5})


def filled(stock):
    return Content(stock.name, {"available": 4})


def available():
    return CommandService("tenant1").latest(*ITEM).attributes["available"]


def status(name):
    return PlanService("tenant1").get(*ITEM, name).status


def test_a_step_plans_once_however_often_it_is_tried(world):
    first = plan_once(PLANS, *ITEM, LATE, after=DAYS)
    world.advance(days=2)

    assert plan_once(PLANS, *ITEM, LATE, after=DAYS) == first

    world.advance(days=1)
    assert available() == 0
    assert plan_once(PLANS, *ITEM, LATE, after=DAYS) == first


def test_a_plan_may_have_its_moment(world):
    name = plan_once(PLANS, *ITEM, LATE, at=world.clock() + DAYS)

    assert status(name) is Status.PLANNED
    with pytest.raises(ValueError, match="either at= or after="):
        plan_once(PLANS, *ITEM, LATE)


def test_a_plan_is_cancelled_if_its_step_is_undone():
    name = plan_once(PLANS, *ITEM, LATE, after=DAYS)

    assert unplan_once(UNDOES, *ITEM, filled) is None
    assert unplan_once(UNDOES, *ITEM, filled) is None

    assert (status(name), available()) == (Status.CANCELLED, 5)


@pytest.mark.parametrize("days", [3, 60])
def test_what_is_published_by_then_is_undone_by_another_version(world, days):
    plan_once(PLANS, *ITEM, LATE, after=DAYS)
    world.advance(days=days)

    version = unplan_once(UNDOES, *ITEM, filled)

    assert (version, available()) == (3, 4)
    assert unplan_once(UNDOES, *ITEM, filled) == 3


def test_a_step_that_is_undone_first_plans_nothing():
    assert unplan_once(UNDOES, *ITEM, filled) is None

    with pytest.raises(SupersededError):
        plan_once(PLANS, *ITEM, LATE, after=DAYS)


def test_what_is_not_there_cannot_be_planned_for():
    with pytest.raises(NotFoundError):
        plan_once(PLANS, "STOCK", "PEN", LATE, after=DAYS)
