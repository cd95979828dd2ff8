"""The demonstration's steps, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.demo import approvals, archives, commands, imports, rebuilds, sagas, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from tests.demo.step import Report, Scale, Step

    from sfn_cqrs_tools.stack.local_stack import LocalStack

STEPS: Final[tuple[Step, ...]] = (
    commands.tell,
    tasks.tell,
    sagas.tell,
    rebuilds.tell,
    approvals.tell,
    imports.tell,
    archives.tell,
)


def run(stack: LocalStack, console: Console, scale: Scale) -> Iterator[Report]:
    """Run the steps one after the other.

    Raises:
        UnexpectedError: one of them cannot go on.
    """
    for step in STEPS:
        yield step(stack, console, scale)
