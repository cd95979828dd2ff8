"""Work that is held up until a test lets it go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

from sfn_cqrs.domain.values import Json
from sfn_cqrs.service.tasks import types as task_types
from sfn_cqrs.service.tasks.types import TaskItem

PATIENCE_SECONDS = 60


@contextmanager
def held_up(task_type: str = "ORDER_REMINDER") -> Iterator[None]:
    """Items of a type are worked on once the block is left, and no sooner."""
    known, may_go_on = task_types.find(task_type), Event()

    def work(item: TaskItem) -> Json:
        may_go_on.wait(PATIENCE_SECONDS)
        return known.handler(item)

    task_types._types[task_type] = replace(known, handler=work)
    try:
        yield
    finally:
        may_go_on.set()
        task_types._types[task_type] = known
