"""Deadlines that are declared: a function says of each version by when something has to come.

A declaration loads no service; one is imported when a handler runs.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers

if TYPE_CHECKING:
    from sfn_cqrs.machines.schedule.deadlines import Deadlines

Moment = Callable[[Command[Any]], datetime | timedelta | None]


def deadlines(command: Command[Any]) -> "Deadlines":
    """Return the deadlines of an item, which a handler sets and clears for its version."""
    made: Deadlines = import_module("sfn_cqrs.machines.schedule.deadlines").Deadlines(command)
    return made


def deadline(
    type_: str, *, publish: dict[str, Json], is_deleted: bool | None = None
) -> Callable[[Moment], Moment]:
    """Register a function that says of each version by when something else has to come.

    It returns a moment, or a duration from when the version was published, or None: the item waits
    for nothing. Unless a later version says otherwise until then, the item is changed as by a
    partial publish. A deleted item waits for nothing.
    """

    def register(moment: Moment) -> Moment:
        def handler(command: Command[Any]) -> None:
            _say(command, moment.__name__, publish, is_deleted, moment)

        handler.__name__ = f"deadline_{moment.__name__}"
        handler.__module__ = moment.__module__
        handlers.acting_handler(type_)(handler)
        return moment

    return register


def _say(
    command: Command[Any],
    name: str,
    publish: dict[str, Json],
    is_deleted: bool | None,
    moment: Moment,
) -> None:
    due = None if command.is_deleted else moment(command)
    ours = deadlines(command)
    if due is None:
        ours.clear(name)
    elif isinstance(due, timedelta):
        ours.set(name, after=due, publish=publish, is_deleted=is_deleted)
    else:
        ours.set(name, at=due, publish=publish, is_deleted=is_deleted)
