"""What tasks, sagas and approvals are given fits the model of their declaration."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from tests.support.orders import an_approval
from tests.support.typed import declaring

from sfn_cqrs.kernel.keys import TaskKey
from sfn_cqrs.kernel.models.models import InvalidModelError, Meta
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.approval.types import Decided, approval_type
from sfn_cqrs.machines.saga.types import SagaStep, compensation, saga_step, saga_type
from sfn_cqrs.machines.task.types import TaskItem, task_handler


@dataclass(frozen=True)
class Trip:
    city: Annotated[str, Meta(min_length=1)]
    nights: Annotated[int, Meta(ge=1)] = 1


WRONG = {"nights": 0, "colour": "red"}
FIELDS = ("city", "nights", "colour")


@pytest.fixture(autouse=True)
def _declared():
    with declaring():

        @task_handler("BOOK_TRIP", publish=MEMBERS, model=Trip)
        def book(item):
            """Book."""
            return item.model.nights

        saga_type("trip", publish=MEMBERS, model=Trip)

        saga_type("other")

        @saga_step("trip", "pay")
        def pay(step):
            """Pay."""
            return step.model.city

        @compensation("trip", "refund", of="pay")
        def refund(step):
            """Give it back."""

        @approval_type("TRIP", group="boss", model=Trip)
        def granted(decided):
            """Go."""

        yield


@pytest.mark.parametrize(
    ("path", "body", "roots"),
    [
        ("/tasks", {"taskType": "BOOK_TRIP", "input": WRONG}, ["input"]),
        (
            "/tasks",
            {"taskType": "BOOK_TRIP", "input": [{"city": "Rome"}, WRONG, WRONG]},
            ["input[1]", "input[2]"],
        ),
        ("/sagas", {"saga": "trip", "input": WRONG}, ["input"]),
        ("/approvals", {"type": "TRIP", "payload": WRONG}, ["payload"]),
    ],
)
def test_every_wrong_field_is_named_and_nothing_is_kept(call, world, path, body, roots):
    answer = call("POST", path, body)

    assert (answer.status, answer.body["code"]) == (400, "invalid_input")
    told = [one["field"] for one in answer.body["problems"]]
    assert told == [f"{root}.{field}" for root in roots for field in FIELDS]
    assert world.tasks.page(TaskKey("tenant1", "BOOK_TRIP", ""), 10, None).items == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tasks", {"taskType": "BOOK_TRIP", "input": [{"city": "Rome"}]}),
        ("/sagas", {"saga": "trip", "input": {"city": "Rome"}}),
        ("/approvals", {"type": "TRIP", "payload": {"city": "Rome"}}),
    ],
)
def test_what_fits_is_taken(call, path, body):
    assert call("POST", path, body).status in (200, 201, 202)


def test_no_payload_is_no_object(call):
    answer = call("POST", "/approvals", {"type": "TRIP"})

    assert answer.body["problems"] == [{"field": "payload", "reason": "must be an object"}]


def test_the_functions_have_the_model():
    given = {"city": "Rome", "nights": 2}
    decided = Decided.of(an_approval(type="TRIP", payload=given))

    assert TaskItem("tenant1", "BOOK_TRIP", "t", 0, 1, given).model == Trip("Rome", 2)
    assert SagaStep("tenant1", "trip", "s", "pay", 1, given).model == Trip("Rome", 2)
    assert decided.model == Trip("Rome", 2)
    with pytest.raises(InvalidModelError):
        _ = SagaStep("tenant1", "trip", "s", "pay", 1, {}).model
    with pytest.raises(TypeError, match="other has no model"):
        _ = SagaStep("tenant1", "other", "s", "pay", 1, {}).model
