import json
from pathlib import Path

import pytest
from tests.support.orders import an_approval

from sfn_cqrs.kernel.keys import ApprovalRef
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.rules import Rules, Status
from sfn_cqrs.machines.command import handlers

EVENTS = Path(__file__).parents[3] / "events" / "approval"


@pytest.fixture
def key(sample):
    return ApprovalRef.from_input(sample("approval/start_execution")).key


@pytest.fixture
def seed(world, key):
    """Return what puts the approval of the sample events in its place."""

    def put(**changes):
        approval = an_approval(key, **changes)
        world.seed_approvals(approval)
        return approval

    return put


@pytest.fixture
def run_state(request, sample, lambda_context):
    """Return what runs the function of this test's module on its sample event."""
    state = request.module.__name__.rpartition("test_")[2]

    def run(*, tries=0, attempt=1, machine=None, **changes):
        event = {**sample(f"approval/{state}"), **changes}
        event["context"]["State"]["RetryCount"] = tries
        event["context"]["Execution"]["Input"]["attempt"] = attempt
        if machine is not None:
            event["context"]["StateMachine"]["Id"] = machine
        return request.module.lambda_handler(event, lambda_context)

    return run


@pytest.fixture
def handle_decisions(monkeypatch):
    """Return what makes functions those of ORDER_RELEASE, for one test."""
    handlers.load()

    def register(*, granted=None, rejected=None, expired=None):
        known = approval_types.ApprovalType("ORDER_RELEASE", Rules(group="operator"), granted)
        monkeypatch.setitem(approval_types._types, "ORDER_RELEASE", known)
        for status, handler in ((Status.REJECTED, rejected), (Status.EXPIRED, expired)):
            at = ("ORDER_RELEASE", status)
            if handler is None:
                monkeypatch.delitem(approval_types._otherwise, at, raising=False)
            else:
                monkeypatch.setitem(approval_types._otherwise, at, handler)

    return register


@pytest.fixture
def stored_token():
    """The token of the sample event."""
    return json.loads((EVENTS / "request_approval.json").read_text())["taskToken"]
