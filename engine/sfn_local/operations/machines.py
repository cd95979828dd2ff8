"""State machines: create, update, describe, list, delete, validate, tag."""

from typing import Any

from sfn_local.engine import Engine
from sfn_local.errors import MissingRequiredParameter, ValidationException
from sfn_local.executions.settings import SETTINGS
from sfn_local.operations.paging import PAGE, page_of
from sfn_local.operations.parameters import (
    ARN,
    DATA_WANTED,
    ENCRYPTION,
    MACHINE,
    TAGS,
    Answer,
    Given,
    Operation,
    Parameter,
    missing,
    wanted_of,
)

TYPES = ("STANDARD", "EXPRESS")

LOG_GROUP = Parameter(dict, members={"logGroupArn": Parameter(str, least=1, most=256)})
DESTINATION = Parameter(dict, members={"cloudWatchLogsLogGroup": LOG_GROUP})
LOGGING = Parameter(
    dict,
    members={
        "level": Parameter(str, choices=("ALL", "ERROR", "FATAL", "OFF")),
        "includeExecutionData": Parameter(bool),
        "destinations": Parameter(list, item=DESTINATION),
    },
)
TRACING = Parameter(dict, members={"enabled": Parameter(bool)})
VERSION_DESCRIPTION = Parameter(str, most=256)
RESOURCE = {"resourceArn": ARN}
CHANGES = ("definition", "roleArn", "publish", *SETTINGS)


def create(engine: Engine, given: Given) -> Answer:
    """CreateStateMachine."""
    _check_publish(given)
    arn = engine.create_state_machine(
        given["name"],
        given["definition"],
        given["type"] or "STANDARD",
        given["roleArn"],
        {name: given[name] for name in SETTINGS if given[name] is not None},
    )
    engine.tag_resource(arn, read_tags(given["tags"] or []))
    return {
        "stateMachineArn": arn,
        "creationDate": engine.describe_state_machine(arn)["creationDate"],
        **_publish(engine, arn, given),
    }


def update(engine: Engine, given: Given) -> Answer:
    """UpdateStateMachine."""
    _check_publish(given)
    if all(given[name] is None for name in CHANGES):
        raise MissingRequiredParameter(
            "Either the definition, the role ARN, the LoggingConfiguration, or the "
            "TracingConfiguration must be specified"
        )
    arn = given["stateMachineArn"]
    settings = {name: given[name] for name in SETTINGS if given[name] is not None}
    updated = engine.update_state_machine(arn, given["definition"], given["roleArn"], settings)
    described = engine.describe_state_machine(arn)
    revision = {name: described[name] for name in ("revisionId",) if name in described}
    return {"updateDate": updated, **revision, **_publish(engine, arn, given)}


def _check_publish(given: Given) -> None:
    if given["versionDescription"] is not None and not given["publish"]:
        raise ValidationException("Version description can only be set when publish is true")


def _publish(engine: Engine, arn: str, given: Given) -> Answer:
    if not given["publish"]:
        return {}
    version = engine.publish_version(arn, given["versionDescription"])
    return {"stateMachineVersionArn": version.arn}


def _without_definition(described: Answer) -> Answer:
    """A machine as it is shown to who wants its metadata only."""
    shown = {name: value for name, value in described.items() if name != "variableReferences"}
    return {**shown, "definition": "{}"}


def validate_definition(_: Engine, given: Given) -> Answer:
    """ValidateStateMachineDefinition."""
    from sfn_local.lint.validation import validate  # noqa: PLC0415 - the lint is slow to import

    return validate(
        given["definition"],
        given["type"] or "STANDARD",
        given["severity"] or "ERROR",
        given["maxResults"] or 0,
    )


def list_tags(engine: Engine, given: Given) -> Answer:
    """ListTagsForResource."""
    tags = engine.list_tags(given["resourceArn"])
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def read_tags(tags: list[dict[str, Any]]) -> dict[str, str]:
    """Tags by key.

    Raises:
        ValidationException: one of them has no key.
    """
    for each in tags:
        if each.get("key") is None:
            raise missing("tags.key")
    return {each["key"]: each.get("value") or "" for each in tags}


OPERATIONS = {
    "CreateStateMachine": Operation(
        create,
        {
            "name": Parameter(str, required=True),
            "definition": Parameter(str, required=True),
            "roleArn": ARN,
            "type": Parameter(str, choices=TYPES),
            "loggingConfiguration": LOGGING,
            "tags": TAGS,
            "tracingConfiguration": TRACING,
            "publish": Parameter(bool),
            "versionDescription": VERSION_DESCRIPTION,
            "encryptionConfiguration": ENCRYPTION,
        },
    ),
    "UpdateStateMachine": Operation(
        update,
        {
            **MACHINE,
            "definition": Parameter(str, least=1),
            "roleArn": Parameter(str, least=1, most=256),
            "loggingConfiguration": LOGGING,
            "tracingConfiguration": TRACING,
            "publish": Parameter(bool),
            "versionDescription": VERSION_DESCRIPTION,
            "encryptionConfiguration": ENCRYPTION,
        },
    ),
    "DescribeStateMachine": Operation(
        lambda engine, given: wanted_of(
            engine.describe_state_machine(given["stateMachineArn"]), given, _without_definition
        ),
        {**MACHINE, "includedData": DATA_WANTED},
    ),
    "DescribeStateMachineForExecution": Operation(
        lambda engine, given: wanted_of(
            engine.describe_state_machine_for_execution(given["executionArn"]),
            given,
            _without_definition,
        ),
        {"executionArn": ARN, "includedData": DATA_WANTED},
    ),
    "ListStateMachines": Operation(
        lambda engine, given: page_of("stateMachines", engine.list_state_machines(), given), PAGE
    ),
    "DeleteStateMachine": Operation(
        lambda engine, given: engine.delete_state_machine(given["stateMachineArn"]), MACHINE
    ),
    "ValidateStateMachineDefinition": Operation(
        validate_definition,
        {
            "definition": Parameter(str, required=True),
            "type": Parameter(str, choices=TYPES),
            "severity": Parameter(str, choices=("ERROR", "WARNING")),
            "maxResults": Parameter(int, most=100),
        },
    ),
    "TagResource": Operation(
        lambda engine, given: engine.tag_resource(given["resourceArn"], read_tags(given["tags"])),
        {**RESOURCE, "tags": Parameter(list, required=True, item=TAGS.item)},
    ),
    "UntagResource": Operation(
        lambda engine, given: engine.untag_resource(given["resourceArn"], given["tagKeys"]),
        {
            **RESOURCE,
            "tagKeys": Parameter(list, required=True, item=Parameter(str, least=1, most=128)),
        },
    ),
    "ListTagsForResource": Operation(list_tags, RESOURCE),
}
