"""What the states of the task machine work on."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.keys import TaskRef
from sfn_cqrs.service.state import AttemptState, state

BEGINS_WITHIN = 480
"""Seconds in which an execution begins items; the next one works on those that are left."""


@dataclass(frozen=True, slots=True)
class TaskState(AttemptState[TaskRef]):
    """No state writes a status first: an item's claim is one, a task's end another."""

    REF = TaskRef
    LOGGED: ClassVar = {"type": "key.type", "task": "key.id"}

    @property
    def lease_until(self) -> int:
        """When this function has certainly ended, in epoch seconds."""
        return lease_of(self.remaining_ms)

    @property
    def is_late(self) -> bool:
        """An item that is begun now might not end before the execution does."""
        return self.age > BEGINS_WITHIN


def lease_of(remaining_ms: Callable[[], int]) -> int:
    """When a function that may run for so long has certainly ended, in epoch seconds."""
    return ceil(bootstrap.now().timestamp() + remaining_ms() / 1000)


task_state = state(TaskState)
