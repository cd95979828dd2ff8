"""The demonstration's parts, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sfn_cqrs_tools.demo import approvals, archives, commands, imports, rebuilds, sagas, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from sfn_cqrs_tools.demo.part import Part, Scale, Told
    from sfn_cqrs_tools.stack.local_stack import LocalStack

PARTS: Final[tuple[Part, ...]] = (
    commands.tell,
    tasks.tell,
    sagas.tell,
    rebuilds.tell,
    approvals.tell,
    imports.tell,
    archives.tell,
)


def run(stack: LocalStack, console: Console, scale: Scale) -> Iterator[Told]:
    """Run the parts one after the other.

    Raises:
        DemoError: one of them cannot go on.
    """
    for part in PARTS:
        yield part(stack, console, scale)
