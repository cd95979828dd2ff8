"""The context of the saga machines' states."""

from dataclasses import dataclass
from typing import ClassVar

from sfn_cqrs.kernel.errors import SagaStepError, TransientError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.functions.state import FlowState, state
from sfn_cqrs.kernel.keys import SagaRef
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import EntryStatus
from sfn_cqrs.machines.saga.runner import SagaFlow
from sfn_cqrs.machines.saga.types import SagaType


@dataclass(frozen=True, slots=True)
class SagaState(FlowState[SagaRef, SagaFlow]):
    """The context of a state of a saga's machine; it runs the saga's steps and compensations."""

    REF = SagaRef
    FLOW = SagaFlow
    LOGGED: ClassVar = {"saga": "key.id"}

    @property
    def attempt(self) -> int:
        """Return the attempt that the execution runs."""
        return self.ref.attempt

    @property
    def type(self) -> SagaType:
        """Return the saga's steps and compensations."""
        return saga_types.find(self.ref.saga)

    def make(self) -> dict[str, object]:
        """Make the step that the state is named after, and return its result.

        Raises:
            SagaStepError: it was refused, or it failed; the log says why.
            SupersededError: the saga has turned back, or a later try or attempt owns the step.
            TransientError: the step asks for another try.
        """
        name, tries = self.context.state.name, self.context.state.retry_count
        entry = self.flow.run(saga_programs.make(self.attempt, name, tries))
        if entry.status is not EntryStatus.DONE:
            raise SagaStepError(saga_programs.told(name, entry))
        return {"result": str(entry.status)}

    def undo(self) -> dict[str, object]:
        """Undo the step that the state's compensation belongs to, if it has ever begun.

        Raises:
            TransientError: it failed, and is tried again; the log says why.
            SagaStepError: it was refused, so that a person has to help.
            SupersededError: a later try or attempt owns the compensation.
        """
        name, tries = self.context.state.name, self.context.state.retry_count
        move, failure = self.type.move_undone_by(name), Failure.of(self.input)
        entry = self.flow.run(saga_programs.undo(self.attempt, move, tries, failure))
        if entry is None:
            return {"result": "NOT_NEEDED"}
        if entry.status is EntryStatus.FAILED:
            raise TransientError(saga_programs.told(name, entry))
        if entry.status is not EntryStatus.DONE:
            raise SagaStepError(saga_programs.told(name, entry))
        return {"result": str(entry.status)}


saga_state = state(SagaState)
"""Makes the handler of a state of a function: the function gets the state as `SagaState`."""
