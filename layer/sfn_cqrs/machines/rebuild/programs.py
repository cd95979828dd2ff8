"""How a read model is rebuilt while it serves, whoever dies on the way.

Each rule is a program, as in `chain`: a generator that yields one call at a time and is sent
its answer. The service runs the programs against DynamoDB and the user's handlers; the model
check runs the very same ones through every interleaving. `bringing` has the other side: how a
version reaches both generations.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.programs import Find
from sfn_cqrs.kernel.read_models.rules import (
    Advance,
    Counts,
    EndStage,
    OpenSegment,
    Segment,
    SegmentKey,
    Stage,
    View,
    ViewWrite,
)
from sfn_cqrs.kernel.records import Written


@dataclass(frozen=True, slots=True)
class FindSegments:
    """Read the progress of a stage's segments: list of Segment.

    `under` is their common prefix. Each is read consistently, but not all at one moment. Within an
    attempt, what has ended stays so.
    """

    under: SegmentKey


@dataclass(frozen=True, slots=True)
class OfSegment:
    """What is asked of a segment of a read model's work."""

    view: View
    segment: Segment


@dataclass(frozen=True, slots=True)
class ReadPage(OfSegment):
    """Read what comes behind a segment's cursor, consistently: Page."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some items or rows, and the cursor behind them; None: these are the last."""

    items: tuple[Any, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class WorkOn(OfSegment):
    """Replay, compare or delete a page: Counts."""

    items: tuple[Any, ...]


Call = Find | FindSegments | ReadPage | WorkOn | OpenSegment | Advance | ViewWrite


def next_work(attempt: int) -> Generator[Call, Any, tuple[Stage, list[str]]]:
    """The stage and the segments that the attempt works on next; no segment if it has ended.

    Raises:
        SupersededError: another attempt owns the read model, or nobody does any more.
    """
    view = yield from _owned(attempt)
    while view.stage.is_work:
        found: list[Segment] = yield FindSegments(view.segment_key(""))
        ended = {one.key.name: one.counts for one in found if _has_ended(view, one)}
        left = [name for name in view.segments() if name not in ended]
        if left:
            return view.stage, left
        counts = sum((ended[name] for name in view.segments()), Counts())
        written: Written[View] = yield EndStage(attempt, view.stage, counts)
        if not written.done or written.record is None:
            raise SupersededError
        view = written.record
    return view.stage, []


def work(
    attempt: int, stage: Stage, name: str, is_late: Callable[[], bool]
) -> Generator[Call, Any, bool]:
    """Work on a segment, page by page; answers whether it has ended.

    A page is counted after it is worked on: whoever dies in between leaves it to the next try,
    and to do a page twice changes nothing.

    Raises:
        SupersededError: another attempt owns the read model, or somebody has cancelled it.
    """
    view = yield from _owned(attempt, stage)
    key = view.segment_key(name)
    opened: Written[Segment] = yield OpenSegment(key, attempt, stage is Stage.REPLAYING)
    segment = _mine(opened)
    while not segment.is_done and not is_late():
        page: Page = yield ReadPage(view, segment)
        counts: Counts = yield WorkOn(view, segment, page.items)
        advanced: Written[Segment] = yield Advance(
            key, attempt, segment.cursor, page.cursor, counts
        )
        segment = _mine(advanced)
        if not segment.is_done:
            view = yield from _owned(attempt, stage)
    return segment.is_done


def _owned(attempt: int, stage: Stage | None = None) -> Generator[Call, Any, View]:
    view: View | None = yield Find()
    if view is None or view.attempt != attempt or (stage and view.stage is not stage):
        raise SupersededError
    return view


def _mine(written: Written[Segment]) -> Segment:
    if not written.done or written.record is None:
        raise SupersededError
    return written.record


def _has_ended(view: View, segment: Segment) -> bool:
    """A segment is done; a later attempt works again on one of which items have failed."""
    is_earlier = segment.attempt < view.attempt
    is_redone = view.stage is Stage.REPLAYING and is_earlier and segment.counts.failed > 0
    return segment.is_done and not is_redone
