"""Work that is held up until a test lets it go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.types import TaskItem

PATIENCE_SECONDS, REMINDER = 60, "ORDER_REMINDER"


@contextmanager
def held_up() -> Iterator[None]:
    """Reminders are worked on once the block is left, and no sooner."""
    known, may_go_on = task_types.find(REMINDER), Event()

    def work(item: TaskItem) -> Json:
        may_go_on.wait(PATIENCE_SECONDS)
        return known.handler(item)

    task_types._types[REMINDER] = replace(known, handler=work)
    try:
        yield
    finally:
        may_go_on.set()
        task_types._types[REMINDER] = known
