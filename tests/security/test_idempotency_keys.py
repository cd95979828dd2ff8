"""Keys that clients send and keys that code makes are two worlds: nobody can use up the other's."""

from functools import partial

import pytest
from tests.support.api import MEMBER, OPERATOR
from tests.support.orders import an_order

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Content
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.request import MAX_KEY_CHARACTERS, request_key
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.saga.effects import _effect, publish_once, undo_once
from sfn_cqrs.machines.saga.service import SagaService
from sfn_cqrs.machines.saga.types import SagaStep
from sfn_cqrs.machines.task.service import TaskService

KEY = "a-01KAXK3V9Q0M3W8C5R6T7Y8Z9B"
SAGA = "g-01KAXK3V9Q0M3W8C5R6T7Y8Z9G"
ITEM = ItemKey("tenant1", "ORDER", "o-1")
CHANGE = {"attributes": {"total": 2}}
CODE = Caller(user="shop", idempotency_key=KEY)
CLIENT = Caller(user="mallory", idempotency_key=KEY, client=Client())


def total(value):
    return lambda order: Content(order.name, {**order.attributes, "total": value})


def published(caller):
    change = CommandService("tenant1").publish_partial
    return change("ORDER", "o-1", **CHANGE, is_sync=True, caller=caller).version


MAKERS = {
    "a version": published,
    "a task": lambda caller: TaskService("tenant1").create(
        "ORDER_REMINDER", [{"order": "o-1", "to": "ada@example.com"}], caller=caller
    ),
    "an approval": lambda caller: ApprovalService("tenant1").request(
        "ORDER_RELEASE", subject="o-1", caller=caller
    ),
    "a saga": lambda caller: SagaService("tenant1").start("order-saga", an_order(), caller=caller),
}


@pytest.mark.usefixtures("api")
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(("first", "then"), [(CLIENT, CODE), (CODE, CLIENT)])
def test_the_same_key_of_the_other_world_is_another_request(kind, first, then):
    make = MAKERS[kind]
    before = make(first)
    if kind == "a version":
        total_of_somebody_else = {"attributes": {"total": 3}}
        CommandService("tenant1").publish_partial(
            "ORDER", "o-1", **total_of_somebody_else, is_sync=True
        )

    after = make(then)

    assert after != before
    assert (make(first), make(then)) == (before, after)


def test_a_key_that_a_client_has_used_does_not_make_codes_change_a_no_op(api):
    body = {"type": "ORDER", "code": "o-1", "partial": True, "mode": "sync", **CHANGE}
    used = api.send(MEMBER, "POST", "/commands", body, key=KEY)
    api.send(MEMBER, "POST", "/commands", {**body, "attributes": {"total": 9}})

    published(CODE)

    assert (used.status, used.body["version"]) == (200, 2)
    assert api.world.data.find(ITEM).attributes["total"] == 2


def test_a_key_that_a_client_has_used_for_something_else_does_not_stop_code(api):
    body = {"type": "ORDER", "code": "o-2", "name": "Mine", "attributes": {"customer": "m"}}
    used = api.send(MEMBER, "POST", "/commands", body, key=KEY)

    assert used.status == 202
    assert published(CODE) == 2


@pytest.mark.parametrize("prefix", ["", "code/", "client/", "client/code/", "\n", "code/client/"])
def test_no_key_of_a_client_stands_for_a_sagas_effect(prefix, api):
    step = SagaStep("tenant1", "order-saga", SAGA, "ship_order", 1, {}, {})
    undo = SagaStep("tenant1", "order-saga", SAGA, "cancel", 1, {}, {}, undoes="ship_order")
    body = {"type": "ORDER", "code": "o-1", "partial": True, "mode": "sync", **CHANGE}
    api.send(OPERATOR, "POST", "/commands", body, key=f"{prefix}{_effect(step.key, ITEM)}")

    version = publish_once(step, "ORDER", "o-1", total(5))
    undone = undo_once(undo, "ORDER", "o-1", total(6))

    assert (version, undone) == (3, 4)
    assert api.world.data.find(ITEM).attributes["total"] == 6


def test_the_keys_under_which_answers_are_kept_never_meet():
    keys = ["k", "client/k", "code/k", "/k", "client/", "code/", "client/client/k"]
    make = partial(
        map, lambda key: (request_key(key, is_clients=True), request_key(key, is_clients=False))
    )
    of_clients, of_code = zip(*make(keys), strict=True)

    assert not set(of_clients) & set(of_code)
    assert len(set(of_clients)) == len(set(of_code)) == len(keys)


@pytest.mark.parametrize("key", ["", "k" * (MAX_KEY_CHARACTERS + 1)])
@pytest.mark.parametrize("client", [None, Client()])
def test_a_key_has_1_to_256_characters_whosever_it_is(key, client):
    with pytest.raises(InvalidInputError, match="Idempotency-Key: must be 1 to 256 characters"):
        assert Caller(idempotency_key=key, client=client).request_key


def test_whoever_asks_over_http_is_a_client_in_every_route(api):
    """So that no route can forget it: what comes from outside is kept apart by who asks."""
    bodies = {
        "/commands": {"type": "ORDER", "code": "o-3", "name": "x", "attributes": {"customer": "m"}},
        "/tasks": {"taskType": "ORDER_REMINDER", "input": [{"order": "o-1", "to": "a@b.c"}]},
        "/approvals": {"type": "ORDER_RELEASE", "subject": "o-1"},
        "/sagas": {"saga": "order-saga", "input": an_order()},
    }
    for number, (path, body) in enumerate(bodies.items()):
        assert api.send(MEMBER, "POST", path, body, key=f"key-{number}").status == 202

    found = api.world.requests.find
    for number in range(len(bodies)):
        assert found("tenant1", request_key(f"key-{number}", is_clients=True)) is not None
        assert found("tenant1", request_key(f"key-{number}", is_clients=False)) is None
