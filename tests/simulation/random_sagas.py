"""Declared sagas made by chance, with the fate of each function, and how they must end.

The model knows the words of docs/sagas.md alone: nothing of the log, the programs or the machine.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.support.calls import KilledError

from sfn_cqrs.kernel.errors import StepRefusedError, TransientError
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.declaring import Retry, Steps, saga
from sfn_cqrs.machines.saga.rules import MET, OTHERWISE, SagaStatus
from sfn_cqrs.machines.saga.types import SagaStep

NAME = "random-saga"
NOT_YET = "not yet"
ALWAYS = 1_000
SOMETIMES = 2
"""Fewer than the machine tries again after a death, and than the tries of any `retry` here."""
TRIES = 3
ERRORS: dict[str, Callable[[str], BaseException]] = {
    "refused": lambda name: StepRefusedError("no", name),
    "fails": RuntimeError,
    "busy": TransientError,
    "dies": KilledError,
}


@dataclass(frozen=True)
class Given:
    """The input, of which no step needs anything."""

    code: str = "1"


@dataclass(frozen=True)
class Fate:
    """How the first calls of a function end: `times` of them in this way."""

    end: str = ""
    times: int = 0

    @property
    def is_final(self) -> bool:
        """Whether no call of it ever ends well."""
        return self.times == ALWAYS


@dataclass(frozen=True)
class Part:
    """A step, with what undoes it; or a choice, with its arms; or a pause; or a wait.

    A wait has a `pause`, too: so long it waits, while its first calls answer "not yet".
    """

    name: str
    fate: Fate = Fate()
    undo: Fate | None = None
    tries: int = 1
    arms: Mapping[str, "Sequence[Part]"] = field(default_factory=dict)
    chosen: str = ""
    pause: timedelta | None = None
    is_wait: bool = False


@dataclass(frozen=True)
class Expected:
    """How a saga ends, what it has done by then in its order, and how it ends once mended."""

    status: SagaStatus
    done: tuple[str, ...]
    mended: SagaStatus


def a_saga(seed: int) -> list[Part]:
    """Declare by chance: up to ten steps, some without an undo; a choice; pauses."""
    dice = random.Random(seed)
    names = (f"part_{number}" for number in range(99))
    parts = [_part(dice, names) for _ in range(dice.randint(2, 5))]
    if dice.random() < 0.5:
        arms = {arm: [_step(dice, names) for _ in range(dice.randint(0, 2))] for arm in "ab"}
        parts.insert(dice.randint(0, len(parts)), Part(next(names), arms=arms, chosen="a"))
    return [_step(dice, names), *parts]


def _part(dice: random.Random, names: Iterator[str]) -> Part:
    if dice.random() < 0.2:
        late = dice.choice([Fate(), Fate(NOT_YET, SOMETIMES), Fate(NOT_YET, ALWAYS)])
        arms = {OTHERWISE: [_step(dice, names)]} if dice.random() < 0.7 else {}
        chosen = OTHERWISE if late.is_final else MET
        longest = timedelta(hours=dice.choice([1, 50]))
        return Part(next(names), late, arms=arms, chosen=chosen, pause=longest, is_wait=True)
    if dice.random() < 0.2:
        return Part(next(names), pause=timedelta(seconds=dice.choice([1, 90, 200_000])))
    return _step(dice, names)


def _step(dice: random.Random, names: Iterator[str]) -> Part:
    undo = _fate(dice, 0.25) if dice.random() < 0.8 else None
    return Part(next(names), _fate(dice, 0.15), undo, tries=dice.choice([1, TRIES, TRIES]))


def _fate(dice: random.Random, final: float) -> Fate:
    end = dice.choice(sorted(ERRORS))
    if dice.random() < final:
        return Fate(end, ALWAYS)
    return Fate() if end == "refused" or dice.random() < 0.5 else Fate(end, SOMETIMES)


def expected(parts: Sequence[Part]) -> Expected:
    """Say how a saga ends: forward until a step is final, then back through what has begun."""
    begun: list[Part] = []
    done: list[str] = []
    for part in _made(parts):
        begun.append(part)
        turns = _turns(part)
        if part.fate.is_final and not turns and not part.is_wait:
            return Expected(SagaStatus.PARKED, tuple(done), SagaStatus.COMPLETED)
        if turns:
            return _back(begun, done)
        if not (part.is_wait and part.fate.is_final):
            done.append(part.name)
    return Expected(SagaStatus.COMPLETED, tuple(done), SagaStatus.COMPLETED)


def _made(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        if part.pause is None or part.is_wait:
            yield part
        yield from part.arms.get(part.chosen, ())


def _turns(part: Part) -> bool:
    """A busy one never turns a saga; an error does as soon as it has no try left."""
    fails = part.fate.end == "fails" and part.fate.times >= part.tries
    return fails or (part.fate.is_final and part.fate.end in ("refused", "dies"))


def _back(begun: list[Part], done: list[str]) -> Expected:
    for part in reversed(begun):
        if part.undo is None:
            continue
        if part.undo.is_final:
            return Expected(SagaStatus.PARKED, tuple(done), SagaStatus.COMPENSATED)
        done.append(undo_of(part))
    return Expected(SagaStatus.COMPENSATED, tuple(done), SagaStatus.COMPENSATED)


def undo_of(part: Part) -> str:
    """Return the name of what undoes a step."""
    return f"undo_{part.name}"


@dataclass
class Told:
    """What the functions of a saga have done, in its order; `is_mended`: no call fails any more."""

    done: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    is_mended: bool = False

    def function(self, name: str, fate: Fate, answer: str = "") -> Any:
        """Make a function of the saga."""

        def called(_step: SagaStep[Given]) -> str:
            self.calls[name] += 1
            if fate.end == NOT_YET and self.calls[name] <= fate.times:
                return ""
            if self.calls[name] <= fate.times and not self.is_mended:
                raise ERRORS[fate.end](name)
            self.done.append(name)
            return answer

        called.__name__ = name
        return called


@contextmanager
def declared(parts: Sequence[Part]) -> Iterator[Told]:
    """Declare a saga as long as this lasts."""
    told = Told()

    def declare(s: Steps[Given], some: Sequence[Part] = parts) -> None:
        for part in some:
            make = told.function(part.name, part.fate, part.chosen)
            if part.is_wait and part.pause is not None:
                otherwise = _arm(declare, part.arms.get(OTHERWISE, ()))
                s.wait(make, at_most=part.pause, otherwise=otherwise)
            elif part.pause is not None:
                s.pause(part.name, part.pause)
            elif part.arms:
                s.choice(make, **{arm: _arm(declare, inner) for arm, inner in part.arms.items()})
            else:
                undo = None if part.undo is None else told.function(undo_of(part), part.undo)
                s.step(make, undo=undo, retry=Retry(part.tries))

    saga(NAME, input=Given)(declare)
    try:
        yield told
    finally:
        del saga_types._types[NAME]


def _arm(declare: Any, inner: Sequence[Part]) -> Callable[[Steps[Given]], None]:
    return lambda s: declare(s, inner)
