"""What fails is told of, blocks what follows, and heals."""

import pytest
from tests.simulation.crashes import failing


@pytest.fixture
def failed(system, airport):
    """Three versions, of which the first has failed in a handler and blocks the others."""
    for name in ("one", "two", "three"):
        airport.publish(name)
    with failing(system):
        system.run()
    return airport


def test_a_handler_that_raises_fails_its_version_and_blocks_the_rest(failed):
    status, chain = failed.system.api("GET", "/commands/AIRPORT/NRT")

    assert status == 200
    assert [(item["version"], item["outcome"]) for item in chain["items"]] == [
        (3, "BLOCKED"),
        (2, "BLOCKED"),
        (1, "FAILED"),
    ]
    assert chain["items"][2]["error"] == "SyncHandlerError"
    cause = chain["items"][2]["cause"]
    assert cause.startswith("airports_by_country: RuntimeError: the read model is out of order")


def test_a_failure_raises_one_alarm_and_is_told_of_with_those_it_blocks(failed):
    alarms, notices = failed.system.failures(), failed.system.notices()

    process = failed.system.process(failed.key, 1)
    assert [(alarm["action"], alarm["id"]) for alarm in alarms] == [
        ("sfn-alarm", process.command_id)
    ]
    message = alarms[0]["content"]["errorMessage"]
    assert message.startswith("SyncHandlerError: airports_by_country: RuntimeError")
    outcomes = {each["content"]["version"]: each["content"]["outcome"] for each in notices}
    assert outcomes == {1: "FAILED", 2: "BLOCKED", 3: "BLOCKED"}


def test_a_retry_heals_the_version_and_all_behind_it(failed):
    status = failed.operate(1, "retry")
    failed.system.run()

    assert status == 202
    failed.assert_complete()
    assert [failed.system.process(failed.key, each).attempt for each in (1, 2, 3)] == [2, 2, 2]
