"""Where all schedules of a simulation are played: the user's code, its memory, its calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import Context
from typing import Any

from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.simulation.about import About, about
from sfn_cqrs_tools.testing.simulation.calls import CALLS, Calls, Run
from sfn_cqrs_tools.testing.simulation.memory import Memory
from sfn_cqrs_tools.testing.simulation.players import Played, Tell
from sfn_cqrs_tools.testing.simulation.schedule import Step
from sfn_cqrs_tools.testing.simulation.subject import Function, Subject

Outside = dict[str, Counter[str]]
"""What was done outside and published, how often, by whom."""


class Stage:
    """The user's functions, with the environments that they run in, and what they have done."""

    def __init__(self, subject: Subject, clock: ManualClock) -> None:
        """Take the user's code; `clock` is the time of everything."""
        self.subject = subject
        self.clock = clock
        self.memory = Memory(subject.modules)
        self.calls = Calls(subject.files, self._inside, self._written, self._note)
        self.outside: Outside = defaultdict(Counter)
        self._keys: set[tuple[str, Any]] = set()
        self.playing: Played | None = None
        self.run: Run | None = None
        self._step = Step()
        self._busy: list[int] = []

    def entered(self, stack: ExitStack) -> None:
        """Put the user's functions and what is outside in place."""
        stack.enter_context(self.subject.registered(self._wrapped))
        stack.enter_context(self.subject.reaching(self._called))
        stack.callback(self.memory.restore)

    def begin(self, tell: Tell | None) -> None:
        """Forget what the schedule before has left."""
        self.memory.forget()
        self.calls.tell = tell
        self.calls.run = None
        self.calls.own.clear()
        self.outside = defaultdict(Counter)
        self._keys = set()
        self.playing = None
        self._busy.clear()
        self.step(Step())

    def asked(self, what: str) -> None:
        """Remember that a function has asked for time or chance."""
        if self.calls.run is not None:
            place = self.calls.place()
            if place:
                self.calls.hints.asked.setdefault(what, place)

    def step(self, step: Step) -> None:
        """Give the functions that run next this step's environment and fault."""
        self._step, self.run = step, None

    def _wrapped(self, name: str, function: Function) -> Function:
        def run(given: Any) -> Any:
            return self._run(name, function, given)

        run.__name__ = name
        return run

    def _run(self, name: str, function: Function, given: Any) -> Any:
        if self.calls.run is not None:
            return self._nested(self.calls.run, name, function, given)
        if self.run is None:
            self.run = Run(about(given), name, self._step)
        run = self.run
        run.about, run.name, run.first = about(given), name, run.calls
        environment = self._free(self._step.environment)
        self._enter(environment)
        self.calls.run = run
        try:
            result = function(given)
            self.calls.end(run)
        finally:
            self.calls.run = None
            self._leave(environment, is_dead=run.is_dead)
        return result

    def _nested(self, run: Run, name: str, function: Function, given: Any) -> Any:
        """Run a function that another one causes, within its own: a synchronous publish does."""
        before = run.about, run.name
        run.about, run.name = about(given), name
        try:
            return function(given)
        finally:
            run.about, run.name = before

    def _free(self, environment: int) -> int:
        """Return this environment, or another if a run of it has stopped in the middle."""
        while environment in self._busy:
            environment += 3
        return environment

    def _enter(self, environment: int) -> None:
        self._busy.append(environment)
        self.memory.enter(environment)

    def _leave(self, environment: int, *, is_dead: bool) -> None:
        self.calls.hints.globals.update(self.memory.leave(environment))
        self._busy.pop()
        if is_dead:
            self.memory.lose(environment)
        if self._busy:
            self.memory.enter(self._busy[-1])

    def _inside(self, step: Step) -> None:
        mine = self._step, self.run
        if self.playing is not None:
            Context().run(self.playing.inside, step.inside)
        self._step, self.run = mine

    def _written(self) -> None:
        if self.playing is not None and self.subject.always is not None:
            Context().run(self.playing.look, self.subject.always, "always")

    def _note(self, by: About, what: str) -> None:
        if by.owner:
            self.outside[by.owner][by.same(what)] += 1

    def _called(self, name: str, args: Any, named: Any, fake: Callable[..., Any]) -> Any:
        said = ", ".join([*map(repr, args), *(f"{key}={one!r}" for key, one in named.items())])
        key, run = named.get("idempotency_key"), self.calls.run
        self.calls.asked, before = dict, self.calls.asked
        try:
            with self.calls.around(f"{CALLS}{name}({said})"):
                result = fake(*args, **named)
                if run is not None and (key is None or (name, key) not in self._keys):
                    self._keys.add((name, key))
                    self._note(run.about, f"{name}({said})" if key is None else f"{name} {key}")
        finally:
            self.calls.asked = before
        return result


def watched(stage: Stage, tables: DynamoDB, tell: Tell | None) -> DynamoDB:
    """Let the stage watch the calls to these tables."""
    stage.begin(tell)
    tables.around = stage.calls.around
    stage.calls.asked = lambda: tables.asked
    return tables
