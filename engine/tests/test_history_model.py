"""Every type of event that AWS's model has, with the fields that the model gives it.

Source: botocore's model of the service (stepfunctions/2016-11-23/service-2.json), HistoryEvent.
"""

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from engine.tests.conftest import Lab
from engine.tests.maps import CALL, distributed

from sfn_local import FunctionError

MODEL = ServiceModel(Loader().load_service_model("stepfunctions", "service-2"), "stepfunctions")
EVENT = MODEL.shape_for("HistoryEvent")
# These tell of what fails at AWS only: a role, a throttle, a service that does not answer.
NEVER = {
    "ActivityScheduleFailed",
    "LambdaFunctionScheduleFailed",
    "LambdaFunctionStartFailed",
    "TaskStartFailed",
}
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
INVOKE = "arn:aws:states:::lambda:invoke"
ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:a"
DONE = {"Type": "Succeed"}
WAIT = {"Type": "Wait", "Seconds": 60, "End": True}


def direct(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": FUNCTION + name, "End": True, **more}


def invoked(name: str, pattern: str = "", **more: Any) -> dict[str, Any]:
    payload = {"t.$": "$$.Task.Token"} if pattern else {"x": 1}
    return {
        "Type": "Task",
        "Resource": INVOKE + pattern,
        "Parameters": {"FunctionName": name, "Payload": payload},
        "End": True,
        **more,
    }


def each(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An inline Map over two items."""
    processor = {"StartAt": "one", "States": {"one": state}}
    return {"Type": "Map", "ItemsPath": "$.two", "ItemProcessor": processor, "End": True, **more}


def both(state: dict[str, Any]) -> dict[str, Any]:
    branches = [{"StartAt": name, "States": {name: state}} for name in ("left", "right")]
    return {"Type": "Parallel", "Branches": branches, "End": True}


def beside(state: dict[str, Any]) -> dict[str, Any]:
    """A state in a branch that ends because the other one fails."""
    left = {"Type": "Wait", "Seconds": 1, "Next": "fail"}
    failing = {"StartAt": "pause", "States": {"pause": left, "fail": {"Type": "Fail"}}}
    other = {"StartAt": "beside", "States": {"beside": state}}
    return {"Type": "Parallel", "Branches": [failing, other], "End": True}


CHOOSE = {
    "Type": "Choice",
    "Choices": [{"Variable": "$.two", "IsPresent": True, "Next": "end"}],
    "Default": "end",
}
STATES: list[dict[str, Any]] = [
    {"Type": "Pass", "Assign": {"v": 1}, "End": True},
    {"Type": "Fail", "Error": "E"},
    {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $error('no') %}", "End": True},
    CHOOSE,
    WAIT,
    direct("f"),
    direct("broken"),
    direct("lost", TimeoutSeconds=5),
    invoked("f"),
    invoked("broken"),
    invoked("broken", ".waitForTaskToken"),
    invoked("lost", TimeoutSeconds=5),
    invoked("f", ".waitForTaskToken", TimeoutSeconds=5),
    {"Type": "Task", "Resource": ACTIVITY, "TimeoutSeconds": 5, "End": True},
    each({"Type": "Pass", "End": True}),
    each(direct("broken")),
    each({"Type": "Fail", "Error": "E"}, MaxConcurrency=2),
    each(direct("second_breaks")),
    both({"Type": "Pass", "End": True}),
    both(direct("broken")),
    beside(WAIT),
    beside(each(WAIT)),
    beside(both(WAIT)),
    beside(invoked("lost")),
    {**distributed(CALL), "ItemsPath": "$.two", "End": True},
    {**distributed({"Type": "Fail", "Error": "E"}), "ItemsPath": "$.two", "End": True},
]
STOPPED = [WAIT, each(WAIT), both(WAIT), invoked("lost"), {**distributed(WAIT), "End": True}]


@pytest.fixture
def history(lab: Lab) -> list[dict[str, Any]]:
    """The events of all these states, one machine each; some are stopped, some redriven."""

    def fail(_: Any) -> Any:
        raise FunctionError("E", "c")

    lab.functions |= {"f": lambda given: given, "broken": fail, "second_breaks": fail}
    lab.hang.add("lost")
    lab.engine.create_activity("a")
    events: list[dict[str, Any]] = []
    for number, state in enumerate([*STATES, *STOPPED]):
        definition = {"StartAt": "it", "States": {"it": state}}
        if state is CHOOSE:
            definition["States"]["end"] = DONE
        machine = lab.engine.create_state_machine(f"m{number}", definition)
        arn = lab.engine.start_execution(machine, "x", '{"two": [1, 2]}')
        if number >= len(STATES):
            lab.engine.run_until_idle()
            lab.engine.stop_execution(arn)
        lab.engine.run_until(arn)
        if lab.engine.describe_execution(arn)["status"] == "FAILED":
            lab.engine.redrive_execution(arn)
            lab.engine.run_until(arn)
        events += lab.engine.history(arn)
    events += activity_events(lab)
    events += timed_out_events(lab)
    return events


def activity_events(lab: Lab) -> list[dict[str, Any]]:
    task = {"Type": "Task", "Resource": ACTIVITY, "End": True}
    machine = lab.engine.create_state_machine("a", {"StartAt": "it", "States": {"it": task}})
    events = []
    for name in ("good", "bad"):
        arn = lab.engine.start_execution(machine, name)
        lab.engine.run_until_idle()
        token = lab.engine.get_activity_task(ACTIVITY, "worker")["taskToken"]
        if name == "good":
            lab.engine.send_task_success(token, "1")
        else:
            lab.engine.send_task_failure(token, "E", "c")
        lab.engine.run_until(arn)
        events += lab.engine.history(arn)
    return events


def timed_out_events(lab: Lab) -> list[dict[str, Any]]:
    definition = {"StartAt": "it", "TimeoutSeconds": 5, "States": {"it": WAIT}}
    arn = lab.engine.start_execution(lab.engine.create_state_machine("t", definition))
    lab.engine.run_until(arn)
    return lab.engine.history(arn)


def test_every_type_of_event_occurs(history: list[dict[str, Any]]) -> None:
    types = set(MODEL.shape_for("HistoryEventType").enum)

    assert types - {event["type"] for event in history} == NEVER


def test_events_have_the_fields_of_the_model(history: list[dict[str, Any]]) -> None:
    for event in history:
        check(event, EVENT, event["type"])
        details = [name for name in event if name.endswith("EventDetails")]
        assert len(details) <= 1
        for name in details:
            assert name.lower().removesuffix("eventdetails") in (
                event["type"].lower(),
                "stateentered",
                "stateexited",
            )


def check(value: Any, shape: Any, path: str) -> None:
    """See that a structure has no field that the model does not have, and all that it must."""
    assert set(shape.required_members) <= set(value), path
    assert set(value) <= set(shape.members), path
    for name, inner in value.items():
        member = shape.members[name]
        if member.type_name == "structure":
            check(inner, member, f"{path}.{name}")
