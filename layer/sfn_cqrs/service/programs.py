"""Runs a program: a generator that yields one call at a time and is sent its answer."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

C = TypeVar("C")
T = TypeVar("T")


def run_program(program: Generator[C, Any, T], make: Callable[[C], object]) -> T:
    """Make a program's calls one by one; whatever a call raises ends the program."""
    try:
        call = next(program)
        while True:
            call = program.send(make(call))
    except StopIteration as end:
        result: T = end.value
        return result
