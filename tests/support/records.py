"""Writes of records, told by their names: `Park PutItem`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from tests.support.calls import Calls

from sfn_cqrs.kernel.records import RecordKey, Write, Written
from sfn_cqrs.kernel.tables.records import Records

_change = Records.change


@contextmanager
def writes_named(calls: Calls) -> Iterator[None]:
    """The calls of a write are told with its name before that of their operation."""

    def change(
        records: Records[Any], key: RecordKey, write: Write[Any], seen: Any = None
    ) -> Written[Any]:
        with calls.named(type(write).__name__):
            return _change(records, key, write, seen)

    with mock.patch.object(Records, "change", change):
        yield
