import pytest

from sfn_cqrs.approvals import Decided, Pinned, Status, Verdict, Vote, handler_of
from sfn_cqrs.commands import CommandService
from sfn_cqrs.errors import VersionConflictError
from sfn_cqrs.types import ItemKey
from sfn_cqrs_tools.testing.builders import RELEASE, an_approval

TARO = Vote("taro", Verdict.APPROVE, "2026-11-25T11:00:00.000Z")


def decided(status, *votes):
    item = Pinned("ORDER", "o-1", 1)
    return Decided.of(an_approval(type="ORDER_RELEASE", status=status, votes=votes, item=item))


@pytest.fixture
def order(world):
    """An order that has just been published, as its versions."""
    attributes = {"customer": "ada", "total": 1200}
    CommandService("tenant1").publish("ORDER", "o-1", name="Large", attributes=attributes)
    return lambda version: world.commands.find(ItemKey("tenant1", "ORDER", "o-1"), version)


@pytest.mark.parametrize(
    ("status", "votes", "release"),
    [
        (Status.GRANTED, (TARO,), "released"),
        (Status.REJECTED, (TARO,), "held: rejected"),
        (Status.EXPIRED, (), "held: expired"),
    ],
)
def test_what_is_decided_is_the_orders_next_version(status, votes, release, order):
    handle = handler_of("ORDER_RELEASE", status)

    handle(decided(status, *votes))

    published = order(2)
    assert published.attributes == {"customer": "ada", "total": 1200, "release": release}
    assert published.source == RELEASE.id
    assert published.updated.by == (votes[0].by if votes else "")


def test_a_decision_that_is_handled_twice_is_one_version(order):
    handle = handler_of("ORDER_RELEASE", Status.GRANTED)

    handle(decided(Status.GRANTED, TARO))
    handle(decided(Status.GRANTED, TARO))

    assert order(3) is None


@pytest.mark.usefixtures("world")
def test_an_order_that_does_not_exist_is_not_released():
    with pytest.raises(VersionConflictError):
        handler_of("ORDER_RELEASE", Status.GRANTED)(decided(Status.GRANTED, TARO))
