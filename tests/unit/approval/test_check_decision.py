import pytest
from functions.approval.check_decision.app import lambda_handler  # noqa: F401 - run_state runs it

from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.approval.rules import Happened, Pinned, Stage, Status
from sfn_cqrs_tools.testing.builders import a_command

DAY = 86_400
NEXT_DAY = "2026-11-26T12:00:00.000Z"
WEEK = "2026-12-02T12:00:00.000Z"


def test_what_nobody_has_decided_waits_until_the_first_reminder(seed, key, world, run_state):
    seed(remind_at=NEXT_DAY, expires_at=WEEK)

    assert run_state() == {"result": "WAIT", "round": 1, "seconds": DAY}

    stored = world.approvals.find(key)
    assert (stored.stage, stored.happened, stored.round) == (Stage.WAITING, Happened.WAITING, 1)
    assert (stored.reminders, stored.due_at) == (0, NEXT_DAY)


def test_a_round_that_is_over_reminds_and_waits_for_the_next(seed, key, world, run_state):
    seed(remind_at=NEXT_DAY, expires_at=WEEK, round=1, stage=Stage.WAITING)
    world.clock.advance(days=1)

    assert run_state() == {"result": "WAIT", "round": 2, "seconds": DAY}

    stored = world.approvals.find(key)
    assert (stored.happened, stored.reminders) == (Happened.REMINDED, 1)
    assert stored.remind_at == stored.due_at == "2026-11-27T12:00:00.000Z"


def test_a_wait_that_ends_too_early_reminds_nobody(seed, key, world, run_state):
    seed(remind_at=NEXT_DAY, expires_at=WEEK, round=1, stage=Stage.WAITING)
    world.clock.advance(hours=23, minutes=59, seconds=59)

    assert run_state() == {"result": "WAIT", "round": 2, "seconds": 1}

    assert world.approvals.find(key).reminders == 0


def test_the_last_round_lasts_until_the_end(seed, key, world, run_state):
    seed(remind_at=NEXT_DAY, expires_at="2026-11-27T06:00:00.000Z")
    world.clock.advance(days=1)

    assert run_state()["seconds"] == 18 * 3600

    stored = world.approvals.find(key)
    assert (stored.remind_at, stored.due_at) == (None, "2026-11-27T06:00:00.000Z")


def test_what_nobody_is_reminded_of_waits_until_the_end(seed, run_state):
    seed(remind_at=None, expires_at=WEEK)

    assert run_state()["seconds"] == 7 * DAY


def test_a_part_of_a_second_is_waited_for(seed, run_state):
    seed(remind_at=None, expires_at="2026-11-25T12:00:00.001Z")

    assert run_state()["seconds"] == 1


def test_what_nobody_has_decided_in_time_expires(seed, key, world, run_state):
    seed(expires_at="2026-11-25T12:00:00.000Z", remind_at=None)

    assert run_state() == {"result": "EXPIRED"}

    stored = world.approvals.find(key)
    assert (stored.status, stored.happened) == (Status.EXPIRED, Happened.EXPIRED)


@pytest.mark.parametrize(("latest", "result"), [(1, "WAIT"), (2, "STALE")])
def test_what_is_of_a_changed_item_is_stale_and_nobody_is_reminded(
    latest, result, seed, key, world, run_state
):
    item = Pinned("ORDER", "o-1", 1)
    seed(remind_at=NEXT_DAY, expires_at=WEEK, round=1, stage=Stage.WAITING, item=item)
    for version in range(1, latest + 1):
        world.seed_commands(a_command(ItemKey("tenant1", "ORDER", "o-1"), version))
    world.clock.advance(days=1)

    assert run_state()["result"] == result

    stored = world.approvals.find(key)
    is_stale = result == "STALE"
    assert (stored.status is Status.STALE, stored.reminders) == (is_stale, 0 if is_stale else 1)


@pytest.mark.parametrize("status", [Status.GRANTED, Status.REJECTED, Status.EXPIRED])
def test_what_is_decided_is_answered_and_not_changed(status, seed, key, world, run_state):
    before = seed(status=status, expires_at="2026-11-25T12:00:00.000Z")

    assert run_state() == {"result": status.value}

    assert world.approvals.find(key) == before


def test_a_round_that_somebody_else_has_opened_is_looked_at_again(
    seed, world, run_state, monkeypatch
):
    before = seed()
    refused = Written(done=False, record=before)
    monkeypatch.setattr(world.approvals, "change", lambda *_: refused)

    with pytest.raises(TransientError, match="changed the approval just now"):
        run_state()


@pytest.mark.parametrize("changes", [{"attempt": 2}, {"stage": Stage.DONE}])
def test_an_attempt_that_is_over_changes_nothing(changes, seed, key, world, run_state):
    before = seed(**changes)

    with pytest.raises(SupersededError, match="attempt 1 no longer owns the approval"):
        run_state()

    assert world.approvals.find(key) == before


@pytest.mark.usefixtures("world")
def test_an_approval_that_is_gone_has_no_owner(run_state):
    with pytest.raises(SupersededError):
        run_state()
