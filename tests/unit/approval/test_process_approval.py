from dataclasses import replace

import pytest
from functions.approval.process_approval.app import lambda_handler  # noqa: F401 - run_state runs it
from tests.unit.approval.decided import Decided

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.rules import Stage, Status


class TestGranted(Decided):
    status = Status.GRANTED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage": Stage.FAILED}, "attempt 1 was closed as FAILED"),
        ({"stage": Stage.DONE, "attempt": 2}, "attempt 1 no longer owns the approval"),
    ],
)
def test_an_attempt_that_was_closed_meanwhile_says_so(
    changes, message, seed, world, run_state, handle_decisions
):
    approval = seed(status=Status.GRANTED)
    handle_decisions(granted=lambda _: world.seed_approvals(replace(approval, **changes)))

    with pytest.raises(SupersededError, match=message):
        run_state()


def test_a_type_that_is_gone_fails_and_says_so(seed, run_state, handle_decisions, monkeypatch):
    handle_decisions(granted=print)
    monkeypatch.setattr(approval_types, "_types", {})
    seed(status=Status.GRANTED)

    with pytest.raises(Exception, match="'ORDER_RELEASE' is not registered"):
        run_state()
