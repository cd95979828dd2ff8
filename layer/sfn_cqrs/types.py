"""What an item is: declare its type, and name who may publish and read it.

A module of your package declares a type with `command_type`; handlers, services and tests name its
items by `ItemKey`, and get its versions as `Command`.
"""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.kernel.command import Audit, Command, Content, DataRow, Stored
    from sfn_cqrs.kernel.keys import ItemKey
    from sfn_cqrs.kernel.models.models import Meta, Personal
    from sfn_cqrs.kernel.policy import CODE, MACHINES, MEMBERS, Client, Policy, group, own
    from sfn_cqrs.kernel.tables.paging import Page
    from sfn_cqrs.kernel.unique import Unique, exactly
    from sfn_cqrs.kernel.values import Json
    from sfn_cqrs.machines.command.handlers import command_type, erasures
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.kernel.tables.paging": "Page",
            "sfn_cqrs.kernel.command": "Audit Command Content DataRow Stored",
            "sfn_cqrs.kernel.keys": "ItemKey",
            "sfn_cqrs.kernel.models.models": "Meta Personal",
            "sfn_cqrs.kernel.policy": "CODE MACHINES MEMBERS Client Policy group own",
            "sfn_cqrs.kernel.unique": "Unique exactly",
            "sfn_cqrs.kernel.values": "Json",
            "sfn_cqrs.machines.command.handlers": "command_type erasures",
        },
    )

__all__ = [
    "CODE",
    "MACHINES",
    "MEMBERS",
    "Audit",
    "Client",
    "Command",
    "Content",
    "DataRow",
    "ItemKey",
    "Json",
    "Meta",
    "Page",
    "Personal",
    "Policy",
    "Stored",
    "Unique",
    "command_type",
    "erasures",
    "exactly",
    "group",
    "own",
]
