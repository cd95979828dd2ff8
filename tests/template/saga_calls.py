"""Makes the functions of sagas do all that they can do, on a stack that is up."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from tests.support.declared_orders import declared_orders
from tests.support.waiting import waited
from tests.template.stack import ROOT

from sfn_cqrs.kernel.errors import StepRefusedError
from sfn_cqrs.kernel.keys import shard_of
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.tables.records import Kind
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.types import SagaStep
from sfn_cqrs_tools.stack.local_stack import LocalStack

LARGE = "x" * 150_000
OPEN = ("CREATED", "RUNNING", "COMPENSATING")
OLD = "2026-01-01T00:00:00.000Z"
PERSON = "ada@example.com"
"""Who is erased later, from all that is done here."""


class Asker(Protocol):
    """Somebody at the API of the stack."""

    stack: LocalStack

    def ask(self, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request."""


def a_shard(kind: Kind[Any], item: dict[str, Any]) -> dict[str, str]:
    """The shard that lists an item while it is open."""
    return {"N": str(shard_of(item["pk"]["S"], item["sk"]["S"], kind.shards))}


def run_sagas(user: Asker) -> None:
    """Orders of every fate, of items that are large: shipped, refused, undone, parked."""
    stock = models.find("STOCK")
    assert stock is not None
    kept = models.model_of(stock.model.cls, unknown="keep")  # no field of it is large
    models.register("STOCK", replace(stock, model=kept))
    shelf = {"type": "STOCK", "code": "LARGE", "name": "LARGE", "mode": "sync"}
    user.ask("/commands", {**shelf, "attributes": {"available": 9, "text": LARGE}})
    start_orders(user, "own")
    with declared_orders():
        start_orders(user, "declared")


def start_orders(user: Asker, form: str) -> None:
    """Orders of every fate, run by a machine of their own, or by that of declared sagas."""
    large, undone, sent = f"{form}-large", f"{form}-undone", f"{form}-sent"
    order = {"type": "ORDER", "code": large, "name": large, "mode": "sync"}
    user.ask("/commands", {**order, "attributes": {"customer": "ada", "text": LARGE}})
    key = {"idempotency-key": f"{form}-saga"}
    assert ended(user, start(user, large, **key))["status"] == "COMPLETED"
    start(user, large, **key)
    with shipping_fails():
        assert ended(user, start(user, undone))["status"] == "COMPENSATED"
    assert ended(user, start(user, undone))["status"] == "COMPLETED"
    CommandService("tenant1").publish_sync("ORDER", sent, name="an order", attributes=SENT)
    with refunds_are_refused():
        parked = start(user, sent)
        assert ended(user, parked)["status"] == "PARKED"
        repair_all(user, {"kind": "saga", "action": "retry"})
        assert ended(user, parked)["status"] == "PARKED"
    user.ask(f"/sagas/{parked}/retry", {})
    assert ended(user, parked)["status"] == "COMPENSATED"
    user.ask("/sagas?status=PARKED")


def repair_all(user: Asker, wanted: dict[str, str]) -> None:
    """Plan a repair in bulk, and wait until it is worked off."""
    planned = user.ask("/repairs", wanted)
    assert planned["total"] > 0, planned
    user.ask(f"/repairs/{planned['id']}/start", {})
    path = f"/repairs/{planned['id']}"
    found = waited(lambda: user.ask(path), lambda found: found["status"] == "COMPLETED")
    assert found["left"] == 0, found


SENT = {"customer": "ada", "status": "SHIPPED"}


def start(user: Asker, order: str, **headers: str) -> str:
    lines = [{"sku": "LARGE", "quantity": 1}]
    given = {"order": order, "customer": PERSON, "card": "visa", "total": 4, "lines": lines}
    return str(user.ask("/sagas", {"saga": "order-saga", "input": given}, **headers)["id"])


def ended(user: Asker, id_: str) -> Any:
    return waited(lambda: user.ask(f"/sagas/{id_}"), lambda found: found["status"] not in OPEN)


def lose_sagas_and_sweep(user: Asker) -> None:
    """One saga whose start is lost, and one whose execution has ended without its end."""
    client, table = user.stack.client("dynamodb"), user.stack.outputs["SagasTableName"]
    found = client.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "SAGA#tenant1"}},
    )["Items"][0]
    lost = "01KAXK3V9Q0M3W8C5R6T7Y8Z01"
    for ulid in (found["ulid"]["S"], lost):
        key = {"ulid": {"S": ulid}, "sk": {"S": f"SAGA#{ulid}"}, "id": {"S": f"g-{ulid}"}}
        item = {**found, **key, "status": {"S": "RUNNING"}, "is_undoing": {"BOOL": False}}
        item |= {"opened_at": {"S": OLD}, "updated_at": {"S": OLD}}
        item["open_shard"] = a_shard(SAGAS, item)
        client.put_item(TableName=table, Item=item)
    tick = (ROOT / "events/schedule/sweep_sagas.json").read_bytes()
    done = json.loads(user.stack.functions.invoke("ScheduleSweepSagasFunction", tick))
    assert (done["saga_started"], done["saga_restarted"]) == (1, 1), done
    for ulid in (found["ulid"]["S"], lost):
        ended(user, f"g-{ulid}")


@contextmanager
def shipping_fails() -> Iterator[None]:
    """An order is shipped, and the step fails all the same."""
    known = saga_types.find("order-saga")
    ship = known.steps["ship_order"]

    def fail(step: SagaStep) -> Json:
        ship(step)
        raise StepRefusedError("lost", "nobody knows where it is")

    with _other(replace(known, steps={**known.steps, "ship_order": fail})):
        yield


@contextmanager
def refunds_are_refused() -> Iterator[None]:
    """No refund can be made."""
    known = saga_types.find("order-saga")
    name, _ = known.compensations["charge_payment"]

    def refuse(_step: SagaStep) -> Json:
        raise StepRefusedError("closed", "the bank is closed")

    others = {**known.compensations, "charge_payment": (name, refuse)}
    with _other(replace(known, compensations=others)):
        yield


@contextmanager
def _other(type_: saga_types.SagaType) -> Iterator[None]:
    known = saga_types._types[type_.name]
    saga_types._types[type_.name] = type_
    try:
        yield
    finally:
        saga_types._types[type_.name] = known
