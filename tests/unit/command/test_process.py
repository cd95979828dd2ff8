import pytest

from sfn_cqrs.machines.command.chain import Begin, Close, Leave, Park, Renew, Restart, Skip
from sfn_cqrs.machines.command.process import Lane, Mode, Outcome, is_owned_by
from sfn_cqrs_tools.testing.builders import a_process

WAITING = a_process(outcome=Outcome.WAITING, token="token", token_seq=1, status="wait:STARTED")
FAILED = a_process(outcome=Outcome.FAILED, status="x:FAILED", error="Error", cause="cause")
SYNC = a_process(mode=Mode.SYNC, status="publish_sync:STARTED")


def test_the_outcomes_are_told_apart():
    assert [each for each in Outcome if each.is_open] == ["OPEN", "WAITING"]
    assert [each for each in Outcome if each.is_repairable] == ["FAILED", "BLOCKED"]
    assert [each for each in Outcome if each.is_settled] == ["APPLIED", "SKIPPED"]
    assert [each for each in Outcome if each.may_expire] == ["APPLIED"]


def test_only_the_current_attempt_writes_and_only_while_the_version_is_open():
    allowed = [
        (outcome, attempt)
        for outcome in Outcome
        for attempt in (1, 2, 3)
        if is_owned_by(attempt).holds(a_process(outcome=outcome, attempt=2))
    ]

    assert allowed == [("OPEN", 2), ("WAITING", 2)]


def test_the_first_state_may_begin_until_the_version_has_waited():
    first, later = Begin(1, 1, "check:STARTED", is_first=True), Begin(1, 1, "check:STARTED")

    assert first.on(a_process())
    assert not first.on(WAITING)
    assert not first.on(later.on(WAITING))
    assert not later.on(a_process(attempt=2))


@pytest.mark.parametrize(
    "write",
    [
        Begin(1, 1, "check:STARTED", is_first=True, run="mine"),
        Close(1, 1, Outcome.APPLIED, "finish:FINISHED", run="mine"),
        Leave(1, 1, "mine"),
        Renew(1, 1, "mine"),
    ],
)
def test_another_run_than_the_one_that_claimed_it_writes_nothing(write):
    mine, others = (a_process(lane=Lane.EXPRESS, run=run) for run in ("mine", "another's"))

    assert write.on(mine)
    assert write.on(others) is None


def test_a_token_is_replaced_by_a_later_try_only():
    assert [seq for seq in (0, 1, 2) if Park(1, 1, "new", seq).on(WAITING)] == [2]
    assert [seq for seq in (0, 1, 2) if Park(1, 1, "new", seq).on(a_process())] == [0, 1, 2]
    assert not Park(1, 1, "new", 9).on(FAILED)


def test_what_failed_or_died_with_its_publisher_may_restart():
    restart = Restart(1, 1)

    restartable = [each for each in Outcome if restart.on(a_process(outcome=each))]
    assert restartable == ["FAILED", "BLOCKED"]
    assert restart.on(SYNC)
    assert not Restart(1, 2).on(SYNC)
    assert not Restart(1, 2).on(a_process(mode=Mode.SYNC, attempt=2))
    assert not restart.on(a_process(mode=Mode.SYNC, outcome=Outcome.WAITING))


def test_only_what_failed_may_be_skipped():
    skippable = [each for each in Outcome if Skip(1, 1).on(a_process(outcome=each))]
    assert skippable == ["FAILED", "BLOCKED"]
    assert not Skip(1, 2).on(FAILED)


def test_a_synchronous_publish_holds_its_first_attempt_and_hands_over_the_second():
    assert (SYNC.is_with_its_publisher, SYNC.was_handed_over) == (True, False)
    handed_over = Restart(1, 1).on(SYNC)
    assert (handed_over.is_with_its_publisher, handed_over.was_handed_over) == (False, True)
    assert (a_process().is_with_its_publisher, a_process(attempt=2).was_handed_over) == (
        False,
        False,
    )


def test_a_begun_state_ends_the_wait_but_remembers_that_there_was_one():
    begun = Begin(1, 1, "x:STARTED").on(WAITING)

    assert begun == a_process(status="x:STARTED", token_seq=1)


def test_a_restart_forgets_all_of_the_attempt_before():
    closed = Close(1, 1, Outcome.FAILED, "x:FAILED", "Error", "cause").on(WAITING)

    assert closed.token is None
    assert Restart(1, 1).on(closed) == a_process(attempt=2, status="start")


def test_a_skipped_version_keeps_its_error():
    assert Skip(1, 1).on(FAILED) == a_process(
        outcome=Outcome.SKIPPED, status="skip:FINISHED", error="Error", cause="cause"
    )
