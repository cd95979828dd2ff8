"""Every call of every function meets every fault that AWS has on a bad day, and nothing shows.

A function whose call meets a fault asks to be run again, or says what it says on a good day.
Of faults that differ in their names alone, one meets every call, and the others one of each
function; with DEEP=1 each meets every call.
"""

import pytest
from tests.simulation.weather import (
    FAULTS,
    FLOWS,
    MOST_ROUNDS,
    good_day,
    said_as,
    unheard_of,
    weathered,
)
from tests.support.proof import deep, sampled
from tests.support.system import template

PAIRS = [(flow, fault) for flow in FLOWS for fault in FAULTS]
SAMPLE = [(flow, FAULTS[place % len(FAULTS)]) for place, flow in enumerate(FLOWS)]


@pytest.mark.parametrize(("flow", "fault"), sampled(SAMPLE, 4), ids=said_as)
def test_a_fault_of_each_call_in_turn_changes_nothing(flow, fault):
    said = weathered(flow, fault, rounds=1)

    assert said
    assert unheard_of(flow, said) == set()


@pytest.mark.proof
@pytest.mark.parametrize(("flow", "fault"), PAIRS, ids=said_as)
def test_every_fault_of_every_call_changes_nothing(flow, fault):
    is_first_of_its_kind = fault in (FAULTS[0], FAULTS[-1])
    said = weathered(flow, fault, deep(MOST_ROUNDS if is_first_of_its_kind else 1, MOST_ROUNDS))

    assert said
    assert unheard_of(flow, said) == set()


@pytest.mark.proof
def test_every_function_that_calls_aws_meets_the_weather():
    run = {function for flow in FLOWS for function, _ in good_day(flow)}
    met = {function for flow in FLOWS for function, _ in weathered(flow, FAULTS[0], rounds=1)}

    hourly = {"ScheduleAuditSampleFunction", "ScheduleErasePeopleFunction"}  # have their own
    unsent = {"ApiReceiveWebhookFunction"}  # the example has no webhook
    assert set(template().functions) - hourly - unsent == run
    calling_nobody = {"QueueOnNotificationFunction", "ApiShowDocsFunction"}
    assert run - met == calling_nobody | {"LiveOnSubscribeFunction"}
