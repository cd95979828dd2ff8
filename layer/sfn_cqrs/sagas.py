"""Several steps, all made or all undone: declare them, write the machine's states, start sagas."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.adapters.saga_items import SAGAS
    from sfn_cqrs.domain import saga_programs
    from sfn_cqrs.domain.keys import SagaRef
    from sfn_cqrs.domain.saga import End, Entry, EntryStatus, SagaStatus
    from sfn_cqrs.service.sagas.effects import publish_once, undo_once
    from sfn_cqrs.service.sagas.service import SagaService
    from sfn_cqrs.service.sagas.state import SagaState, saga_state
    from sfn_cqrs.service.sagas.types import SagaStep, compensation, find, saga_step, saga_type
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.adapters.saga_items": "SAGAS",
            "sfn_cqrs.domain": "saga_programs",
            "sfn_cqrs.domain.keys": "SagaRef",
            "sfn_cqrs.domain.saga": "End Entry EntryStatus SagaStatus",
            "sfn_cqrs.service.sagas.effects": "publish_once undo_once",
            "sfn_cqrs.service.sagas.service": "SagaService",
            "sfn_cqrs.service.sagas.state": "SagaState saga_state",
            "sfn_cqrs.service.sagas.types": "SagaStep compensation find saga_step saga_type",
        },
    )

__all__ = [
    "SAGAS",
    "End",
    "Entry",
    "EntryStatus",
    "SagaRef",
    "SagaService",
    "SagaState",
    "SagaStatus",
    "SagaStep",
    "compensation",
    "find",
    "publish_once",
    "saga_programs",
    "saga_state",
    "saga_step",
    "saga_type",
    "undo_once",
]
