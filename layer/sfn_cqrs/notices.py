"""Hear what becomes of commands, tasks, imports and sagas, and log it."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.service.handlers import on_notice
    from sfn_cqrs.service.logs import logger
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.service.handlers": "on_notice",
            "sfn_cqrs.service.logs": "logger",
        },
    )

__all__ = [
    "logger",
    "on_notice",
]
