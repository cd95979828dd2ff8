from dataclasses import replace

import pytest
from tests.support.orders import SEEN, an_approval

from sfn_cqrs.machines.approval.rules import (
    CastVote,
    Close,
    CloseStale,
    Expire,
    GoStale,
    Happened,
    OpenRound,
    Park,
    Pinned,
    Restart,
    Retry,
    Rules,
    Stage,
    Status,
    Verdict,
    Vote,
)

AT = "2026-11-25T12:00:00.000Z"
LATER = "2026-11-26T12:00:00.000Z"
YES = Vote("taro", Verdict.APPROVE, AT, "looks good", seen=SEEN)
PINNED = Pinned("ORDER", "o-1", 1)
NO = Vote("jiro", Verdict.REJECT, AT, seen=SEEN)


def test_a_round_is_opened_once():
    opened = OpenRound(1, 0, LATER, LATER, is_reminder=True).on(an_approval(), AT)

    assert (opened.stage, opened.round, opened.reminders) == (Stage.WAITING, 1, 1)
    assert (opened.happened, opened.remind_at, opened.due_at) == (Happened.REMINDED, LATER, LATER)
    assert OpenRound(1, 0, LATER, LATER, is_reminder=False).on(opened, AT) is None


def test_a_late_wait_does_not_replace_a_newer_token():
    parked = Park(1, "newer", 101).on(an_approval(), AT)

    assert (parked.token, parked.token_seq) == ("newer", 101)
    assert Park(1, "older", 100).on(parked, AT) is None
    assert Park(1, "again", 101).on(parked, AT) is None


def test_one_who_rejects_decides():
    decided = CastVote(NO).on(an_approval(rules=Rules(needed=2), due_at=LATER), LATER)

    assert (decided.status, decided.happened) == (Status.REJECTED, Happened.REJECTED)
    assert (decided.votes, decided.due_at) == ((NO,), AT)


def test_as_many_as_are_needed_grant():
    first = CastVote(YES).on(an_approval(rules=Rules(needed=2), due_at=LATER), AT)
    second = CastVote(replace(YES, by="saburo")).on(first, AT)

    assert (first.status, first.happened, first.due_at) == (Status.OPEN, Happened.APPROVED, LATER)
    assert (second.status, second.happened, second.due_at) == (Status.GRANTED, Happened.GRANTED, AT)


@pytest.mark.parametrize(
    "approval",
    [
        an_approval(status=Status.REJECTED),
        an_approval(expires_at=AT),
        an_approval(rules=Rules(needed=2), votes=(YES,)),
    ],
    ids=["decided", "over", "voted"],
)
def test_nobody_votes_on_what_is_decided_or_over_or_twice(approval):
    assert CastVote(YES).on(approval, AT) is None


def test_only_what_nobody_has_decided_in_time_expires():
    expired = Expire(AT).on(an_approval(expires_at=AT), LATER)

    assert (expired.status, expired.happened, expired.due_at) == (
        Status.EXPIRED,
        Happened.EXPIRED,
        AT,
    )
    assert Expire(AT).on(an_approval(expires_at=LATER), LATER) is None
    assert Expire(AT).on(an_approval(expires_at=AT, status=Status.GRANTED), LATER) is None


def test_a_changed_item_makes_an_approval_stale_before_the_grant_and_after():
    before = GoStale(AT).on(an_approval(item=PINNED, due_at=LATER), LATER)
    after = CloseStale(1).on(an_approval(item=PINNED, status=Status.GRANTED), AT)

    assert (before.status, before.happened, before.due_at) == (Status.STALE, Happened.STALE, AT)
    assert (after.status, after.happened, after.stage) == (Status.STALE, Happened.STALE, Stage.DONE)


@pytest.mark.parametrize(
    ("write", "changes"),
    [
        (OpenRound(1, 0, None, LATER, is_reminder=False), {"status": Status.GRANTED}),
        (GoStale(AT), {"status": Status.GRANTED, "item": PINNED}),
        (GoStale(AT), {}),
        (CloseStale(1), {"status": Status.REJECTED, "item": PINNED}),
        (CloseStale(1), {"status": Status.GRANTED}),
        (CloseStale(2), {"status": Status.GRANTED, "item": PINNED}),
    ],
)
def test_a_decision_stays_and_only_an_item_goes_stale(write, changes):
    assert write.on(an_approval(**changes), AT) is None


def test_of_an_attempt_that_has_ended_no_token_stays():
    parked = an_approval(token="token", token_seq=100)

    closed = Close(1, Stage.FAILED, "E", "why").on(parked, AT)

    assert (closed.token, closed.token_seq, closed.happened) == (None, None, Happened.FAILED)
    assert (closed.error, closed.cause) == ("E", "why")
    assert Close(1, Stage.DONE).on(closed, AT) is None


def test_what_died_begins_anew_and_counts_it():
    died = an_approval(token="token", token_seq=100, error="E", cause="why")
    restarted = Restart(1).on(died, AT)

    assert (restarted.attempt, restarted.restarts, restarted.stage) == (2, 1, Stage.CREATED)
    assert (restarted.token, restarted.token_seq, restarted.due_at) == (None, None, AT)
    assert (restarted.error, restarted.cause) == (None, None)
    assert Restart(1).on(restarted, AT) is None


def test_what_has_failed_begins_anew_and_counts_from_none():
    failed = an_approval(stage=Stage.FAILED, restarts=3)

    assert Retry(1).on(failed, AT).restarts == 0
    assert Retry(2).on(failed, AT) is None
    assert Retry(1).on(an_approval(), AT) is None


def test_a_token_is_not_shown_with_its_approval():
    assert "secret" not in repr(an_approval(token="secret")) + repr(Park(1, "secret", 1))
