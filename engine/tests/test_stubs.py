"""Stand-ins by the name of the state, for tasks of every kind."""

import json
from typing import Any

import pytest

from sfn_local import Engine, VirtualClock
from sfn_local.stubs import StubFunctions, by_state

SEND = "arn:aws:states:::sqs:sendMessage"


def run(state: dict[str, Any], stub: Any) -> tuple[Engine, str, StubFunctions]:
    definition = {"StartAt": "it", "States": {"it": {"Type": "Task", **state, "End": True}}}
    functions = StubFunctions({"it": stub})
    engine = Engine(functions=functions, clock=VirtualClock())
    arn = engine.start_execution(engine.create_state_machine("m", by_state(definition)), "x", "{}")
    engine.run_until_waiting()
    return engine, arn, functions


@pytest.mark.parametrize(
    "state",
    [
        {"Parameters": {"MessageBody": {"token.$": "$$.Task.Token"}}},
        {
            "QueryLanguage": "JSONata",
            "Arguments": {"MessageBody": {"token": "{% $states.context.Task.Token %}"}},
        },
    ],
)
def test_a_service_that_waits_for_its_token_still_does(state: dict[str, Any]) -> None:
    engine, arn, functions = run({"Resource": f"{SEND}.waitForTaskToken", **state}, None)
    (sent,) = functions.payloads["it"]

    assert engine.describe_execution(arn)["status"] == "RUNNING"
    engine.send_task_success(sent["MessageBody"]["token"], '"done"')
    engine.run_until(arn)
    assert json.loads(engine.describe_execution(arn)["output"]) == "done"


def test_a_service_call_returns_what_its_stub_says() -> None:
    engine, arn, functions = run({"Resource": SEND, "Parameters": {"QueueUrl": "q"}}, {"id": 1})

    assert functions.payloads == {"it": [{"QueueUrl": "q"}]}
    assert json.loads(engine.describe_execution(arn)["output"]) == {"id": 1}
