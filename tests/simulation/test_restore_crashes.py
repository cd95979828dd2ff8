"""A skip that restores, killed at any call and asked for again: one version, and no other."""

from functools import cache

import pytest
from tests.simulation.crashes import failing
from tests.support.airports import Airport
from tests.support.calls import AwsCall, moments_of
from tests.support.moto_system import MotoSystem
from tests.support.system import API, killing

from sfn_cqrs import bootstrap
from sfn_local import FunctionError

PATH = "/commands/AIRPORT/NRT/2/skip"


def failed(system: MotoSystem) -> Airport:
    """Narita, whose second version has failed, and is in the data row."""
    airport = Airport(system)
    airport.publish("Narita")
    system.run()
    airport.publish("New Tokyo")
    with failing(system):
        system.run()
    assert airport.outcomes() == ["APPLIED", "FAILED"]
    assert (airport.row().version, airport.row().name) == (2, "New Tokyo")
    return airport


def skip_and_restore(system: MotoSystem) -> dict[str, object]:
    for _ in range(3):
        try:
            status, answer = system.api("POST", PATH, query="restore=true")
        except FunctionError:
            continue
        assert status == 202, answer
        return answer
    raise AssertionError("the skip is not answered")


@cache
def calls() -> tuple[AwsCall, ...]:
    with MotoSystem() as system:
        failed(system)
        with system.calls.recorded() as made:
            skip_and_restore(system)
        return tuple(call for call in made if call.function == API)


@pytest.mark.parametrize("number", range(12))
def test_a_skip_that_restores_makes_one_version_however_often_it_dies(number):
    moments = moments_of(calls())
    for call, moment in moments[number::12]:
        with MotoSystem() as system:
            airport = failed(system)
            with killing(system, call, moment) as killed:
                answer = skip_and_restore(system)
            again = skip_and_restore(system)
            system.settle()

            assert killed == [call]
            assert answer == again
            assert (answer["restored"], answer["contentStays"]) == (3, False)
            assert bootstrap.commands().find(airport.key, 4) is None
            airport.names.append("Narita")
            assert airport.outcomes() == ["APPLIED", "SKIPPED", "APPLIED"]
            airport.assert_shows_the_last()
