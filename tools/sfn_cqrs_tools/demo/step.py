"""The input and the report of a step of the demonstration."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

TENANT = "tenant1"
PATIENCE_SECONDS = 900
"""Three sweeps: on a bad day it may take two, until what has lost its wake goes on."""


class DemoError(Exception):
    """The demonstration did not end as it has to; the message says where it differs."""


def wait_until(is_reached: Callable[[], bool], problem: str, pause: float = 0.05) -> None:
    """Look again and again until something is reached.

    Raises:
        DemoError: that takes too long.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_reached():
        if time.monotonic() > deadline:
            raise DemoError(problem)
        time.sleep(pause)


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
        DemoError: it cannot go on.
    """

    def __call__(self, stack: LocalStack, console: Console, scale: Scale) -> Report:
        """Run it."""
