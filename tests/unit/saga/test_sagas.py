from dataclasses import replace

import pytest
from tests.support.orders import a_saga, an_order

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import (
    InvalidInputError,
    NotFoundError,
    NotParkedError,
    SagaInputTooLargeError,
    UnknownSagaError,
)
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs.machines.saga.service import SagaService
from sfn_cqrs_tools.testing.builders import ORDERED

NAN = an_order(total=float("nan"))
LARGE = an_order(card="y" * 65_536)
AT_NOON = "2026-11-25T12:00:00.000Z"


@pytest.fixture
def sagas(world):  # noqa: ARG001 - it speaks to the fakes
    return SagaService("tenant1")


def test_a_saga_is_stored_and_nothing_else_happens_yet(sagas, world):
    id_ = sagas.start("order-saga", an_order(), caller=Caller(user="ada", source="api"))

    saga = sagas.get(id_)
    assert (saga.key.id, saga.status, saga.attempt) == (id_, SagaStatus.CREATED, 1)
    assert (saga.name, saga.input, saga.created.by) == ("order-saga", an_order(), "ada")
    assert (saga.opened_at, dict(saga.log)) == (AT_NOON, {})
    assert world.saga_executions.started == []


@pytest.mark.parametrize(
    ("saga", "value", "error", "message"),
    [
        ("nope", {}, UnknownSagaError, "saga: 'nope' is not registered; known sagas: order-saga"),
        (7, {}, UnknownSagaError, "saga: 7 is not registered; known sagas: order-saga"),
        ("order-saga", [], InvalidInputError, "input: must be an object"),
        ("order-saga", "x", InvalidInputError, "input: must be an object"),
        ("order-saga", {}, InvalidInputError, r"input\.order: is required"),
        ("order-saga", NAN, InvalidInputError, r"input\.total: is NaN or infinite"),
        ("order-saga", LARGE, SagaInputTooLargeError, "input: has 65"),
    ],
)
def test_what_cannot_be_a_saga_is_refused_and_nothing_is_written(
    saga, value, error, message, sagas, world
):
    with pytest.raises(error, match=message):
        sagas.start(saga, value, caller=Caller(idempotency_key="once"))

    assert len(world.all_of(SAGAS)) == 0
    assert world.dynamodb.items("RequestsTable") == []


def test_a_saga_without_a_check_takes_any_object(sagas, monkeypatch):
    monkeypatch.setattr(saga_types.find("order-saga"), "check", None)
    monkeypatch.setattr(saga_types.find("order-saga"), "model", None)

    assert sagas.get(sagas.start("order-saga", {"any": 1})).input == {"any": 1}


def test_a_request_that_was_answered_is_answered_alike_whatever_the_check_says_now(
    sagas, monkeypatch
):
    caller = Caller(idempotency_key="once")
    first = sagas.start("order-saga", an_order(), caller=caller)
    monkeypatch.setattr(saga_types.find("order-saga"), "check", _refusing)

    assert sagas.start("order-saga", an_order(), caller=caller) == first
    with pytest.raises(InvalidInputError, match="not today"):
        sagas.start("order-saga", an_order())


def _refusing(_input):
    raise InvalidInputError("input", "not today")


def test_a_name_that_is_too_long_is_refused(sagas):
    with pytest.raises(InvalidInputError, match="name: must be a string of at most 1024"):
        sagas.start("order-saga", an_order(), name="x" * 1_025)


@pytest.mark.parametrize("id_", [ORDERED.id, "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9G", "", "g-1"])
def test_an_unknown_id_is_told(id_, sagas):
    for ask in (sagas.get, sagas.retry):
        with pytest.raises(NotFoundError):
            ask(id_)


def test_sagas_are_listed_newest_first_of_all_or_of_one_status(sagas, world):
    keys = [replace(ORDERED, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z0{number}") for number in range(3)]
    world.seed_sagas(*[a_saga(key) for key in keys[:2]], a_saga(keys[2], status=SagaStatus.PARKED))

    first = sagas.list(limit=2)
    parked = sagas.list(status=SagaStatus.PARKED)

    assert [saga.key for saga in first.items] == [keys[2], keys[1]]
    assert [saga.key for saga in sagas.list(cursor=first.next_cursor).items] == [keys[0]]
    assert [saga.key for saga in parked.items] == [keys[2]]


def test_a_parked_saga_is_begun_anew_by_a_retry(sagas, world):
    world.seed_sagas(a_saga(status=SagaStatus.PARKED, restarts=3, is_undoing=True, error="E"))

    saga = sagas.retry(ORDERED.id)

    assert (saga.status, saga.attempt, saga.restarts) == (SagaStatus.CREATED, 2, 0)
    assert saga.is_undoing
    assert world.sagas.opened(SAGAS.shard(ORDERED), None, "9", 9)[0] == [saga]


@pytest.mark.parametrize("status", [each for each in SagaStatus if each != "PARKED"])
def test_only_what_is_parked_can_be_retried(status, sagas, world):
    world.seed_sagas(a_saga(status=status))

    with pytest.raises(NotParkedError, match=f"the saga is {status}, not PARKED"):
        sagas.retry(ORDERED.id)


def test_of_two_who_retry_at_once_one_is_told(sagas, world, monkeypatch):
    world.seed_sagas(a_saga(status=SagaStatus.PARKED))
    change = world.sagas.change
    monkeypatch.setattr(world.sagas, "change", lambda *of: change(*of) and change(*of))

    with pytest.raises(NotParkedError, match="was retried by somebody else"):
        sagas.retry(ORDERED.id)
