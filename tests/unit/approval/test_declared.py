"""Approvals that a rule asks for: of each version that needs one, and once."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.support.typed import declaring

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import FourEyesError, NotRebuildableError
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.approval.effects import publish_decided
from sfn_cqrs.machines.approval.rules import Pinned, Status
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.approval.types import Decided, approval_type, handler_of
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.projection import replaying, run_handler
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.rebuild.service import RebuildService

COMMANDS, APPROVALS = CommandService("tenant1"), ApprovalService("tenant1")
NAME, CLERKS = "approval_claim_above_limit", frozenset(("clerk",))
LIMIT = 1000


@dataclass
class Claim:
    amount: Decimal = Decimal(0)
    approved: Decimal = Decimal(0)


def needs_approval(claim):
    """A claim above the limit, unless this very amount or a larger one is approved."""
    return claim.model.amount > max(LIMIT, claim.model.approved)


@pytest.fixture(autouse=True)
def _claims(world):
    """Declare claims, of which a clerk approves what is above a limit."""
    assert world
    with declaring():
        command_type("CLAIM", publish=MEMBERS, model=Claim, guarded=("approved",))

        @approval_type("CLAIM_ABOVE_LIMIT", of="CLAIM", group="clerk", when=needs_approval)
        def approve_claim(decided):
            stored = COMMANDS.latest("CLAIM", decided.subject)
            publish_decided(decided, attributes={"approved": stored.attributes["amount"]})

        yield


def published(amount, user="taro", code="c-1"):
    """Publish the next version of a claim, and run its handlers."""
    COMMANDS.publish(
        "CLAIM",
        code,
        version=-1,
        name="a claim",
        attributes={"amount": Decimal(amount)},
        caller=Caller(user=user),
    )
    command = COMMANDS.latest("CLAIM", code)
    run_handler(command, NAME)
    return command


def requested():
    return APPROVALS.list().items


def test_a_version_above_the_limit_requests_its_approval():
    published(1001)

    [one] = requested()
    assert (one.type, one.subject, one.status) == ("CLAIM_ABOVE_LIMIT", "c-1", Status.OPEN)
    assert (one.item, one.created.by) == (Pinned("CLAIM", "c-1", 1), "taro")
    assert one.digest == one.fingerprint


def test_a_version_at_the_limit_requests_none():
    published(1000)

    assert requested() == []


def test_whoever_has_published_the_version_does_not_decide_on_it():
    published(1001)

    [one] = requested()
    assert APPROVALS.inbox("taro", CLERKS).items == []
    assert APPROVALS.inbox("hanako", CLERKS).items == [one]
    with pytest.raises(FourEyesError):
        APPROVALS.approve(one.key.id, "taro", CLERKS, digest=one.digest)


def test_a_handler_that_runs_again_requests_nothing_again(world):
    command = published(1001)

    for days in (0, 2, 100):
        world.clock.advance(days=days)
        run_handler(command, NAME)

    assert len(requested()) == 1


def test_a_late_retry_of_an_earlier_version_requests_nothing():
    early = COMMANDS.publish(
        "CLAIM", "c-1", version=0, name="a claim", attributes={"amount": Decimal(5000)}
    )
    first = COMMANDS.latest("CLAIM", "c-1")
    published(10)
    run_handler(first, NAME)

    assert early.version == first.version == 1
    assert requested() == []


def test_each_version_above_the_limit_has_its_own():
    published(1001)
    published(1002)

    versions = sorted(one.item.version for one in requested() if one.item)
    assert versions == [1, 2]


def test_a_deleted_item_needs_none():
    published(10)
    COMMANDS.publish(
        "CLAIM",
        "c-1",
        version=-1,
        name="a claim",
        attributes={"amount": Decimal(5000)},
        is_deleted=True,
    )
    run_handler(COMMANDS.latest("CLAIM", "c-1"), NAME)

    assert requested() == []


def test_a_rebuild_requests_nothing_and_does_not_know_it():
    COMMANDS.publish(
        "CLAIM", "c-1", version=0, name="a claim", attributes={"amount": Decimal(5000)}
    )
    with replaying():
        run_handler(COMMANDS.latest("CLAIM", "c-1"), NAME)

    assert requested() == []
    assert NAME in handlers.names_of("CLAIM")
    assert NAME not in handlers.all_names()
    assert NAME not in [one.key.view for one in RebuildService("tenant1").list()]
    with pytest.raises(NotRebuildableError):
        RebuildService("tenant1").rebuild(NAME, Caller(user="op"))


def test_what_is_approved_needs_no_approval_again_until_it_grows():
    published(1001)
    [one] = requested()
    granted = APPROVALS.approve(one.key.id, "hanako", CLERKS, digest=one.digest)
    handler_of(granted.type, Status.GRANTED)(Decided.of(granted))
    assert COMMANDS.latest("CLAIM", "c-1").model == Claim(Decimal(1001), Decimal(1001))
    run_handler(COMMANDS.latest("CLAIM", "c-1"), NAME)
    before = len(requested())
    published(1002)

    assert (before, len(requested())) == (1, 2)


def test_a_rule_is_about_items():
    with pytest.raises(ValueError, match="name their type, of="):
        approval_type("ANY", group="clerk", when=needs_approval, expires_after=timedelta(days=1))
