"""What the states of the command machine work on."""

import hashlib
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from sfn_cqrs.domain import chain
from sfn_cqrs.domain.keys import CommandRef
from sfn_cqrs.domain.process import Process
from sfn_cqrs.service.commands.chain import Chain
from sfn_cqrs.service.state import AttemptState, state

RUN_DIGITS = 16


@dataclass(frozen=True, slots=True)
class CommandState(AttemptState[CommandRef]):
    """A state that writes no status itself: it runs per item, or writes it with something else."""

    REF = CommandRef
    LOGGED: ClassVar = {"type": "key.type", "version": "version"}

    @property
    def is_express(self) -> bool:
        """Whether the machine of the express lane asks, whatever the item says."""
        return ":express:" in self.context.execution.id

    @property
    def run(self) -> str:
        """What this execution claims its attempt with: AWS may start two by one name."""
        return hashlib.sha256(self.context.execution.id.encode()).hexdigest()[:RUN_DIGITS]

    @property
    def chain(self) -> Chain:
        """The chain of the item."""
        return Chain(self.ref.key)


@dataclass(frozen=True, slots=True)
class BegunState(CommandState):
    """A state that begins by writing `<state>:STARTED`, if the attempt still owns the version."""

    is_first: ClassVar[bool] = False
    process: Process | None = None

    @property
    def mine(self) -> Process:
        """The process item after the status was written."""
        if self.process is None:
            raise TypeError(f"{self.context.state.name} has not begun")
        return self.process

    def entered(self) -> Self:
        """Write the status.

        Raises:
            SupersededError: a newer attempt or another run owns the version, or it is closed.
        """
        ref, status = self.ref, f"{self.context.state.name}:STARTED"
        beginning = chain.begin(
            ref.version, ref.attempt, status, is_first=self.is_first, run=self.run
        )
        return replace(self, process=Chain(ref.key).run(beginning))


@dataclass(frozen=True, slots=True)
class FirstState(BegunState):
    """The state before the wait."""

    is_first: ClassVar[bool] = True


command_state = state(BegunState)
first_command_state = state(FirstState)
command_state_without_status = state(CommandState)
