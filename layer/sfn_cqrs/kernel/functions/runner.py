"""Runs a program: a generator that yields one call at a time and is sent its answer."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sfn_cqrs.kernel.programs import Describe, Find, Start
from sfn_cqrs.kernel.records import Record, RecordKey

if TYPE_CHECKING:
    from sfn_cqrs.kernel.aws.executions import Executions
    from sfn_cqrs.kernel.tables.records import Records

C = TypeVar("C")
K = TypeVar("K", bound=RecordKey)
R = TypeVar("R", bound=Record)
T = TypeVar("T")


class Runner(Generic[C]):
    """Runs programs; each kind makes its own calls."""

    def run(self, program: Generator[C, Any, T]) -> T:
        """Make a program's calls one by one, and return its result.

        An exception of a call ends the program.
        """
        try:
            call = next(program)
            while True:
                call = program.send(self._make(call))
        except StopIteration as end:
            result: T = end.value
            return result

    def _make(self, call: C) -> object:
        """Make a call, and return its answer."""
        raise NotImplementedError


class Flow(Runner[C], Generic[C, K, R]):
    """A program runner for one record; each kind knows the record's place and makes its own calls.

    A write reuses the record that was read last, which saves a read.
    """

    def __init__(self, key: K) -> None:
        """Take a record."""
        self._key = key
        self._seen: R | None = None

    def _records(self) -> "Records[R]":
        raise NotImplementedError

    def _executions(self, record: R) -> "Executions":
        raise NotImplementedError

    def _make(self, call: Any) -> object:
        match call:
            case Find():
                self._seen = self._records().find(self._key)
                return self._seen
            case Start(record):
                return self._executions(record).start(record.ref, record.trace)
            case Describe(record):
                return self._executions(record).describe(record.ref)
            case _:
                written = self._records().change(self._key, call, self._seen)
                self._seen = written.record
                return written
