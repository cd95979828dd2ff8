"""Declared sagas made by chance, with the fate of each function, and how they must end.

The model knows the words of docs/sagas.md alone: nothing of the log, the programs or the machine.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain
from typing import Any

from tests.support.calls import KilledError

from sfn_cqrs.kernel.errors import StepRefusedError, TransientError
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.declaring import Retry, Steps, saga
from sfn_cqrs.machines.saga.rules import EACH, MAX_STEPS, MET, OTHERWISE, SagaStatus
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
    """A step, with what undoes it; or a choice, with its arms; or a pause; or a wait; or a list.

    A wait has a `pause`, too: so long it waits, while its first calls answer "not yet". What is
    made for each of its `items` is the only arm of a list.
    """

    name: str
    fate: Fate = Fate()
    undo: Fate | None = None
    tries: int = 1
    arms: Mapping[str, "Sequence[Part]"] = field(default_factory=dict)
    chosen: str = ""
    pause: timedelta | None = None
    is_wait: bool = False
    items: int | None = None


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
    if dice.random() < 0.4:
        each = {EACH: [_step(dice, names) for _ in range(dice.randint(1, 2))]}
        listed = Part(next(names), arms=each, items=dice.randint(0, 3))
        parts.insert(dice.randint(0, len(parts)), listed)
    made = [_step(dice, names), *parts]
    while sum(map(_size, made)) > MAX_STEPS:
        made.pop()
    return made


def _size(part: Part) -> int:
    is_step = not part.arms and part.pause is None
    return (is_step or part.items is not None) + sum(map(_size, chain(*part.arms.values())))


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
        for item in range(1, (part.items or 0) + 1):
            for each in part.arms[EACH]:
                yield replace(each, name=f"{each.name}.{item}")


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
    """Return the name of what undoes a step; that of an item has the item's number too."""
    return f"undo_{part.name}"


@dataclass
class Told:
    """What the functions of a saga have done, in its order; `is_mended`: no call fails any more."""

    done: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    is_mended: bool = False

    def function(self, name: str, fate: Fate, answer: Any = "") -> Any:
        """Make a function of the saga."""

        def called(step: SagaStep[Given]) -> Any:
            self.calls[step.name] += 1
            if fate.end == NOT_YET and self.calls[step.name] <= fate.times:
                return ""
            if self.calls[step.name] <= fate.times and not self.is_mended:
                raise ERRORS[fate.end](step.name)
            self.done.append(step.name)
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
            elif part.items is not None:
                listed = told.function(part.name, part.fate, list(range(part.items)))
                s.each(listed, _arm(declare, part.arms[EACH]), at_most=3)
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
