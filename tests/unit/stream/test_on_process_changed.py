import copy

import pytest
from botocore.exceptions import ClientError
from functions.stream.on_process_changed.app import lambda_handler
from tests.unit.consumers import ALL_DONE

from sfn_cqrs.kernel.keys import CommandRef
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_process

FIRST, SECOND = "111100000000000000001", "111200000000000000002"
MACHINE = "arn:aws:states:us-east-1:000000000000:execution:sfn-cqrs-command"
EXECUTION = f"{MACHINE}:c-mbn4lstahb563jlwwwrljtm5ao-v1-a1"
EXPRESS = "arn:aws:states:us-east-1:000000000000:express:sfn-cqrs-command-express"
VERSION = {
    "id": "01KAXK2B7N4T6V0J1X2Z3C4D5E",
    "table": "sfn-cqrs-CommandsTable",
    "pk": "TENANT#tenant1#AIRPORT#NRT",
    "sk": "AIRPORT#NRT@00000001",
    "tenantCode": "tenant1",
}
NOTICE = {
    "action": "command-status",
    **VERSION,
    "content": {
        "status": "finish:FINISHED",
        "source": "POST /commands",
        "outcome": "APPLIED",
        "type": "AIRPORT",
        "code": "NRT",
        "version": 1,
        "attempt": 1,
        "lane": "STANDARD",
        "error": None,
    },
}


@pytest.fixture
def event(sample):
    """Version 1 of Narita has been applied, version 2 has been published."""
    return sample("stream/on_process_changed")


@pytest.fixture
def closed(event):
    """Return a maker of the event that version 1 has closed with an outcome."""

    def make(outcome, **changes):
        record = copy.deepcopy(event["Records"][0])
        image = {"outcome": outcome, "status": f"x:{outcome}", **changes}
        for name, text in image.items():
            record["dynamodb"]["NewImage"][name] = {"S": text}
        return {"Records": [record]}

    return make


def handle(event):
    return lambda_handler(event, None)


def test_a_published_version_is_started_and_a_closed_one_is_told_of(event, world):
    assert handle(event) == ALL_DONE

    assert world.executions.started == [CommandRef(NRT, 2, 1)]
    assert world.events.messages == [NOTICE]
    assert world.failures.messages == []


def test_a_restart_starts_the_next_attempt(event, world):
    event["Records"][1]["dynamodb"]["NewImage"]["attempt"] = {"N": "2"}

    handle(event)

    assert world.executions.started == [CommandRef(NRT, 2, 2)]


@pytest.mark.parametrize("outcome", ["APPLIED", "SKIPPED"])
def test_the_version_that_waits_for_a_closed_one_goes_on(outcome, closed, world):
    world.seed(
        a_process(version=1, outcome=Outcome(outcome)),
        a_process(version=2, outcome=Outcome.WAITING, token="token-2", token_seq=0),
    )
    if outcome == "APPLIED":
        world.seed_rows(a_command(version=1))

    handle(closed(outcome))

    assert [token for token, _ in world.executions.succeeded] == ["token-2"]


def test_the_decision_is_made_on_what_is_stored_not_on_what_the_record_says(closed, world):
    world.seed(
        a_process(version=1, attempt=2),
        a_process(version=2, outcome=Outcome.BLOCKED),
    )

    handle(closed("FAILED", error="Error"))

    assert world.processes.find(NRT, 2).outcome is Outcome.BLOCKED


def test_a_failure_is_an_alarm_with_the_executions_arn(closed, world):
    failure = {"error": "SyncHandlerError", "cause": "target: KeyError\n  File app.py"}

    handle(closed("FAILED", **failure))

    assert world.failures.messages == [
        {
            "action": "sfn-alarm",
            **VERSION,
            "content": {
                "errorMessage": "SyncHandlerError: target: KeyError",
                "sfnId": EXECUTION,
            },
        }
    ]
    assert [notice["content"]["outcome"] for notice in world.events.messages] == ["FAILED"]


def test_what_fails_in_its_publisher_has_no_execution(closed, world):
    handle(closed("FAILED", error="Error", mode="SYNC"))

    (alarm,) = world.failures.messages
    assert alarm["content"]["sfnId"] is None


@pytest.mark.parametrize("run", [f"{EXPRESS}:c-1:6f9a", None])
def test_in_the_express_lane_the_alarm_names_the_run_that_claimed_it(run, closed, world):
    claimed = {"run": run} if run else {}

    handle(closed("FAILED", error="Error", lane="EXPRESS", **claimed))

    (alarm,) = world.failures.messages
    assert alarm["content"]["sfnId"] == run


@pytest.mark.parametrize("outcome", ["APPLIED", "BLOCKED", "SKIPPED"])
def test_only_a_failure_is_an_alarm(outcome, closed, world):
    handle(closed(outcome))

    assert world.failures.messages == []
    assert [notice["content"]["outcome"] for notice in world.events.messages] == [outcome]


def test_a_record_that_fails_for_a_passing_reason_comes_again_with_all_behind_it(
    event, world, monkeypatch
):
    event["Records"].append(copy.deepcopy(event["Records"][0]))
    monkeypatch.setattr(world.executions, "start", _throttled)

    assert handle(event) == {"batchItemFailures": [{"itemIdentifier": SECOND}]}

    assert world.events.messages == [NOTICE]


def test_no_log_line_and_no_message_has_a_token(closed, world, log):
    world.seed(
        a_process(version=1, outcome=Outcome.APPLIED),
        a_process(version=2, outcome=Outcome.WAITING, token="secret-2", token_seq=0),
    )
    world.seed_rows(a_command(version=1))

    handle(closed("APPLIED", task_token="secret-1"))

    assert [token for token, _ in world.executions.succeeded] == ["secret-2"]
    assert "secret" not in log.getvalue() + str(world.events.messages)


def test_a_failed_record_is_logged_without_the_token(closed, world, log, monkeypatch):
    world.seed(
        a_process(version=1, outcome=Outcome.APPLIED),
        a_process(version=2, outcome=Outcome.WAITING, token="secret-2", token_seq=0),
    )
    world.seed_rows(a_command(version=1))
    monkeypatch.setattr(world.executions, "succeed", _throttled)

    handle(closed("APPLIED"))

    assert "a record will be delivered again" in log.getvalue()
    assert "secret" not in log.getvalue()


def _throttled(*_):
    raise ClientError({"Error": {"Code": "ThrottlingException"}}, "AnyOperation")


def test_a_version_of_the_express_lane_is_started_there_each_time_it_is_delivered(event, world):
    published = {"Records": [event["Records"][1]]}
    published["Records"][0]["dynamodb"]["NewImage"]["lane"] = {"S": "EXPRESS"}

    assert [handle(published), handle(published)] == [ALL_DONE, ALL_DONE]

    assert world.express_executions.started == [CommandRef(NRT, 2, 1)] * 2
    assert world.executions.started == []


def test_what_has_left_the_express_lane_is_started_in_the_standard_machine(event, world):
    published = {"Records": [event["Records"][1]]}
    image = published["Records"][0]["dynamodb"]["NewImage"]
    image |= {"lane": {"S": "EXPRESS"}, "attempt": {"N": "2"}}

    assert handle(published) == ALL_DONE

    assert world.executions.started == [CommandRef(NRT, 2, 2)]
    assert world.express_executions.started == []
