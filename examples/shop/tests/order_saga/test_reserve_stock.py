import pytest
from botocore.exceptions import ClientError
from functions.order_saga.charge_payment.app import lambda_handler as charge_payment
from functions.order_saga.reserve_stock.app import lambda_handler
from functions.order_saga.ship_order.app import lambda_handler as ship_order
from tests.orders import an_order

from sfn_cqrs.commands import Caller, CommandService
from sfn_cqrs.errors import SagaStepError, SupersededError, TransientError
from sfn_cqrs.sagas import End, Entry, EntryStatus, SagaStatus, SagaStep, find, undo_once
from sfn_cqrs.types import ItemKey, group
from sfn_cqrs_tools.testing.builders import ORDERED

BOOK = ItemKey("tenant1", "STOCK", "BOOK")
AT_NOON = "2026-11-25T12:00:00.000Z"


def test_the_goods_are_taken_and_the_log_says_as_which_version(seed, stock, saga, row, event):
    seed()
    stock(available=5)

    assert lambda_handler(event("reserve_stock"), None) == {"result": "DONE"}

    assert row("STOCK", "BOOK") == {"available": 3}
    assert saga().log == {
        "reserve_stock": Entry(
            status=EntryStatus.DONE, began_at=AT_NOON, ended_at=AT_NOON, result={"BOOK": 2}
        )
    }


def test_the_version_tells_which_step_of_which_saga_published_it(seed, stock, event):
    world = seed()
    stock()

    lambda_handler(event("reserve_stock"), None)

    command = world.commands.latest(BOOK)
    assert (command.source, command.request_id) == (ORDERED.id, f"{ORDERED.id}/reserve_stock")
    assert command.updated.by == "hanako"


def test_a_step_that_is_done_is_answered_from_the_log(seed, stock, row, event):
    seed()
    stock(available=5)
    lambda_handler(event("reserve_stock"), None)

    assert lambda_handler(event("reserve_stock", tries=1), None) == {"result": "DONE"}

    assert row("STOCK", "BOOK") == {"available": 3}


def test_what_an_earlier_try_took_without_recording_it_is_not_taken_again(
    seed, stock, saga, row, event, monkeypatch
):
    seed()
    stock(available=5)
    with monkeypatch.context() as patch:
        patch.setattr(End, "on", _killed)
        with pytest.raises(KeyboardInterrupt):
            lambda_handler(event("reserve_stock"), None)

    assert lambda_handler(event("reserve_stock", tries=1), None) == {"result": "DONE"}

    assert row("STOCK", "BOOK") == {"available": 3}
    assert saga().log["reserve_stock"].seq == 1


def test_goods_of_one_kind_on_several_lines_are_taken_together(seed, stock, row, event):
    lines = [{"sku": "BOOK", "quantity": 2}, {"sku": "PEN", "quantity": 1}]
    seed(input=an_order(lines=[*lines, {"sku": "BOOK", "quantity": 1}]))
    stock("BOOK", 5)
    stock("PEN", 1)

    lambda_handler(event("reserve_stock"), None)

    assert (row("STOCK", "BOOK"), row("STOCK", "PEN")) == ({"available": 2}, {"available": 0})


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (an_order(lines=[{"sku": "BOOK", "quantity": 6}]), "out_of_stock"),
        (an_order(lines=[{"sku": "UNKNOWN", "quantity": 1}]), "out_of_stock"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_changes_nothing(
    order, reason, seed, stock, saga, row, event
):
    seed(input=order)
    stock(available=5)

    with pytest.raises(SagaStepError, match=f"reserve_stock: {reason}: "):
        lambda_handler(event("reserve_stock"), None)

    entry = saga().log["reserve_stock"]
    assert (entry.status, entry.error) == (EntryStatus.REFUSED, reason)
    assert row("STOCK", "BOOK") == {"available": 5}


def test_a_refusal_whose_answer_was_lost_is_given_again_without_looking(seed, stock, event):
    seed()
    with pytest.raises(SagaStepError):
        lambda_handler(event("reserve_stock"), None)
    stock(available=5)

    with pytest.raises(SagaStepError, match="out_of_stock: BOOK: 0 left, 2 ordered"):
        lambda_handler(event("reserve_stock", tries=1), None)


def test_a_bug_is_recorded_with_its_line_and_not_tried_again(seed, saga, event, made_by):
    seed()
    made_by("reserve_stock", lambda step: step.input["nothing"])

    with pytest.raises(SagaStepError, match="reserve_stock: KeyError: 'nothing'"):
        lambda_handler(event("reserve_stock"), None)

    entry = saga().log["reserve_stock"]
    assert (entry.status, entry.error) == (EntryStatus.FAILED, "KeyError")
    first, place, source = entry.cause.splitlines()
    assert (first, source.strip()) == (
        "'nothing'",
        """made_by("reserve_stock", lambda step: step.input["nothing"])""",
    )
    assert "/test_reserve_stock.py" in place


def test_what_may_pass_is_left_to_the_machines_retry(seed, saga, event, made_by):
    seed()
    made_by("reserve_stock", _busy)

    with pytest.raises(TransientError, match="try again"):
        lambda_handler(event("reserve_stock"), None)

    assert saga().log["reserve_stock"].status is EntryStatus.STARTED


def test_a_busy_aws_undoes_nothing(seed, saga, event, made_by):
    def throttled(_step):
        reasons = [{"Code": "None"}, {"Code": "ThrottlingError"}]
        error = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        raise ClientError(error, "TransactWriteItems")

    seed()
    made_by("reserve_stock", throttled)

    with pytest.raises(TransientError, match="TransactionCanceled"):
        lambda_handler(event("reserve_stock"), None)

    assert saga().log["reserve_stock"].status is EntryStatus.STARTED


def test_a_result_that_the_log_cannot_hold_fails_the_step(seed, event, made_by):
    seed()
    made_by("reserve_stock", lambda _: "x" * 9_000)

    with pytest.raises(SagaStepError, match="SagaResultError: the result has 9002 bytes"):
        lambda_handler(event("reserve_stock"), None)


def test_no_step_begins_once_the_saga_has_turned_back(seed, stock, row, event):
    seed(status=SagaStatus.COMPENSATING, is_undoing=True)
    stock(available=5)

    with pytest.raises(SupersededError):
        lambda_handler(event("reserve_stock"), None)

    assert row("STOCK", "BOOK") == {"available": 5}


def test_an_earlier_attempt_may_do_nothing(seed, stock, row, event):
    seed(attempt=2)
    stock(available=5)

    with pytest.raises(SupersededError):
        lambda_handler(event("reserve_stock"), None)

    assert row("STOCK", "BOOK") == {"available": 5}


def test_a_step_that_comes_after_its_compensation_has_no_effect(
    seed, stock, saga, row, event, made_by
):
    """It began, was given up, and comes to its effect when it has been undone already."""
    seed()
    stock(available=5)
    late = find("order-saga").steps["reserve_stock"]

    def undone_meanwhile(step):
        other = SagaStep(
            step.tenant,
            step.saga,
            step.saga_id,
            "release_stock",
            1,
            step.input,
            undoes="reserve_stock",
        )
        assert undo_once(other, "STOCK", "BOOK", _never) is None
        return late(step)

    made_by("reserve_stock", undone_meanwhile)

    with pytest.raises(SupersededError, match="the step was undone before it came here"):
        lambda_handler(event("reserve_stock"), None)

    assert row("STOCK", "BOOK") == {"available": 5}
    assert saga().log["reserve_stock"].status is EntryStatus.STARTED


def _never(_command):
    raise AssertionError("there is nothing to undo")


def _busy(_step):
    raise TransientError("try again")


def _killed(*_arguments, **_named):
    raise KeyboardInterrupt


# An order is sent as it says itself, and not before it is released.

STEPS = {
    "reserve_stock": lambda_handler,
    "charge_payment": charge_payment,
    "ship_order": ship_order,
}
APPROVED = Caller(source="a-01KAXK3V9Q0M3W8C5R6T7Y8Z9B")


def order(caller=None, **attributes):
    said = {"customer": "alice", "total": 90, **attributes}
    CommandService("tenant1").publish_sync(
        "ORDER", "o-7", name="o-7", attributes=said, version=-1, caller=caller
    )


@pytest.mark.parametrize("state", STEPS)
@pytest.mark.parametrize(
    "attributes",
    [
        {"release": "held: rejected"},
        {"release": "held: expired", "total": 1},
        {"release": "released"},
        {"total": 101},
    ],
)
def test_what_is_held_or_not_released_is_not_sent(seed, stock, row, event, state, attributes):
    seed(input=an_order(total=0))
    stock(available=5)
    order(**attributes)
    before = row("ORDER", "o-7")

    with pytest.raises(SagaStepError, match="not_released: order o-7 is"):
        STEPS[state](event(state), None)

    assert (row("STOCK", "BOOK"), row("PAYMENT", "o-7")) == ({"available": 5}, None)
    assert row("ORDER", "o-7") == before


@pytest.mark.parametrize("state", STEPS)
def test_an_order_that_nobody_has_placed_is_not_released_by_that(seed, stock, row, event, state):
    seed(input=an_order(total=101))
    stock()

    with pytest.raises(SagaStepError, match="not_released: order o-7 is not released"):
        STEPS[state](event(state), None)

    assert row("ORDER", "o-7") is None


@pytest.mark.parametrize(
    ("caller", "attributes"),
    [(None, {"total": 90}), (APPROVED, {"total": 1_200, "release": "released"})],
)
def test_customer_and_total_are_the_orders(seed, stock, row, event, caller, attributes):
    seed(input=an_order(customer="mallory", total=0))
    stock()
    order(caller, **attributes)

    for state, step in STEPS.items():
        assert step(event(state), None) == {"result": "DONE"}

    total = attributes["total"]
    assert row("PAYMENT", "o-7") == {"customer": "alice", "amount": total, "status": "CHARGED"}
    assert row("ORDER", "o-7") == {"customer": "alice", **attributes, "status": "SHIPPED"}


def test_a_change_after_the_release_needs_another_one(seed, stock, event):
    seed()
    stock()
    order(APPROVED, total=1_200, release="released")
    order(Caller(source="api"), total=0, release="released")

    with pytest.raises(SagaStepError, match="not_released"):
        lambda_handler(event("reserve_stock"), None)


def test_sagas_are_read_by_who_may_read_their_payments() -> None:
    assert find("order-saga").access.read == group("operator")
