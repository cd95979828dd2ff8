import pytest

from sfn_cqrs.errors import InvalidModelError
from sfn_cqrs.tasks import TaskItem, TaskService
from shop.reminders import remind_of_order

TASK = "t-01KDVDNA05EJ95CRGQQMQ5DMXJ"


def reminder(to):
    return TaskItem("tenant1", "ORDER_REMINDER", TASK, 0, 1, {"order": "o-1", "to": to})


def test_an_item_that_runs_twice_writes_one_reminder(world):
    answers = [remind_of_order(reminder("ada@example.com"))["isNew"] for _ in range(2)]

    assert answers == [True, False]
    assert world.read_model("reminders").rows("tenant1", TASK) == [
        {"sort": f"{TASK}-0", "order": "o-1", "to": "ada@example.com", "version": 1}
    ]


def test_an_address_that_is_none_fails_its_item(world):
    with pytest.raises(ValueError, match="'nowhere' is not an e-mail address"):
        remind_of_order(reminder("nowhere"))


def test_an_item_without_an_address_is_refused_before_anything_is_stored(world):
    with pytest.raises(InvalidModelError, match=r"input\[1\]\.to: is required"):
        TaskService("tenant1").create(
            "ORDER_REMINDER", [{"order": "o-1", "to": "a@b.c"}, {"order": "o-2"}]
        )
