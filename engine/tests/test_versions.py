"""Versions and aliases, over the AWS protocol.

Sources: Step Functions Developer Guide, "Managing continuous deployments with versions and
aliases in Step Functions"; API Reference. Texts as AWS recorded them in localstack's
tests/aws/services/stepfunctions/v2/test_sfn_api_{versioning,aliasing}.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from engine.tests.served import Served, refused

from sfn_local import Engine, InlineFunctions

ROLE = "arn:aws:iam::000000000000:role/sfn"


def returns(value: Any) -> str:
    state = {"Type": "Pass", "Result": value, "End": True}
    return json.dumps({"StartAt": "a", "States": {"a": state}})


class Versions(Served):
    def __init__(self) -> None:
        engine = Engine(functions=InlineFunctions(lambda _name, payload: payload))
        super().__init__(engine, parameter_validation=False)

    def create(self, value: Any = 1, **more: Any) -> dict[str, Any]:
        return dict(
            self.client.create_state_machine(
                name="m", definition=returns(value), roleArn=ROLE, **more
            )
        )

    def two_versions(self) -> tuple[str, str, str]:
        """A machine that returned 1, then 2."""
        created = self.create(publish=True)
        machine = created["stateMachineArn"]
        updated = self.client.update_state_machine(
            stateMachineArn=machine, definition=returns(2), publish=True
        )
        return machine, created["stateMachineVersionArn"], updated["stateMachineVersionArn"]

    def run(self, machine: str) -> dict[str, Any]:
        arn = self.client.start_execution(stateMachineArn=machine)["executionArn"]
        assert self.engine.run_until(arn, 5)
        return dict(self.client.describe_execution(executionArn=arn))


@pytest.fixture
def versions() -> Iterator[Versions]:
    with Versions() as versions:
        yield versions


def route(version: str, weight: int = 100) -> dict[str, Any]:
    return {"stateMachineVersionArn": version, "weight": weight}


def test_a_machine_is_published_as_numbered_versions(versions: Versions) -> None:
    machine, first, second = versions.two_versions()
    listed = versions.client.list_state_machine_versions(stateMachineArn=machine)
    described = versions.client.describe_state_machine(stateMachineArn=first)

    assert (first, second) == (f"{machine}:1", f"{machine}:2")
    assert [each["stateMachineVersionArn"] for each in listed["stateMachineVersions"]] == [
        second,
        first,
    ]
    assert (described["stateMachineArn"], described["definition"]) == (first, returns(1))


def test_publishing_the_same_again_changes_nothing(versions: Versions) -> None:
    machine = versions.create()["stateMachineArn"]
    call = versions.client.publish_state_machine_version
    first, again = call(stateMachineArn=machine), call(stateMachineArn=machine)

    assert first["stateMachineVersionArn"] == again["stateMachineVersionArn"] == f"{machine}:1"


def test_numbers_of_deleted_versions_are_not_given_again(versions: Versions) -> None:
    machine, _, second = versions.two_versions()
    versions.client.delete_state_machine_version(stateMachineVersionArn=second)
    versions.client.delete_state_machine_version(stateMachineVersionArn=second)
    published = versions.client.publish_state_machine_version(stateMachineArn=machine)

    assert published["stateMachineVersionArn"] == f"{machine}:3"


def test_only_the_current_revision_is_published(versions: Versions) -> None:
    machine = versions.create()["stateMachineArn"]
    update = versions.client.update_state_machine
    old = update(stateMachineArn=machine, definition=returns(2))["revisionId"]
    new = update(stateMachineArn=machine, definition=returns(3))["revisionId"]
    call = versions.client.publish_state_machine_version

    assert refused(call, stateMachineArn=machine, revisionId=old) == (
        "ConflictException",
        f"Failed to publish the State Machine version for revision {old}. The current State "
        f"Machine revision is {new}.",
    )
    assert call(stateMachineArn=machine, revisionId=new, description="three")
    described = versions.client.describe_state_machine(stateMachineArn=f"{machine}:1")
    assert (described["description"], described["revisionId"]) == ("three", new)


def test_a_description_needs_a_version(versions: Versions) -> None:
    assert refused(
        versions.client.create_state_machine,
        name="m",
        definition=returns(1),
        roleArn=ROLE,
        versionDescription="x",
    ) == ("ValidationException", "Version description can only be set when publish is true")


def test_an_execution_of_a_version_runs_it_and_says_so(versions: Versions) -> None:
    machine, first, _ = versions.two_versions()
    run, latest = versions.run(first), versions.run(machine)
    listed = versions.client.list_executions(stateMachineArn=first)["executions"]

    assert (run["output"], latest["output"]) == ("1", "2")
    assert run["stateMachineArn"] == machine
    assert run["stateMachineVersionArn"] == first
    assert "stateMachineVersionArn" not in latest
    assert [each["executionArn"] for each in listed] == [run["executionArn"]]


def test_an_alias_routes_to_a_version(versions: Versions) -> None:
    machine, first, second = versions.two_versions()
    created = versions.client.create_state_machine_alias(
        name="PROD", description="live", routingConfiguration=[route(first)]
    )
    alias = created["stateMachineAliasArn"]
    before = versions.run(alias)
    versions.client.update_state_machine_alias(
        stateMachineAliasArn=alias, routingConfiguration=[route(second)]
    )
    after = versions.run(alias)
    described = versions.client.describe_state_machine_alias(stateMachineAliasArn=alias)
    listed = versions.client.list_executions(stateMachineArn=alias)["executions"]
    history = versions.client.get_execution_history(executionArn=before["executionArn"])["events"]
    started = history[0]["executionStartedEventDetails"]

    assert alias == f"{machine}:PROD"
    assert (started["stateMachineAliasArn"], started["stateMachineVersionArn"]) == (alias, first)
    assert (before["output"], after["output"]) == ("1", "2")
    assert (before["stateMachineAliasArn"], before["stateMachineVersionArn"]) == (alias, first)
    assert described["routingConfiguration"] == [route(second)]
    assert (described["name"], described["description"]) == ("PROD", "live")
    assert len(listed) == 2


def test_weights_divide_executions(versions: Versions) -> None:
    versions.engine.scheduler.random.seed(7)
    _, first, second = versions.two_versions()
    alias = versions.client.create_state_machine_alias(
        name="canary", routingConfiguration=[route(first, 90), route(second, 10)]
    )["stateMachineAliasArn"]
    outputs = [versions.run(alias)["output"] for _ in range(100)]

    assert 80 <= outputs.count("1") < 100


def test_aliases_are_listed_and_deleted(versions: Versions) -> None:
    machine, first, second = versions.two_versions()
    for name, version in (("b", first), ("a", second)):
        versions.client.create_state_machine_alias(name=name, routingConfiguration=[route(version)])
    listed = versions.client.list_state_machine_aliases
    of_machine = listed(stateMachineArn=machine)["stateMachineAliases"]
    of_version = listed(stateMachineArn=first)["stateMachineAliases"]
    versions.client.delete_state_machine_alias(stateMachineAliasArn=f"{machine}:a")

    assert [each["stateMachineAliasArn"][-2:] for each in of_machine] == [":a", ":b"]
    assert [each["stateMachineAliasArn"][-2:] for each in of_version] == [":b"]
    assert len(listed(stateMachineArn=machine)["stateMachineAliases"]) == 1


def test_a_version_that_an_alias_uses_is_not_deleted(versions: Versions) -> None:
    _, first, _ = versions.two_versions()
    versions.client.create_state_machine_alias(name="PROD", routingConfiguration=[route(first)])

    assert refused(versions.client.delete_state_machine_version, stateMachineVersionArn=first) == (
        "ConflictException",
        "Version to be deleted must not be referenced by an alias. Current list of aliases "
        "referencing this version: [PROD]",
    )


def test_the_same_alias_again_changes_nothing_and_another_conflicts(versions: Versions) -> None:
    _, first, second = versions.two_versions()
    call = versions.client.create_state_machine_alias
    one = call(name="PROD", routingConfiguration=[route(first)])
    again = call(name="PROD", routingConfiguration=[route(first)])

    assert one["stateMachineAliasArn"] == again["stateMachineAliasArn"]
    assert refused(call, name="PROD", routingConfiguration=[route(second)]) == (
        "ConflictException",
        "Failed to create alias because an alias with the same name and a different routing "
        "configuration already exists.",
    )


def test_an_alias_has_awss_rules(versions: Versions) -> None:
    machine, first, second = versions.two_versions()
    call = versions.client.create_state_machine_alias

    assert refused(call, name="a", routingConfiguration=[route(first, 70), route(second, 29)]) == (
        "ValidationException",
        "Sum of routing configuration weights must equal 100. Received: [70, 29]",
    )
    assert refused(call, name="a", routingConfiguration=[route(machine)]) == (
        "ValidationException",
        f"Routing configuration must contain state machine version ARNs. Received: [{machine}]",
    )
    assert refused(call, name="a", routingConfiguration=[route(first, 50), route(first, 50)]) == (
        "ValidationException",
        "Routing configuration must contain distinct state machine version ARNs. Received: "
        f"[{first}, {first}]",
    )
    for routing in ([], [route(first)] * 3, [{"weight": 100}], [route(first, 101)]):
        assert refused(call, name="a", routingConfiguration=routing)[0] == "ValidationException"
    assert refused(call, name="a", routingConfiguration=[route(f"{machine}:9")])[0] == (
        "ResourceNotFound"
    )
    for name in ("123", "INVALID ALIAS", "!INVALID", "A" * 81):
        assert refused(call, name=name, routingConfiguration=[route(first)])[0] == (
            "ValidationException"
        )


def test_what_does_not_exist_is_refused(versions: Versions) -> None:
    machine = versions.create()["stateMachineArn"]
    client = versions.client

    assert refused(client.start_execution, stateMachineArn=f"{machine}:9")[0] == (
        "StateMachineDoesNotExist"
    )
    assert refused(client.describe_state_machine_alias, stateMachineAliasArn=f"{machine}:no")[
        0
    ] == ("ResourceNotFound")
    assert client.delete_state_machine_alias(stateMachineAliasArn=f"{machine}:no")
