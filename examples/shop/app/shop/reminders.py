"""Reminders of orders: a task that writes to many customers, one item each.

Whoever sends the letters reads them from the view; a reminder is there once, however often its item
runs.
"""

from dataclasses import dataclass
from typing import Annotated

from sfn_cqrs.read_models import read_model
from sfn_cqrs.tasks import TaskItem, task_handler
from sfn_cqrs.types import MEMBERS, Json, Personal


@dataclass(frozen=True)
class Reminder:
    """The input of an item: the order, and the address that gets the reminder."""

    order: str
    to: Annotated[str, Personal]


@task_handler("ORDER_REMINDER", timeout=30, retry=5, publish=MEMBERS, model=Reminder)
def remind_of_order(item: TaskItem[Reminder]) -> Json:
    """Write one reminder; only the item with a wrong address fails."""
    address = item.model.to
    if "@" not in address:
        raise ValueError(f"{address!r} is not an e-mail address")
    letter = {"order": item.model.order, "to": address, "version": 1}
    reminders = read_model("reminders")
    is_new = reminders.put_if_newer(item.tenant, item.task_id, item.key, letter)
    return {"to": address, "isNew": is_new}
