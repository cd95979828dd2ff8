from dataclasses import replace

import pytest

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.read_models.rules import (
    Advance,
    Begin,
    Cancel,
    Compare,
    Counts,
    Drop,
    OpenSegment,
    Resume,
    Segment,
    SegmentKey,
    Stage,
    View,
    ViewKey,
)

AT, EARLIER = "2026-11-25T12:00:00.000Z", "2026-11-25T11:59:00.000Z"
VIEW = View(
    key=ViewKey("tenant1", "orders"),
    types=("ORDER",),
    created=Audit(EARLIER),
    since=EARLIER,
    updated_at=EARLIER,
    attempt=1,
    other=2,
    latest=2,
    replayed=Counts(failed=1),
    compared=Counts(failed=1),
)
KEY = SegmentKey("VIEW#tenant1#orders#2", "REPLAYING#0000#OFFER#03", "OFFER#03")
BEGUN = Segment(key=KEY, attempt=1, cursor="b", counts=Counts(done=2, failed=1))


@pytest.mark.parametrize(
    ("stage", "write", "after"),
    [
        (
            Stage.SERVING,
            Begin(("ITEM",), patience=5),
            {"stage": Stage.REPLAYING, "attempt": 2, "since": AT, "other": 3, "latest": 3}
            | {"types": ("ITEM",), "patience": 5, "replayed": Counts(), "compared": Counts()},
        ),
        (Stage.REPLAYING, Cancel(), {"stage": Stage.CANCELLED, "attempt": 2}),
        (Stage.READY, Compare(), {"stage": Stage.COMPARING, "attempt": 2, "round": 1}),
        (Stage.REPLAYING, Drop(), {"stage": Stage.DROPPING, "attempt": 2, "since": AT}),
        (Stage.DROPPING, Resume(1), {"attempt": 2}),
    ],
)
def test_each_stage_leads_to_the_next(stage, write, after):
    view = replace(VIEW, stage=stage)

    assert write.on(view, AT) == replace(view, **after)


def test_a_page_is_counted_once_by_the_attempt_that_read_it():
    counts = Counts(done=3)

    after = Advance(KEY, 1, "b", "d", counts).on(BEGUN, AT)

    assert after == replace(BEGUN, cursor="d", counts=Counts(done=5, failed=1))
    assert Advance(KEY, 1, "b", "d", counts).on(after, AT) is None
    assert Advance(KEY, 2, "d", "e", counts).on(after, AT) is None


def test_a_segment_whose_last_page_is_counted_has_ended():
    after = Advance(KEY, 1, "b", None, Counts(done=3)).on(BEGUN, AT)

    assert after.is_done
    assert Advance(KEY, 1, None, None, Counts(done=3)).on(after, AT) is None


@pytest.mark.parametrize("redoes_failed", [True, False])
def test_an_attempt_that_does_what_failed_again_begins_the_count_anew(redoes_failed):
    after = OpenSegment(KEY, 2, redoes_failed=redoes_failed).on(BEGUN, AT)

    anew = replace(BEGUN, attempt=2, cursor=None, counts=Counts(), opened_at=AT)
    goes_on = replace(BEGUN, attempt=2, opened_at=AT, before=3)
    assert after == (anew if redoes_failed else goes_on)
    assert (after.counts, after.opened_at) == (Counts() if redoes_failed else BEGUN.counts, AT)


def test_an_attempt_goes_on_with_a_segment_of_which_nothing_has_failed():
    begun = replace(BEGUN, counts=Counts(done=2))

    assert OpenSegment(KEY, 2, redoes_failed=True).on(begun, AT).cursor == "b"


def test_a_late_attempt_takes_no_segment():
    assert OpenSegment(KEY, 1).on(replace(BEGUN, attempt=2), AT) is None
    assert OpenSegment(KEY, 1).on(BEGUN, AT) is BEGUN
