"""Plays one schedule: the framework's own programs, over tables in memory, in one thread.

Versions, plans, tasks, sagas and imports come when the schedule says so, each by the same programs
as the functions of its machine. What the schedule says happens at the calls of the user's code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Final

from sfn_cqrs.errors import SupersededError, TransientError
from sfn_cqrs.kernel.keys import ItemKey, PlanKey, SagaKey, TaskKey
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command.items import as_process
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs_tools.testing.fakes.world import World
from sfn_cqrs_tools.testing.simulation.calls import BrokenError, DiedError
from sfn_cqrs_tools.testing.simulation.looking import looked
from sfn_cqrs_tools.testing.simulation.players import Player, Tell, Version
from sfn_cqrs_tools.testing.simulation.rebuilding import Rebuilding
from sfn_cqrs_tools.testing.simulation.scene import (
    Batch,
    Piece,
    Scene,
    tenant_of,
    world_of,
)
from sfn_cqrs_tools.testing.simulation.schedule import Schedule, Step
from sfn_cqrs_tools.testing.simulation.stage import Stage, watched
from sfn_cqrs_tools.testing.simulation.versions import VersionPlayer
from sfn_cqrs_tools.testing.simulation.works import (
    ImportPlayer,
    PlanPlayer,
    SagaPlayer,
    TaskPlayer,
)

ROUNDS: Final = 12
"""So often everything is tried again when all is quiet; then it never ends."""


class Playing:
    """One schedule, over a copy of its scene; `only` one tenant's if a quiet day is played."""

    def __init__(
        self, stage: Stage, scene: Scene, world: World, tell: Tell | None, only: str | None = None
    ) -> None:
        """Take a world over a copy of the scene's tables."""
        self.stage = stage
        self.scene = scene
        self.world = world
        self.tell: Tell = tell or _silent
        self.is_quiet_day = only is not None
        self.is_inside = False
        self.skipped: set[Version] = set()
        self.rebuilding = Rebuilding(stage.subject, scene.tenants, world.dynamodb)
        self._versions: dict[Version, VersionPlayer] = {}
        self.players: dict[int, Player] = {
            place: self._player(place, piece)
            for place, piece in enumerate(scene.pieces)
            if only in (None, tenant_of(piece))
        }
        self._heard = 0

    def play(self, schedule: Schedule) -> None:
        """Play the steps, and then let all become quiet.

        Raises:
            BrokenError: something promised does not hold.
        """
        self._steps(schedule.steps)
        if schedule.steps:
            self.tell("From here on nothing goes wrong any more.")
        self._quiet()
        self.stage.step(Step())
        if said := self.rebuilding.finish():
            self.tell(said)

    def inside(self, steps: tuple[Step, ...]) -> None:
        """Play some steps while a function has stopped."""
        outer, self.is_inside = self.is_inside, True
        try:
            self._steps(steps)
        finally:
            self.is_inside = outer

    @property
    def was_refused(self) -> bool:
        """Whether a call of the function that has run was refused for good."""
        run = self.stage.run
        return run is not None and run.is_refused

    def version(self, key: ItemKey, number: int) -> VersionPlayer:
        """Return the player of a version."""
        self._listen()
        return self._versions[key, number]

    def has_open_child(self, id_: str) -> bool:
        """Whether a saga that this one has started is still to go on."""
        self._listen()
        sagas = [one for one in self.players.values() if isinstance(one, SagaPlayer)]
        return any(one.saga.source == id_ and not one.is_done for one in sagas)

    def pass_until(self, at: str) -> None:
        """Let time pass until something is due, if it is not yet."""
        left = datetime.fromisoformat(at) - self.stage.clock()
        if left > timedelta(0):
            self.tell(f"     -- {left} pass")
            self.stage.clock.advance(seconds=left.total_seconds())

    def resume(self) -> None:
        """Let versions go on whose wait is over."""
        executions = self.world.executions
        while executions.succeeded or executions.rejected:
            if executions.rejected:
                self._waiting(executions.rejected.pop()[0]).block()
                continue
            player = self._waiting(executions.succeeded.pop()[0])
            self._let(player, Step(), player.woken)

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

    def _player(self, place: int, piece: Piece) -> Player:
        match piece:
            case (key, number):
                self._versions[key, number] = VersionPlayer(self, key, number)
                return self._versions[key, number]
            case PlanKey():
                return PlanPlayer(self, piece)
            case TaskKey():
                return TaskPlayer(self, piece, self.scene.ends.get(place))
            case SagaKey():
                return SagaPlayer(self, piece)
            case Batch():
                return ImportPlayer(self, piece)

    def _steps(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            if step.leap:
                self.stage.clock.advance(seconds=step.leap)
                self.tell(f"{timedelta(seconds=step.leap)} pass")
            elif step.rebuilds:
                self.stage.step(Step())
                self.tell(self.rebuilding.step(self.stage.clock))
            elif step.version in self.players:
                self._come(self.players[step.version], step)

    def _listen(self) -> None:
        """Take up what functions, plans and imports have published, and the sagas of sagas."""
        for piece in self._stream():
            if piece not in self._versions:
                place = max(self.players, default=-1) + 1
                self.players[place] = self._player(place, piece)

    def _stream(self) -> Iterator[Version | SagaKey]:
        written = self.world.dynamodb.written
        for change in written[self._heard :]:
            if change.table == "CommandsTable" and change.event == "INSERT":
                item = unmarshal(change.item)
                if item.get("kind") == "process":
                    process = as_process(item)
                    yield process.key, process.version
            if change.table == "SagasTable" and change.event == "INSERT":
                yield SAGAS.record(unmarshal(change.item)).key
        self._heard = len(written)

    def _quiet(self) -> None:
        for _ in range(ROUNDS):
            self._listen()
            left = [one for one in self.players.values() if not one.is_done]
            if not left:
                return
            for player in left:
                if not player.is_done:
                    self._come(player, Step())
        raise BrokenError(
            "lost", f"{left[0].why()} ({ROUNDS} times)", "raise TransientError only for what passes"
        )

    def _waiting(self, token: str) -> VersionPlayer:
        return next(one for one in self._versions.values() if one.token == token)

    def _come(self, player: Player, step: Step) -> None:
        self._let(player, step, lambda: player.come(step))

    def _let(self, player: Player, step: Step, go: Callable[[], None]) -> None:
        again = " once more, late" if player.is_done else ""
        where = f" in environment {step.environment}" if step.environment else ""
        self.tell(f"{player.name} comes{again}{where}")
        self.stage.step(step)
        try:
            go()
        except DiedError:
            return
        except (SupersededError, TransientError) as error:
            self.tell(f"     -- {type(error).__name__}: it is tried again later")


def _silent(_: str) -> None:
    return None


def on_stage(stage: Stage, scene: Scene, tell: Tell | None = None) -> AbstractContextManager[World]:
    """Return a world over a copy of a scene's tables, whose calls the stage watches."""
    return world_of(watched(stage, scene.tables.copied(), tell), stage.clock, scene.at)
