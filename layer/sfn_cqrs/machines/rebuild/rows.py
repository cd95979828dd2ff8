"""Compares the rows of two generations, and deletes those of a dropped one."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.read_models.rules import (
    GONE,
    Counts,
    GenerationRow,
    Place,
    Segment,
    Stage,
    View,
    ViewKey,
)
from sfn_cqrs.kernel.sql.generation_rows import SqlRows
from sfn_cqrs.machines.command import read_models
from sfn_cqrs.machines.rebuild import problems
from sfn_cqrs.machines.rebuild.generation_rows import GenerationRows
from sfn_cqrs.machines.rebuild.programs import Page

PAUSES = (0.2, 0.5, 1, 2)
"""Seconds until rows that differ are read again: a handler writes both, one after the other."""
Pair = tuple[dict[str, Any] | None, dict[str, Any] | None]


def page(view: View, segment: Segment) -> Page:
    """Return some rows: of both generations to compare, or of the one that is dropped."""
    found = _rows(view).page(_generations(view), int(segment.key.name), segment.cursor)
    return Page(tuple(found.items), found.next_cursor)


def compare(view: View, segment: Segment, rows: Sequence[GenerationRow]) -> Counts:
    """Count the rows: equal (done), in one generation only (skipped), different (failed).

    A row that both generations have is compared where the other generation has it. Rows that differ
    are read again for some seconds, since a version may be on its way to both. What a view keeps
    beside its rows is not compared: a place tells which version came there, and a rebuild begins
    with the newest.
    """
    there = [row for row in rows if GONE not in row.row and not row.is_beside]
    other = [row.place for row in there if row.generation == view.other]
    serving = [row.place for row in there if row.generation == view.serving]
    alone = _alone(view, serving)
    open_ = [*other, *alone]
    pairs: dict[str, Pair] = {}
    for pause in (0, *PAUSES):
        if pause:
            time.sleep(pause)
        pairs = _pairs(view, open_)
        open_ = [place for place, (one, two) in pairs.items() if one != two]
        if not open_:
            break
    differing = {place: pairs[place] for place in open_}
    same = len(other) + len(alone) - len(differing)
    lacking = 0
    for place, (old, new) in sorted(differing.items()):
        lacking += old is None or new is None
        problems.keep(segment, place, *_told(old, new))
    return Counts(done=same, skipped=lacking, failed=len(differing) - lacking)


def drop(view: View, _segment: Segment, rows: Sequence[GenerationRow]) -> Counts:
    """Delete the rows that were read, and return how many."""
    _rows(view).delete(view.other or 0, [row.place for row in rows])
    return Counts(done=len(rows))


def _generations(view: View) -> tuple[int, ...]:
    if view.other is None:
        return ()
    return (view.other,) if view.stage is Stage.DROPPING else (view.other, view.serving)


def _rows(view: View) -> GenerationRows | SqlRows:
    if view.place is Place.DYNAMODB:
        return bootstrap.generation_rows()(view.key)
    return sql_rows(view.key)


def sql_rows(key: ViewKey) -> SqlRows:
    """Return the rows of a read model in PostgreSQL."""
    return SqlRows(bootstrap.sql(), key.view, read_models.tables()[key.view], key.tenant)


def _alone(view: View, places: list[str]) -> list[str]:
    """Return the places that only the serving generation has.

    The others are counted with the other generation's rows.
    """
    there = _rows(view).find(view.other or 0, places) if places else {}
    return [place for place in places if place not in there]


def _pairs(view: View, places: Sequence[str]) -> dict[str, Pair]:
    """Return the rows of both generations at some places, without places that are empty in both."""
    if not places:
        return {}
    rows = _rows(view)
    old, new = rows.find(view.serving, places), rows.find(view.other or 0, places)
    return {place: (_row(old, place), _row(new, place)) for place in places}


def _row(rows: Mapping[str, dict[str, Any]], place: str) -> dict[str, Any] | None:
    row = rows.get(place)
    return None if row is None else {k: v for k, v in row.items() if v is not None}


def _told(old: dict[str, Any] | None, new: dict[str, Any] | None) -> tuple[str, str]:
    if old is None or new is None:
        return ("only_next" if old is None else "only_serving"), ""
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return "differs", ", ".join(names)
