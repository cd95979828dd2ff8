import json
import re
from contextlib import nullcontext

import pytest
from tests.support.declared_orders import declared_orders

pytestmark = pytest.mark.stack


@pytest.fixture(params=[nullcontext, declared_orders], ids=["own", "declared"])
def form(request):
    """The saga has a machine of its own, or is a declared one."""
    with request.param():
        yield


@pytest.fixture
def order(run, request):
    """Return a maker of orders of a book of which there are five."""
    sku = re.sub(r"\W", "-", request.node.name)
    attributes = ["--attributes", '{"available": 5}']
    assert run("publish", "STOCK", sku, "--name", "Book", "--sync", *attributes).code == 0

    def make(number, **changes):
        fields = {"order": f"{sku}-{number}", "customer": "ada", "card": "visa", "total": 40}
        return json.dumps({**fields, "lines": [{"sku": sku, "quantity": 2}], **changes})

    return make


def test_a_saga_that_goes_well_exits_0_and_shows_its_log(run, order):
    result = run("saga", "start", "order-saga", order(1), "--name", "order 1")

    lines = result.output.splitlines()
    assert result.code == 0
    assert re.fullmatch(r"g-[0-9A-Z]{26} order 1 is COMPLETED, attempt 1", lines[0])
    assert lines[1].split()[:4] == ["step", "status", "began", "(UTC)"]
    assert [line.split()[:2] for line in lines[2:]] == [
        ["reserve_stock", "DONE"],
        ["charge_payment", "DONE"],
        ["ship_order", "DONE"],
    ]


def test_a_saga_that_is_undone_exits_2_and_says_why(run, order):
    started = run("saga", "start", "order-saga", order(1, card="declined"), "--json")
    shown = run("saga", "show", started.json["id"])

    assert (started.code, started.json["status"]) == (2, "COMPENSATED")
    assert [(line["name"], line["status"]) for line in started.json["log"]] == [
        ("reserve_stock", "DONE"),
        ("charge_payment", "REFUSED"),
        ("refund_payment", "DONE"),
        ("release_stock", "DONE"),
    ]
    assert shown.code == 0
    assert "COMPENSATED, attempt 1: card_declined: the bank does not pay" in shown.output
    assert "undo: refund_payment" in shown.output


def test_a_declared_saga_is_shown_as_it_was_declared_with_what_was_not_made(run, order):
    with declared_orders():
        id_ = run("saga", "start", "order-saga", order(1, card="declined"), "--json").json["id"]
        shown = run("saga", "show", id_)

    rows = [line.split() for line in shown.output.splitlines()[2:]]
    assert [(row[0], row[1]) for row in rows[:3]] == [
        ("reserve_stock", "DONE"),
        ("charge_payment", "REFUSED"),
        ("ship_order", "not"),
    ]
    assert rows[2] == ["ship_order", "not", "made"]
    assert [row[:3] for row in rows[3:]] == [
        ["undo:", "refund_payment", "DONE"],
        ["undo:", "release_stock", "DONE"],
    ]


@pytest.mark.usefixtures("form")
def test_a_saga_that_is_parked_exits_1_and_a_retry_lets_it_go_on(run, order, bank):
    id_ = run("saga", "start", "order-saga", order(1, card="declined"), "--no-wait").output.strip()

    parked = run("saga", "show", id_, "--watch")
    listed = run("saga", "list", "--status", "PARKED", "--json")
    ill = run("doctor", "--json")
    bank()
    retried = run("saga", "retry", id_, "--json")
    well = run("doctor", "--json")

    assert parked.code == 1
    assert parked.output.endswith(
        f"left: refund_payment, release_stock\nonce it is repaired: sfn-cqrs saga retry {id_}\n"
    )
    assert id_ in [one["id"] for one in listed.json]
    assert (retried.code, retried.json["status"]) == (2, "COMPENSATED")
    assert (retried.json["attempt"], retried.json["left"]) == (2, [])
    assert retried.json["error"] == "card_declined"
    found = [(one["id"], one["status"]) for one in ill.json["kinds"]["saga"]["findings"]]
    assert (ill.code, found) == (1, [(id_, "PARKED")])
    assert (well.code, well.json["kinds"]["saga"]["findings"]) == (0, [])


def test_the_same_key_starts_one_saga(run, order, tmp_path):
    path = tmp_path / "order.json"
    path.write_text(order(1))
    key = ("--idempotency-key", "once", "--no-wait", "--json")

    first, second = (run("saga", "start", "order-saga", f"@{path}", *key) for _ in range(2))

    assert first.json == second.json


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("start", "nope", "{}"), 1, "unknown_saga: saga: 'nope' is not registered"),
        (("start", "order-saga", "[]"), 1, "invalid_input: input: must be an object"),
        (("start", "order-saga", "{"), 64, "INPUT is not JSON"),
        (("show", "g-1"), 1, "no saga has an id that begins with 'g-1'; `sfn-cqrs saga list"),
        (("retry", "g-01KAXK3V9Q0M3W8C5R6T7Y8Z9G"), 1, "not_found: "),
        (("list", "--status", "LOST"), 64, "'LOST' is not one of"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arguments, code, message, run):
    result = run("saga", *arguments)

    assert result.code == code
    assert message in result.error


def test_a_saga_that_is_not_parked_cannot_be_retried(run, order):
    id_ = run("saga", "start", "order-saga", order(1), "--json").json["id"]

    result = run("saga", "retry", id_)

    assert result.code == 1
    assert "not_parked: the saga is COMPLETED, not PARKED" in result.error
