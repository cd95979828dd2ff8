"""From HTTP to the read models, whatever order the stream delivers in."""

import random

import pytest
from tests.support.airports import Airport
from tests.support.moto_system import MotoSystem
from tests.support.proof import sampled


def path_of(system, version):
    """The states that a version's execution entered."""
    arn = next(
        each["executionArn"]
        for each in system.executions()
        if each["name"].endswith(f"-v{version}-a1")
    )
    entered = [event.get("stateEnteredEventDetails") for event in system.engine.history(arn)]
    return [details["name"] for details in entered if details]


WORK = [
    "set_ttl_command",
    "history_copy",
    "transform_data",
    "sync_data_all",
    "sync_data",
    "sync_data",
    "sync_data",
    "finish",
    "success",
]


def test_three_versions_are_applied_one_after_the_other(system, airport):
    for name in ("Narita", "New Tokyo", "Narita International"):
        airport.publish(name)
        system.run()

    airport.assert_complete()
    assert path_of(system, 3) == ["check_version", "check_version_result", *WORK]
    assert system.api("GET", "/data/AIRPORT/NRT")[1]["name"] == "Narita International"


def test_versions_that_start_in_the_wrong_order_wait_for_one_another(system, airport):
    for name in ("one", "two", "three"):
        airport.publish(name)
    system.poll()
    system.stream.pending.reverse()

    system.run()

    airport.assert_complete()
    waiting = ["check_version", "check_version_result", "wait_prev_command", *WORK]
    assert [path_of(system, version) for version in (2, 3)] == [waiting, waiting]


@pytest.mark.parametrize("seed", sampled(range(5), 1))
def test_records_may_be_shuffled_doubled_and_replayed(seed, log):  # noqa: ARG001
    disorder = {"random": random.Random(seed), "shuffles": True, "duplicates": 0.5, "replays": 0.5}
    with MotoSystem(disorder=disorder) as system:
        airport = Airport(system)
        for name in ("one", "two", "three", "four"):
            airport.publish(name)

        system.run()
        for record in random.Random(seed).sample(system.stream.delivered, 8):
            system.stream.pending.append(record)
        system.run()

        airport.assert_complete()
        assert len(system.executions()) == 4


def test_every_version_is_told_of_once_it_has_closed(system, airport):
    airport.publish("one")
    airport.publish("two")

    system.run()

    notices = system.notices()
    assert [
        (notice["action"], notice["content"]["version"], notice["content"]["outcome"])
        for notice in notices
    ] == [("command-status", 1, "APPLIED"), ("command-status", 2, "APPLIED")]
    assert system.failures() == []


def test_a_synchronous_version_is_refused_while_an_earlier_one_is_open(system, airport):
    airport.publish("Narita")
    body = {
        "type": "AIRPORT",
        "code": "NRT",
        "name": "two",
        "version": 1,
        "attributes": {"country": "JP"},
        "mode": "sync",
    }

    refused = system.api("POST", "/commands", body)
    system.run()
    accepted = system.api("POST", "/commands", body)

    assert (refused[0], refused[1]["code"]) == (409, "chain_busy")
    assert (accepted[0], accepted[1]["version"]) == (200, 2)
    airport.names.append("two")
    airport.assert_complete()
