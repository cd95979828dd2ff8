"""What the states have in common that run the user's function for a decision."""

import pytest

from sfn_cqrs.kernel.errors import SupersededError, VersionConflictError
from sfn_cqrs.machines.approval.rules import Happened, Stage, Status, Verdict, Vote

VOTES = (Vote("taro", Verdict.APPROVE, "2026-11-25T11:00:00.000Z", "in advance"),)
DECISIONS = (Status.GRANTED, Status.REJECTED, Status.EXPIRED)


class Decided:
    """The tests of the state for one status; a module has its own class of them."""

    status: Status

    @pytest.fixture
    def handled_by(self, handle_decisions):
        """Return what makes a function the one for this decision."""
        return lambda handler: handle_decisions(**{self.status.lower(): handler})

    def test_the_function_of_the_type_gets_the_decision_and_the_attempt_ends(
        self, seed, key, world, run_state, handled_by
    ):
        given = []
        handled_by(given.append)
        waiting = {"stage": Stage.WAITING, "token": "a token", "token_seq": 100}
        seed(status=self.status, votes=VOTES, **waiting)

        assert run_state() == {"result": self.status}

        (decided,) = given
        named = (decided.tenant, decided.type, decided.status)
        assert named == ("tenant1", "ORDER_RELEASE", self.status)
        assert (decided.subject, decided.payload, decided.votes) == ("o-1", {"total": 1200}, VOTES)
        assert (decided.key, decided.requested_by) == (key.id, "hanako")
        stored = world.approvals.find(key)
        assert (stored.stage, stored.happened, stored.token) == (Stage.DONE, Happened.DONE, None)
        assert "a token" not in repr(decided)

    @pytest.mark.parametrize("error", [ValueError("no such order"), VersionConflictError(7)])
    def test_what_the_function_raises_leaves_the_approval_to_mark_failed(
        self, error, seed, key, world, run_state, handled_by
    ):
        def fail(_decided):
            raise error

        handled_by(fail)
        before = seed(status=self.status, stage=Stage.WAITING)

        with pytest.raises(type(error)):
            run_state()

        assert world.approvals.find(key) == before

    def test_a_second_delivery_does_not_run_the_function_again(self, seed, run_state, handled_by):
        given = []
        handled_by(given.append)
        seed(status=self.status)

        assert run_state() == run_state() == {"result": self.status}

        assert len(given) == 1

    def test_what_is_decided_otherwise_is_not_handled_so(
        self, seed, key, world, run_state, handle_decisions
    ):
        given = []
        handle_decisions(granted=given.append, rejected=given.append, expired=given.append)
        for status in {Status.OPEN, *DECISIONS} - {self.status}:
            before = seed(status=status)

            with pytest.raises(
                SupersededError, match=f"the approval is {status}, not {self.status}"
            ):
                run_state()

            assert (given, world.approvals.find(key)) == ([], before)

    @pytest.mark.parametrize("changes", [{"attempt": 2}, {"stage": Stage.FAILED}, None])
    def test_an_attempt_that_is_over_runs_nothing(self, changes, seed, run_state, handled_by):
        given = []
        handled_by(given.append)
        if changes is not None:  # else it is gone
            seed(status=self.status, **changes)

        with pytest.raises(SupersededError, match="attempt 1 no longer owns the approval"):
            run_state()

        assert given == []


class OtherwiseDecided(Decided):
    """The tests of a state whose type may have nothing to do for the decision."""

    def test_a_type_that_has_nothing_to_do_ends_all_the_same(
        self, seed, key, world, run_state, handle_decisions
    ):
        handle_decisions(granted=print)
        seed(status=self.status)

        assert run_state() == {"result": self.status}

        assert world.approvals.find(key).stage is Stage.DONE
