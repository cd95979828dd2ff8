"""Plays one schedule: the framework's own programs, over tables in memory, in one thread.

A version begins, waits for the one before, writes its row, runs its handlers and closes, by the
same programs as the machine's functions. What the schedule says happens at the handlers' calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from contextvars import Context
from datetime import timedelta
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.errors import SupersededError, TransientError
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import SyncHandlerError
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.items import as_process
from sfn_cqrs.machines.command.process import Outcome, Turn
from sfn_cqrs.machines.command.projection import project
from sfn_cqrs.machines.command.runner import Chain, write_row
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.fakes.world import World
from sfn_cqrs_tools.testing.simulation.calls import BrokenError, Calls, DiedError, Run
from sfn_cqrs_tools.testing.simulation.looking import looked
from sfn_cqrs_tools.testing.simulation.memory import Memory
from sfn_cqrs_tools.testing.simulation.rebuilding import Rebuilding
from sfn_cqrs_tools.testing.simulation.scene import Scene, Version, world_of
from sfn_cqrs_tools.testing.simulation.schedule import Schedule, Step
from sfn_cqrs_tools.testing.simulation.subject import Handler, Subject

ROUNDS: Final = 12
"""So often a version is tried again when all is quiet; then it never ends."""
Tell = Callable[[str], None]


class Stage:
    """Where all schedules of a simulation are played: the user's code, its memory, its calls."""

    def __init__(self, subject: Subject, clock: ManualClock) -> None:
        """Take the user's code; `clock` is the time of everything."""
        self.subject = subject
        self.clock = clock
        self.memory = Memory(subject.modules)
        self.calls = Calls(subject.files, self._inside, self._written)
        self.outside: Counter[str] = Counter()
        self.playing: Playing | None = None
        self._step = Step()
        self._run: Run | None = None
        self._busy: list[int] = []

    def entered(self, stack: ExitStack) -> None:
        """Put the user's handlers and what is outside in place."""
        stack.enter_context(self.subject.registered(self._wrapped))
        stack.enter_context(self.subject.reaching(self._called))
        stack.callback(self.memory.restore)

    def begin(self, tell: Tell | None, playing: Playing | None) -> None:
        """Forget what the schedule before has left."""
        self.memory.forget()
        self.calls.tell = tell
        self.calls.run = None
        self.outside.clear()
        self.playing = playing
        self._busy.clear()
        self._step, self._run = Step(), None

    def asked(self, what: str) -> None:
        """Remember that a handler has asked for time or chance."""
        if self.calls.run is not None:
            place = self.calls.place()
            if place:
                self.calls.hints.asked.setdefault(what, place)

    def step(self, step: Step) -> None:
        """Give the handlers that run next this step's environment and fault."""
        self._step, self._run = step, None

    def _wrapped(self, name: str, handler: Handler) -> Handler:
        def run(command: Command) -> None:
            self._run_handler(name, handler, command)

        run.__name__ = name
        return run

    def _run_handler(self, name: str, handler: Handler, command: Command) -> None:
        run = self._run
        if run is None or (run.key, run.version) != (command.key, command.version):
            run = self._run = Run(command.key, command.version, name, self._step)
        run.handler, run.first = name, run.calls
        outer, environment = self.calls.run, self._free(self._step.environment)
        self._enter(environment)
        self.calls.run = run
        try:
            handler(command)
            self.calls.end(run)
        finally:
            self.calls.run = outer
            self._leave(environment, is_dead=run.is_dead)

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
        mine = self._step, self._run
        if self.playing is not None:
            Context().run(self.playing.steps, step.inside)
        self._step, self._run = mine

    def _written(self) -> None:
        if self.playing is not None and self.subject.always is not None:
            Context().run(self.playing.look, self.subject.always, "always")

    def _called(self, name: str, args: Any, named: Any) -> None:
        said = ", ".join([*map(repr, args), *(f"{key}={one!r}" for key, one in named.items())])
        self.calls.asked, before = (lambda: {}), self.calls.asked
        try:
            with self.calls.around(f"calls {name}({said})"):
                key = named.get("idempotency_key")
                if key is None or not self.outside[f"{name} {key}"]:
                    self.outside[f"{name}({said})" if key is None else f"{name} {key}"] += 1
        finally:
            self.calls.asked = before


class Playing:
    """One schedule, over a copy of its scene."""

    def __init__(self, stage: Stage, scene: Scene, world: World, tell: Tell | None) -> None:
        """Take a world over a copy of the scene's tables."""
        self.stage = stage
        self.scene = scene
        self.world = world
        self.tell: Tell = tell or _silent
        self.rebuilding = Rebuilding(stage.subject, scene.tenants, world.dynamodb)
        self._versions: list[Version] = list(scene.versions)
        self._past: set[Version] = set()
        self._closed: set[Version] = set()
        self._parked: dict[str, Version] = {}
        self._heard = 0

    def play(self, schedule: Schedule) -> None:
        """Play the steps, and then let all become quiet.

        Raises:
            BrokenError: something promised does not hold.
        """
        self.steps(schedule.steps)
        if schedule.steps:
            self.tell("From here on nothing goes wrong any more.")
        self._quiet()
        self.stage.step(Step())
        if said := self.rebuilding.finish():
            self.tell(said)

    def steps(self, steps: tuple[Step, ...]) -> None:
        """Play some steps, perhaps while a handler has stopped."""
        for step in steps:
            if step.leap:
                self.stage.clock.advance(seconds=step.leap)
                self.tell(f"{timedelta(seconds=step.leap)} pass")
            elif step.rebuilds:
                self.stage.step(Step())
                self.tell(self.rebuilding.step(self.stage.clock))
            elif step.version < len(self._versions):
                self._deliver(self._versions[step.version], step)

    def look(self, look: Callable[[Any], Any], kind: str) -> None:
        """Let the user assert what he sees.

        Raises:
            BrokenError: it does not hold.
        """
        run, self.stage.calls.run = self.stage.calls.run, None
        try:
            looked(look, kind, self.scene.tenants)
        finally:
            self.stage.calls.run = run

    def stream(self) -> Iterator[Version]:
        """Yield versions that handlers have published since it was last asked for."""
        written = self.world.dynamodb.written
        for change in written[self._heard :]:
            if change.table == "CommandsTable" and change.event == "INSERT":
                item = unmarshal(change.item)
                if item.get("kind") == "process":
                    process = as_process(item)
                    yield process.key, process.version
        self._heard = len(written)

    def _quiet(self) -> None:
        for _ in range(ROUNDS):
            self._versions += [one for one in self.stream() if one not in self._versions]
            left = [one for one in self._versions if one not in self._closed]
            if not left:
                return
            for version in left:
                if version not in self._closed:
                    self._deliver(version, Step())
        key, number = left[0]
        raise BrokenError(
            "lost",
            f"version {number} of {key.type} {key.code} never ends: its handler asks for another"
            f" try each time ({ROUNDS} times)",
            "raise TransientError only for what passes",
        )

    def _deliver(self, version: Version, step: Step) -> None:
        key, number = version
        is_late = version in self._closed
        again = " once more, late" if is_late else ""
        where = f" in environment {step.environment}" if step.environment else ""
        self.tell(f"version {number} of {key.type} {key.code} ({key.tenant}) comes{again}{where}")
        self.stage.step(step)
        try:
            if is_late:
                self._run_handlers(version)
            else:
                self._run_machine(version)
        except DiedError:
            return
        except (SupersededError, TransientError) as error:
            self.tell(f"     -- {type(error).__name__}: it is tried again later")
        except SyncHandlerError as error:
            if version not in self._closed:
                self._failed(version, error)

    def _run_machine(self, version: Version) -> None:
        key, number = version
        its = Chain(key)
        if version not in self._past and not self._may_run(its, version):
            return
        self._past.add(version)
        self._keep_history(version)
        write_row(key, number)
        self._run_handlers(version)
        its.run(chain.close(number, 1, Outcome.APPLIED, "finish:FINISHED"))
        self._closed.add(version)
        self._resume()

    def _may_run(self, its: Chain, version: Version) -> bool:
        number = version[1]
        token = f"{version}"
        if token in self._parked:
            return False
        mine = its.run(chain.begin(number, 1, "check_version:STARTED", is_first=True))
        verdict = its.run(chain.turn(mine))
        if verdict.turn is Turn.WAIT:
            self.tell(f"     -- it waits for version {verdict.predecessor}")
            self._parked[token] = version
            its.run(chain.wait(number, 1, token, 0))
            self._resume()
        return verdict.turn is Turn.NOW

    def _resume(self) -> None:
        """Let versions go on whose wait is over."""
        while self.world.executions.succeeded:
            token, _ = self.world.executions.succeeded.pop()
            version = self._parked[token]
            self._past.add(version)
            self._deliver(version, Step())

    def _keep_history(self, version: Version) -> None:
        row = bootstrap.data().snapshot(version[0]) if version[1] > 1 else None
        if row is not None and int(row["version"]["N"]) < version[1]:
            bootstrap.history().append(row)

    def _run_handlers(self, version: Version) -> None:
        for name in handlers.names_of(version[0].type):
            project(*version, name)

    def _failed(self, version: Version, error: SyncHandlerError) -> None:
        key, number = version
        raise BrokenError(
            "fails",
            f"version {number} of {key.type} {key.code} fails, and did not on a quiet day:\n"
            f"  {error}",
            "a handler may run at any moment, again and late: do not rely on other items, and let"
            " errors of AWS pass, which are tried again",
        ) from error


def _silent(_: str) -> None:
    return None


def on_stage(stage: Stage, scene: Scene, tell: Tell | None = None) -> Any:
    """Return a world over a copy of a scene's tables, whose calls the stage watches."""
    return world_of(watched(stage, scene.tables.copied(), tell), stage.clock, scene.at)


def watched(stage: Stage, tables: DynamoDB, tell: Tell | None) -> DynamoDB:
    """Let the stage watch the calls to these tables."""
    stage.begin(tell, None)
    tables.around = stage.calls.around
    stage.calls.asked = lambda: tables.asked
    return tables
