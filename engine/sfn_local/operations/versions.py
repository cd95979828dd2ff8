"""Versions of state machines, and their aliases."""

from sfn_local.engine import Engine
from sfn_local.operations.paging import PAGE, page_of
from sfn_local.operations.parameters import (
    DESCRIPTION,
    LONG_ARN,
    MACHINE,
    Answer,
    Given,
    Operation,
    Parameter,
    locked,
)

ALIAS = {"stateMachineAliasArn": Parameter(str, required=True, least=1, most=256)}
ROUTE = Parameter(
    dict,
    shape="RoutingConfigurationListItem",
    members={
        "stateMachineVersionArn": Parameter(str, required=True, least=1, most=256),
        "weight": Parameter(int, required=True, most=100),
    },
)
ROUTES = Parameter(list, least=1, most=2, item=ROUTE)


def publish(engine: Engine, given: Given) -> Answer:
    """PublishStateMachineVersion."""
    return engine.publish_version(
        given["stateMachineArn"], given["description"], given["revisionId"]
    ).summary()


def list_versions(engine: Engine, given: Given) -> Answer:
    """ListStateMachineVersions."""
    versions = engine.versions.list_versions(given["stateMachineArn"])
    return page_of("stateMachineVersions", [each.summary() for each in versions], given)


def delete_version(engine: Engine, given: Given) -> None:
    """DeleteStateMachineVersion."""
    engine.versions.delete_version(given["stateMachineVersionArn"])


def create_alias(engine: Engine, given: Given) -> Answer:
    """CreateStateMachineAlias."""
    return engine.versions.create_alias(
        given["name"], given["description"], given["routingConfiguration"]
    ).summary()


def update_alias(engine: Engine, given: Given) -> Answer:
    """UpdateStateMachineAlias."""
    alias = engine.versions.update_alias(
        given["stateMachineAliasArn"], given["description"], given["routingConfiguration"]
    )
    return {"updateDate": alias.describe()["updateDate"]}


def describe_alias(engine: Engine, given: Given) -> Answer:
    """DescribeStateMachineAlias."""
    return engine.versions.find_alias(given["stateMachineAliasArn"]).describe()


def list_aliases(engine: Engine, given: Given) -> Answer:
    """ListStateMachineAliases."""
    aliases = engine.versions.list_aliases(given["stateMachineArn"])
    return page_of("stateMachineAliases", [each.summary() for each in aliases], given)


def delete_alias(engine: Engine, given: Given) -> None:
    """DeleteStateMachineAlias."""
    engine.versions.delete_alias(given["stateMachineAliasArn"])


OPERATIONS = {
    "PublishStateMachineVersion": Operation(
        publish, {**MACHINE, "description": DESCRIPTION, "revisionId": Parameter(str)}
    ),
    "ListStateMachineVersions": Operation(locked(list_versions), {**MACHINE, **PAGE}),
    "DeleteStateMachineVersion": Operation(
        locked(delete_version), {"stateMachineVersionArn": LONG_ARN}
    ),
    "CreateStateMachineAlias": Operation(
        locked(create_alias),
        {
            "name": Parameter(str, required=True, least=1, most=80),
            "description": DESCRIPTION,
            "routingConfiguration": Parameter(list, required=True, least=1, most=2, item=ROUTE),
        },
    ),
    "UpdateStateMachineAlias": Operation(
        locked(update_alias),
        {**ALIAS, "description": DESCRIPTION, "routingConfiguration": ROUTES},
    ),
    "DescribeStateMachineAlias": Operation(locked(describe_alias), ALIAS),
    "ListStateMachineAliases": Operation(locked(list_aliases), {**MACHINE, **PAGE}),
    "DeleteStateMachineAlias": Operation(locked(delete_alias), ALIAS),
}
