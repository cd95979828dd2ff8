import pytest
from tests.support.orders import a_saga, an_order

from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, Move, MoveKind, SagaStatus
from sfn_cqrs_tools.testing.builders import ORDERED

NOBODY = {"custom:tenant": "tenant1", "cognito:groups": "[]", "sub": "bob"}
START = {"saga": "order-saga", "input": an_order(), "name": "order o-7"}
PATH = f"/sagas/{ORDERED.id}"


def test_a_saga_is_started_and_shown(call):
    started = call("POST", "/sagas", START)

    shown = call("GET", f"/sagas/{started.body['id']}")

    assert started.status == 202
    assert shown.status == 200
    assert shown.body == {
        "id": started.body["id"],
        "saga": "order-saga",
        "machine": "order-saga",
        "name": "order o-7",
        "status": "CREATED",
        "attempt": 1,
        "createdAt": "2026-11-25T12:00:00.000Z",
        "createdBy": "taro",
        "openedAt": "2026-11-25T12:00:00.000Z",
        "statusAt": "2026-11-25T12:00:00.000Z",
        "input": an_order(),
        "log": [],
        "left": ["reserve_stock", "charge_payment", "ship_order"],
    }


def test_a_log_is_shown_in_the_order_of_the_machine_with_what_is_left(call, world):
    log = {
        "refund_payment": Entry(status=EntryStatus.FAILED, began_at="b", error="E", cause="why"),
        "reserve_stock": Entry(
            status=EntryStatus.DONE, began_at="b", ended_at="e", result={"BOOK": 2}
        ),
        "charge_payment": Entry(began_at="b", seq=6),
    }
    world.seed_sagas(
        a_saga(status=SagaStatus.PARKED, is_undoing=True, log=log, error="E", cause="why")
    )

    shown = call("GET", PATH).body

    assert [(line["name"], line["kind"], line["status"], line["try"]) for line in shown["log"]] == [
        ("reserve_stock", "step", "DONE", 1),
        ("charge_payment", "step", "UNKNOWN", 7),
        ("refund_payment", "compensation", "FAILED", 1),
    ]
    assert shown["log"][0]["result"] == {"BOOK": 2}
    assert (shown["log"][2]["error"], shown["log"][2]["cause"]) == ("E", "why")
    assert shown["left"] == ["refund_payment", "release_stock"]
    assert (shown["error"], shown["cause"]) == ("E", "why")


def test_a_declared_saga_is_shown_with_the_order_that_it_began_with(call, world):
    order = (
        Move("book", "cancel", tries=3, seconds=60),
        Move("size", kind=MoveKind.CHOICE),
        Move("by_truck", choice="size", arm="heavy"),
        Move("a_day", kind=MoveKind.PAUSE, seconds=86_400),
    )
    world.seed_sagas(a_saga(status=SagaStatus.RUNNING, order=order))

    shown = call("GET", PATH).body

    plain = {"kind": "STEP", "tries": 1, "seconds": 30}
    assert shown["order"] == [
        {**plain, "name": "book", "tries": 3, "seconds": 60, "compensation": "cancel"},
        {**plain, "name": "size", "kind": "CHOICE"},
        {**plain, "name": "by_truck", "choice": "size", "arm": "heavy"},
        {**plain, "name": "a_day", "kind": "PAUSE", "seconds": 86_400},
    ]
    assert shown["machine"] == "saga"


def test_a_step_at_work_is_not_called_unknown(call, world):
    world.seed_sagas(a_saga(status=SagaStatus.RUNNING, log={"reserve_stock": Entry(began_at="b")}))

    assert call("GET", PATH).body["log"][0]["status"] == "STARTED"


def test_sagas_are_listed_all_or_of_one_status(call, world):
    world.seed_sagas(a_saga(status=SagaStatus.PARKED, error="E", cause="why"))

    every = call("GET", "/sagas")
    parked = call("GET", "/sagas", query={"status": "PARKED"})
    done = call("GET", "/sagas", query={"status": "COMPLETED"})

    assert [one["id"] for one in every.body["items"]] == [ORDERED.id]
    assert parked.body == every.body
    assert done.body == {"items": []}


def test_an_operator_retries_a_parked_saga(call, world):
    world.seed_sagas(a_saga(status=SagaStatus.PARKED))

    answer = call("POST", f"{PATH}/retry", {})

    assert (answer.status, answer.body["status"], answer.body["attempt"]) == (202, "CREATED", 2)


def test_a_retry_tells_no_cause_for_an_operator_need_not_read_it(call, world):
    world.seed_sagas(a_saga(status=SagaStatus.PARKED, error="E", cause="the secret"))

    assert "secret" not in call("POST", f"{PATH}/retry", {}).text


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/sagas", {**START, "saga": "nope"}, 400, "unknown_saga"),
        ("POST", "/sagas", {"saga": "order-saga"}, 400, "invalid_input"),
        ("POST", "/sagas", {**START, "steps": []}, 400, "invalid_input"),
        ("POST", "/sagas", {**START, "input": {"x": "y" * 70_000}}, 400, "input_too_large"),
        ("GET", PATH, None, 404, "not_found"),
        ("POST", f"{PATH}/retry", {}, 404, "not_found"),
    ],
)
def test_what_is_wrong_is_told_by_a_stable_code(method, path, body, status, code, call, world):
    answer = call(method, path, body)

    assert (answer.status, answer.body["code"]) == (status, code)
    assert len(world.all_of(SAGAS)) == 0


def test_a_status_that_is_none_is_refused(call):
    answer = call("GET", "/sagas", query={"status": "LOST"})

    assert (answer.status, answer.body["field"]) == (400, "status")
