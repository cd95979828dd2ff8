"""Runs the programs of sagas against DynamoDB, Step Functions and the user's functions."""

from typing import TYPE_CHECKING

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.runner import Flow
from sfn_cqrs.kernel.keys import SagaKey
from sfn_cqrs.machines.saga.rules import Saga
from sfn_cqrs.machines.saga.saga_programs import Call, Work
from sfn_cqrs.machines.saga.work import work_on

if TYPE_CHECKING:
    from sfn_cqrs.kernel.aws.executions import Executions
    from sfn_cqrs.kernel.tables.records import Records


class SagaFlow(Flow[Call, SagaKey, Saga]):
    """A program runner for one saga."""

    def _records(self) -> "Records[Saga]":
        return bootstrap.sagas()

    def _executions(self, record: Saga) -> "Executions":
        return bootstrap.saga_executions(record.ref.machine)

    def _make(self, call: Call) -> object:
        match call:
            case Work(saga, name, is_undo):
                return work_on(saga, name, is_undo=is_undo)
            case _:
                return super()._make(call)
