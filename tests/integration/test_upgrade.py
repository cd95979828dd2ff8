"""A stack is given the express lane while commands run, and goes back again: nothing is lost."""

import os

import pytest
from tests.support.airports import Airport
from tests.support.moto_system import MotoSystem

from sfn_cqrs import bootstrap

LANES = ["STANDARD", "STANDARD", "EXPRESS", "EXPRESS", "STANDARD"]


def forget_lanes(system: MotoSystem) -> None:
    """Let the stored items be as code wrote them that knew no lane."""
    table = system.template.name("CommandsTable")
    for item in system.items("CommandsTable"):
        if item["kind"]["S"] == "process":
            system.clients["dynamodb"].update_item(
                TableName=table,
                Key={name: item[name] for name in ("pk", "sk")},
                UpdateExpression="REMOVE lane",
            )


@pytest.mark.parametrize("steps", [0, 3, 10, 100])
def test_versions_of_before_during_and_after_the_lane_are_applied_in_order(steps):
    with MotoSystem() as system:
        airport = Airport(system)
        airport.publish("without the lane")
        airport.publish("before it is enabled")
        forget_lanes(system)
        for _ in range(steps):
            system.step()

        os.environ["EXPRESS_LANE"] = "enabled"
        airport.publish("in the lane")
        airport.publish("before it is disabled")
        for _ in range(steps):
            system.step()

        os.environ["EXPRESS_LANE"] = "disabled"
        airport.publish("without the lane again")
        system.settle()

        airport.assert_complete()
        lanes = [str(system.process(airport.key, each + 1).lane) for each in range(5)]
        assert lanes == LANES
        assert {each["status"] for each in system.executions()} == {"SUCCEEDED"}


@pytest.mark.parametrize("both", [False, True], ids=["on the standard one", "on both"])
def test_a_consumer_that_knows_no_lane_starts_a_version_on_the_other_machine(both):
    with MotoSystem(express=0.0) as system:
        airport = Airport(system)
        airport.publish("Narita")
        airport.publish("Narita International")
        system.poll()
        records = list(system.stream.pending)
        system.stream.pending = records if both else []

        for version in (2, 1):
            bootstrap.executions().start(system.process(airport.key, version).ref)
        system.settle()

        airport.assert_complete()
        assert all(each["status"] != "RUNNING" for each in system.executions())
