"""Change items and read them: publish versions, look at rows, and repair what has failed.

These services have the rights of code; a service that is made with a client has the client's.
"""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.domain.caller import Caller
    from sfn_cqrs.domain.process import Outcome
    from sfn_cqrs.service.commands.operations import ChainService, Link
    from sfn_cqrs.service.commands.service import CommandService, Published
    from sfn_cqrs.service.data import DataService, HistoryService
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.domain.caller": "Caller",
            "sfn_cqrs.domain.process": "Outcome",
            "sfn_cqrs.service.commands.operations": "ChainService Link",
            "sfn_cqrs.service.commands.service": "CommandService Published",
            "sfn_cqrs.service.data": "DataService HistoryService",
        },
    )

__all__ = [
    "Caller",
    "ChainService",
    "CommandService",
    "DataService",
    "HistoryService",
    "Link",
    "Outcome",
    "Published",
]
