"""The base of all programs, and what they ask of executions."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sfn_cqrs.kernel.errors import NotFoundError
from sfn_cqrs.kernel.records import Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution's state as Step Functions tells it."""

    is_running: bool
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Find:
    """Read the record that the program is about consistently: it, or None."""


@dataclass(frozen=True, slots=True)
class Start(Generic[R]):
    """Start the execution of a record's attempt; True: it runs; False: it has ended already."""

    record: R


@dataclass(frozen=True, slots=True)
class Describe(Generic[R]):
    """Ask for the execution of a record's attempt: Execution or None."""

    record: R


def existing(what: str) -> Generator[Find, Any, Any]:
    """The record that the program is about, which is called so.

    Raises:
        NotFoundError: there is none.
    """
    found = yield Find()
    if found is None:
        raise NotFoundError(f"there is no such {what}")
    return found


def ended_execution(
    record: R, *, has_begun: bool
) -> Generator[Start[R] | Describe[R], Any, str | Execution]:
    """The execution of a record's attempt, if it has ended; a word says what it is else.

    It is "running"; or it was not there, and is "started" now. One that no state has begun is
    started first, which changes nothing if it runs: AWS starts many executions a second, and
    describes few.
    """
    if not has_begun and (yield Start(record)):
        return "started"
    execution: Execution | None = yield Describe(record)
    if execution is None:
        yield Start(record)
        return "started"
    return "running" if execution.is_running else execution
