"""What the HTTP API shows of tasks; names are camelCase."""

from typing import Any

from sfn_cqrs.adapters.paging import bytes_of, fitting
from sfn_cqrs.domain.keys import TaskKind
from sfn_cqrs.domain.task import Item, Stop, Task
from sfn_cqrs.service.tasks.service import TaskState


def task_view(task: Task) -> dict[str, Any]:
    """A task in a list; its counts are there once it has ended."""
    view: dict[str, Any] = {
        "id": task.key.id,
        "taskType": task.key.type,
        "name": task.name,
        "status": str(task.status),
        "attempt": task.attempt,
        "total": task.total,
        "createdAt": task.created.at,
        "createdBy": task.created.by,
        "openedAt": task.opened_at,
        "statusAt": task.updated_at,
    }
    if task.counts is not None:
        view |= task.counts.by_name
    if task.stop is not None:
        view["stopping"] = "cancelled" if task.stop is Stop.CANCELLED else "failed fast"
    return view


def state_view(state: TaskState, limit: int, after: int, status: str | None) -> dict[str, Any]:
    """A task with its counts as they are now, and a page of its items behind an index."""
    wanted = [
        item
        for item in state.items
        if item.index > after and (status is None or item.status == status)
    ]
    shown = fitting([item_view(item) for item in wanted[:limit]], limit, bytes_of)
    view = {**task_view(state.task), **state.counts, "items": shown}
    if state.task.key.kind is TaskKind.SINGLE and shown:
        view["result"] = shown[0].get("result")
    if len(wanted) > len(shown):
        view["nextCursor"] = str(shown[-1]["index"])
    return view


def item_view(item: Item) -> dict[str, Any]:
    """An item: its result, or its error with the traceback."""
    view: dict[str, Any] = {
        "index": item.index,
        "status": str(item.status),
        "attempt": item.attempt,
        "statusAt": item.updated_at,
    }
    if item.result is not None:
        view["result"] = item.result
    if item.error is not None:
        view |= {"error": item.error, "cause": item.cause}
    return view
