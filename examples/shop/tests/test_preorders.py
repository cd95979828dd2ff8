"""Preorders over time: paid, changed, or left alone."""

import pytest

from sfn_cqrs.commands import CommandService

PREORDERS = CommandService("tenant1")


@pytest.fixture
def placed(world):
    PREORDERS.publish("PREORDER", "p-1", name="a bike", attributes={"customer": "ada"})
    return world


def status():
    return PREORDERS.latest("PREORDER", "p-1").model.status


def change(**attributes):
    PREORDERS.publish_partial("PREORDER", "p-1", attributes=attributes)


def test_a_preorder_that_nobody_pays_is_cancelled_after_three_days(placed):
    placed.advance(days=2)
    assert status() == "OPEN"

    placed.advance(days=1)
    assert status() == "CANCELLED"


def test_one_that_is_paid_in_time_is_not_cancelled(placed):
    placed.advance(days=2)
    change(status="PAID")

    placed.advance(days=30)

    assert status() == "PAID"


def test_a_change_gives_no_more_time(placed):
    placed.advance(days=2)
    change(total=7)

    placed.advance(days=1)

    assert status() == "CANCELLED"


def test_one_that_is_deleted_stays_so(placed):
    PREORDERS.delete("PREORDER", "p-1")

    placed.advance(days=3)

    assert PREORDERS.latest("PREORDER", "p-1").version == 2
