"""The input and the report of a step of the demonstration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

TENANT = "tenant1"


@dataclass(frozen=True)
class Scale:
    """How much there is to do."""

    airports: int
    """Airports that are published one by one, each 3 or 4 versions."""
    rows: int | None
    """Rows of the file that is imported; None: all there are."""


@dataclass(frozen=True)
class Report:
    """The figures of a step, and what is not as the source says, a line each."""

    numbers: list[tuple[str, str]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


class Step(Protocol):
    """A step: runs on a stack that is up, and writes what happens to the console.

    Raises:
        UnexpectedError: it cannot go on.
    """

    def __call__(self, stack: LocalStack, console: Console, scale: Scale) -> Report:
        """Run it."""
