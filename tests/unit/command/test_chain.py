from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.programs import play

from sfn_cqrs.kernel.errors import NotFailedError, NotFoundError, SupersededError, TransientError
from sfn_cqrs.kernel.programs import Execution
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.chain import (
    Begin,
    Close,
    Describe,
    FindData,
    FindProcess,
    IsOurs,
    Leave,
    Park,
    Reject,
    Renew,
    Restart,
    Skip,
    Start,
    Succeed,
    Verdict,
    WriteData,
)
from sfn_cqrs.machines.command.process import DataVersion, Lane, Mode, Outcome, Predecessor, Turn
from sfn_cqrs_tools.testing.builders import a_process

NOW = datetime(2026, 11, 25, 9, 10, tzinfo=UTC)
MINE = a_process(version=2)
APPLIED_1 = a_process(version=1, outcome=Outcome.APPLIED)
FAILED_1 = a_process(version=1, outcome=Outcome.FAILED)
FAILED_2 = a_process(version=2, outcome=Outcome.FAILED)
OPEN_1 = a_process(version=1)
BEGUN_1 = a_process(status="check_version:STARTED")
SKIPPED_1 = a_process(version=1, outcome=Outcome.SKIPPED)
WAITING_2 = a_process(version=2, outcome=Outcome.WAITING, token="token-2", token_seq=0)
BLOCKED_2 = a_process(version=2, outcome=Outcome.BLOCKED)
DATA_1 = DataVersion(1, "NRT-1")
FAILURE_OF_1 = "version 1 has failed; retry or skip it, and this continues"


def done(process):
    return Written(done=True, record=process)


def refused(process):
    return Written(done=False, record=process)


def looked_at(second, first, data=DATA_1):
    """The questions whose answers say whether it is the turn of version 2."""
    return [(FindProcess(2), second), (FindProcess(1), first), (FindData(), data)]


class TestTurn:
    def test_the_predecessor_is_read_before_the_data(self):
        verdict = play(
            chain.turn(MINE),
            (FindProcess(1), APPLIED_1),
            (FindData(), DATA_1),
        )

        assert verdict == Verdict(Turn.NOW, predecessor=1, data=1, version=2)

    def test_the_first_version_reads_the_data_only(self):
        verdict = play(chain.turn(a_process(version=1)), (FindData(), DataVersion()))

        assert verdict == Verdict(Turn.NOW, predecessor=0, data=0, version=1)

    def test_skipped_versions_are_stepped_over(self):
        verdict = play(
            chain.turn(a_process(version=4)),
            (FindProcess(3), a_process(version=3, outcome=Outcome.SKIPPED)),
            (FindProcess(2), a_process(version=2, outcome=Outcome.SKIPPED)),
            (FindProcess(1), OPEN_1),
            (FindData(), DataVersion()),
        )

        assert verdict == Verdict(Turn.WAIT, predecessor=1, data=0, version=4)

    def test_a_version_without_a_process_ends_the_search(self):
        predecessor = play(
            chain.previous(4),
            (FindProcess(3), a_process(version=3, outcome=Outcome.SKIPPED)),
            (FindProcess(2), None),
        )

        assert predecessor == Predecessor(2, None)

    def test_a_chain_of_skipped_versions_has_no_predecessor(self):
        assert play(chain.previous(2), (FindProcess(1), SKIPPED_1)) == Predecessor(0, None)

    @pytest.mark.parametrize(
        ("turn", "error", "cause"),
        [
            (Turn.BLOCKED, "PredecessorFailedError", FAILURE_OF_1),
            (Turn.GAP, "VersionGapError", "version 1 is neither stored nor applied"),
            (Turn.TOO_LATE, "version is not match", "next version must be 6 but got 2"),
        ],
    )
    def test_a_refusal_says_why(self, turn, error, cause):
        verdict = Verdict(turn, predecessor=1, data=5, version=2)

        assert (verdict.error, verdict.cause) == (error, cause)


class TestBegin:
    def test_the_owner_enters_the_state(self):
        begun = play(
            chain.begin(2, 1, "x:STARTED"),
            (Begin(2, 1, "x:STARTED"), Written(done=True, record=MINE)),
        )

        assert begun == MINE

    def test_the_first_state_says_that_it_is(self):
        program = chain.begin(2, 1, "x:STARTED", is_first=True)

        begin = Begin(2, 1, "x:STARTED", is_first=True)
        assert play(program, (begin, Written(done=True, record=MINE))) == MINE

    def test_whoever_owns_the_version_no_longer_is_superseded(self):
        with pytest.raises(SupersededError, match="attempt 1 of version 2 no longer owns it"):
            play(
                chain.begin(2, 1, "x:STARTED"),
                (Begin(2, 1, "x:STARTED"), Written(done=False, record=None)),
            )


class TestWake:
    def test_a_version_that_is_not_there_needs_nothing(self):
        play(chain.wake(2), (FindProcess(2), None))

    @pytest.mark.parametrize(
        "outcome", [Outcome.OPEN, Outcome.APPLIED, Outcome.FAILED, Outcome.SKIPPED]
    )
    def test_a_version_that_neither_waits_nor_is_blocked_is_left_alone(self, outcome):
        play(chain.wake(2), (FindProcess(2), a_process(version=2, outcome=outcome)))

    def test_a_waiter_whose_turn_it_is_goes_on(self):
        play(chain.wake(2), *looked_at(WAITING_2, APPLIED_1), (Succeed(2, "token-2", 1), True))

    def test_a_waiter_whose_token_is_used_up_is_no_error(self):
        play(chain.wake(2), *looked_at(WAITING_2, APPLIED_1), (Succeed(2, "token-2", 1), False))

    def test_a_waiter_whose_predecessor_is_open_stays(self):
        play(chain.wake(2), *looked_at(WAITING_2, OPEN_1))

    def test_a_waiter_whose_predecessor_failed_fails_by_name(self):
        play(
            chain.wake(2),
            *looked_at(WAITING_2, FAILED_1, DataVersion()),
            (Reject(2, "token-2", "PredecessorFailedError", FAILURE_OF_1), True),
        )

    def test_a_waiter_whose_version_is_applied_by_another_command_fails(self):
        cause = "next version must be 3 but got 2"
        play(
            chain.wake(2),
            *looked_at(WAITING_2, APPLIED_1, DataVersion(2, "another")),
            (Reject(2, "token-2", "version is not match", cause), True),
        )

    def test_a_blocked_version_whose_turn_it_is_runs_again(self):
        play(
            chain.wake(2),
            *looked_at(BLOCKED_2, APPLIED_1),
            (Restart(2, 1), done(a_process(version=2, attempt=2))),
        )

    @pytest.mark.parametrize("predecessor", [FAILED_1, OPEN_1])
    def test_a_blocked_version_stays_while_its_predecessor_is_not_applied(self, predecessor):
        play(chain.wake(2), *looked_at(BLOCKED_2, predecessor, DataVersion()))

    def test_the_next_one_is_the_nearest_that_is_not_skipped(self):
        play(
            chain.wake_next(1),
            (FindProcess(2), a_process(version=2, outcome=Outcome.SKIPPED)),
            (FindProcess(3), a_process(version=3)),
            (FindProcess(3), a_process(version=3)),
        )

    def test_the_last_version_has_no_next_one(self):
        play(chain.wake_next(2), (FindProcess(3), None))


class TestWait:
    def test_the_token_is_stored_before_the_predecessor_is_looked_at(self):
        play(
            chain.wait(2, 1, "token-2", 0),
            (Park(2, 1, "token-2", 0), done(WAITING_2)),
            *looked_at(WAITING_2, OPEN_1, DataVersion()),
        )

    def test_a_predecessor_that_closed_before_the_token_was_stored_is_seen(self):
        play(
            chain.wait(2, 1, "token-2", 0),
            (Park(2, 1, "token-2", 0), done(WAITING_2)),
            *looked_at(WAITING_2, APPLIED_1),
            (Succeed(2, "token-2", 1), True),
        )

    def test_an_earlier_try_that_comes_late_leaves_the_newer_token(self):
        newer = a_process(version=2, outcome=Outcome.WAITING, token="token-3", token_seq=1)

        play(chain.wait(2, 1, "token-2", 0), (Park(2, 1, "token-2", 0), refused(newer)))

    def test_the_same_try_made_twice_looks_again(self):
        play(
            chain.wait(2, 1, "token-2", 0),
            (Park(2, 1, "token-2", 0), refused(WAITING_2)),
            *looked_at(WAITING_2, OPEN_1, DataVersion()),
        )

    @pytest.mark.parametrize(
        "found",
        [
            None,
            a_process(version=2, attempt=2),
            a_process(version=2, outcome=Outcome.APPLIED),
            a_process(version=2, outcome=Outcome.BLOCKED),
        ],
        ids=["gone", "newer attempt", "applied", "blocked"],
    )
    def test_whoever_owns_the_version_no_longer_is_superseded(self, found):
        with pytest.raises(SupersededError, match="attempt 1 of version 2 no longer owns it"):
            play(chain.wait(2, 1, "token-2", 0), (Park(2, 1, "token-2", 0), refused(found)))


class TestClose:
    APPLIED = Close(1, 1, Outcome.APPLIED, "finish:FINISHED")

    def close(self, *steps):
        return play(chain.close(1, 1, Outcome.APPLIED, "finish:FINISHED"), *steps)

    def test_the_outcome_is_written_before_the_waiter_is_looked_for(self):
        outcome = self.close(
            (self.APPLIED, done(APPLIED_1)),
            (FindProcess(2), WAITING_2),
            *looked_at(WAITING_2, APPLIED_1),
            (Succeed(2, "token-2", 1), True),
        )

        assert outcome is Outcome.APPLIED

    def test_a_repeated_close_goes_on_with_the_wake(self):
        outcome = self.close((self.APPLIED, refused(APPLIED_1)), (FindProcess(2), None))

        assert outcome is Outcome.APPLIED

    def test_a_close_that_comes_after_another_answers_what_is_stored(self):
        outcome = self.close((self.APPLIED, refused(FAILED_1)), (FindProcess(2), None))

        assert outcome is Outcome.FAILED

    @pytest.mark.parametrize("found", [None, a_process(version=1, attempt=2)])
    def test_a_superseded_attempt_wakes_nobody(self, found):
        with pytest.raises(SupersededError):
            self.close((self.APPLIED, refused(found)))

    def test_a_blocked_version_looks_whether_its_predecessor_was_repaired_meanwhile(self):
        failure = ("PredecessorFailedError", FAILURE_OF_1)
        outcome = play(
            chain.close(2, 1, Outcome.BLOCKED, "check_version:FAILED", *failure),
            (Close(2, 1, Outcome.BLOCKED, "check_version:FAILED", *failure), done(BLOCKED_2)),
            *looked_at(BLOCKED_2, APPLIED_1),
            (Restart(2, 1), done(a_process(version=2, attempt=2))),
            (FindProcess(3), None),
        )

        assert outcome is Outcome.BLOCKED


class TestRepair:
    def test_a_restart_says_whether_it_was_the_one(self):
        assert play(chain.restart(1, 1), (Restart(1, 1), done(OPEN_1))) is True
        assert play(chain.restart(1, 1), (Restart(1, 1), refused(OPEN_1))) is False

    def test_a_retry_begins_the_next_attempt_of_what_failed(self):
        failed, next_one = a_process(outcome=Outcome.FAILED, attempt=3), a_process(attempt=4)

        process = play(chain.retry(1), (FindProcess(1), failed), (Restart(1, 3), done(next_one)))

        assert process == next_one

    def test_a_skip_gives_a_version_up_and_wakes_the_next_one(self):
        process = play(
            chain.skip(1),
            (FindProcess(1), FAILED_1),
            (Skip(1, 1), done(SKIPPED_1)),
            (FindProcess(2), WAITING_2),
            *looked_at(WAITING_2, SKIPPED_1, DataVersion()),
            (Succeed(2, "token-2", 0), True),
        )

        assert process == SKIPPED_1

    def test_a_retry_whose_first_answer_was_lost_has_worked(self):
        again = a_process(attempt=2)

        process = play(chain.retry(1), (FindProcess(1), FAILED_1), (Restart(1, 1), refused(again)))

        assert process == again

    def test_a_skip_whose_first_answer_was_lost_has_worked(self):
        process = play(
            chain.skip(1),
            (FindProcess(1), FAILED_1),
            (Skip(1, 1), refused(SKIPPED_1)),
            (FindProcess(2), None),
        )

        assert process == SKIPPED_1

    @pytest.mark.parametrize("operation", [chain.retry, chain.skip])
    def test_what_is_not_in_the_chain_cannot_be_repaired(self, operation):
        with pytest.raises(NotFoundError, match="version 1 does not exist, or an import applied"):
            play(operation(1), (FindProcess(1), None))

    @pytest.mark.parametrize("operation", [chain.retry, chain.skip])
    @pytest.mark.parametrize(
        "outcome", [Outcome.OPEN, Outcome.WAITING, Outcome.APPLIED, Outcome.SKIPPED]
    )
    def test_what_has_not_failed_is_not_repaired(self, operation, outcome):
        message = f"version 1 is {outcome.value}, not FAILED or BLOCKED"

        with pytest.raises(NotFailedError, match=message):
            play(operation(1), (FindProcess(1), a_process(outcome=outcome)))

    @pytest.mark.parametrize(
        ("operation", "call"), [(chain.retry, Restart(1, 1)), (chain.skip, Skip(1, 1))]
    )
    def test_of_two_operators_the_second_is_told_to_look_again(self, operation, call):
        with pytest.raises(NotFailedError, match="changed by somebody else; look again"):
            play(operation(1), (FindProcess(1), FAILED_1), (call, refused(OPEN_1)))


class TestSweep:
    @pytest.mark.parametrize(
        "found",
        [None, APPLIED_1, FAILED_1, SKIPPED_1],
        ids=["gone", "applied", "failed", "skipped"],
    )
    def test_what_is_closed_is_left_alone(self, found):
        assert play(chain.sweep(1, NOW), (FindProcess(1), found)) == "closed"

    def test_a_lost_start_is_made_again_under_the_same_name(self):
        done_ = play(
            chain.sweep(1, NOW),
            (FindProcess(1), a_process(attempt=2)),
            (Start(1, 2), True),
        )

        assert done_ == "started"

    @pytest.mark.parametrize("lane", list(Lane))
    def test_what_is_started_again_goes_on_with_its_trace(self, lane):
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
        done_ = play(
            chain.sweep(1, NOW),
            (FindProcess(1), a_process(lane=lane, trace=trace)),
            (Start(1, 1, is_express=lane is Lane.EXPRESS, trace=trace), True),
        )

        assert done_ == "started"

    def test_an_execution_that_aws_has_forgotten_is_started_again(self):
        done_ = play(
            chain.sweep(1, NOW),
            (FindProcess(1), BEGUN_1),
            (Describe(1, 1), None),
            (Start(1, 1), True),
        )

        assert done_ == "started"

    def test_a_running_execution_is_left_alone(self):
        done_ = play(
            chain.sweep(1, NOW),
            (FindProcess(1), BEGUN_1),
            (Describe(1, 1), Execution(is_running=True)),
        )

        assert done_ == "running"

    def test_a_version_that_only_queues_is_left_alone_and_its_execution_not_looked_at(self):
        done_ = play(chain.sweep(2, NOW), *looked_at(WAITING_2, OPEN_1, DataVersion()))

        assert done_ == "waiting"

    def test_one_that_queues_and_whose_execution_was_stopped_fails(self):
        error, cause = "ABORTED", "the execution ended without recording an outcome"
        done_ = play(
            chain.sweep(2, NOW, has_ended=True),
            (FindProcess(2), WAITING_2),
            (Describe(2, 1), Execution(is_running=False, error=error)),
            (Close(2, 1, Outcome.FAILED, "sweep:FAILED", error, cause), done(FAILED_2)),
            (FindProcess(3), None),
        )

        assert done_ == "failed"

    def test_a_lost_wake_is_made_again(self):
        done_ = play(
            chain.sweep(2, NOW),
            *looked_at(WAITING_2, APPLIED_1),
            (Describe(2, 1), Execution(is_running=True)),
            *looked_at(WAITING_2, APPLIED_1),
            (Succeed(2, "token-2", 1), True),
        )

        assert done_ == "woken"

    def test_a_blocked_version_is_looked_at_again(self):
        done_ = play(
            chain.sweep(2, NOW),
            (FindProcess(2), BLOCKED_2),
            *looked_at(BLOCKED_2, FAILED_1, DataVersion()),
        )

        assert done_ == "woken"

    def test_a_publisher_that_died_hands_its_version_over(self):
        done_ = play(
            chain.sweep(1, NOW),
            (FindProcess(1), a_process(mode=Mode.SYNC)),
            (Restart(1, 1), done(a_process(mode=Mode.SYNC, attempt=2))),
        )

        assert done_ == "restarted"

    @pytest.mark.parametrize(
        ("execution", "error", "cause"),
        [
            (
                Execution(False, "States.Timeout", "too long"),
                "States.Timeout",
                "too long",
            ),
            (
                Execution(False),
                "ExecutionEnded",
                "the execution ended without recording an outcome",
            ),
        ],
    )
    def test_an_execution_that_died_without_a_word_fails_its_version(self, execution, error, cause):
        done_ = play(
            chain.sweep(1, NOW),
            (FindProcess(1), OPEN_1),
            (Start(1, 1), False),
            (Describe(1, 1), execution),
            (Close(1, 1, Outcome.FAILED, "sweep:FAILED", error, cause), done(FAILED_1)),
            (FindProcess(2), None),
        )

        assert done_ == "failed"


class TestSweepOfTheExpressLane:
    OPENED = datetime(2026, 11, 25, 9, tzinfo=UTC)
    IN_THE_LANE = a_process(lane=Lane.EXPRESS)
    CLAIMED = a_process(lane=Lane.EXPRESS, run="a-run", status="check_version:STARTED")

    @pytest.mark.parametrize("minutes", [2, 29])
    def test_what_no_run_has_claimed_is_started_once_more_and_nobody_is_asked(self, minutes):
        done_ = play(
            chain.sweep(1, self.OPENED + timedelta(minutes=minutes)),
            (FindProcess(1), self.IN_THE_LANE),
            (Start(1, 1, is_express=True), True),
        )

        assert done_ == "started"

    def test_what_no_run_has_claimed_for_half_an_hour_goes_on_in_the_standard_machine(self):
        done_ = play(
            chain.sweep(1, self.OPENED + timedelta(minutes=30, seconds=1)),
            (FindProcess(1), self.IN_THE_LANE),
            (Leave(1, 1), done(a_process(lane=Lane.EXPRESS, attempt=2))),
        )

        assert done_ == "handed over"

    def test_what_a_run_has_claimed_is_left_alone_while_a_run_may_last(self):
        moment = self.OPENED + timedelta(minutes=5, seconds=59)

        assert play(chain.sweep(1, moment), (FindProcess(1), self.CLAIMED)) == "running"

    def test_what_has_outlived_its_run_goes_on_in_the_standard_machine(self):
        moment = self.OPENED + timedelta(minutes=6, seconds=1)
        done_ = play(
            chain.sweep(1, moment),
            (FindProcess(1), self.CLAIMED),
            (Leave(1, 1), done(a_process(lane=Lane.EXPRESS, attempt=2))),
        )

        assert done_ == "handed over"

    @pytest.mark.parametrize("outcome", [Outcome.OPEN, Outcome.WAITING])
    def test_what_a_run_has_claimed_that_no_machine_knows_is_begun_anew(self, outcome):
        claimed = a_process(outcome=outcome, status="finish:STARTED", run="elsewhere")
        done_ = play(
            chain.sweep(1, NOW, has_ended=True),
            (FindProcess(1), claimed),
            (Describe(1, 1), None),
            (IsOurs(1, 1, "elsewhere"), False),
            (Renew(1, 1, "elsewhere"), done(a_process(attempt=2))),
        )

        assert done_ == "renewed"

    def test_a_run_of_ours_that_is_not_known_yet_is_started_and_keeps_its_claim(self):
        claimed = a_process(outcome=Outcome.WAITING, status="finish:STARTED", run="ours")
        done_ = play(
            chain.sweep(1, NOW, has_ended=True),
            (FindProcess(1), claimed),
            (Describe(1, 1), None),
            (IsOurs(1, 1, "ours"), True),
            (Start(1, 1), True),
        )

        assert done_ == "started"

    def test_its_next_attempt_is_swept_as_every_other(self):
        done_ = play(
            chain.sweep(1, NOW),
            (FindProcess(1), a_process(lane=Lane.EXPRESS, attempt=2, status="finish:STARTED")),
            (Describe(1, 2), Execution(is_running=True)),
        )

        assert done_ == "running"


class TestApply:
    def test_the_data_moves_from_where_it_was_read(self):
        assert play(chain.apply(2), (FindData(), DATA_1), (WriteData(2, 1), True)) is True

    @pytest.mark.parametrize("data", [DataVersion(2, "NRT-2"), DataVersion(3, "NRT-3")])
    def test_the_data_never_goes_back(self, data):
        assert play(chain.apply(2), (FindData(), data)) is False

    def test_data_that_moved_between_read_and_write_is_read_again(self):
        with pytest.raises(TransientError, match="the data row moved meanwhile"):
            play(chain.apply(2), (FindData(), DATA_1), (WriteData(2, 1), False))


@pytest.mark.parametrize(
    "call",
    [
        Park(1, 1, "secret", 0),
        Succeed(1, "secret", 0),
        Reject(1, "secret", "Error", "cause"),
        WAITING_2,
    ],
)
def test_no_token_shows_where_a_call_or_a_process_is_printed(call):
    assert "secret" not in repr(call)
    assert "token-2" not in repr(call)
