import copy
import re

import pytest
from functions.stream.on_approval_changed.app import lambda_handler
from tests.support.orders import SEEN, an_approval
from tests.unit.consumers import ALL_DONE

from sfn_cqrs.kernel.keys import ApprovalRef
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.rules import CastVote, Close, Restart, Stage, Status, Verdict, Vote

FIRST, SECOND = "111100000000000000001", "111100000000000000002"
REQUESTED, REMINDED, GRANTED, FAILED = range(4)
TOKEN = "AAAA-sample-task-token-that-opens-nothing"
ID = {
    "id": "a-01KAXK3V9Q0M3W8C5R6T7Y8Z9B",
    "table": "sfn-cqrs-ApprovalsTable",
    "pk": "APPROVAL#tenant1",
    "sk": "APPROVAL#01KAXK3V9Q0M3W8C5R6T7Y8Z9B",
    "tenantCode": "tenant1",
}
NOTICE = {
    "action": "approval-status",
    **ID,
    "content": {
        "happened": "REQUESTED",
        "status": "OPEN",
        "source": "api",
        "type": "OFFER_RELEASE",
        "attempt": 1,
        "approved": 0,
        "needed": 1,
        "reminders": 0,
        "expiresAt": "2026-12-02T12:00:00.204Z",
        "error": None,
    },
}


@pytest.fixture
def ref(sample):
    return ApprovalRef.from_input(sample("approval/start_execution"))


@pytest.fixture
def event(sample):
    """Requested, reminded of, granted, and then failed."""
    return sample("stream/on_approval_changed")


def handle(event, *positions):
    return lambda_handler({"Records": [event["Records"][position] for position in positions]}, None)


def record_of(event, approval):
    record = copy.deepcopy(event["Records"][GRANTED])
    record["dynamodb"]["NewImage"] = marshal(APPROVALS.item(approval))
    return {"Records": [record]}


def test_what_is_requested_is_started_and_told_of(event, ref, world):
    assert handle(event, REQUESTED) == ALL_DONE

    assert world.approval_executions.started == [ref]
    assert world.events.messages == [NOTICE]


def test_a_later_attempt_is_started(event, ref, world):
    restarted = Restart(1).on(an_approval(), "2026-11-25T12:00:00.000Z")

    assert lambda_handler(record_of(event, restarted), None) == ALL_DONE

    assert world.approval_executions.started == [ApprovalRef(ref.key, 2)]


def test_a_reminder_is_told_of_and_starts_nothing(event, world):
    assert handle(event, REMINDED) == ALL_DONE

    (notice,) = world.events.messages
    assert (notice["content"]["happened"], notice["content"]["reminders"]) == ("REMINDED", 1)
    assert world.approval_executions.started == []


def test_a_decision_is_told_of_and_lets_the_machine_go_on(event, world):
    assert handle(event, GRANTED) == ALL_DONE

    assert world.approval_executions.succeeded == [(TOKEN, {"Payload": {"result": "LOOK_AGAIN"}})]
    (notice,) = world.events.messages
    assert (notice["content"]["happened"], notice["content"]["approved"]) == ("GRANTED", 1)


def test_one_of_two_votes_is_told_of_and_wakes_nobody(event, world):
    vote = Vote("taro", Verdict.APPROVE, "2026-11-25T12:00:00.000Z", seen=SEEN)
    approval = an_approval(token="t", token_seq=100, votes=(), stage=Stage.WAITING)
    approval = CastVote(vote).on(approval, "")
    two = record_of(event, approval)
    two["Records"][0]["dynamodb"]["NewImage"]["status"] = {"S": "OPEN"}

    lambda_handler(two, None)

    assert world.approval_executions.succeeded == []
    assert len(world.events.messages) == 1


def test_what_follows_a_decision_and_fails_is_alarmed(event, world):
    assert handle(event, FAILED) == ALL_DONE

    (alarm,) = world.failures.messages
    assert alarm == {
        "action": "sfn-alarm",
        **ID,
        "content": {
            "errorMessage": "NotFoundError: OFFER o-1 does not exist",
            "sfnId": alarm["content"]["sfnId"],
        },
    }
    arn = alarm["content"]["sfnId"]
    assert re.fullmatch(r"arn:aws:states:\S+:execution:sfn-cqrs-approval:a-\w+-a1", arn)
    assert world.approval_executions.succeeded == []


def test_what_is_done_is_told_of_and_not_alarmed(event, world):
    done = Close(1, Stage.DONE).on(an_approval(status=Status.GRANTED), "")

    lambda_handler(record_of(event, done), None)

    assert [one["content"]["happened"] for one in world.events.messages] == ["DONE"]
    assert world.failures.messages == []


def test_no_notice_names_a_person_or_carries_a_token_or_a_payload(event, world):
    handle(event, REQUESTED, REMINDED, GRANTED, FAILED)

    told = str([world.events.messages, world.failures.messages])
    assert len(world.events.messages) == 4
    assert [text for text in (TOKEN, "taro", "hanako", "1200", "192.0.2") if text in told] == []
