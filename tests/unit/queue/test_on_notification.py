import copy
import json

import pytest
from functions.queue.on_notification.app import lambda_handler

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.event_bus import EventBus
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.routes import traceparent

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OWN_TRACE = "Root=1-6789aaaa-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def event(sample):
    return sample("queue/on_notification")


@pytest.fixture
def heard(monkeypatch):
    """The notices that the user's package is told of."""
    notices = []
    handlers.notice_handlers("command-status")
    monkeypatch.setitem(handlers.registry.notices, "command-status", [notices.append])
    return notices


def carrying(record, **content):
    """A copy of a record whose notice says something else."""
    record = copy.deepcopy(record)
    body = json.loads(record["body"])
    notice = json.loads(body["Message"])
    notice["content"] |= content
    record["body"] = json.dumps({**body, "Message": json.dumps(notice)})
    return record


def test_the_users_package_is_told_of_a_notice(event, heard):
    assert lambda_handler(event, None) == {"batchItemFailures": []}

    assert [(notice["id"], notice["content"]["outcome"]) for notice in heard] == [
        ("01KAXK3V9Q0M3W8C5R6T7Y8Z9A", "APPLIED")
    ]


def test_every_handler_of_an_action_is_told(event, monkeypatch):
    first, second = [], []
    handlers.notice_handlers("command-status")
    monkeypatch.setitem(handlers.registry.notices, "command-status", [first.append, second.append])

    lambda_handler(event, None)

    assert (len(first), len(second)) == (1, 1)


def test_an_action_that_nobody_asked_for_is_no_error(event, heard):
    body = json.loads(event["Records"][0]["body"])
    body["Message"] = json.dumps({"action": "import-status"})
    event["Records"][0]["body"] = json.dumps(body)

    assert lambda_handler(event, None) == {"batchItemFailures": []}

    assert heard == []


def test_a_notice_that_fails_comes_again_alone(event, monkeypatch):
    told = []

    def fussy(notice):
        told.append(notice["content"]["version"])
        if notice["content"]["version"] == 2:
            raise KeyError("version")

    handlers.notice_handlers("command-status")
    monkeypatch.setitem(handlers.registry.notices, "command-status", [fussy])
    first = event["Records"][0]
    others = [carrying(first, version=3), carrying(first, version=4)]
    event["Records"] += others
    for number, record in enumerate(event["Records"]):
        record["messageId"] = f"message-{number}"

    assert lambda_handler(event, None) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}

    assert told == [2, 3, 4]


@pytest.mark.parametrize(
    "body", ["", "no JSON", "{}", '{"Message": "no JSON"}', '{"Message": "{}"}', "[]"]
)
def test_a_message_that_is_no_notice_comes_again_and_at_last_to_the_dead_letters(
    body, event, heard
):
    event["Records"][0]["body"] = body

    assert lambda_handler(event, None) == {
        "batchItemFailures": [{"itemIdentifier": "7d2f6b6a-3c6e-4d0a-9a57-2f1b8c0d4e61"}]
    }

    assert heard == []


@pytest.mark.parametrize(
    ("outcome", "is_told"), [("APPLIED", False), ("FAILED", True), ("BLOCKED", True)]
)
def test_the_shop_tells_of_what_did_not_go_well(outcome, is_told, event, log):
    event["Records"] = [carrying(event["Records"][0], outcome=outcome, error="SomeError")]

    lambda_handler(event, None)

    assert ("a command did not go well" in log.getvalue()) is is_told


class Topic:
    """A topic that keeps what is published."""

    def __init__(self):
        self.messages = []

    def publish(self, messages):
        self.messages += messages


@pytest.fixture
def failures():
    with bootstrap.override(failures=Topic()):
        yield bootstrap.failures()


def as_deep_as(depth, record, *, receives=1):
    """A copy of a record whose notice so many handlers of notices have led to."""
    record = carrying(record)
    body = json.loads(record["body"])
    notice = {**json.loads(body["Message"]), "depth": depth}
    record["body"] = json.dumps({**body, "Message": json.dumps(notice)})
    record["attributes"]["ApproximateReceiveCount"] = str(receives)
    return record


def test_what_a_handler_stores_is_one_deeper_than_its_notice(event, monkeypatch):
    seen = []
    handlers.notice_handlers("command-status")
    monkeypatch.setitem(
        handlers.registry.notices, "command-status", [lambda _: seen.append(depth_here())]
    )
    event["Records"] = [event["Records"][0], as_deep_as(14, event["Records"][0])]

    lambda_handler(event, None)

    assert seen == [1, 15]
    assert depth_here() == 0


@pytest.mark.parametrize("given", [TRACEPARENT, TRACEPARENT[:-1] + "0", None])
def test_what_a_handler_stores_and_sends_goes_on_with_the_notices_trace(event, monkeypatch, given):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", OWN_TRACE)
    seen = []
    handlers.notice_handlers("command-status")
    monkeypatch.setitem(
        handlers.registry.notices, "command-status", [lambda _: seen.append(traceparent())]
    )
    record = event["Records"][0]
    body = json.loads(record["body"])
    notice = {**json.loads(body["Message"]), **({"traceparent": given} if given else {})}
    record["body"] = json.dumps({**body, "Message": json.dumps(notice)})

    lambda_handler(event, None)

    assert seen == [given or "00-6789aaaaabcdef012345678912345678-53995c3f42cd8ad8-01"]


def test_a_notice_that_is_too_deep_is_handed_to_nobody_and_people_are_told_once(
    event, heard, failures
):
    first = event["Records"][0]
    event["Records"] = [as_deep_as(16, first), as_deep_as(16, first, receives=2)]

    answer = lambda_handler(event, None)

    assert len(answer["batchItemFailures"]) == 2
    assert heard == []
    (alarm,) = failures.messages
    told = ("action", "id", "tenantCode", "sk")
    notice = json.loads(json.loads(first["body"])["Message"])
    assert [alarm[name] for name in told] == [
        "sfn-alarm",
        *(notice[name] for name in told[1:]),
    ]
    assert alarm["content"]["errorMessage"].startswith(
        "NoticeLoopError: append does not get this command-status: 16 handlers of notices"
    )


def test_a_notice_that_nobody_hears_may_be_as_deep_as_it_likes(event, failures, monkeypatch):
    handlers.notice_handlers("command-status")
    monkeypatch.setitem(handlers.registry.notices, "command-status", [])
    event["Records"] = [as_deep_as(99, event["Records"][0])]

    assert lambda_handler(event, None) == {"batchItemFailures": []}

    assert failures.messages == []


def test_a_notice_that_is_too_deep_is_an_event_all_the_same(event, heard, failures, put):
    event["Records"] = [as_deep_as(16, event["Records"][0])]
    bus = Bus()

    with put(bus):
        lambda_handler(event, None)

    assert (len(bus.entries), heard, len(failures.messages)) == (1, [], 1)


class Bus:
    """A bus that keeps what is put, or refuses it."""

    def __init__(self, failed=0):
        self.failed = failed
        self.entries = []

    def put_events(self, *, Entries):  # noqa: N803 - as boto3 has it
        self.entries += Entries
        return {"FailedEntryCount": self.failed, "Entries": [{"ErrorCode": "ThrottlingException"}]}


@pytest.fixture
def put(monkeypatch):
    """Return what gives the stack a bus that refuses so many events."""
    monkeypatch.setenv("EVENT_BUS", "sfn-cqrs-prod")

    def on(bus):
        return bootstrap.override(event_bus=EventBus(bus, "sfn-cqrs-prod", "sfn-cqrs-prod"))

    return on


def test_a_notice_is_an_event_without_keys_of_tables(event, heard, put):
    bus = Bus()
    with put(bus):
        assert lambda_handler(event, None) == {"batchItemFailures": []}

    (entry,) = bus.entries
    notice = heard[0]
    assert json.loads(entry.pop("Detail")) == {
        "id": notice["id"],
        "tenant": "tenant1",
        "content": notice["content"],
    }
    assert entry == {
        "EventBusName": "sfn-cqrs-prod",
        "Source": "sfn-cqrs",
        "DetailType": "command-status",
        "Resources": ["sfn-cqrs-prod"],
    }


def test_a_bus_that_refuses_has_the_notice_come_again(event, heard, put):
    with put(Bus(failed=1)):
        answer = lambda_handler(event, None)

    assert len(answer["batchItemFailures"]) == 1
    assert heard == []


def test_without_a_bus_nothing_is_put(event, heard, monkeypatch):
    monkeypatch.setenv("EVENT_BUS", "")
    with bootstrap.override(event_bus=None):
        assert lambda_handler(event, None) == {"batchItemFailures": []}

    assert len(heard) == 1
