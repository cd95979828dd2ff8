from dataclasses import replace

import pytest
from tests.support.orders import SEEN, an_approval

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.machines.approval.rules import CastVote, Expire, Status, Verdict, Vote
from sfn_cqrs_tools.testing.builders import RELEASE

AT_NOON = "2026-11-25T12:00:00.000Z"
YES = Vote("taro", Verdict.APPROVE, AT_NOON, "looks good", seen=SEEN)


def key(number):
    return replace(RELEASE, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z{number:02d}")


def test_those_of_a_status_are_listed_newest_first_page_by_page(world):
    statuses = [Status.OPEN, Status.GRANTED, Status.OPEN, Status.REJECTED, Status.OPEN]
    world.seed_approvals(*[an_approval(key(n), status=one) for n, one in enumerate(statuses)])

    first = world.approvals.page_of_status("tenant1", Status.OPEN, 2, None)
    second = world.approvals.page_of_status("tenant1", Status.OPEN, 2, first.next_cursor)

    assert [one.key for one in first.items] == [key(4), key(2)]
    assert ([one.key for one in second.items], second.next_cursor) == ([key(0)], None)


def test_a_decision_moves_an_approval_to_its_status(world):
    world.seed_approvals(an_approval())

    world.approvals.change(RELEASE, CastVote(YES))

    assert world.approvals.page_of_status("tenant1", Status.OPEN, 10, None).items == []
    (granted,) = world.approvals.page_of_status("tenant1", Status.GRANTED, 10, None).items
    assert (granted.status, granted.votes) == (Status.GRANTED, (YES,))


def test_what_was_decided_or_deleted_while_it_is_listed_keeps_its_place_only(world, monkeypatch):
    world.seed_approvals(*[an_approval(key(number)) for number in range(4)])
    client, query = world.approvals._client, world.approvals._client.query

    def changed_meanwhile(**wanted):
        answer = query(**wanted)
        world.approvals.change(key(3), Expire("2027"))
        keys = {"pk": {"S": key(2).pk}, "sk": {"S": key(2).sk}}
        client.delete_item(TableName=world.approvals._table, Key=keys)
        return answer

    monkeypatch.setattr(client, "query", changed_meanwhile)
    first = world.approvals.page_of_status("tenant1", Status.OPEN, 3, None)

    assert [one.key for one in first.items] == [key(1)]
    assert first.next_cursor is not None


def test_a_decision_that_is_stored_is_known_when_it_is_sent_again(world):
    world.seed_approvals(an_approval())
    world.approvals.change(RELEASE, CastVote(YES))

    stored = world.approvals.find(RELEASE)

    assert stored.has_said(replace(YES, at="2026-11-25T12:00:01.000Z", ip="192.0.2.1"))
    assert not stored.has_said(replace(YES, reason="looks better"))
    assert not stored.has_said(replace(YES, verdict=Verdict.REJECT))
    assert not stored.has_said(replace(YES, by="jiro"))


def test_a_cursor_of_another_list_is_refused(world):
    with pytest.raises(InvalidInputError, match="cursor: is not a cursor of this list"):
        world.approvals.page_of_status("tenant1", Status.OPEN, 10, "Uk9X")
