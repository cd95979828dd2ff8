"""Change items and read them: publish versions, look at rows, and repair what has failed.

These services have the rights of code; a service that is made with a client has the client's.
"""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.kernel.caller import Caller
    from sfn_cqrs.machines.command.change import Published
    from sfn_cqrs.machines.command.data import DataService, HistoryService
    from sfn_cqrs.machines.command.operations import ChainService, Link
    from sfn_cqrs.machines.command.process import Outcome
    from sfn_cqrs.machines.command.service import CommandService
    from sfn_cqrs.machines.command.together import NewVersion
    from sfn_cqrs.machines.schedule.deadlines import Deadlines
    from sfn_cqrs.machines.schedule.declared import deadline, deadlines
    from sfn_cqrs.machines.schedule.declared_jobs import Run, job
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.kernel.caller": "Caller",
            "sfn_cqrs.machines.command.process": "Outcome",
            "sfn_cqrs.machines.command.operations": "ChainService Link",
            "sfn_cqrs.machines.command.service": "CommandService",
            "sfn_cqrs.machines.command.change": "Published",
            "sfn_cqrs.machines.command.together": "NewVersion",
            "sfn_cqrs.machines.command.data": "DataService HistoryService",
            "sfn_cqrs.machines.schedule.deadlines": "Deadlines",
            "sfn_cqrs.machines.schedule.declared": "deadline deadlines",
            "sfn_cqrs.machines.schedule.declared_jobs": "Run job",
        },
    )

__all__ = [
    "Caller",
    "ChainService",
    "CommandService",
    "DataService",
    "Deadlines",
    "HistoryService",
    "Link",
    "NewVersion",
    "Outcome",
    "Published",
    "Run",
    "deadline",
    "deadlines",
    "job",
]
