from functions.order_saga.cancel_shipment.app import lambda_handler
from functions.order_saga.ship_order.app import lambda_handler as ship_order

from sfn_cqrs.sagas import Entry


def test_an_order_that_was_shipped_is_called_back_once(seed, row, event):
    seed()
    ship_order(event("ship_order"), None)

    assert lambda_handler(event("cancel_shipment"), None) == {"result": "DONE"}
    assert lambda_handler(event("cancel_shipment", tries=1), None) == {"result": "DONE"}

    assert row("ORDER", "o-7") == {"customer": "ada", "total": 40, "status": "CANCELLED"}


def test_an_order_that_was_not_shipped_is_left_alone(seed, row, event):
    seed(log={"ship_order": Entry()})

    lambda_handler(event("cancel_shipment"), None)

    assert row("ORDER", "o-7") is None
