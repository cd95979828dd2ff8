from sfn_cqrs.domain.process import Mode, Outcome
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
        if a_process(outcome=outcome, attempt=2).may_be_written_by(attempt)
    ]

    assert allowed == [("OPEN", 2), ("WAITING", 2)]


def test_the_first_state_may_begin_until_the_version_has_waited():
    assert a_process().may_begin(1, is_first=True)
    assert not WAITING.may_begin(1, is_first=True)
    assert not WAITING.begun("check:STARTED").may_begin(1, is_first=True)
    assert WAITING.may_begin(1, is_first=False)
    assert not a_process(attempt=2).may_begin(1, is_first=False)


def test_a_token_is_replaced_by_a_later_try_only():
    assert [seq for seq in (0, 1, 2) if WAITING.may_park(1, seq)] == [2]
    assert [seq for seq in (0, 1, 2) if a_process().may_park(1, seq)] == [0, 1, 2]
    assert not FAILED.may_park(1, 9)


def test_what_failed_or_died_with_its_publisher_may_restart():
    restartable = [each for each in Outcome if a_process(outcome=each).may_restart(1)]

    assert restartable == ["FAILED", "BLOCKED"]
    assert SYNC.may_restart(1)
    assert not SYNC.may_restart(2)
    assert not a_process(mode=Mode.SYNC, attempt=2).may_restart(2)
    assert not a_process(mode=Mode.SYNC, outcome=Outcome.WAITING).may_restart(1)


def test_only_what_failed_may_be_skipped():
    assert [each for each in Outcome if a_process(outcome=each).may_skip(1)] == [
        "FAILED",
        "BLOCKED",
    ]
    assert not FAILED.may_skip(2)


def test_a_synchronous_publish_holds_its_first_attempt_and_hands_over_the_second():
    assert (SYNC.is_with_its_publisher, SYNC.was_handed_over) == (True, False)
    assert (SYNC.restarted().is_with_its_publisher, SYNC.restarted().was_handed_over) == (
        False,
        True,
    )
    assert (a_process().is_with_its_publisher, a_process(attempt=2).was_handed_over) == (
        False,
        False,
    )


def test_a_begun_state_ends_the_wait_but_remembers_that_there_was_one():
    assert WAITING.begun("x:STARTED") == a_process(status="x:STARTED", token_seq=1)


def test_a_restart_forgets_all_of_the_attempt_before():
    closed = WAITING.closed(Outcome.FAILED, "x:FAILED", "Error", "cause")

    assert closed.token is None
    assert closed.restarted() == a_process(attempt=2, status="start")


def test_a_skipped_version_keeps_its_error():
    assert FAILED.skipped() == a_process(
        outcome=Outcome.SKIPPED, status="skip:FINISHED", error="Error", cause="cause"
    )
