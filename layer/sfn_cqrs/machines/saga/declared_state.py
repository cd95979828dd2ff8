"""The context of the states of the machine that runs declared sagas."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import TransientError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.functions.state import FlowState, state
from sfn_cqrs.kernel.keys import SagaRef
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga.rules import PROMISED_SECONDS
from sfn_cqrs.machines.saga.runner import SagaFlow
from sfn_cqrs.machines.saga.saga_programs import Call, Do, Next

SLACK_SECONDS: Final = 30
"""What a state may take longer than the step for which it was entered."""
Begin = Callable[[Next], Generator[Call, Any, Next]]


@dataclass(frozen=True, slots=True)
class DeclaredState(FlowState[SagaRef, SagaFlow]):
    """The context of a state of the machine of declared sagas.

    The state before says which step is next; a retry of the state is the step's next try.
    """

    REF = SagaRef
    FLOW = SagaFlow
    LOGGED: ClassVar = {"saga": "key.id"}

    @property
    def attempt(self) -> int:
        """Return the attempt that the execution runs."""
        return self.ref.attempt

    def resume(self) -> dict[str, object]:
        """Begin the attempt.

        Raises:
            SupersededError: a later attempt owns the saga, or it is closed.
        """
        return _answer(self.flow.run(saga_programs.go_on(self.attempt)))

    def run_steps(self) -> dict[str, object]:
        """Make the step that is next, and those after it while there is time.

        Raises:
            SupersededError: the saga has turned back, or a later try or attempt owns the step.
            TransientError: the step asks for another try.
        """
        now = bootstrap.now

        def proceed(step: Next) -> Generator[Call, Any, Next]:
            given = (self.attempt, step.step, step.seq, now())
            return saga_programs.proceed(*given, is_ahead=step.is_fresh)

        return self._go_on(Do.RUN, proceed)

    def undo_steps(self) -> dict[str, object]:
        """Undo what has begun, the last first, while there is time.

        Raises:
            SupersededError: a later try or attempt owns the compensation.
            TransientError: one failed, and is tried again; the log says why.
            SagaStepError: one was refused, so that a person has to help.
        """
        if "Error" in self.input:
            return _answer(self.flow.run(saga_programs.turn(self.attempt, Failure.of(self.input))))

        def compensate(step: Next) -> Generator[Call, Any, Next]:
            given = (self.attempt, step.step, step.seq)
            return saga_programs.compensate(*given, is_ahead=step.is_fresh)

        return self._go_on(Do.UNDO, compensate)

    def _go_on(self, do: Do, begin: Begin) -> dict[str, object]:
        began, limit = bootstrap.now(), int(self.input["seconds"])
        tries, flow = self.context.state.retry_count, self.flow
        following = flow.run(
            begin(Next(do, str(self.input["step"]), int(self.input["seq"]) + tries))
        )
        while following.follows(do):
            spent = (bootstrap.now() - began).total_seconds()
            if spent + following.seconds > limit:
                break
            try:
                following = flow.run(begin(following))
            except TransientError:
                following = following.another_try
        return _answer(following)


def _answer(following: Next) -> dict[str, object]:
    """Return what the machine branches on, and what the next state is given."""
    return {
        "result": str(following.do),
        "step": following.step,
        "seq": following.seq,
        "seconds": max(following.seconds, PROMISED_SECONDS) + SLACK_SECONDS,
        "until": following.until,
    }


declared_state = state(DeclaredState)
"""Makes the handler of a state of a function: the function gets the state as `DeclaredState`."""
