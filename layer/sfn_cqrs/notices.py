"""Hear what becomes of commands, tasks, imports and sagas, log it, and tell other systems."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.kernel.functions.logs import logger
    from sfn_cqrs.machines.command.handlers import on_notice
    from sfn_cqrs.webhooks.sending import send_webhook
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.machines.command.handlers": "on_notice",
            "sfn_cqrs.kernel.functions.logs": "logger",
            "sfn_cqrs.webhooks.sending": "send_webhook",
        },
    )

__all__ = [
    "logger",
    "on_notice",
    "send_webhook",
]
