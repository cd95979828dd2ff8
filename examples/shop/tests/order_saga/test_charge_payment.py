from dataclasses import replace

import pytest
from functions.order_saga.charge_payment.app import lambda_handler
from tests.orders import a_saga, an_order

from sfn_cqrs.errors import SagaStepError
from sfn_cqrs.sagas import EntryStatus, SagaStatus
from sfn_cqrs_tools.testing.builders import ORDERED

CHARGED = {"customer": "ada", "amount": 40, "status": "CHARGED"}


def test_the_card_is_charged_once_however_often_it_is_asked_for(seed, saga, row, event):
    seed()

    assert lambda_handler(event("charge_payment"), None) == {"result": "DONE"}
    assert lambda_handler(event("charge_payment", tries=1), None) == {"result": "DONE"}

    assert row("PAYMENT", "o-7") == CHARGED
    assert saga().log["charge_payment"].result == 1


def test_a_declined_card_is_refused_and_leaves_no_payment(seed, saga, row, event):
    seed(input=an_order(card="declined"))

    with pytest.raises(SagaStepError, match="charge_payment: card_declined: the bank"):
        lambda_handler(event("charge_payment"), None)

    assert saga().log["charge_payment"].status is EntryStatus.REFUSED
    assert row("PAYMENT", "o-7") is None


def test_another_saga_of_the_same_order_is_not_paid_again(seed, row, event):
    world = seed()
    lambda_handler(event("charge_payment"), None)
    other = replace(ORDERED, ulid="01KAXK3V9Q0M3W8C5R6T7Y8Z99")
    world.seed_sagas(a_saga(other, status=SagaStatus.RUNNING, input=an_order(total=50)))
    again = event("charge_payment")
    again["context"]["Execution"]["Input"]["id"] = other.id

    with pytest.raises(SagaStepError, match="already_paid: order o-7 is paid"):
        lambda_handler(again, None)

    assert row("PAYMENT", "o-7") == CHARGED


def test_a_step_is_given_what_the_steps_before_it_have_returned(seed, event, made_by, done):
    given = []
    made_by("charge_payment", given.append)
    seed(attempt=2, log={"reserve_stock": done({"BOOK": 2})})

    lambda_handler(event("charge_payment", attempt=2), None)

    (step,) = given
    assert (step.tenant, step.saga, step.saga_id, step.name) == (
        "tenant1",
        "order-saga",
        ORDERED.id,
        "charge_payment",
    )
    assert (step.input, step.results, step.attempt) == (
        an_order(),
        {"reserve_stock": {"BOOK": 2}},
        2,
    )
    assert (step.key, step.undoes, step.user) == (f"{ORDERED.id}/charge_payment", None, "hanako")
