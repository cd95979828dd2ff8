"""The demonstration's sagas: an order that ships, and one whose card is declined."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from sfn_cqrs_tools.demo.client import Client
from sfn_cqrs_tools.demo.compare import unlike
from sfn_cqrs_tools.demo.step import PATIENCE_SECONDS, DemoError, Report, Scale

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

OPEN = ("CREATED", "RUNNING", "COMPENSATING")
BOOKS = 5
STEPS = ["reserve_stock", "charge_payment", "ship_order"]
SHIPS = {"order": "saga-ships", "customer": "ada", "card": "visa", "total": 40}
DECLINED = {"order": "saga-declined", "customer": "bob", "card": "declined", "total": 15}
LINES = {"saga-ships": 2, "saga-declined": 3}


@dataclass(frozen=True)
class SagaStory:
    """How both sagas ended, and the data rows afterwards (None: there is none)."""

    shipped: dict[str, Any]
    declined: dict[str, Any]
    rows: dict[str, dict[str, Any] | None]

    def differences(self) -> list[str]:
        """Compare with what has to be; return what differs, a line each."""
        undone = [("reserve_stock", "DONE"), ("charge_payment", "REFUSED")]
        undone += [("refund_payment", "DONE"), ("release_stock", "DONE")]
        paid = {"customer": "ada", "amount": 40, "status": "CHARGED"}
        rows = {
            "STOCK/SAGA-BOOK": {"available": BOOKS - LINES["saga-ships"]},
            "PAYMENT/saga-ships": paid,
            "ORDER/saga-ships": {"customer": "ada", "total": 40, "status": "SHIPPED"},
            "PAYMENT/saga-declined": None,
            "ORDER/saga-declined": None,
        }
        facts: list[tuple[str, Any, Any]] = [
            ("the saga that ships", "COMPLETED", self.shipped["status"]),
            ("its log", [(step, "DONE") for step in STEPS], _log_of(self.shipped)),
            ("the saga that is declined", "COMPENSATED", self.declined["status"]),
            ("its log", undone, _log_of(self.declined)),
            ("its reason", "card_declined", self.declined.get("error")),
            *((f"the row {name}", row, self.rows[name]) for name, row in rows.items()),
        ]
        return unlike(facts)


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Run both sagas, show their logs, and compare the data rows."""
    del scale
    console.print("\nTwo orders as sagas: one ships, one card is declined and all is undone:\n")
    story = run_sagas(stack)
    for found in (story.shipped, story.declined):
        steps = ", ".join(f"{name} {status}" for name, status in _log_of(found))
        console.print(f"  {escape(found['name'])}: {found['status']} ({steps})")
    return Report([], story.differences())


def run_sagas(stack: LocalStack) -> SagaStory:
    """Put books into stock, and start a saga whose card is good and one whose card is declined.

    Raises:
        DemoError: a request was refused, or a saga does not end within a minute.
    """
    with Client(stack.http) as client:
        book = {"type": "STOCK", "code": "SAGA-BOOK", "name": "Book", "mode": "sync"}
        _asked(client, "/commands", {**book, "attributes": {"available": BOOKS}})
        shipped, declined = (_started(client, order) for order in (SHIPS, DECLINED))
        ended = _ended(client, shipped), _ended(client, declined)
        names = ["STOCK/SAGA-BOOK", "PAYMENT/saga-ships", "ORDER/saga-ships"]
        names += ["PAYMENT/saga-declined", "ORDER/saga-declined"]
        return SagaStory(*ended, {name: _row(client, name) for name in names})


def _started(client: Client, order: dict[str, Any]) -> str:
    lines = [{"sku": "SAGA-BOOK", "quantity": LINES[order["order"]]}]
    body = {"saga": "order-saga", "name": order["order"], "input": {**order, "lines": lines}}
    return str(_asked(client, "/sagas", body)["id"])


def _asked(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    status, answer = client.send("POST", path, body)
    if status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
        raise DemoError(f"POST {path} answered {status}: {answer}")
    return answer


def _ended(client: Client, id_: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := client.send("GET", f"/sagas/{id_}")[1])["status"] in OPEN:
        if time.monotonic() > deadline:
            raise DemoError(f"saga {id_} is still {found['status']}; see the log")
        time.sleep(0.1)
    return found


def _row(client: Client, name: str) -> dict[str, Any] | None:
    status, answer = client.send("GET", f"/data/{name}")
    return answer["attributes"] if status == HTTPStatus.OK else None


def _log_of(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["name"], line["status"]) for line in found["log"]]
