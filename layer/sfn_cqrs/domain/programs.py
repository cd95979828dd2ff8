"""The calls that the programs of sagas, tasks, approvals and rebuilds have in common."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from sfn_cqrs.domain.records import Record

R = TypeVar("R", bound=Record)


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
