"""What runs before a state of a saga follows from its machine."""

import json

import pytest
from tests.template.stack import EXAMPLE

from sfn_cqrs_tools.stack.saga_path import steps_before

ORDER = json.loads((EXAMPLE / "statemachine/order-saga.asl.json").read_text(encoding="utf-8"))
STEPS = ("reserve_stock", "charge_payment", "ship_order")


@pytest.mark.parametrize(
    ("state", "count"),
    [
        ("resume", 0),
        ("reserve_stock", 0),
        ("charge_payment", 1),
        ("ship_order", 2),
        ("release_stock", 1),
        ("refund_payment", 2),
        ("cancel_shipment", 3),
        ("finish_saga", 3),
        ("park_saga", 1),
    ],
)
def test_a_state_of_a_saga_needs_the_steps_before_it(state: str, count: int) -> None:
    assert steps_before(ORDER, state) == STEPS[:count]
