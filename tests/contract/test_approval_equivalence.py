"""The conditional writes of approvals, every state against every operation.

The fake applies the domain's predicates and transitions; DynamoDB applies expressions. Both
have to answer the same and to store the same.
"""

from itertools import product

import pytest
from tests.contract.worlds import FakeWorld
from tests.fakes.builders import an_approval
from tests.support.proof import every, shares

from sfn_cqrs.domain.approval import Rules, Stage, Status, Verdict, Vote
from sfn_cqrs.domain.keys import ApprovalKey

NOON = "2026-11-25T12:00:00.000Z"
BEFORE, AFTER = "2026-11-25T11:59:59.999Z", "2026-11-25T12:00:00.001Z"
LATER = "2026-11-30T12:00:00.000Z"
FIRST = Vote("first", Verdict.APPROVE, BEFORE, "looks good", "192.0.2.1")
SECOND = Vote("second", Verdict.APPROVE, NOON)
NO = Vote("second", Verdict.REJECT, NOON, "too much")
OPERATIONS = {
    "open a round": lambda table, key: table.open_round(
        key, 1, 1, remind_at=LATER, due_at=LATER, is_reminder=False
    ),
    "open the last round, with a reminder": lambda table, key: table.open_round(
        key, 1, 1, remind_at=None, due_at=LATER, is_reminder=True
    ),
    "park": lambda table, key: table.park(key, 1, "new token", 101),
    "vote, of two": lambda table, key: table.vote(key, SECOND, 0, Status.OPEN),
    "vote that grants": lambda table, key: table.vote(key, SECOND, 1, Status.GRANTED),
    "vote that rejects": lambda table, key: table.vote(key, NO, 1, Status.REJECTED),
    "expire": lambda table, key: table.expire(key, NOON),
    "close as DONE": lambda table, key: table.close(key, 1, Stage.DONE),
    "close as FAILED": lambda table, key: table.close(
        key, 1, Stage.FAILED, "NewError", "new cause"
    ),
    "restart": lambda table, key: table.restart(key, 1),
    "retry": lambda table, key: table.retry(key, 1),
}


SIDES = [  # round, votes, token_seq, expires_at: each rule asks for one of them alone
    (1, (), None, AFTER),
    (1, (FIRST,), 100, AFTER),
    (1, (FIRST,), 101, NOON),
    (2, (), 100, NOON),
]


def _approvals():
    """Every state of an approval that the rules tell apart."""
    cases = product(Status, Stage, (1, 2), SIDES)
    for number, (status, stage, attempt, side) in enumerate(cases):
        round_, votes, seq, expires_at = side
        yield an_approval(
            ApprovalKey("tenant1", f"{number:026d}"),
            rules=Rules(group="operator", needed=2),
            status=status,
            stage=stage,
            attempt=attempt,
            restarts=attempt,
            round=round_,
            votes=votes,
            token=None if seq is None else "old token",
            token_seq=seq,
            expires_at=expires_at,
            error="OldError" if stage is Stage.FAILED else None,
            cause="old cause" if stage is Stage.FAILED else None,
        )


@shares(5)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_expression_is_the_domains_rule(name, nth, moto_world):
    fake, dynamodb = FakeWorld(), moto_world()
    everything = list(_approvals())
    rules = FakeWorld()
    rules.seed_approvals(*everything)
    approvals = every(
        nth, everything, by=lambda approval: OPERATIONS[name](rules.approvals, approval.key).done
    )
    for world in (fake, dynamodb):
        world.seed_approvals(*approvals)

    for approval in approvals:
        answer = OPERATIONS[name](dynamodb.approvals, approval.key)
        assert answer == OPERATIONS[name](fake.approvals, approval.key), approval
        stored = dynamodb.stored_approval(approval.key)
        assert stored == fake.stored_approval(approval.key), approval
    assert len(everything) == 4 * 4 * 2 * 4
