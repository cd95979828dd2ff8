"""Programs as values: a generator that has come somewhere is one number.

A generator can be neither copied nor hashed, so a place in a program is found by replaying
its answers. Two places with the same frames and the same locals are one place: what was
asked on the way is forgotten with the variables that held it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, NamedTuple

Program = Callable[..., Generator[Any, Any, Any]]


class Raised(NamedTuple):
    """An answer that is an exception."""

    error: type[Exception]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program is: the call that it makes next, or how it ended."""

    program: Program
    args: tuple[Any, ...]
    answers: tuple[Any, ...]
    call: Any
    is_done: bool
    value: Any = None
    error: str | None = None


class Programs:
    """All places that any program of a model has come to."""

    def __init__(self, *, merges: bool = True) -> None:
        """Begin with none; without `merges`, different answers are always different places."""
        self.places: list[Place] = []
        self._merges = merges
        self._numbers: dict[Any, int] = {}
        self._started: dict[Any, int] = {}
        self._advanced: dict[Any, int] = {}

    def start(self, program: Program, *args: Any) -> int:
        key = (program, args)
        if key not in self._started:
            self._started[key] = self._replayed(program, args, ())
        return self._started[key]

    def advance(self, number: int, answer: Any) -> int:
        key = (number, answer)
        if key not in self._advanced:
            place = self.places[number]
            answers = (*place.answers, answer)
            self._advanced[key] = self._replayed(place.program, place.args, answers)
        return self._advanced[key]

    def _replayed(self, program: Program, args: tuple[Any, ...], answers: tuple[Any, ...]) -> int:
        generator = program(*args)
        call, is_done, value, error = None, False, None, None
        try:
            call = next(generator)
            for answer in answers:
                if isinstance(answer, Raised):
                    call = generator.throw(answer.error("injected"))
                else:
                    call = generator.send(answer)
        except StopIteration as end:
            is_done, value = True, end.value
        except Exception as raised:
            is_done, error = True, type(raised).__name__
        key: Any = (value, error) if is_done else _frames(generator)
        if not self._merges:
            key = (program, args, answers)
        if key not in self._numbers:
            self._numbers[key] = len(self.places)
            self.places.append(Place(program, args, answers, call, is_done, value, error))
        return self._numbers[key]


def _frames(generator: Any) -> tuple[Any, ...]:
    frames = []
    while generator is not None:
        frame = generator.gi_frame
        frames.append((frame.f_code.co_qualname, frame.f_lasti, tuple(frame.f_locals.items())))
        generator = generator.gi_yieldfrom
    return tuple(frames)
