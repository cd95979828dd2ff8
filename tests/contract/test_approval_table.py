from dataclasses import replace

import pytest
from tests.fakes.builders import RELEASE, an_approval

from sfn_cqrs.adapters.approval_table import open_shard
from sfn_cqrs.domain.approval import Stage, Status, Verdict, Vote
from sfn_cqrs.domain.approval_programs import Written
from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.domain.publication import Refusal
from sfn_cqrs.domain.request import Request

NOON = 1795608000
AT_NOON = "2026-11-25T12:00:00.000Z"
LATER = "2026-11-26T00:00:00.000Z"
YES = Vote("taro", Verdict.APPROVE, AT_NOON, "looks good")


def key(number, **changes):
    return replace(RELEASE, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z{number:02d}", **changes)


def test_an_approval_is_found_as_it_was_requested(world):
    approval = an_approval()

    assert world.approvals.create(approval) is None

    assert world.approvals.find(RELEASE) == approval
    assert world.stored_approval(RELEASE) == (approval, True)


def test_an_approval_belongs_to_its_tenant(world):
    world.approvals.create(an_approval())

    assert world.approvals.find(replace(RELEASE, tenant="tenant2")) is None
    assert world.approvals.page("tenant2", 10, None).items == []
    assert world.approvals.page_of_status("tenant2", Status.OPEN, 10, None).items == []


def test_a_request_that_was_seen_creates_nothing(world):
    request = Request("tenant1", "key", "hash", {"id": RELEASE.id}, NOON + 60)
    world.approvals.create(an_approval(), request)

    refusal = world.approvals.create(an_approval(key(1)), request)

    assert refusal is Refusal.REQUEST_SEEN
    assert world.stored_approval(key(1)) == (None, False)


def test_all_approvals_are_listed_newest_first(world):
    world.seed_approvals(*[an_approval(key(number)) for number in (1, 3, 2)])

    first = world.approvals.page("tenant1", 2, None)
    second = world.approvals.page("tenant1", 2, first.next_cursor)

    assert [one.key for one in (*first.items, *second.items)] == [key(3), key(2), key(1)]
    assert second.next_cursor is None


def test_those_of_a_status_are_listed_newest_first_page_by_page(world):
    statuses = [Status.OPEN, Status.GRANTED, Status.OPEN, Status.REJECTED, Status.OPEN]
    world.seed_approvals(*[an_approval(key(n), status=one) for n, one in enumerate(statuses)])

    first = world.approvals.page_of_status("tenant1", Status.OPEN, 2, None)
    second = world.approvals.page_of_status("tenant1", Status.OPEN, 2, first.next_cursor)

    assert [one.key for one in first.items] == [key(4), key(2)]
    assert ([one.key for one in second.items], second.next_cursor) == ([key(0)], None)


def test_a_decision_moves_an_approval_to_its_status(world):
    world.seed_approvals(an_approval())

    world.approvals.vote(RELEASE, YES, 0, Status.GRANTED)

    assert world.approvals.page_of_status("tenant1", Status.OPEN, 10, None).items == []
    (granted,) = world.approvals.page_of_status("tenant1", Status.GRANTED, 10, None).items
    assert (granted.status, granted.votes) == (Status.GRANTED, (YES,))


def test_a_cursor_of_another_list_is_refused(world):
    with pytest.raises(InvalidInputError, match="cursor: is not a cursor of this list"):
        world.approvals.page_of_status("tenant1", Status.OPEN, 10, "Uk9X")


def test_of_two_decisions_one_is_written_and_both_are_told_of_it(world):
    world.seed_approvals(an_approval())
    no = Vote("jiro", Verdict.REJECT, AT_NOON)

    first = world.approvals.vote(RELEASE, no, 0, Status.REJECTED)
    second = world.approvals.vote(RELEASE, YES, 0, Status.GRANTED)

    assert first.done
    assert second == Written(done=False, approval=first.approval)
    assert world.approvals.find(RELEASE).votes == (no,)


def test_a_decision_is_told_of_the_token_and_a_token_of_the_decision(world):
    world.seed_approvals(an_approval(), an_approval(key(1)))

    world.approvals.park(RELEASE, 1, "token", 100)
    world.approvals.vote(key(1), YES, 0, Status.GRANTED)

    assert world.approvals.vote(RELEASE, YES, 0, Status.GRANTED).approval.token == "token"
    assert world.approvals.park(key(1), 1, "token", 100).approval.status is Status.GRANTED


def test_no_token_is_kept_that_was_used(world):
    world.seed_approvals(an_approval())
    world.approvals.park(RELEASE, 1, "token", 100)

    closed = world.approvals.close(RELEASE, 1, Stage.DONE)

    assert (closed.approval.token, closed.approval.token_seq) == (None, None)
    assert world.stored_approval(RELEASE) == (closed.approval, False)


def test_a_write_to_what_is_not_there_creates_nothing(world):
    for written in (
        world.approvals.park(RELEASE, 1, "token", 100),
        world.approvals.vote(RELEASE, YES, 0, Status.GRANTED),
        world.approvals.expire(RELEASE, LATER),
        world.approvals.close(RELEASE, 1, Stage.DONE),
        world.approvals.restart(RELEASE, 1),
        world.approvals.retry(RELEASE, 1),
    ):
        assert written == Written(done=False, approval=None)
    assert world.stored_approval(RELEASE) == (None, False)


def test_what_is_due_is_listed_the_most_overdue_first_and_from_a_cursor_on(world):
    shard = open_shard(RELEASE)
    same = [one for one in (key(n) for n in range(40)) if open_shard(one) == shard][:3]
    dues = ["2026-11-25T09:00:00.000Z", "2026-11-25T08:00:00.000Z", "2026-11-27T00:00:00.000Z"]
    world.seed_approvals(
        *[an_approval(one, due_at=due) for one, due in zip(same, dues, strict=True)],
        an_approval(key(99), stage=Stage.DONE, due_at=dues[0]),
    )

    first, cursor = world.approvals.opened(shard, None, AT_NOON, 1)
    second, _ = world.approvals.opened(shard, cursor, AT_NOON, 5)

    assert [one.key for one in (*first, *second)] == [same[1], same[0]]


def test_the_sweep_goes_on_where_it_ended(world):
    cursor = {"open_shard": 1, "opened_at": AT_NOON, "pk": RELEASE.pk, "sk": RELEASE.sk}

    world.approvals.keep_cursors({"1": cursor})

    assert world.approvals.cursors() == {"1": cursor}


def test_a_token_is_not_shown_with_its_approval():
    assert "secret" not in repr(an_approval(token="secret"))
