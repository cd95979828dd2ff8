"""Items of the read models' table that tell of rebuilds: generations, segments, problems."""

from datetime import datetime

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.item_parts import as_audit, audit_item, record_item
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.read_models import (
    KEPT,
    Counts,
    Place,
    Problem,
    ProblemKey,
    Segment,
    SegmentKey,
    Stage,
    View,
    ViewKey,
)


def view_item(view: View) -> Item:
    """A read model's generations as stored."""
    return {
        **record_item(view, "generations"),
        "tenant": view.key.tenant,
        "view": view.key.view,
        "types": list(view.types),
        "place": str(view.place),
        "is_every_version": view.is_every_version,
        "patience": view.patience,
        "serving": view.serving,
        "other": view.other,
        "latest": view.latest,
        "stage": str(view.stage),
        "since": view.since,
        "attempt": view.attempt,
        "round": view.round,
        "replayed": view.replayed.by_name,
        "compared": view.compared.by_name,
        **audit_item(view.created),
    }


def as_view(item: Item) -> View:
    """Read a read model's generations."""
    return View(
        key=ViewKey(item["tenant"], item["view"]),
        types=tuple(item["types"]),
        place=Place(item["place"]),
        is_every_version=item["is_every_version"],
        patience=item["patience"],
        serving=item["serving"],
        other=item.get("other"),
        latest=item["latest"],
        stage=Stage(item["stage"]),
        since=item["since"],
        attempt=item["attempt"],
        round=item["round"],
        replayed=Counts(**item["replayed"]),
        compared=Counts(**item["compared"]),
        created=as_audit(item),
        updated_at=item["updated_at"],
    )


def segment_item(segment: Segment) -> Item:
    """A segment's progress as stored."""
    return {
        **record_item(segment, "segment"),
        "name": segment.key.name,
        "attempt": segment.attempt,
        "cursor": segment.cursor,
        "is_done": segment.is_done,
        "counts": segment.counts.by_name,
        "expected": segment.expected,
        "opened_at": segment.opened_at,
        "before": segment.before,
    }


def as_segment(item: Item) -> Segment:
    """Read a segment's progress."""
    return Segment(
        key=SegmentKey(item["pk"], item["sk"], item["name"]),
        attempt=item["attempt"],
        cursor=item.get("cursor"),
        is_done=item["is_done"],
        counts=Counts(**item["counts"]),
        expected=item.get("expected"),
        opened_at=item["opened_at"],
        before=item["before"],
        updated_at=item["updated_at"],
    )


def problem_item(problem: Problem) -> Item:
    """A problem as stored."""
    return {
        **record_item(problem, "problem"),
        "what": problem.what,
        "error": problem.error,
        "cause": problem.cause,
    }


def as_problem(item: Item) -> Problem:
    """Read a problem."""
    return Problem(
        key=ProblemKey(item["pk"], item["sk"]),
        what=item["what"],
        error=item["error"],
        cause=item["cause"],
        updated_at=item["updated_at"],
    )


def _kept(_record: object, now: datetime) -> int:
    return int((now + KEPT).timestamp())


VIEWS = Kind(name="views", item=view_item, record=as_view)
SEGMENTS = Kind(name="segments", item=segment_item, record=as_segment, ttl=_kept)
PROBLEMS = Kind(name="problems", item=problem_item, record=as_problem, ttl=_kept)
