import pytest
from tests.orders import an_order

from sfn_cqrs.errors import InvalidInputError
from sfn_cqrs.sagas import SagaService
from shop.order_saga import MAX_LINES

PEN = {"sku": "PEN", "quantity": 1}


def start(order):
    return SagaService("tenant1").start("order-saga", order)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "order", [an_order(lines=[PEN, PEN]), an_order(total=0, lines=[PEN] * MAX_LINES)]
)
def test_an_order_passes(order):
    assert start(order)


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({}, "input.order: is required; input.customer: is required; input.card: is required"),
        (an_order(order=7), "input.order: must be a string"),
        (an_order(customer=""), "input.customer: must not be empty"),
        (an_order(card="x\x00"), "input.card: must not contain control characters"),
        (an_order(total=-1), "input.total: must be a number"),
        (an_order(total="40"), "input.total: must be a number"),
        (an_order(total=True), "input.total: must be a number"),
        (an_order(lines=[]), "input.lines: must "),
        (an_order(lines=PEN), "input.lines: must "),
        (an_order(lines=[PEN] * 51), "input.lines: must "),
        (an_order(lines=["PEN"]), "input.lines[0]: must be an object"),
        (an_order(lines=[PEN, {"quantity": 1}]), "input.lines[1].sku: is required"),
        (
            an_order(lines=[{**PEN, "sku": "é" * 51}]),
            "input.lines[0].sku: must have at most 100 bytes",
        ),
        *(
            (an_order(lines=[{**PEN, "quantity": quantity}]), "input.lines[0].quantity: must be")
            for quantity in (0, 1.5, "2", True, None)
        ),
    ],
)
def test_what_is_no_order_is_refused_with_the_field(world, order, told):
    with pytest.raises(InvalidInputError) as refused:
        start(order)

    assert str(refused.value).startswith(told)
    assert world.dynamodb.items("SagasTable") == []
