"""The context of the task machine's states."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.state import AttemptState, state
from sfn_cqrs.kernel.keys import TaskRef

BEGINS_WITHIN = 480
"""Seconds in which an execution begins items; the next execution takes those that are left."""


@dataclass(frozen=True, slots=True)
class TaskState(AttemptState[TaskRef]):
    """The context of a state of the task machine.

    No state writes a status first: the claim of an item is one write, and the end of a task
    another.
    """

    REF = TaskRef
    LOGGED: ClassVar = {"type": "key.type", "task": "key.id"}

    @property
    def lease_until(self) -> int:
        """Return when this function has certainly ended, in epoch seconds."""
        return lease_of(self.remaining_ms)

    @property
    def is_late(self) -> bool:
        """Return whether an item begun now might outlast the execution."""
        return self.age > BEGINS_WITHIN


def lease_of(remaining_ms: Callable[[], int]) -> int:
    """Return when a function that may run for so long has certainly ended, in epoch seconds."""
    return ceil(bootstrap.now().timestamp() + remaining_ms() / 1000)


task_state = state(TaskState)
