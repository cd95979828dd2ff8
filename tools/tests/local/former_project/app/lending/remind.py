"""REMIND: work in the background, an item at a time."""

from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.domain.values import Json
from sfn_cqrs.service.tasks.types import TaskItem, task_handler


@task_handler("REMIND", timeout=60, retry=3, publish=MEMBERS)
def remind(item: TaskItem) -> Json:
    """Work on one item; it may run twice, so give `item.key` to what must happen once."""
    return {"id": str(item.input["id"])}
