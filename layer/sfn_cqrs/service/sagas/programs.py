"""Runs the programs of sagas against DynamoDB, Step Functions and the user's functions."""

from collections.abc import Generator
from typing import Any, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.domain import saga_programs
from sfn_cqrs.domain.keys import SagaKey
from sfn_cqrs.domain.saga_programs import SagaWritten
from sfn_cqrs.service.programs import run_program
from sfn_cqrs.service.sagas.work import work_on

T = TypeVar("T")
_Move = saga_programs.Open | saga_programs.Close | saga_programs.Restart | saga_programs.Redrive
_Write = (
    saga_programs.Begin | saga_programs.End | saga_programs.TurnBack | saga_programs.Park | _Move
)


class SagaFlow:
    """What happens to one saga."""

    def __init__(self, key: SagaKey) -> None:
        """Take a saga."""
        self._key = key

    def run(self, program: Generator[saga_programs.Call, Any, T]) -> T:
        """Make a program's calls one by one; whatever a call raises ends the program."""
        return run_program(program, self._made)

    def _made(self, call: saga_programs.Call) -> object:
        match call:
            case saga_programs.FindSaga():
                return bootstrap.sagas().find(self._key)
            case saga_programs.Work(saga, name, is_undo):
                return work_on(saga, name, is_undo=is_undo)
            case saga_programs.Start(saga):
                bootstrap.saga_executions(saga.saga).start(saga.ref)
                return None
            case saga_programs.Describe(saga):
                return bootstrap.saga_executions(saga.saga).describe(saga.ref)
            case _:
                return self._written(call)

    def _written(self, call: _Write) -> SagaWritten:
        sagas, key = bootstrap.sagas(), self._key
        match call:
            case saga_programs.Begin(name, attempt, seq, is_undo):
                return sagas.begin(key, name, attempt, seq, is_undo=is_undo)
            case saga_programs.End(name, attempt, seq, ending, is_undo):
                return sagas.end(key, name, attempt, seq, ending, is_undo=is_undo)
            case saga_programs.TurnBack(attempt, error, cause):
                return sagas.turn_back(key, attempt, error, cause)
            case saga_programs.Park(attempt, error, cause):
                return sagas.park(key, attempt, error, cause)
            case _:
                return self._moved_on(call)

    def _moved_on(self, call: _Move) -> SagaWritten:
        sagas, key = bootstrap.sagas(), self._key
        match call:
            case saga_programs.Open(attempt, is_undoing):
                return sagas.open(key, attempt, is_undoing=is_undoing)
            case saga_programs.Close(attempt, status):
                return sagas.close(key, attempt, status)
            case saga_programs.Restart(attempt):
                return sagas.restart(key, attempt)
            case saga_programs.Redrive(attempt):
                return sagas.redrive(key, attempt)
