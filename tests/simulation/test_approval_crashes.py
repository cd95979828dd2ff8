"""Each function of an approval killed before and after each call that it makes, in turn."""

from collections.abc import Callable

import pytest
from tests.support.approval_system import ApprovalSystem, assert_ended
from tests.support.calls import AwsCall
from tests.support.proof import every, shares
from tests.support.system import API, SWEEPS, killing

from sfn_cqrs.machines.approval.rules import Rules, Stage, Status
from sfn_cqrs.machines.approval.service import ApprovalService

Play = Callable[[ApprovalSystem], None]
DAY = 86_400
TWO = Rules(("taro", "jiro"), needed=2, expires_after=2 * DAY, remind_every=DAY)


def is_granted(system: ApprovalSystem) -> None:
    """Two approve, one before and one after a reminder."""
    system.ask()
    system.run()
    system.decide("approve", "taro")
    system.pass_time(DAY + 1)
    system.decide("approve", "jiro")
    system.run()


def is_decided_before_it_waits(system: ApprovalSystem) -> None:
    """The decision is there before the machine starts."""
    system.ask()
    system.decide("reject", "jiro")
    system.run()


def expires(system: ApprovalSystem) -> None:
    """Nobody decides."""
    system.ask()
    system.run()
    system.pass_time(DAY + 1)
    system.pass_time(DAY + 1)


def fails_and_is_retried(system: ApprovalSystem) -> None:
    """The function raises, is mended, and runs again."""
    system.fails = True
    system.ask()
    system.decide("reject", "taro")
    system.settle()
    system.fails = False
    if system.approval.stage is Stage.FAILED:
        ApprovalService("tenant1").retry(system.approval.key.id)
    system.run()


def is_stopped(system: ApprovalSystem) -> None:
    """Somebody stops the execution; the event of its end begins the next attempt."""
    system.ask()
    system.run()
    system.engine.stop_execution(system.executions()[0]["executionArn"])
    system.run()
    system.decide("reject", "taro")
    system.run()


def the_stream_is_lost(system: ApprovalSystem) -> None:
    """The sweep starts what was never started."""
    system.stream.dropped = lambda _record: True
    system.ask()
    system.sweep()
    system.decide("reject", "taro")
    system.run()


ENDS: dict[Play, set[Status]] = {
    is_granted: {Status.GRANTED, Status.EXPIRED},
    is_decided_before_it_waits: {Status.REJECTED, Status.EXPIRED},
    expires: {Status.EXPIRED},
    fails_and_is_retried: {Status.REJECTED, Status.EXPIRED},
    is_stopped: {Status.REJECTED, Status.EXPIRED},
    the_stream_is_lost: {Status.REJECTED, Status.EXPIRED},
}
"""Whoever is killed before the vote is stored has not voted; then the time passes."""


def calls_of(play: Play) -> list[AwsCall]:
    with ApprovalSystem(rules=TWO) as system, system.calls.recorded() as made:
        play(system)
        assert_ended(system, is_disturbed=play in (fails_and_is_retried, is_stopped))
    return made


@pytest.mark.parametrize("play", ENDS, ids=lambda play: play.__name__)
def test_with_no_crash_it_ends_as_people_said(play: Play) -> None:
    functions = {call.function for call in calls_of(play)}

    assert "StreamOnApprovalChangedFunction" in functions or play is the_stream_is_lost
    assert {API, "ApprovalCheckDecisionFunction"} <= functions or play is expires


@shares(8)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("play", ENDS, ids=lambda play: play.__name__)
def test_killed_at_any_call_it_ends_with_one_decision_that_is_done(
    play: Play, moment: str, nth: int
) -> None:
    calls = calls_of(play)
    assert len(calls) > 8

    for call in every(nth, calls):
        with ApprovalSystem(rules=TWO) as system:
            with killing(system, call, moment) as killed:
                play(system)
            system.settle()
            for _ in range(3):
                system.pass_time(DAY + 1)
                system.settle()

            where = f"killed {moment} {call}"
            is_certain = call.operation != "effect" and call.function not in SWEEPS
            assert killed or not is_certain, where  # an id's shard is any; an effect may fail
            assert_ended(system, is_disturbed=True)
            assert system.approval.status in ENDS[play], where
            assert system.effects[system.approval.status] <= 2, where


def test_a_decision_whose_sender_dies_is_done_without_the_sweep() -> None:
    with ApprovalSystem(rules=TWO) as system:
        system.ask()
        system.run()
        rejection = AwsCall(API, 1, 2, "CastVote PutItem")
        with killing(system, rejection, "after") as killed:
            system.decide("reject", "taro")
        system.run()

        assert killed == [rejection]
        assert_ended(system)
