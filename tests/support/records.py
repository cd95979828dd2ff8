"""Records whose gets and puts are calls of their own, so that anything may happen between them."""

from typing import Any, TypeVar

from tests.support.calls import Calls, Watched

from sfn_cqrs.adapters.records import Kind, Records
from sfn_cqrs.domain.clock import Now
from sfn_cqrs.domain.records import Record, RecordKey, Write, Written
from sfn_cqrs_tools.testing.fakes import World
from sfn_cqrs_tools.testing.fakes.stored import TABLE_OF

R = TypeVar("R", bound=Record)


class WatchedRecords(Records[R]):
    """The real ones; the calls of a write are told with its name, such as `Park put_item`."""

    def __init__(self, world: World, kind: Kind[R], now: Now, calls: Calls) -> None:
        watched: Any = Watched(world.dynamodb, calls, lambda *_: None)
        table = TABLE_OF[kind.name]
        super().__init__(watched, table, kind, requests=world.requests, now=now)
        self._calls = calls

    def change(self, key: RecordKey, write: Write[R], seen: R | None = None) -> Written[R]:
        with self._calls.named(type(write).__name__):
            return super().change(key, write, seen)
