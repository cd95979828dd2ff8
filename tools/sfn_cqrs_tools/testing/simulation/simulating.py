"""`simulate`: many schedules, the shortest one that fails, and its story."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from random import seed as seed_chance
from typing import Any, Final
from unittest import mock

from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs_tools.testing.fakes.clock import NOON, ManualClock
from sfn_cqrs_tools.testing.simulation.calls import BrokenError, Hints
from sfn_cqrs_tools.testing.simulation.chance import replaced
from sfn_cqrs_tools.testing.simulation.changes import Wish
from sfn_cqrs_tools.testing.simulation.checks import check
from sfn_cqrs_tools.testing.simulation.drawing import (
    MOST_CHANGES,
    Changes,
    drawn,
    drawn_changes,
    possible,
)
from sfn_cqrs_tools.testing.simulation.folding import expected
from sfn_cqrs_tools.testing.simulation.making import made_of
from sfn_cqrs_tools.testing.simulation.play import Playing, on_stage
from sfn_cqrs_tools.testing.simulation.players import Tell
from sfn_cqrs_tools.testing.simulation.scene import Scene, published
from sfn_cqrs_tools.testing.simulation.schedule import FAULTS, Schedule, parsed
from sfn_cqrs_tools.testing.simulation.stage import Stage
from sfn_cqrs_tools.testing.simulation.story import Simulated, told
from sfn_cqrs_tools.testing.simulation.subject import (
    Look,
    NothingToSimulateError,
    Subject,
    subject_of,
)

PER_SCENE: Final = 25
MOST_SHRINKS: Final = 400
MOST_EMPTY: Final = 60


def simulate(
    *chosen: Any,
    commands: Sequence[Wish] | None = None,
    outside: Mapping[Callable[..., Any], Any] | Sequence[Callable[..., Any]] = (),
    always: Look | None = None,
    finally_: Look | None = None,
    schedules: int = 500,
    seed: int | str = 0,
    rebuild: bool = True,
) -> Simulated:
    """Run your functions under many schedules, and hold what they do against what it has to be.

    Args:
        chosen: handlers, functions of tasks, sagas, import strategies; none: all of the package.
        commands: what happens: `Change`, `NewTask`, `NewSaga`, `NewImport`; by default, what the
            models allow.
        outside: functions of the user's that reach other systems, perhaps with what they return.
        always: gets what a tenant sees, after every write, and asserts.
        finally_: gets what a tenant sees, when all is done, and asserts.
        schedules: how many.
        seed: another number draws other schedules; the text of a failure replays that one alone.
        rebuild: whether a rebuild may happen beside it.

    Raises:
        SimulationError: a schedule breaks a promise; it tells the shortest as a story.
        NothingToSimulateError: there is nothing to run, or no model to make its input of.
    """
    subject = subject_of(chosen, outside, always, finally_)
    wishes, without = (list(commands), []) if commands else made_of(subject)
    if without and (chosen or not wishes):
        raise NothingToSimulateError(
            f"{', '.join(without)} has no model to make input of: pass commands=[NewTask(…)],"
            " NewSaga(…) or NewImport(…)"
        )
    simulating = _Simulation(subject, wishes, without, is_made=not commands)
    with simulating.entered(is_loud=isinstance(seed, str)) as simulation:
        if isinstance(seed, str):
            simulation.replay(parsed(seed))
            return simulation.result(1)
        rebuilds = rebuild and bool(subject.handlers)
        return simulation.explore(schedules, seed, rebuilds=rebuilds)


class _Simulation:
    def __init__(
        self, subject: Subject, changes: list[Wish], without: list[str], *, is_made: bool
    ) -> None:
        self._subject = subject
        self._changes = changes
        self._without = tuple(without)
        self._is_made = is_made
        self._clock = ManualClock()
        self._stage = Stage(subject, self._clock)
        self._scenes: dict[Any, Scene | BrokenError] = {}
        self._left_out = 0

    @contextmanager
    def entered(self, *, is_loud: bool) -> Iterator[_Simulation]:
        """Put everything in place; thousands of schedules log nothing."""
        with ExitStack() as stack:
            modules = self._subject.modules
            stack.enter_context(mock.patch.object(logger._logger, "disabled", not is_loud))
            stack.enter_context(replaced(self._clock, self._stage.asked, modules))
            self._stage.entered(stack)
            gc.freeze()  # all that was there before is looked at no more: a fifth of the time
            stack.callback(gc.unfreeze)
            yield self

    def explore(self, schedules: int, seed: int, *, rebuilds: bool) -> Simulated:
        """Play many schedules; of the first that fails, tell the shortest like it."""
        chance = Random(seed)
        if not self._is_made:
            self._check_quiet(Schedule(tuple((each, 0) for each in range(len(self._changes)))))
        for number in range(schedules):
            if number % PER_SCENE == 0:
                changes = self._drawn_changes(chance)
            schedule = drawn(chance, changes, rebuilds=rebuilds)
            broken = self._broken(schedule)
            if broken is not None:
                self._tell_shortest(schedule, broken, number + 1)
        return self.result(schedules)

    def replay(self, schedule: Schedule) -> None:
        """Play this one alone, and tell its story if it fails."""
        self._check_quiet(schedule)
        lines: list[str] = []
        broken = self._broken(schedule, lines.append)
        if broken is not None:
            raise told(schedule, broken, lines, self._scene(schedule), "The seed fails:")

    def result(self, schedules: int) -> Simulated:
        """Return what was explored."""
        calls = self._stage.calls
        places = len(FAULTS) * sum(each for each in calls.longest.values())
        met = sum(1 for name, _, call in calls.met if call <= calls.longest.get(name, 0))
        names = tuple(sorted({*self._subject.functions.values()} - {*self._without}))
        possibly = possible(len(self._changes))
        return Simulated(schedules, possibly, met, places, names, self._left_out, self._without)

    def _drawn_changes(self, chance: Random) -> Changes:
        for _ in range(MOST_EMPTY):
            most = MOST_CHANGES if self._is_made else max(MOST_CHANGES, len(self._changes))
            changes = drawn_changes(chance, len(self._changes), most)
            scene = self._scene(Schedule(changes))
            if isinstance(scene, Scene) and scene.pieces:
                return changes
            if isinstance(scene, BrokenError) and scene.kind != "quiet":
                self._check_quiet(Schedule(changes))
            self._left_out += 1
        self._check_quiet(Schedule(changes))
        raise AssertionError("no list of changes can be published; give commands=[Change(…), …]")

    def _check_quiet(self, schedule: Schedule) -> None:
        scene = self._scene(schedule)
        if isinstance(scene, BrokenError):
            raise told(schedule, scene, [], None, "It fails on a quiet day:")

    def _scene(self, schedule: Schedule) -> Scene | BrokenError:
        if schedule.changes not in self._scenes:
            self._scenes[schedule.changes] = self._new_scene(schedule)
        return self._scenes[schedule.changes]

    def _new_scene(self, schedule: Schedule) -> Scene | BrokenError:
        changes = [
            (self._changes[number], tenant)
            for number, tenant in schedule.changes
            if number < len(self._changes)
        ]
        seed_chance(0)
        scene = published(changes, self._clock, NOON)
        try:
            return expected(self._stage, scene)
        except BrokenError as broken:
            return broken

    def _broken(self, schedule: Schedule, tell: Tell | None = None) -> BrokenError | None:
        scene = self._scene(schedule)
        if isinstance(scene, BrokenError):
            return None
        with on_stage(self._stage, scene, tell) as world:
            playing = Playing(self._stage, scene, world, tell)
            self._stage.playing = playing
            seed_chance(0)
            try:
                playing.play(schedule)
                check(playing)
            except BrokenError as broken:
                return broken
        return None

    def _tell_shortest(self, schedule: Schedule, broken: BrokenError, found_after: int) -> None:
        shortest = self._shortest(schedule, broken.kind)
        lines: list[str] = []
        self._stage.calls.hints = Hints()
        last = self._broken(shortest, lines.append) or broken
        after = f"Schedule {found_after:,} fails. The shortest like it:"
        raise told(shortest, last, lines, self._scene(shortest), after)

    def _shortest(self, schedule: Schedule, kind: str) -> Schedule:
        tries = 0
        is_shorter = True
        while is_shorter and tries < MOST_SHRINKS:
            is_shorter = False
            for simpler in schedule.simpler():
                tries += 1
                broken = self._broken(simpler)
                if broken is not None and broken.kind == kind:
                    schedule, is_shorter = simpler, True
                    break
                if tries >= MOST_SHRINKS:
                    break
        return schedule
