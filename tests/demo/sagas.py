"""The demonstration's sagas: an order that ships, and one whose card is declined."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from tests.demo.compare import unlike
from tests.demo.step import Report, Scale

from sfn_cqrs.machines.saga.rules import OPEN
from sfn_cqrs_tools.testing.client import Client

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

BOOKS = 5
STEPS = ["reserve_stock", "charge_payment", "ship_order"]
UNDONE = [
    ("reserve_stock", "DONE"),
    ("charge_payment", "REFUSED"),
    ("refund_payment", "DONE"),
    ("release_stock", "DONE"),
]
SHIPS = {"order": "saga-ships", "customer": "ada", "card": "visa", "total": 40}
DECLINED = {"order": "saga-declined", "customer": "bob", "card": "declined", "total": 15}
LINES = {"saga-ships": 2, "saga-declined": 3}
ROWS = {
    "STOCK/SAGA-BOOK": {"available": BOOKS - LINES["saga-ships"]},
    "PAYMENT/saga-ships": {"customer": "ada", "amount": 40, "status": "CHARGED"},
    "ORDER/saga-ships": {"customer": "ada", "total": 40, "status": "SHIPPED"},
    "PAYMENT/saga-declined": None,
    "ORDER/saga-declined": None,
}
"""The data rows afterwards; None: there is none."""


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Run both sagas, show their logs, and compare the data rows."""
    del scale
    console.print("\nTwo orders as sagas: one ships, one card is declined and all is undone:\n")
    with Client(stack.http) as client:
        book = {"type": "STOCK", "code": "SAGA-BOOK", "name": "Book", "mode": "sync"}
        client.asked("POST", "/commands", {**book, "attributes": {"available": BOOKS}})
        paths = [f"/sagas/{_started(client, order)}" for order in (SHIPS, DECLINED)]
        shipped, declined = (
            client.until(path, lambda found: found["status"] not in OPEN) for path in paths
        )
        rows = {name: _row(client, name) for name in ROWS}
    for found in (shipped, declined):
        steps = ", ".join(f"{name} {status}" for name, status in _log_of(found))
        console.print(f"  {escape(found['name'])}: {found['status']} ({steps})")
    facts: list[tuple[str, Any, Any]] = [
        ("the saga that ships", "COMPLETED", shipped["status"]),
        ("its log", [(step, "DONE") for step in STEPS], _log_of(shipped)),
        ("the saga that is declined", "COMPENSATED", declined["status"]),
        ("its log", UNDONE, _log_of(declined)),
        ("its reason", "card_declined", declined.get("error")),
        *((f"the row {name}", row, rows[name]) for name, row in ROWS.items()),
    ]
    return Report([], unlike(facts))


def _started(client: Client, order: dict[str, Any]) -> str:
    lines = [{"sku": "SAGA-BOOK", "quantity": LINES[order["order"]]}]
    body = {"saga": "order-saga", "name": order["order"], "input": {**order, "lines": lines}}
    return str(client.asked("POST", "/sagas", body)["id"])


def _row(client: Client, name: str) -> dict[str, Any] | None:
    status, answer = client.send("GET", f"/data/{name}")
    return answer["attributes"] if status == HTTPStatus.OK else None


def _log_of(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["name"], line["status"]) for line in found["log"]]
