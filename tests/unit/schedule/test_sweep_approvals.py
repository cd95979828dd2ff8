from dataclasses import replace

import pytest
from tests.support.orders import an_approval
from tests.unit.schedule.sweeping import NOW, OLD

from sfn_cqrs.kernel.keys import ApprovalRef
from sfn_cqrs.machines.approval.rules import Happened, Stage, Status
from sfn_cqrs_tools.testing.builders import RELEASE


def test_one_that_waits_for_people_in_time_is_not_looked_at(sweep, world):
    world.seed_approvals(
        waiting(due_at="2026-11-25T11:58:00.000Z"),
        waiting(replace(RELEASE, ulid="01KAXK3V9Q0M3W8C5R6T7Y8Z01"), due_at=NOW),
    )

    assert sweep() == {}


def test_a_decision_whose_token_was_never_sent_is_sent(sweep, world):
    world.seed_approvals(waiting(status=Status.GRANTED, token="token", token_seq=100))
    world.approval_executions.start(ApprovalRef(RELEASE, 1))

    assert sweep() == {"approval_woken": 1}

    ((token, _),) = world.approval_executions.succeeded
    assert token == "token"


def test_a_decision_whose_token_is_used_is_left_to_the_machine(sweep, world):
    world.seed_approvals(waiting(status=Status.GRANTED, token="token", token_seq=100))
    world.approval_executions.start(ApprovalRef(RELEASE, 1))
    world.approval_executions.gone.add("token")

    assert sweep() == {"approval_running": 1}


def test_one_that_is_late_and_not_decided_is_left_to_the_machine(sweep, world):
    world.seed_approvals(waiting(token="token", token_seq=100))
    world.approval_executions.start(ApprovalRef(RELEASE, 1))

    assert sweep() == {"approval_running": 1}

    assert world.approval_executions.succeeded == []


@pytest.mark.parametrize("status", Status)
def test_one_whose_execution_died_goes_on_as_the_next_attempt(status, sweep, world):
    world.seed_approvals(waiting(status=status, token="token", token_seq=100))
    world.approval_executions.end(ApprovalRef(RELEASE, 1), "ABORTED")

    assert sweep() == {"approval_restarted": 1}

    approval = world.approvals.find(RELEASE)
    assert (approval.attempt, approval.restarts, approval.stage) == (2, 1, Stage.CREATED)
    assert (approval.status, approval.happened) == (status, Happened.RESTARTED)
    assert (approval.token, approval.token_seq, approval.due_at) == (None, None, NOW)


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (("NotRecorded", "no access"), ("NotRecorded", "no access")),
        ((None, None), ("ExecutionEnded", "")),
    ],
)
def test_one_that_dies_again_and_again_fails_and_says_so(ended, told, sweep, world):
    world.seed_approvals(waiting(status=Status.GRANTED, attempt=4, restarts=3))
    world.approval_executions.end(ApprovalRef(RELEASE, 4), *ended)

    assert sweep() == {"approval_failed": 1}

    approval = world.approvals.find(RELEASE)
    assert (approval.stage, approval.error, approval.cause) == (Stage.FAILED, *told)
    assert approval.status is Status.GRANTED


def waiting(key=RELEASE, **changes):
    """An approval to which something should have happened an hour ago."""
    return an_approval(key, **{"stage": Stage.WAITING, "round": 1, "due_at": OLD, **changes})
