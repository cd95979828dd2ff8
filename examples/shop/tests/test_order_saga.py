import pytest

from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs_tools.testing.builders import an_order
from shop.order_saga import MAX_LINES, check_order

PEN = {"sku": "PEN", "quantity": 1}


def test_an_order_passes():
    check_order(an_order(lines=[PEN, PEN]))
    check_order(an_order(total=0, lines=[PEN] * MAX_LINES))


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({}, "input.order: must not be empty"),
        (an_order(order=7), "input.order: must not be empty"),
        (an_order(customer=""), "input.customer: must not be empty"),
        (an_order(card="x\x00"), "input.card: must not contain control characters"),
        (an_order(total=-1), "input.total: must be a number from 0 up"),
        (an_order(total="40"), "input.total: must be a number from 0 up"),
        (an_order(total=True), "input.total: must be a number from 0 up"),
        (an_order(lines=[]), "input.lines: must be a list of 1 to 50 lines"),
        (an_order(lines=PEN), "input.lines: must be a list of 1 to 50 lines"),
        (an_order(lines=[PEN] * 51), "input.lines: must be a list of 1 to 50 lines"),
        (
            an_order(lines=["PEN"]),
            'input.lines[0]: must be an object such as {"sku": "BOOK", "quantity": 2}',
        ),
        (an_order(lines=[PEN, {"quantity": 1}]), "input.lines[1].sku: must not be empty"),
        (
            an_order(lines=[{**PEN, "sku": "é" * 51}]),
            "input.lines[0].sku: must have at most 100 bytes",
        ),
        *(
            (
                an_order(lines=[{**PEN, "quantity": quantity}]),
                "input.lines[0].quantity: must be a whole number from 1 up",
            )
            for quantity in (0, 1.5, "2", True, None)
        ),
    ],
)
def test_what_is_no_order_is_refused_with_the_field(order, told):
    with pytest.raises(InvalidInputError) as refused:
        check_order(order)

    assert str(refused.value) == told
