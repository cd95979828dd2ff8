import pytest

from lending.remind import remind
from sfn_cqrs.service.tasks import types as task_types
from sfn_cqrs.service.tasks.types import TaskItem

TYPE, ID = "REMIND", "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A"


def an_item(**given):
    return TaskItem("tenant1", TYPE, ID, index=0, attempt=1, input=given)


def test_an_item_answers_what_is_kept_of_it():
    assert remind(an_item(id="a-1")) == {"id": "a-1"}


def test_an_item_without_an_id_fails_alone():
    with pytest.raises(KeyError, match="id"):
        remind(an_item())


def test_tasks_of_this_type_are_known():
    found = task_types.find(TYPE)

    assert (found.handler, found.timeout, found.retry) == (remind, 60, 3)
