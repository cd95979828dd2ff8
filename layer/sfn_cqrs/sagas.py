"""Several steps, all made or all undone: declare them, write the machine's states, start sagas."""

from typing import TYPE_CHECKING

from sfn_cqrs._door import door

if TYPE_CHECKING:
    from sfn_cqrs.kernel.keys import SagaRef
    from sfn_cqrs.machines.saga import saga_programs
    from sfn_cqrs.machines.saga.declaring import Retry, Saga, Steps, saga
    from sfn_cqrs.machines.saga.effects import publish_once, undo_once
    from sfn_cqrs.machines.saga.items import SAGAS
    from sfn_cqrs.machines.saga.rules import End, Entry, EntryStatus, SagaStatus
    from sfn_cqrs.machines.saga.service import SagaService
    from sfn_cqrs.machines.saga.state import SagaState, saga_state
    from sfn_cqrs.machines.saga.types import SagaStep, compensation, find, saga_step, saga_type
    from sfn_cqrs.machines.schedule.effects import plan_once, unplan_once
else:
    __getattr__, __dir__ = door(
        __name__,
        {
            "sfn_cqrs.machines.saga.items": "SAGAS",
            "sfn_cqrs.machines.saga": "saga_programs",
            "sfn_cqrs.kernel.keys": "SagaRef",
            "sfn_cqrs.machines.schedule.effects": "plan_once unplan_once",
            "sfn_cqrs.machines.saga.rules": "End Entry EntryStatus SagaStatus",
            "sfn_cqrs.machines.saga.declaring": "Retry Saga Steps saga",
            "sfn_cqrs.machines.saga.effects": "publish_once undo_once",
            "sfn_cqrs.machines.saga.service": "SagaService",
            "sfn_cqrs.machines.saga.state": "SagaState saga_state",
            "sfn_cqrs.machines.saga.types": "SagaStep compensation find saga_step saga_type",
        },
    )

__all__ = [
    "SAGAS",
    "End",
    "Entry",
    "EntryStatus",
    "Retry",
    "Saga",
    "SagaRef",
    "SagaService",
    "SagaState",
    "SagaStatus",
    "SagaStep",
    "Steps",
    "compensation",
    "find",
    "plan_once",
    "publish_once",
    "saga",
    "saga_programs",
    "saga_state",
    "saga_step",
    "saga_type",
    "undo_once",
    "unplan_once",
]
