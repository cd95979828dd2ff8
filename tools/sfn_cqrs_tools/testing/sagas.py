"""Runs a declared saga in memory, as its machine does, under a clock that is moved by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

from sfn_cqrs.kernel.errors import SagaStepError, TransientError, UnknownStepError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.kernel.keys import SagaKey
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import MAX_TRIES, Entry, Saga, SagaStatus, plain
from sfn_cqrs.machines.saga.runner import SagaFlow
from sfn_cqrs.machines.saga.saga_programs import Do, Next
from sfn_cqrs.machines.saga.service import SagaService
from sfn_cqrs.machines.saga.types import SagaStep, SagaType

if TYPE_CHECKING:
    from sfn_cqrs.machines.saga.declaring import Saga as Declared
    from sfn_cqrs_tools.testing.fakes import World

TENANT = "tenant1"
Fails = Mapping[str, int | Exception]


class InjectedError(Exception):
    """A try that `fail=` lets fail."""


@dataclass(frozen=True)
class SagaRun:
    """How a saga has gone: the functions in the order of their calls, and the saga with its log.

    `waited` is how long it has paused.
    """

    saga: Saga
    calls: tuple[str, ...]
    waited: timedelta

    @property
    def status(self) -> SagaStatus:
        """Return where it stands; RUNNING: it pauses for longer than `leap`."""
        return self.saga.status

    @property
    def log(self) -> Mapping[str, Entry]:
        """Return the lines of its log, by step and by compensation."""
        return self.saga.log

    @property
    def tries(self) -> Counter[str]:
        """Return how often each function was called."""
        return Counter(self.calls)


@dataclass
class _Machine:
    """What `saga.asl.json` does, without functions that die."""

    world: World
    key: SagaKey
    leap: timedelta | None
    waited: timedelta = field(default_factory=timedelta)

    def run(self) -> None:
        """Go on until the saga ends, is parked, or pauses for too long."""
        flow = SagaFlow(self.key)
        following: Next | None = flow.run(saga_programs.go_on(1))
        while following is not None and following.do is not Do.FINISH:
            following = self._after(flow, following)
        if following is not None:
            flow.run(saga_programs.finish(1))

    def _after(self, flow: SagaFlow, given: Next) -> Next | None:
        if given.do is Do.PAUSE:
            return self._children_ended(given) or self._waited(given)
        try:
            return self._tried(flow, given)
        except (TransientError, SagaStepError, UnknownStepError) as error:
            failure = Failure(type(error).__name__, str(error))
            flow.run(saga_programs.park(1, failure))
            return None

    def _tried(self, flow: SagaFlow, given: Next) -> Next:
        for seq in range(given.seq, MAX_TRIES):
            try:
                if given.do is Do.UNDO:
                    return flow.run(saga_programs.compensate(1, given.step, seq))
                return flow.run(saga_programs.proceed(1, given.step, seq, self.world.clock()))
            except TransientError as error:
                last = error
        raise last

    def _children_ended(self, given: Next) -> Next | None:
        """Run the child sagas that were started; None if there are none, so that time passes."""
        started = [one for one in self.world.all_of(SAGAS) if one.status is SagaStatus.CREATED]
        for child in started:
            _Machine(self.world, child.key, self.leap).run()
        return replace(given, do=Do.RUN) if started else None

    def _waited(self, given: Next) -> Next | None:
        left = datetime.fromisoformat(given.until) - self.world.clock()
        if self.leap is not None and self.waited + left > self.leap:
            return None
        self.waited += left
        self.world.clock.advance(seconds=left.total_seconds())
        return Next(Do.RUN, given.step, given.seq)


def run_saga(
    world: World,
    saga: Declared[Any] | str,
    input: Any,  # noqa: A002 - the word of the saga's input
    *,
    fail: Fails | None = None,
    leap: timedelta | None = None,
) -> SagaRun:
    """Run a declared saga to its end: its own functions, programs and log, in milliseconds.

    `fail={"book": 2}` lets the first two tries of a step or of a compensation fail; an exception
    is raised at each try, so `StepRefusedError("full", "…")` refuses the step. `"pack.2"` is the
    step of a list's second item, and `"pack"` that of each. Time leaps over pauses and waits, or,
    with `leap=timedelta(days=1)`, over so much of them: the saga is RUNNING then.

    Raises:
        ValueError: `fail` names what the saga has not.
        InvalidInputError: the saga refuses its input.
    """
    known = saga_types.find(saga if isinstance(saga, str) else saga.name)
    calls: list[str] = []
    with _failing(known, fail or {}, calls):
        given = asdict(input) if is_dataclass(input) and not isinstance(input, type) else input
        key = SagaKey.of(TENANT, SagaService(TENANT).start(known.name, given))
        machine = _Machine(world, key, leap)
        machine.run()
    ended = world.sagas.find(key)
    assert ended is not None
    return SagaRun(ended, tuple(calls), machine.waited)


@contextmanager
def _failing(known: SagaType, fail: Fails, calls: list[str]) -> Iterator[None]:
    """Let functions fail as it was asked, and note all calls."""
    names = {*known.steps, *(undo for undo, _ in known.compensations.values())}
    if unknown := sorted(name for name in fail if plain(name) not in names):
        raise ValueError(f"{known.name} has no {unknown[0]}, but {', '.join(sorted(names))}")

    def watched(name: str, make: Callable[[SagaStep], Any]) -> Callable[[SagaStep], Any]:
        def called(step: SagaStep) -> Any:
            calls.append(step.name)
            ends, tried = fail.get(step.name, fail.get(name, 0)), calls.count(step.name)
            if isinstance(ends, Exception):
                raise ends
            if tried <= ends:
                raise InjectedError(f"try {tried} of {step.name}")
            return make(step)

        return called

    steps = {name: watched(name, make) for name, make in known.steps.items()}
    undone = {
        step: (name, watched(name, undo)) for step, (name, undo) in known.compensations.items()
    }
    with mock.patch.dict(known.steps, steps), mock.patch.dict(known.compensations, undone):
        yield
