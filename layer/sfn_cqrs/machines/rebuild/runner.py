"""Runs the programs of rebuilds against the tables and the user's handlers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.functions.runner import Flow
from sfn_cqrs.kernel.read_models.rules import (
    Advance,
    Counts,
    OpenSegment,
    Segment,
    Stage,
    View,
    ViewKey,
)
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.rebuild import programs as rebuild_programs
from sfn_cqrs.machines.rebuild import replay, rows

if TYPE_CHECKING:
    from sfn_cqrs.kernel.tables.records import Records


class RebuildFlow(Flow[rebuild_programs.Call, ViewKey, View]):
    """A program runner for one read model; a write reuses the segment that was written last."""

    def __init__(self, key: ViewKey) -> None:
        """Take a read model."""
        super().__init__(key)
        self._segment: Segment | None = None

    def _records(self) -> "Records[View]":
        return bootstrap.views()

    def _make(self, call: rebuild_programs.Call) -> object:
        match call:
            case rebuild_programs.FindSegments(under):
                return list(bootstrap.segments().all(under))
            case rebuild_programs.ReadPage(view, segment):
                if view.stage is Stage.REPLAYING:
                    return replay.page(view, segment)
                return rows.page(view, segment)
            case rebuild_programs.WorkOn(view, segment, items):
                return _work(view.stage)(view, segment, items)
            case OpenSegment():
                return self._noted(self._open(call))
            case Advance(key):
                return self._noted(bootstrap.segments().change(key, call, self._segment))
            case _:
                return super()._make(call)

    def _noted(self, written: Written[Segment]) -> Written[Segment]:
        self._segment = written.record
        return written

    def _open(self, call: OpenSegment) -> Written[Segment]:
        """Return a segment; its first attempt creates it."""
        written = bootstrap.segments().change(call.key, call)
        if written.record is not None or self._seen is None:
            return written
        new = Segment(
            key=call.key,
            attempt=call.attempt,
            expected=replay.expected(self._seen, call.key.name),
            opened_at=iso(bootstrap.now()),
        )
        bootstrap.segments().create(new)
        return bootstrap.segments().change(call.key, call)


def _work(stage: Stage) -> Callable[[View, Segment, tuple[Any, ...]], Counts]:
    works: dict[Stage, Callable[[View, Segment, tuple[Any, ...]], Counts]] = {
        Stage.REPLAYING: replay.replay,
        Stage.COMPARING: rows.compare,
        Stage.DROPPING: rows.drop,
    }
    return works[stage]
