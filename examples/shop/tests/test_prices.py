"""Prices that change at midnight."""

from datetime import date

import pytest

from sfn_cqrs.commands import CommandService
from shop.prices import change_price

SHOP = CommandService("tenant1")


@pytest.fixture
def priced(world):
    SHOP.publish("LIST_PRICE", "BOOK", name="BOOK", attributes={"cents": 1_500})
    return world


def price():
    return SHOP.latest("LIST_PRICE", "BOOK").model.cents


def test_a_price_changes_at_midnight(priced):
    change_price("tenant1", "BOOK", 1_200, date(2026, 11, 27))
    priced.advance(days=1, hours=10, minutes=59)  # until 23:59 in Berlin
    assert price() == 1_500

    priced.advance(minutes=1)

    assert price() == 1_200


def test_the_last_change_that_is_planned_counts(priced):
    change_price("tenant1", "BOOK", 1_200, date(2026, 11, 27))
    change_price("tenant1", "BOOK", 1_800, date(2026, 11, 28))

    priced.advance(days=3)

    assert price() == 1_800
