"""Every call of every function meets every fault that AWS has on a bad day, and nothing shows."""

import pytest
from tests.simulation.weather import FAULTS, FLOWS, weathered
from tests.support.system import silent, template

SAID = {"TransientError", "again", "503", "200", "202", "done", "SagaStepError"}
"""A function says that it is to be run again, or it has dealt with the fault by itself.

A step that is refused says so, too, where it finds its end written in spite of a lost answer; that
no other order is undone is what the flow holds.
"""
WINDOWS = 8
PAIRS = [(flow, fault) for flow in FLOWS for fault in FAULTS]
SAMPLE = [(flow, FAULTS[place % len(FAULTS)]) for place, flow in enumerate(FLOWS)]
MOVED = [
    (flow, FAULTS[(place + window) % len(FAULTS)], window)
    for place, flow in enumerate(FLOWS)
    for window in range(1, WINDOWS)
]


def said_as(given):
    """A flow by its name, a fault by its own."""
    return getattr(given, "__name__", str(given))


@pytest.fixture(autouse=True)
def _silence():
    with silent():
        yield


@pytest.mark.parametrize(("flow", "fault"), SAMPLE, ids=said_as)
def test_a_fault_of_each_call_in_turn_changes_nothing(flow, fault):
    said = weathered(flow, fault)

    assert said
    assert {outcome for _, outcome in said} <= SAID


@pytest.mark.proof
@pytest.mark.parametrize(
    ("flow", "fault"), [pair for pair in PAIRS if pair not in SAMPLE], ids=said_as
)
def test_every_fault_of_every_call_changes_nothing(flow, fault):
    said = weathered(flow, fault)

    assert said
    assert {outcome for _, outcome in said} <= SAID


@pytest.mark.proof
@pytest.mark.parametrize(("flow", "fault", "window"), MOVED, ids=said_as)
def test_the_later_calls_of_those_that_have_few_tries_change_nothing_either(flow, fault, window):
    said = weathered(flow, fault, window)

    assert {outcome for _, outcome in said} <= SAID


@pytest.mark.proof
def test_every_function_that_calls_aws_has_met_the_weather():
    met = {call.function for flow in FLOWS for call, _ in weathered(flow, FAULTS[0])}

    assert set(template().functions) - met == {"QueueOnNotificationFunction"}  # logs, and no more
