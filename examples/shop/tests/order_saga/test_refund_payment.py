from functions.order_saga.charge_payment.app import lambda_handler as charge_payment
from functions.order_saga.refund_payment.app import lambda_handler

from sfn_cqrs.sagas import Entry
from sfn_cqrs.types import ItemKey
from sfn_cqrs_tools.testing.builders import ORDERED


def test_the_money_is_given_back_once_however_often_it_is_asked_for(seed, row, event):
    world = seed()
    charge_payment(event("charge_payment"), None)

    assert lambda_handler(event("refund_payment"), None) == {"result": "DONE"}
    assert lambda_handler(event("refund_payment", tries=1), None) == {"result": "DONE"}

    assert row("PAYMENT", "o-7") == {"customer": "ada", "amount": 40, "status": "REFUNDED"}
    assert world.commands.latest(ItemKey("tenant1", "PAYMENT", "o-7")).version == 2


def test_a_card_that_was_not_charged_gets_no_money(seed, row, event):
    seed(log={"charge_payment": Entry()})

    lambda_handler(event("refund_payment"), None)

    assert row("PAYMENT", "o-7") is None


def test_a_compensation_is_given_what_its_step_returned_and_both_keys(seed, event, made_by, done):
    given = []
    made_by("refund_payment", given.append)
    seed(log={"charge_payment": done("receipt-1")})

    lambda_handler(event("refund_payment"), None)

    (step,) = given
    assert (step.undoes, step.results) == ("charge_payment", {"charge_payment": "receipt-1"})
    assert (step.key, step.undone_key) == (
        f"{ORDERED.id}/refund_payment",
        f"{ORDERED.id}/charge_payment",
    )
