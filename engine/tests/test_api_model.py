"""Every operation of AWS's model of Step Functions, and every member of its input.

Source: botocore's model of the service (stepfunctions/2016-11-23/service-2.json).
"""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from engine.tests.conftest import Lab

from sfn_local.errors import ApiError
from sfn_local.operations import OPERATIONS, Operation
from sfn_local.operations.parameters import Parameter

MODEL = ServiceModel(Loader().load_service_model("stepfunctions", "service-2"), "stepfunctions")
TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": float,
    "list": list,
    "structure": dict,
}
# The engine's own checks give these AWS's own errors: InvalidName, InvalidDefinition and the like.
CHECKED_BY_THE_ENGINE = {"name", "definition", "input", "output", "context", "variables", "result"}
BOUNDED_OTHERWISE = {"mapItemReaderData", "tags", "revisionId"}
BOUNDED_BY_TYPE = {"maxConcurrency", "toleratedFailureCount"}  # integers of 32 and 64 bits


def members(shape: Any, parameters: dict[str, Parameter], path: str) -> Iterator[Any]:
    """Each member of a structure with the parameter that stands for it, however deep."""
    for name, inner in shape.members.items():
        parameter = parameters.get(name)
        yield f"{path}.{name}", name, inner, parameter, name in shape.required_members
        if parameter is None:
            continue
        if inner.type_name == "structure":
            yield from members(inner, parameter.members or {}, f"{path}.{name}")
        elif inner.type_name == "list" and inner.member.type_name == "structure":
            item = parameter.item
            found = {} if item is None else item.members or {}
            yield from members(inner.member, found, f"{path}.{name}")


ALL = [
    member
    for name in MODEL.operation_names
    for member in members(
        MODEL.operation_model(name).input_shape,
        OPERATIONS.get(name, Operation(lambda *_: {})).parameters,
        name,
    )
]


def test_every_operation_of_aws_is_served() -> None:
    assert sorted(OPERATIONS) == sorted(MODEL.operation_names)


@pytest.mark.parametrize("member", ALL, ids=lambda member: member[0])
def test_every_member_of_an_input_is_checked_as_aws_does(member: Any) -> None:
    path, name, shape, parameter, is_required = member

    assert parameter is not None, f"{path} would be ignored"
    assert parameter.type is TYPES[shape.type_name]
    assert parameter.required == is_required
    assert sorted(parameter.choices) == sorted(getattr(shape, "enum", None) or ())
    if name not in CHECKED_BY_THE_ENGINE | BOUNDED_OTHERWISE | BOUNDED_BY_TYPE:
        assert parameter.most == shape.metadata.get("max")
        assert (parameter.least or 0) == shape.metadata.get("min", 0)


def test_what_aws_does_not_have_is_refused() -> None:
    operation = OPERATIONS["StartExecution"]

    with pytest.raises(ApiError, match="there is no parameter 'nmae' here; these are: state"):
        operation.check({"stateMachineArn": "arn", "nmae": "x"})


def lists(parameters: dict[str, Parameter], path: str) -> Iterator[tuple[str, Parameter]]:
    """Each list among some parameters, however deep, with its path."""
    for name, parameter in parameters.items():
        if parameter.type is list:
            yield f"{path}.{name}", parameter
        yield from lists(parameter.members or {}, f"{path}.{name}")


LISTS = dict(chain.from_iterable(lists(one.parameters, name) for name, one in OPERATIONS.items()))


@pytest.mark.parametrize("path", LISTS)
def test_null_in_a_list_is_refused(path: str) -> None:
    with pytest.raises(ApiError, match=r"Value null at 'x\.1\.member' .*: Member must not be null"):
        LISTS[path].check("x", [None])


class Read(dict[str, Any]):
    """Parameters that remember which of them were read."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__(given)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)


PASS = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
ROLE = "arn:aws:iam::123456789012:role/r"


def given_to(lab: Lab, name: str) -> dict[str, Any]:
    """Parameters with which an operation gets through."""
    kind = "EXPRESS" if name == "StartSyncExecution" else "STANDARD"
    machine = lab.engine.create_state_machine(f"m-{kind}", PASS, kind)
    version = lab.engine.publish_version(machine).arn
    activity = lab.engine.create_activity("a")["activityArn"]
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    wait = {"Type": "Wait", "Seconds": 9, "End": True}
    processor = {"ProcessorConfig": config, "StartAt": "w", "States": {"w": wait}}
    states = {"m": {"Type": "Map", "ItemProcessor": processor, "End": True}}
    mapping = lab.engine.create_state_machine("map", {"StartAt": "m", "States": states})
    execution = lab.engine.start_execution(mapping, "x", "[1]")
    lab.engine.run_until_idle()
    map_run = lab.engine.list_map_runs(execution)[0]["mapRunArn"]
    if name == "RedriveExecution":
        lab.engine.stop_execution(execution)
    route = [{"stateMachineVersionArn": version, "weight": 100}]
    if name.endswith("Alias") and name != "CreateStateMachineAlias":
        with lab.engine.scheduler.lock:
            lab.engine.versions.create_alias("LIVE", None, route)
    token = given_token(lab) if name.startswith("SendTask") else ""
    common: dict[str, Any] = {
        "activityArn": activity,
        "definition": PASS,
        "executionArn": execution,
        "mapRunArn": map_run,
        "name": "n",
        "output": "{}",
        "resourceArn": machine,
        "roleArn": ROLE,
        "routingConfiguration": route,
        "stateMachineAliasArn": f"{machine}:LIVE",
        "stateMachineArn": machine,
        "stateMachineVersionArn": version,
        "tagKeys": ["k"],
        "tags": [{"key": "k", "value": "v"}],
        "taskToken": token,
    }
    if name == "ListExecutions":
        del common["stateMachineArn"]
    if name == "TestState":
        common["definition"] = json.dumps({"Type": "Task", "Resource": FUNCTION, "End": True})
        common["mock"] = {"result": "{}"}
    return {key: value for key, value in common.items() if key in OPERATIONS[name].parameters}


def given_token(lab: Lab) -> str:
    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    payload = {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}
    task = {"Type": "Task", "Resource": resource, "Parameters": payload, "End": True}
    lab.functions["f"] = lambda given: given
    waiting = lab.engine.create_state_machine("w", {"StartAt": "a", "States": {"a": task}})
    lab.engine.start_execution(waiting)
    lab.engine.run_until_idle()
    return str(lab.calls[-1][1]["token"])


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_parameter_is_read(lab: Lab, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfn_local.operations.tasks.LONG_POLL_SECONDS", 0.0)
    operation = OPERATIONS[name]
    given = Read(operation.check(given_to(lab, name)))
    operation.run(lab.engine, given)

    assert sorted(set(operation.parameters) - given.names) == []
