"""The context of the command machine's states, and a metric of those that are slow."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Final, Self

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.functions.state import AttemptState, state
from sfn_cqrs.kernel.keys import CommandRef
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.process import Process
from sfn_cqrs.machines.command.runner import Chain

RUN_DIGITS = 16


@dataclass(frozen=True, slots=True)
class CommandState(AttemptState[CommandRef]):
    """The context of a state that writes no status itself.

    It runs per item, or writes the status with something else.
    """

    REF = CommandRef
    LOGGED: ClassVar = {"type": "key.type", "version": "version"}

    @property
    def is_express(self) -> bool:
        """Return whether the machine of the express lane asks, whatever the item says."""
        return ":express:" in self.context.execution.id

    @property
    def run(self) -> str:
        """Return this execution's claim on its attempt: AWS may start two by one name."""
        return hashlib.sha256(self.context.execution.id.encode()).hexdigest()[:RUN_DIGITS]

    @property
    def chain(self) -> Chain:
        """Return the chain of the item."""
        return Chain(self.ref.key)


@dataclass(frozen=True, slots=True)
class BegunState(CommandState):
    """The context of a state that writes `<state>:STARTED` first.

    It does so if the attempt still owns the version.
    """

    is_first: ClassVar[bool] = False
    process: Process | None = None

    @property
    def mine(self) -> Process:
        """Return the process item after the status was written."""
        if self.process is None:
            raise TypeError(f"{self.context.state.name} has not begun")
        return self.process

    def entered(self) -> Self:
        """Write the status, and return this state.

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
    """The context of the state before the wait."""

    is_first: ClassVar[bool] = True


command_state = state(BegunState)
first_command_state = state(FirstState)
command_state_without_status = state(CommandState)


METRIC: Final = "SlowHandlerSeconds"
SLOW: Final = timedelta(seconds=60)
"""Half of a handler's time limit; a run that takes so long costs thirty times the usual one."""
SOME_HANDLER: Final = "one of its handlers"
"""The name of a handler that was killed: nobody learns which one it was."""
_KILLED: Final = re.compile(r"timed out after (\d+)")


@contextmanager
def slowness_told(state: CommandState, handler: str) -> Iterator[None]:
    """Report a handler that took long, whether or not it failed."""
    began = bootstrap.now()
    try:
        yield
    finally:
        lasted = bootstrap.now() - began
        if state.is_express and lasted >= SLOW:
            _tell(state, handler, lasted)


def tell_if_killed(state: CommandState, failure: Failure) -> None:
    """Report a handler that Lambda killed at its time limit; no other state has so much time."""
    found = _KILLED.search(failure.cause)
    lasted = timedelta(seconds=int(found[1]) if found else 0)
    if failure.error == "Sandbox.Timedout" and lasted >= SLOW:
        _tell(state, SOME_HANDLER, lasted)


def _tell(state: CommandState, handler: str, lasted: timedelta) -> None:
    from aws_lambda_powertools.metrics import (  # noqa: PLC0415 - no start of a state waits for it
        MetricUnit,
        single_metric,
    )

    seconds = lasted.total_seconds()
    with single_metric(name=METRIC, unit=MetricUnit.Seconds, value=seconds) as metric:
        metric.add_dimension("type", state.ref.key.type)
        metric.add_dimension("handler", handler)
