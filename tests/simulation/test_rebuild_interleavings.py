"""Rebuilds through every interleaving; and each rule weakened, to see that the check notices."""

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.exploring import named
from tests.simulation.rebuild_model import check
from tests.simulation.rebuild_world import first_state
from tests.support.proof import PROOF, deep, without

from sfn_cqrs.kernel.read_models import rules as read_models
from sfn_cqrs.kernel.read_models.rules import (
    Advance,
    Begin,
    Drop,
    OpenSegment,
    Segment,
    Stage,
    Switch,
    View,
)
from sfn_cqrs.machines.rebuild import programs as rebuild_programs

May = dict[str, int]
SCENARIOS: list[Any] = [
    (2, {"begin": 1, "switch": 1, "rollback": 1}, 4, ["READY", "SERVING"]),
    (1, {"begin": 1, "publish": 1}, 3, ["READY", "SERVING"]),
    (1, {"begin": 1, "publish": 1, "switch": 1}, 3, ["SERVING", "SWITCHED"]),
    (
        2,
        {"begin": 1, "kill": 1, "resume": 1},
        3,
        ["COMPARING", "READY", "REPLAYING", "SERVING"],
    ),
    (2, {"begin": 1, "fail": 1, "resume": 1, "switch": 1}, 4, ["SERVING", "SWITCHED"]),
    (1, {"begin": 1, "cancel": 1, "resume": 1}, 4, ["CANCELLED", "READY", "SERVING"]),
    (1, {"begin": 2, "drop": 1}, 6, ["READY", "SERVING"]),
]
"""Items, what may happen how often, steps of 30 seconds, and where it may end; a rebuild that is
asked for too late in these is none.
"""
LONG = [
    pytest.param(*scenario, marks=PROOF)
    for scenario in (
        (1, {"begin": 1, "switch": 1, "drop": 1, "read": 1}, 6, ["SERVING", "SWITCHED"]),
        (2, {"begin": 1, "outlive": 1, "die": 1}, 3, ["READY", "SERVING"]),
        (1, {"begin": 2, "drop": 1, "outlive": 1}, 6, ["READY", "SERVING"]),
        (1, {"begin": 1, "publish": 2}, 3, ["READY", "SERVING"]),
        (1, {"begin": 1, "publish": 1, "switch": 1, "drop": 1}, 6, ["SERVING", "SWITCHED"]),
        *deep([], [(2, {"begin": 1, "publish": 1, "outlive": 1}, 2, ["READY", "SERVING"])]),
    )
]


@pytest.fixture(autouse=True)
def one_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_models, "BUCKETS", 1)
    monkeypatch.setattr(read_models, "SCANNED_IN", 1)


@pytest.mark.parametrize(("items", "may", "last", "ends"), SCENARIOS + LONG, ids=named)
def test_whatever_comes_in_whatever_order_no_version_is_lost(
    items: int, may: May, last: int, ends: list[str]
) -> None:
    verdict = check(first_state(items, may, last))

    assert (verdict.violation, verdict.trace) == (None, ())
    assert sorted(verdict.ends) == ends


WORLDS: dict[str, tuple[str, May, str]] = {
    "a replay begins before every function knows of it": (
        "waits",
        {"begin": 1, "publish": 1, "read": 1},
        "R4",
    ),
    "a function knows for ever what it has read": (
        "is_known_for_ever",
        {"begin": 1, "publish": 1, "read": 1},
        "R4",
    ),
    "a row is put whatever there is": ("is_guarded", {"begin": 1, "publish": 1}, "R2"),
    "the data are written after the read models": (
        "is_data_first",
        {"begin": 1, "publish": 1},
        "R4",
    ),
}


LONG_WORLDS = (
    "a replay begins before every function knows of it",
    "a function knows for ever what it has read",
)


@pytest.mark.parametrize("rule", without(WORLDS, LONG_WORLDS))
def test_the_check_notices_that(rule: str) -> None:
    option, may, invariant = WORLDS[rule]
    is_on = option == "is_known_for_ever"

    verdict = check(first_state(1, may, 4, **{option: is_on}))

    assert str(verdict.violation)[:2] == invariant


def counted_first(
    attempt: int, stage: Stage, name: str, _is_late: Callable[[], bool]
) -> Generator[Any, Any, bool]:
    view = yield from rebuild_programs._owned(attempt, stage)
    key = view.segment_key(name)
    segment = rebuild_programs._mine((yield OpenSegment(key, attempt, redoes_failed=True)))
    while not segment.is_done:
        page = yield rebuild_programs.ReadPage(view, segment)
        counts = read_models.Counts(done=len(page.items))
        advance = Advance(key, attempt, segment.cursor, page.cursor, counts)
        segment = rebuild_programs._mine((yield advance))
        yield rebuild_programs.WorkOn(view, segment, page.items)
    return True


def begun(write: Begin, view: View, at: str) -> View | None:
    """With the number of a generation that was dropped."""
    before = replace(view, latest=1)
    return original["begin"](write, before, at)


def dropped(write: Drop, view: View, at: str) -> View | None:
    """At once, whoever still reads it."""
    return original["drop"](write, replace(view, since="2026-11-25T00:00:00.000Z"), at) and replace(
        view, stage=Stage.DROPPING, attempt=view.attempt + 1, since=at
    )


def reopened(write: OpenSegment, segment: Segment, at: str) -> Segment | None:
    """What has failed is worked on again, and counted on top."""
    if segment.attempt < write.attempt and segment.counts.failed:
        return replace(segment, attempt=write.attempt, cursor=None, is_done=False)
    return original["open"](write, segment, at)


original: dict[str, Any] = {"begin": Begin.on, "drop": Drop.on, "open": OpenSegment.on}
MUTANTS: dict[str, tuple[Any, str, Any, int, May, int, str]] = {
    "handlers write the generation that serves alone": (
        View,
        "doubled",
        property(lambda _view: None),
        1,
        {"begin": 1, "publish": 1},
        3,
        "R4",
    ),
    "the old generation is not written after the switch": (
        View,
        "doubled",
        property(lambda view: view.other if view.stage is not Stage.SWITCHED else None),
        1,
        {"begin": 1, "publish": 1, "switch": 1},
        3,
        "R4",
    ),
    "what is cancelled is written no more": (
        View,
        "doubled",
        property(lambda view: view.other if view.stage is not Stage.CANCELLED else None),
        1,
        {"begin": 1, "publish": 1, "cancel": 1, "resume": 1},
        3,
        "R4",
    ),
    "the next generation serves before it is complete": (
        Switch,
        "on",
        lambda _switch, view, at: (
            view.other
            and replace(
                view, stage=Stage.SWITCHED, serving=view.other, other=view.serving, since=at
            )
        ),
        1,
        {"begin": 1, "switch": 1},
        4,
        "R1",
    ),
    "a generation is dropped that some still read": (
        Drop,
        "on",
        dropped,
        1,
        {"begin": 1, "switch": 1, "drop": 1, "read": 1, "publish": 1},
        4,
        "R1",
    ),
    "a number is used again": (Begin, "on", begun, 1, {"begin": 2, "drop": 1}, 6, "R4"),
    "a page is counted before it is worked on": (
        rebuild_programs,
        "work",
        counted_first,
        1,
        {"begin": 1, "die": 1},
        3,
        "R4",
    ),
    "whoever is overtaken counts": (
        Advance,
        "on",
        lambda write, segment, _at: replace(
            segment,
            cursor=write.cursor,
            is_done=write.cursor is None,
            counts=segment.counts + write.counts,
        ),
        2,
        {"begin": 1, "outlive": 1},
        3,
        "R3",
    ),
    "what failed is counted on top": (
        OpenSegment,
        "on",
        reopened,
        1,
        {"begin": 1, "fail": 1, "resume": 1},
        4,
        "R3",
    ),
}
LONG_MUTANTS = (
    "a generation is dropped that some still read",
    "what is cancelled is written no more",
)


@pytest.mark.parametrize("rule", without(MUTANTS, LONG_MUTANTS))
def test_the_check_notices_when(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, weaker, items, may, last, invariant = MUTANTS[rule]
    monkeypatch.setattr(owner, name, weaker)

    verdict = check(first_state(items, may, last))

    assert str(verdict.violation)[:2] == invariant
