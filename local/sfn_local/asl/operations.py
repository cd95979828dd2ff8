"""The operations of the Step Functions API: what each takes, and what it asks of the engine."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sfn_local.asl.engine import Engine
from sfn_local.asl.errors import InvalidToken, MissingRequiredParameter, ValidationException
from sfn_local.asl.tested_state import read_question
from sfn_local.asl.validation import validate

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000
LONGEST_PAGE_TOKEN = 1024
LONG_POLL_SECONDS = 60.0

STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE")

Parameters = dict[str, Any]
Answer = dict[str, Any]
Run = Callable[[Engine, Parameters], Answer]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation."""

    type: type
    required: bool = False
    choices: tuple[str, ...] = ()
    most: int | None = None  # the longest text, or the largest number

    def check(self, name: str, value: Any) -> None:
        """Compare a value with what the parameter takes.

        Raises:
            ValidationException: they do not fit.
        """
        if value is None:
            if self.required:
                raise _invalid("null", name, "Member must not be null")
            return
        if not self._is_of_type(value):
            kind = self.type.__name__
            raise _invalid(f"of type {type(value).__name__}", name, f"Member must be a {kind}")
        if self.choices and value not in self.choices:
            listed = ", ".join(self.choices)
            constraint = f"Member must satisfy enum value set: [{listed}]"
            raise _invalid(f"'{value}'", name, constraint)
        self._check_size(name, value)

    def _is_of_type(self, value: Any) -> bool:
        if self.type in (int, float) and isinstance(value, bool):
            return False
        return isinstance(value, (int, float) if self.type is float else self.type)

    def _check_size(self, name: str, value: Any) -> None:
        if self.most is None:
            return
        if isinstance(value, (int, float)) and not 0 <= value <= self.most:
            constraint = f"Member must have value less than or equal to {self.most}"
            raise _invalid(f"'{value}'", name, constraint)
        if isinstance(value, str) and len(value) > self.most:
            constraint = f"Member must have length less than or equal to {self.most}"
            raise _invalid(f"of {len(value)} characters", name, constraint)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; parameters that it does not name are ignored, as configuration of AWS's."""

    run: Callable[[Engine, Parameters], Answer]
    parameters: dict[str, Parameter]

    def check(self, given: Parameters) -> Parameters:
        """The parameters that the operation names.

        Raises:
            ValidationException: one of them is missing or does not fit.
        """
        for name, parameter in self.parameters.items():
            parameter.check(name, given.get(name))
        return {name: given.get(name) for name in self.parameters}


def _invalid(value: str, name: str, constraint: str) -> ValidationException:
    return ValidationException(
        f"1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: "
        f"{constraint}"
    )


def _create_state_machine(engine: Engine, given: Parameters) -> Answer:
    if given["versionDescription"] is not None and not given["publish"]:
        raise ValidationException("Version description can only be set when publish is true")
    arn = engine.create_state_machine(
        given["name"], given["definition"], given["type"] or "STANDARD", given["roleArn"]
    )
    engine.tag_resource(arn, _read_tags(given["tags"] or []))
    return {
        "stateMachineArn": arn,
        "creationDate": engine.describe_state_machine(arn)["creationDate"],
        **_publish(engine, arn, given),
    }


def _update_state_machine(engine: Engine, given: Parameters) -> Answer:
    changes = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "publish")
    if all(given[name] is None for name in changes):
        raise MissingRequiredParameter(
            "Either the definition, the role ARN, the LoggingConfiguration, or the "
            "TracingConfiguration must be specified"
        )
    arn = given["stateMachineArn"]
    updated = engine.update_state_machine(arn, given["definition"], given["roleArn"])
    described = engine.describe_state_machine(arn)
    revision = {name: described[name] for name in ("revisionId",) if name in described}
    return {"updateDate": updated, **revision, **_publish(engine, arn, given)}


def _publish(engine: Engine, arn: str, given: Parameters) -> Answer:
    if not given["publish"]:
        return {}
    version = engine.publish_version(arn, given["versionDescription"])
    return {"stateMachineVersionArn": version.arn}


def _publish_version(engine: Engine, given: Parameters) -> Answer:
    return engine.publish_version(
        given["stateMachineArn"], given["description"], given["revisionId"]
    ).summary()


def _list_versions(engine: Engine, given: Parameters) -> Answer:
    versions, token = _page(engine.versions.list_versions(given["stateMachineArn"]), given)
    return {"stateMachineVersions": [version.summary() for version in versions], **token}


def _delete_version(engine: Engine, given: Parameters) -> Answer:
    engine.versions.delete_version(given["stateMachineVersionArn"])
    return {}


def _create_alias(engine: Engine, given: Parameters) -> Answer:
    return engine.versions.create_alias(
        given["name"], given["description"], given["routingConfiguration"]
    ).summary()


def _update_alias(engine: Engine, given: Parameters) -> Answer:
    alias = engine.versions.update_alias(
        given["stateMachineAliasArn"], given["description"], given["routingConfiguration"]
    )
    return {"updateDate": alias.describe()["updateDate"]}


def _describe_alias(engine: Engine, given: Parameters) -> Answer:
    return engine.versions.find_alias(given["stateMachineAliasArn"]).describe()


def _list_aliases(engine: Engine, given: Parameters) -> Answer:
    aliases, token = _page(engine.versions.list_aliases(given["stateMachineArn"]), given)
    return {"stateMachineAliases": [alias.summary() for alias in aliases], **token}


def _delete_alias(engine: Engine, given: Parameters) -> Answer:
    engine.versions.delete_alias(given["stateMachineAliasArn"])
    return {}


def _describe_state_machine(engine: Engine, given: Parameters) -> Answer:
    return engine.describe_state_machine(given["stateMachineArn"])


def _list_state_machines(engine: Engine, given: Parameters) -> Answer:
    machines, token = _page(engine.list_state_machines(), given)
    return {"stateMachines": machines, **token}


def _delete_state_machine(engine: Engine, given: Parameters) -> Answer:
    engine.delete_state_machine(given["stateMachineArn"])
    return {}


def _start_execution(engine: Engine, given: Parameters) -> Answer:
    document = "{}" if given["input"] is None else given["input"]
    return engine.started_execution(given["stateMachineArn"], given["name"], document)


def _start_sync_execution(engine: Engine, given: Parameters) -> Answer:
    document = "{}" if given["input"] is None else given["input"]
    return engine.start_sync_execution(given["stateMachineArn"], given["name"], document)


def _validate(_: Engine, given: Parameters) -> Answer:
    return validate(
        given["definition"],
        given["type"] or "STANDARD",
        given["severity"] or "ERROR",
        given["maxResults"] or 0,
    )


def _test_state(engine: Engine, given: Parameters) -> Answer:
    return engine.test_state(read_question(given), given["inspectionLevel"] or "INFO")


def _tag_resource(engine: Engine, given: Parameters) -> Answer:
    engine.tag_resource(given["resourceArn"], _read_tags(given["tags"]))
    return {}


def _untag_resource(engine: Engine, given: Parameters) -> Answer:
    engine.untag_resource(given["resourceArn"], given["tagKeys"])
    return {}


def _list_tags(engine: Engine, given: Parameters) -> Answer:
    tags = engine.list_tags(given["resourceArn"])
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _read_tags(tags: list[Any]) -> dict[str, str]:
    """Tags by key.

    Raises:
        ValidationException: one of them is no tag.
    """
    for tag in tags:
        if not isinstance(tag, dict) or not isinstance(tag.get("key"), str):
            raise _invalid("of another form", "tags", "Member must have a key")
    return {tag["key"]: str(tag.get("value", "")) for tag in tags}


def _stop_execution(engine: Engine, given: Parameters) -> Answer:
    stopped = engine.stop_execution(given["executionArn"], given["error"], given["cause"])
    return {"stopDate": stopped}


def _redrive_execution(engine: Engine, given: Parameters) -> Answer:
    redriven = engine.redrive_execution(given["executionArn"], given["clientToken"])
    return {"redriveDate": redriven}


def _describe_execution(engine: Engine, given: Parameters) -> Answer:
    return engine.describe_execution(given["executionArn"])


def _describe_state_machine_for_execution(engine: Engine, given: Parameters) -> Answer:
    return engine.describe_state_machine_for_execution(given["executionArn"])


def _list_executions(engine: Engine, given: Parameters) -> Answer:
    if (given["stateMachineArn"] is None) == (given["mapRunArn"] is None):
        raise ValidationException("exactly one of stateMachineArn and mapRunArn must be given")
    if given["mapRunArn"] is not None:
        children = engine.list_children(given["mapRunArn"], given["statusFilter"])
        page, token = _page(children, given)
        return {"executions": page, **token}
    before = _position(given["nextToken"])
    executions, following = engine.page_executions(
        given["stateMachineArn"], given["statusFilter"], _page_size(given), before
    )
    return {"executions": executions, **_next_token(following)}


def _get_execution_history(engine: Engine, given: Parameters) -> Answer:
    events = engine.history(given["executionArn"])
    if given["reverseOrder"]:
        events.reverse()
    page, token = _page(events, given)
    if given["includeExecutionData"] is False:
        page = [_without_data(event) for event in page]
    return {"events": page, **token}


def _describe_map_run(engine: Engine, given: Parameters) -> Answer:
    return engine.describe_map_run(given["mapRunArn"])


def _list_map_runs(engine: Engine, given: Parameters) -> Answer:
    runs, token = _page(engine.list_map_runs(given["executionArn"]), given)
    return {"mapRuns": runs, **token}


def _update_map_run(engine: Engine, given: Parameters) -> Answer:
    engine.update_map_run(
        given["mapRunArn"],
        given["maxConcurrency"],
        given["toleratedFailureCount"],
        given["toleratedFailurePercentage"],
    )
    return {}


def _create_activity(engine: Engine, given: Parameters) -> Answer:
    created = engine.create_activity(given["name"])
    return {name: created[name] for name in ("activityArn", "creationDate")}


def _describe_activity(engine: Engine, given: Parameters) -> Answer:
    return engine.describe_activity(given["activityArn"])


def _list_activities(engine: Engine, given: Parameters) -> Answer:
    activities, token = _page(engine.list_activities(), given)
    return {"activities": activities, **token}


def _delete_activity(engine: Engine, given: Parameters) -> Answer:
    engine.delete_activity(given["activityArn"])
    return {}


def _get_activity_task(engine: Engine, given: Parameters) -> Answer:
    return dict(
        engine.get_activity_task(given["activityArn"], given["workerName"], LONG_POLL_SECONDS)
    )


def _send_task_success(engine: Engine, given: Parameters) -> Answer:
    engine.send_task_success(given["taskToken"], given["output"])
    return {}


def _send_task_failure(engine: Engine, given: Parameters) -> Answer:
    engine.send_task_failure(given["taskToken"], given["error"], given["cause"])
    return {}


def _send_task_heartbeat(engine: Engine, given: Parameters) -> Answer:
    engine.send_task_heartbeat(given["taskToken"])
    return {}


DATA = {"input", "output", "parameters", "inputDetails", "outputDetails"}
PAGE_TOKEN = re.compile(r"page:(\d{1,12})")


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {inner: kept for inner, kept in value.items() if inner not in DATA}
        if isinstance(value, dict)
        else value
        for name, value in event.items()
    }


def _page(items: list[Any], given: Parameters) -> tuple[list[Any], dict[str, str]]:
    start = _position(given["nextToken"]) or 0
    end = start + _page_size(given)
    return items[start:end], _next_token(end if end < len(items) else None)


def _page_size(given: Parameters) -> int:
    return int(given["maxResults"] or DEFAULT_PAGE)


def _next_token(position: int | None) -> dict[str, str]:
    if position is None:
        return {}
    return {"nextToken": base64.b64encode(f"page:{position}".encode()).decode()}


def _position(token: str | None) -> int | None:
    if token is None:
        return None
    try:
        text = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidToken from None
    found = PAGE_TOKEN.fullmatch(text)
    if found is None:
        raise InvalidToken
    return int(found[1])


TEXT = Parameter(str)
REQUIRED_TEXT = Parameter(str, required=True)
ARN = Parameter(str, required=True, most=256)
MACHINE = {"stateMachineArn": ARN}
EXECUTION = {"executionArn": ARN}
MAP_RUN = {"mapRunArn": Parameter(str, required=True, most=2000)}


def _locked(run: Run) -> Run:
    """An operation on the engine's versions and aliases, which its lock guards."""

    def locked(engine: Engine, given: Parameters) -> Answer:
        with engine.scheduler.lock:
            return run(engine, given)

    return locked


LONG_ARN = Parameter(str, required=True, most=2000)
DESCRIPTION = Parameter(str, most=256)
ALIAS = {"stateMachineAliasArn": LONG_ARN}
ROUTING = {"routingConfiguration": Parameter(list)}
ACTIVITY = {"activityArn": ARN}
RESOURCE = {"resourceArn": ARN}
TOKEN = {"taskToken": Parameter(str, required=True, most=2048)}
REASONS = {"error": Parameter(str, most=256), "cause": Parameter(str, most=32_768)}
PAGE = {
    "maxResults": Parameter(int, most=LARGEST_PAGE),
    "nextToken": Parameter(str, most=LONGEST_PAGE_TOKEN),
}

OPERATIONS: dict[str, Operation] = {
    "CreateStateMachine": Operation(
        _create_state_machine,
        {
            "name": REQUIRED_TEXT,
            "definition": REQUIRED_TEXT,
            "roleArn": ARN,
            "type": Parameter(str, choices=("STANDARD", "EXPRESS")),
            "publish": Parameter(bool),
            "versionDescription": Parameter(str, most=256),
            "tags": Parameter(list),
        },
    ),
    "UpdateStateMachine": Operation(
        _update_state_machine,
        {
            **MACHINE,
            "definition": TEXT,
            "roleArn": Parameter(str, most=256),
            "loggingConfiguration": Parameter(dict),
            "tracingConfiguration": Parameter(dict),
            "publish": Parameter(bool),
            "versionDescription": Parameter(str, most=256),
        },
    ),
    "DescribeStateMachine": Operation(_describe_state_machine, MACHINE),
    "ListStateMachines": Operation(_list_state_machines, PAGE),
    "DeleteStateMachine": Operation(_delete_state_machine, MACHINE),
    "PublishStateMachineVersion": Operation(
        _publish_version, {**MACHINE, "description": DESCRIPTION, "revisionId": TEXT}
    ),
    "ListStateMachineVersions": Operation(_locked(_list_versions), {**MACHINE, **PAGE}),
    "DeleteStateMachineVersion": Operation(
        _locked(_delete_version), {"stateMachineVersionArn": LONG_ARN}
    ),
    "CreateStateMachineAlias": Operation(
        _locked(_create_alias), {"name": REQUIRED_TEXT, "description": DESCRIPTION, **ROUTING}
    ),
    "UpdateStateMachineAlias": Operation(
        _locked(_update_alias), {**ALIAS, "description": DESCRIPTION, **ROUTING}
    ),
    "DescribeStateMachineAlias": Operation(_locked(_describe_alias), ALIAS),
    "ListStateMachineAliases": Operation(_locked(_list_aliases), {**MACHINE, **PAGE}),
    "DeleteStateMachineAlias": Operation(_locked(_delete_alias), ALIAS),
    "StartExecution": Operation(_start_execution, {**MACHINE, "name": TEXT, "input": TEXT}),
    "StartSyncExecution": Operation(
        _start_sync_execution, {**MACHINE, "name": TEXT, "input": TEXT}
    ),
    "ValidateStateMachineDefinition": Operation(
        _validate,
        {
            "definition": REQUIRED_TEXT,
            "type": Parameter(str, choices=("STANDARD", "EXPRESS")),
            "severity": Parameter(str, choices=("ERROR", "WARNING")),
            "maxResults": Parameter(int, most=100),
        },
    ),
    "TestState": Operation(
        _test_state,
        {
            "definition": REQUIRED_TEXT,
            "roleArn": Parameter(str, most=256),
            "input": TEXT,
            "inspectionLevel": Parameter(str, choices=("INFO", "DEBUG", "TRACE")),
            "stateName": Parameter(str, most=80),
            "variables": TEXT,
            "context": TEXT,
            "mock": Parameter(dict),
            "stateConfiguration": Parameter(dict),
        },
    ),
    "TagResource": Operation(_tag_resource, {**RESOURCE, "tags": Parameter(list, required=True)}),
    "UntagResource": Operation(
        _untag_resource, {**RESOURCE, "tagKeys": Parameter(list, required=True)}
    ),
    "ListTagsForResource": Operation(_list_tags, RESOURCE),
    "StopExecution": Operation(_stop_execution, {**EXECUTION, **REASONS}),
    "RedriveExecution": Operation(
        _redrive_execution, {**EXECUTION, "clientToken": Parameter(str, most=64)}
    ),
    "DescribeExecution": Operation(_describe_execution, EXECUTION),
    "DescribeStateMachineForExecution": Operation(_describe_state_machine_for_execution, EXECUTION),
    "ListExecutions": Operation(
        _list_executions,
        {
            **PAGE,
            "stateMachineArn": Parameter(str, most=256),
            "mapRunArn": Parameter(str, most=2000),
            "statusFilter": Parameter(str, choices=STATUSES),
        },
    ),
    "GetExecutionHistory": Operation(
        _get_execution_history,
        {
            **EXECUTION,
            **PAGE,
            "reverseOrder": Parameter(bool),
            "includeExecutionData": Parameter(bool),
        },
    ),
    "CreateActivity": Operation(_create_activity, {"name": REQUIRED_TEXT}),
    "DescribeActivity": Operation(_describe_activity, ACTIVITY),
    "ListActivities": Operation(_list_activities, PAGE),
    "DeleteActivity": Operation(_delete_activity, ACTIVITY),
    "GetActivityTask": Operation(
        _get_activity_task, {**ACTIVITY, "workerName": Parameter(str, most=80)}
    ),
    "DescribeMapRun": Operation(_describe_map_run, MAP_RUN),
    "ListMapRuns": Operation(_list_map_runs, {**EXECUTION, **PAGE}),
    "UpdateMapRun": Operation(
        _update_map_run,
        {
            **MAP_RUN,
            "maxConcurrency": Parameter(int, most=2**31 - 1),
            "toleratedFailureCount": Parameter(int, most=2**63 - 1),
            "toleratedFailurePercentage": Parameter(float, most=100),
        },
    ),
    "SendTaskSuccess": Operation(_send_task_success, {**TOKEN, "output": REQUIRED_TEXT}),
    "SendTaskFailure": Operation(_send_task_failure, {**TOKEN, **REASONS}),
    "SendTaskHeartbeat": Operation(_send_task_heartbeat, TOKEN),
}
