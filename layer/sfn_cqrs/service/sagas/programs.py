"""Runs the programs of sagas against DynamoDB, Step Functions and the user's functions."""

from collections.abc import Generator
from typing import Any, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.domain import saga_programs
from sfn_cqrs.domain.keys import SagaKey
from sfn_cqrs.domain.saga import Saga
from sfn_cqrs.service.programs import run_program
from sfn_cqrs.service.sagas.work import work_on

T = TypeVar("T")


class SagaFlow:
    """What happens to one saga."""

    def __init__(self, key: SagaKey) -> None:
        """Take a saga."""
        self._key = key
        self._seen: Saga | None = None

    def run(self, program: Generator[saga_programs.Call, Any, T]) -> T:
        """Make a program's calls one by one; whatever a call raises ends the program."""
        return run_program(program, self._made)

    def _made(self, call: saga_programs.Call) -> object:
        match call:
            case saga_programs.FindSaga():
                self._seen = bootstrap.sagas().find(self._key)
                return self._seen
            case saga_programs.Work(saga, name, is_undo):
                return work_on(saga, name, is_undo=is_undo)
            case saga_programs.Start(saga):
                return bootstrap.saga_executions(saga.saga).start(saga.ref, saga.trace)
            case saga_programs.Describe(saga):
                return bootstrap.saga_executions(saga.saga).describe(saga.ref)
            case _:
                written = bootstrap.sagas().change(self._key, call, self._seen)
                self._seen = written.record
                return written
