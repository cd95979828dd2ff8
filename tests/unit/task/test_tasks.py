import json
from dataclasses import replace

import pytest
from functions.api.handle_request.app import lambda_handler as handle_request

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import (
    InvalidInputError,
    ItemTooLargeError,
    NoItemsError,
    NotFailedError,
    NotFoundError,
    NotOpenError,
    TaskBusyError,
    TooManyItemsError,
    UnknownTaskTypeError,
)
from sfn_cqrs.kernel.keys import TaskKind
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.task.rules import Counts, Stop, TaskStatus
from sfn_cqrs.machines.task.service import TaskService
from sfn_cqrs_tools.testing.builders import RESIZE, a_task, an_item

NOON = 1795608000
AT_NOON = "2026-11-25T12:00:00.000Z"
ADA, TARO = ({"order": "o-1", "to": to} for to in ("ada@example.com", "taro@example.com"))
LETTERS = [ADA, TARO]
ENDED = {"status": TaskStatus.FAILED, "input": None, "counts": Counts(1, 1, 1)}


@pytest.fixture
def service(world):
    """The tasks of tenant1, over fakes."""
    assert world.tasks is not None
    return TaskService("tenant1")


def stored(world):
    return world.all_of(TASKS)


class TestCreate:
    def test_a_batch_is_stored_with_its_items_and_who_asked(self, service, world):
        caller = Caller(user="taro", ip="192.0.2.1", source="api", request_id="r-1")

        id_ = service.create("ORDER_REMINDER", LETTERS, name="November", caller=caller)

        (task,) = stored(world)
        assert id_ == task.key.id == f"t-{task.key.ulid}"
        assert (task.key.tenant, task.key.type) == ("tenant1", "ORDER_REMINDER")
        assert (task.name, task.total, task.left, task.attempt) == ("November", 2, 2, 1)
        assert task.input == (ADA, TARO)
        assert (task.created.at, task.created.by, task.created.ip) == (AT_NOON, "taro", "192.0.2.1")
        assert (task.source, task.request_id, task.opened_at) == ("api", "r-1", AT_NOON)

    def test_a_single_task_has_one_item_and_an_id_of_its_kind(self, service, world):
        id_ = service.create_single("ORDER_REMINDER", ADA)

        (task,) = stored(world)
        assert (task.key.kind, task.total, id_[:2]) == (TaskKind.SINGLE, 1, "s-")

    def test_a_task_without_a_name_is_called_as_its_type(self, service, world):
        service.create("ORDER_REMINDER", LETTERS)

        assert stored(world)[0].name == "ORDER_REMINDER"

    def test_a_large_input_lies_in_the_bucket(self, service, world):
        items = [ADA | {"order": "x" * 60_000}, TARO | {"order": "y" * 60_000}]

        id_ = service.create("ORDER_REMINDER", items)

        (task,) = stored(world)
        assert (task.input, task.input_s3) == (None, f"tasks/tenant1/{id_}.json")
        assert world.attributes.load(task.input_s3) == {"input": items}

    @pytest.mark.parametrize(
        ("items", "error", "message"),
        [
            ([], NoItemsError, "input: has no items; give at least one"),
            ([1] * 1001, TooManyItemsError, "input: has 1001 items, and a task takes at most 1000"),
            (["x" * 102_399], ItemTooLargeError, r"input\[0\]: has 102401 bytes"),
            (["x" * 100_000] * 53, ItemTooLargeError, "input: has 5300106 bytes"),
            ("text", InvalidInputError, "input: must be a list of items"),
            ([float("nan")], InvalidInputError, r"input\[0\]: is NaN or infinite"),
        ],
    )
    def test_too_little_or_too_much_is_refused_and_nothing_is_written(
        self, items, error, message, service, world
    ):
        with pytest.raises(error, match=message):
            service.create("ORDER_REMINDER", items)

        assert stored(world) == []
        assert world.objects.bodies == {}

    def test_a_thousand_items_are_taken(self, service, world):
        service.create("ORDER_REMINDER", [ADA] * 1000)

        assert stored(world)[0].total == 1000

    def test_a_type_that_nobody_registers_is_refused_by_name(self, service, world):
        with pytest.raises(UnknownTaskTypeError, match="'RESIZE' is not registered; known types: "):
            service.create("RESIZE", LETTERS)

        assert stored(world) == []

    @pytest.mark.parametrize("name", [None, 1, "x" * 1025])
    def test_a_name_that_cannot_be_kept_is_refused(self, name, service):
        with pytest.raises(InvalidInputError, match="name: must be a string"):
            service.create("ORDER_REMINDER", LETTERS, name=name)


class TestGet:
    def test_the_counts_are_those_of_the_items_as_they_are(self, service, world):
        world.seed_tasks(a_task(items=4, status=TaskStatus.PROCESSING))
        world.seed_items(
            an_item(index=0, status=TaskStatus.COMPLETED),
            an_item(index=1, status=TaskStatus.PROCESSING),
        )

        state = service.get(RESIZE.id)

        assert state.counts == {
            "total": 4,
            "created": 2,
            "processing": 1,
            "completed": 1,
            "failed": 0,
            "cancelled": 0,
        }

    @pytest.mark.parametrize(
        "id_", ["t-01KAXK3V9Q0M3W8C5R6T7Y8Z9B", "s-01KAXK3V9Q0M3W8C5R6T7Y8Z9A", "x", "t-1", ""]
    )
    def test_a_task_that_is_not_there_is_not_found(self, id_, service, world):
        world.seed_tasks(a_task())

        with pytest.raises(NotFoundError):
            service.get(id_)


class TestCancel:
    def test_no_further_item_is_begun(self, service, world):
        world.seed_tasks(a_task(status=TaskStatus.PROCESSING))

        assert service.cancel(RESIZE.id).stop is Stop.CANCELLED
        assert service.cancel(RESIZE.id).stop is Stop.CANCELLED

    def test_a_task_that_has_ended_is_not_cancelled(self, service, world):
        world.seed_tasks(a_task(**ENDED))

        with pytest.raises(NotOpenError, match="the task is FAILED; there is nothing to cancel"):
            service.cancel(RESIZE.id)


class TestRetry:
    def test_what_failed_or_was_cancelled_runs_again_and_nothing_else(self, service, world):
        world.seed_tasks(a_task(**ENDED))
        world.seed_items(
            an_item(index=0, status=TaskStatus.COMPLETED, attempt=1),
            an_item(index=1, status=TaskStatus.FAILED, attempt=1),
            an_item(index=2, status=TaskStatus.CANCELLED, attempt=1),
        )

        task = service.retry(RESIZE.id)

        assert (task.status, task.attempt, task.pending) == (TaskStatus.CREATED, 2, (1, 2))

    @pytest.mark.parametrize("status", ["CREATED", "QUEUED", "PROCESSING", "COMPLETED"])
    def test_what_has_not_failed_is_not_retried(self, status, service, world):
        world.seed_tasks(a_task(status=TaskStatus(status)))

        with pytest.raises(NotFailedError, match=f"the task is {status}, not FAILED or CANCELLED"):
            service.retry(RESIZE.id)

    def test_an_item_that_may_still_be_worked_on_is_waited_for(self, service, world):
        world.seed_tasks(a_task(**ENDED))
        world.seed_items(
            an_item(index=2, status=TaskStatus.CANCELLED, attempt=1, lease_until=NOON + 90)
        )

        with pytest.raises(TaskBusyError, match="item 2 may still be worked on; try again in 91 s"):
            service.retry(RESIZE.id)

    def test_of_two_retries_at_once_one_is_told_to_look_again(self, service, world, monkeypatch):
        world.seed_tasks(a_task(**ENDED))
        read = world.tasks.items

        def then_retried(key):
            found = read(key)
            world.seed_tasks(a_task(attempt=2))
            return found

        monkeypatch.setattr(world.tasks, "items", then_retried)

        with pytest.raises(NotFailedError, match="changed by somebody else; look again"):
            service.retry(RESIZE.id)


class TestApi:
    @pytest.fixture
    def ask(self, sample, lambda_context, world):
        """Return what sends a request as tenant1; answers the status and the body."""
        assert world.tasks is not None

        def send(route, path=None, body=None, query=None, **parameters):
            event = sample("api/handle_request")
            method = route.partition(" ")[0]
            event |= {
                "routeKey": route,
                "rawPath": path or route.partition(" ")[2],
                "pathParameters": parameters,
                "queryStringParameters": query or {},
                "body": json.dumps(body) if body is not None else "",
            }
            event["headers"].pop("idempotency-key")
            event["requestContext"]["http"] |= {"method": method, "path": event["rawPath"]}
            answer = handle_request(event, lambda_context)
            return answer["statusCode"], json.loads(answer["body"])

        return send

    def get(self, ask, **query):
        return ask("GET /tasks/{id}", f"/tasks/{RESIZE.id}", query=query, id=RESIZE.id)

    @pytest.mark.parametrize(("value", "kind"), [(LETTERS, TaskKind.BATCH), (ADA, TaskKind.SINGLE)])
    def test_a_list_is_a_batch_and_an_object_is_a_single_task(self, value, kind, ask, world):
        status, body = ask("POST /tasks", body={"taskType": "ORDER_REMINDER", "input": value})

        assert (status, body) == (202, {"id": stored(world)[0].key.id})
        assert stored(world)[0].key.kind is kind
        assert stored(world)[0].created.by == "taro"

    @pytest.mark.parametrize(
        ("body", "code", "field"),
        [
            ({"taskType": "NOPE", "input": [1]}, "unknown_task_type", "taskType"),
            (
                {"taskType": "ORDER_REMINDER", "input": ["x" * 200_000]},
                "item_too_large",
                "input[0]",
            ),
            ({"taskType": "ORDER_REMINDER"}, "invalid_input", "input"),
            (
                {"taskType": "ORDER_REMINDER", "input": [1], "tenant": "x"},
                "invalid_input",
                "tenant",
            ),
        ],
    )
    def test_bad_input_has_a_stable_code_and_writes_nothing(self, body, code, field, ask, world):
        status, problem = ask("POST /tasks", body=body)

        assert (status, problem["code"], problem["field"]) == (400, code, field)
        assert stored(world) == []

    def test_a_task_is_shown_with_its_counts_and_a_page_of_its_items(self, ask, world):
        world.seed_tasks(a_task(**ENDED))
        world.seed_items(
            an_item(index=0, status=TaskStatus.COMPLETED, attempt=1, result={"w": 80}),
            an_item(index=1, status=TaskStatus.FAILED, attempt=1, error="Error", cause="why"),
            an_item(index=2, status=TaskStatus.CANCELLED, attempt=1),
        )

        status, body = self.get(ask, limit="2")
        _, rest = self.get(ask, limit="2", cursor=body["nextCursor"])
        _, failed = self.get(ask, status="FAILED")

        assert status == 200
        assert {name: body[name] for name in ("id", "taskType", "status", "attempt", "total")} == {
            "id": RESIZE.id,
            "taskType": "RESIZE",
            "status": "FAILED",
            "attempt": 1,
            "total": 3,
        }
        assert (body["completed"], body["failed"], body["cancelled"]) == (1, 1, 1)
        assert [item["index"] for item in body["items"]] == [0, 1]
        assert body["items"][0]["result"] == {"w": 80}
        assert (body["items"][1]["error"], body["items"][1]["cause"]) == ("Error", "why")
        assert [item["index"] for item in rest["items"]] == [2]
        assert "nextCursor" not in rest
        assert [item["index"] for item in failed["items"]] == [1]

    def test_tasks_are_listed_by_type_and_kind(self, ask, world):
        single = replace(RESIZE, kind=TaskKind.SINGLE)
        world.seed_tasks(a_task(), a_task(single, items=1))

        _, batches = ask("GET /tasks", query={"taskType": "RESIZE"})
        _, singles = ask("GET /tasks", query={"taskType": "RESIZE", "kind": "single"})

        assert [task["id"] for task in batches["items"]] == [RESIZE.id]
        assert [task["id"] for task in singles["items"]] == [single.id]

    @pytest.mark.parametrize(("action", "code"), [("cancel", "not_open"), ("retry", "not_failed")])
    def test_what_cannot_be_done_is_a_conflict(self, action, code, ask, world, handle_items):
        handle_items(print, RESIZE.type, publish=MEMBERS)
        world.seed_tasks(a_task(status=TaskStatus.COMPLETED))

        route = f"POST /tasks/{{id}}/{action}"
        status, problem = ask(route, f"/tasks/{RESIZE.id}/{action}", id=RESIZE.id)

        assert (status, problem["code"]) == (409, code)

    def test_a_cancelled_task_says_that_it_is_stopping(self, ask, world, handle_items):
        handle_items(print, RESIZE.type, publish=MEMBERS)
        world.seed_tasks(a_task())

        status, body = ask("POST /tasks/{id}/cancel", f"/tasks/{RESIZE.id}/cancel", id=RESIZE.id)

        assert (status, body["stopping"]) == (202, "cancelled")

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({}, "taskType"),
            ({"taskType": "x" * 1_025}, "taskType"),
            ({"taskType": "X", "kind": "y"}, "kind"),
        ],
    )
    def test_a_list_of_nothing_in_particular_is_refused(self, query, field, ask):
        status, problem = ask("GET /tasks", query=query)

        assert (status, problem["field"]) == (400, field)


def test_a_task_keeps_how_many_items_its_type_works_on_at_a_time(world, monkeypatch):
    known = task_types.find("ORDER_REMINDER")
    monkeypatch.setitem(task_types._types, known.name, replace(known, concurrency=7))

    id_ = TaskService("tenant1").create(known.name, LETTERS)

    (task,) = world.all_of(TASKS)
    assert (task.key.id, task.ref.concurrency) == (id_, 7)
