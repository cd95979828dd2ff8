"""The context of the import machine's states."""

from dataclasses import dataclass, field, replace
from typing import Self

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.functions.state import State, state
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.job import Begin, Job, Load, Refuse

LAST_TRY_WITHIN = 204
"""Seconds in which a child may begin a try that can still be followed by another one."""


@dataclass(frozen=True, slots=True)
class ImportState(State):
    """The context of a state that does not begin its job: it runs per batch, or ends the job."""

    key: ImportKey = field(init=False)

    def __post_init__(self) -> None:
        """Read the job's key from the execution's input."""
        object.__setattr__(self, "key", ImportKey.from_input(self.context.execution.input))

    @property
    def is_late(self) -> bool:
        """Return whether another try would outlast the batch's child execution."""
        return self.age > LAST_TRY_WITHIN

    @property
    def logged(self) -> dict[str, object]:
        """Return the job's field for log lines."""
        return {"tenant": self.key.tenant, "job": self.key.id}


@dataclass(frozen=True, slots=True)
class BegunImport(ImportState):
    """The context of a state that begins its job."""

    job: Job | None = None

    @property
    def begun(self) -> Job:
        """Return the job as it has begun."""
        if self.job is None:
            raise TypeError(f"{self.context.state.name} has not begun")
        return self.job

    def keep(self, found: Load | Refuse) -> None:
        """Keep the facts that were found about the job's file.

        Raises:
            SupersededError: the job has ended.
        """
        if not bootstrap.import_jobs().change(self.key, found, self.job).done:
            raise SupersededError(f"{self.key.id} has ended")

    def entered(self) -> Self:
        """Begin the job, and return this state.

        Raises:
            SupersededError: it has ended.
        """
        begun = bootstrap.import_jobs().change(self.key, Begin())
        if not begun.done:
            raise SupersededError(f"{self.key.id} has ended")
        return replace(self, job=begun.record)


import_state = state(BegunImport)
import_state_without_status = state(ImportState)
