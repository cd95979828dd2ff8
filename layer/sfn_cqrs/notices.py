"""Hear what becomes of commands, tasks, imports and sagas, and log it."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.kernel.functions.logs import logger
    from sfn_cqrs.machines.command.handlers import on_notice
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.machines.command.handlers": "on_notice",
            "sfn_cqrs.kernel.functions.logs": "logger",
        },
    )

__all__ = [
    "logger",
    "on_notice",
]
