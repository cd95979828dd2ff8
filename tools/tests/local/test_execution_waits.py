"""What `execution show` says of an execution that runs: why, and what somebody can do."""

import sys

import pytest

from sfn_cqrs_tools.cli import main
from sfn_cqrs_tools.client.aws import Target
from sfn_local import Engine, InlineFunctions, VirtualClock
from sfn_local.server import serve_engine

RETRY = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60, "MaxAttempts": 3}
CALLS = "arn:aws:states:::lambda:invoke"


def busy(_function, _payload):
    raise TimeoutError("the bank is closed")


def silent(_function, _payload):
    return b"null"


@pytest.fixture
def shown(monkeypatch, capsys):
    """Return what shows an execution that calls a function in its one state."""
    servers = []

    def show(resource, function, token="$$.Execution.Name"):
        engine = Engine(functions=InlineFunctions(function), clock=VirtualClock())
        call = {"FunctionName": "f", "Payload": {"token.$": token}}
        state = {"Type": "Task", "Resource": resource, "Parameters": call, "End": True}
        states = {"ask": state | {"Retry": [RETRY]}}
        arn = engine.create_state_machine("pay", {"StartAt": "ask", "States": states})
        engine.start_execution(arn, "pay-1", "{}")
        engine.run_until_waiting()
        servers.extend((serve_engine(engine, "127.0.0.1", 0), engine))
        url = servers[0].url
        target = Target({"PayStateMachineArn": arn}, {"aws": url, "stepfunctions": url})
        monkeypatch.setattr("sfn_cqrs_tools.cli.executions.find_target", lambda *_: target)
        monkeypatch.setattr(sys, "argv", ["sfn-cqrs", "execution", "show", "pay-1"])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    yield show
    for each in servers:
        each.close()


def test_a_state_that_is_tried_again_is_told_with_its_cause_and_is_not_resumed(shown):
    told = shown(CALLS, busy)

    assert "TimeoutError: the bank is closed" in told
    assert "sfn-cqrs resume" not in told


def test_a_state_that_waits_for_a_token_is_resumed(shown):
    told = shown(f"{CALLS}.waitForTaskToken", silent, "$$.Task.Token")

    assert told.endswith("sfn-cqrs resume pay-1 ask '{}'\n")
