"""Status changes as EventBridge gets them: their form, and that they arrive.

Source: Step Functions Developer Guide, "Automating Step Functions event delivery with
EventBridge".
"""

import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from engine.tests.conftest import Lab

from sfn_local.calls.services import NoServices
from sfn_local.cli import cli
from sfn_local.http_server import Request, Response, serve
from sfn_local.request_guard import Guard
from sfn_local.status_events import StatusEvents, event_of, sender

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PASS = {"StartAt": "it", "States": {"it": {"Type": "Pass", "End": True}}}
FAIL = {"StartAt": "it", "States": {"it": {"Type": "Fail", "Error": "E", "Cause": "c"}}}


class Target:
    """Takes events, and reports when it has so many."""

    def __init__(self, refusals: int = 0) -> None:
        self.events: list[dict[str, Any]] = []
        self.refusals = refusals
        self._changed = threading.Condition()

    def __call__(self, event: dict[str, Any]) -> None:
        with self._changed:
            if self.refusals:
                self.refusals -= 1
                raise OSError("not now")
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.events) >= count, 60)
        return self.events


def listening(lab: Lab, target: Any) -> StatusEvents:
    events = StatusEvents(target, "eu-west-1", "123456789012", lambda: NOW)
    lab.engine.on_status_change.append(events)
    return events


def test_each_change_of_status_is_an_event(lab: Lab) -> None:
    target = Target()
    events = listening(lab, target)
    run = lab.run(PASS, {"a": 1})
    events.close()
    started, ended = target.events

    assert [each["detail"]["status"] for each in target.events] == ["RUNNING", "SUCCEEDED"]
    assert started["detail"]["output"] is None
    assert started["detail"]["outputDetails"] is None
    assert {name: ended[name] for name in ended if name not in ("id", "detail")} == {
        "version": "0",
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": "123456789012",
        "time": "2026-01-01T12:00:00Z",
        "region": "eu-west-1",
        "resources": [run.arn],
    }
    assert ended["detail"] == {
        "executionArn": run.arn,
        "stateMachineArn": ended["detail"]["stateMachineArn"],
        "name": run.arn.rpartition(":")[2],
        "status": "SUCCEEDED",
        "startDate": 1_767_225_600_000,
        "stopDate": 1_767_225_600_000,
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "output": '{"a": 1}',
        "outputDetails": {"included": True},
        "error": None,
        "cause": None,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": ended["detail"]["redriveStatusReason"],
    }


def test_a_failure_says_why_and_that_it_can_be_redriven(lab: Lab) -> None:
    target = Target()
    events = listening(lab, target)
    lab.run(FAIL)
    events.close()
    detail = target.events[-1]["detail"]

    assert (detail["status"], detail["error"], detail["cause"]) == ("FAILED", "E", "c")
    assert detail["redriveStatus"] == "REDRIVABLE"


def test_large_data_are_left_out() -> None:
    described = {
        "executionArn": "a",
        "stateMachineArn": "m",
        "name": "n",
        "status": "SUCCEEDED",
        "startDate": NOW,
        "input": '"' + "x" * 130_000 + '"',
        "output": '"' + "é" * 70_000 + '"',
    }
    detail = event_of(described, "r", "1", NOW)["detail"]

    assert (detail["input"], detail["output"]) == (None, None)
    assert (detail["inputDetails"], detail["outputDetails"]) == (
        {"included": False},
        {"included": False},
    )


@pytest.mark.real_time("the sender pauses before it tries again")
def test_an_event_is_sent_again_and_the_next_ones_follow(lab: Lab) -> None:
    target = Target(refusals=1)
    events = listening(lab, target)
    lab.run(PASS)

    assert [each["detail"]["status"] for each in target.wait_for(2)] == ["RUNNING", "SUCCEEDED"]
    events.close()


def test_express_executions_have_none(lab: Lab) -> None:
    target = Target()
    events = listening(lab, target)
    arn = lab.engine.create_state_machine("m", PASS, "EXPRESS")
    lab.engine.start_sync_execution(arn, "e", "{}")
    events.close()

    assert target.events == []


def test_a_url_gets_them_by_post(lab: Lab) -> None:
    got = Target()

    def handle(request: Request) -> Response:
        got(json.loads(request.body))
        return Response(200, {}, b"")

    server = serve("127.0.0.1", 0, handle, guard=Guard("127.0.0.1"))
    events = listening(lab, sender(server.url, NoServices()))
    lab.run(PASS)
    got.wait_for(2)
    events.close()
    server.close()

    assert {each["source"] for each in got.events} == {"aws.states"}


class Bus:
    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def client(self, service: str) -> Any:
        assert service == "events"
        return self

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.entries += Entries
        return {"FailedEntryCount": 0}


def test_a_bus_gets_them_by_put_events(lab: Lab) -> None:
    bus = Bus()
    events = listening(lab, sender("bus:orders", bus))
    run = lab.run(PASS)
    events.close()

    assert [json.loads(each["Detail"])["status"] for each in bus.entries] == [
        "RUNNING",
        "SUCCEEDED",
    ]
    assert (bus.entries[0]["EventBusName"], bus.entries[0]["Resources"]) == ("orders", [run.arn])


def test_another_target_is_refused() -> None:
    with pytest.raises(ValueError, match="http:// URL or to bus:NAME, not to 'queue'"):
        sender("queue", NoServices())
    result = CliRunner().invoke(cli, ["serve", "--port", "0", "--status-events", "queue"])

    assert "--status-events: events go to" in result.output + str(result.exception)
