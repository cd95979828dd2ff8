import pytest
from functions.approval.expired.app import lambda_handler  # noqa: F401 - run_state runs it

from sfn_cqrs.domain.approval import Happened, Stage, Status, Verdict, Vote
from sfn_cqrs.domain.errors import SupersededError

VOTES = (Vote("taro", Verdict.APPROVE, "2026-11-25T11:00:00.000Z", "in advance"),)


def test_the_function_of_the_type_gets_the_decision_and_the_attempt_ends(
    seed, key, world, run_state, handle_decisions
):
    given = []
    handle_decisions(expired=given.append)
    seed(status=Status.EXPIRED, stage=Stage.WAITING, token="a token", token_seq=100, votes=VOTES)

    assert run_state() == {"result": "EXPIRED"}

    (decided,) = given
    assert (decided.tenant, decided.type, decided.status) == (
        "tenant1",
        "ORDER_RELEASE",
        Status.EXPIRED,
    )
    assert (decided.subject, decided.payload, decided.votes) == ("o-1", {"total": 1200}, VOTES)
    assert (decided.key, decided.requested_by) == (key.id, "hanako")
    stored = world.approvals.find(key)
    assert (stored.stage, stored.happened, stored.token) == (Stage.DONE, Happened.DONE, None)
    assert "a token" not in repr(decided)


def test_what_the_function_raises_leaves_the_approval_to_mark_failed(
    seed, key, world, run_state, handle_decisions
):
    def fail(_decided):
        raise ValueError("no such order")

    handle_decisions(expired=fail)
    before = seed(status=Status.EXPIRED, stage=Stage.WAITING)

    with pytest.raises(ValueError, match="no such order"):
        run_state()

    assert world.approvals.find(key) == before


def test_a_second_delivery_does_not_run_the_function_again(seed, run_state, handle_decisions):
    given = []
    handle_decisions(expired=given.append)
    seed(status=Status.EXPIRED)

    assert run_state() == run_state() == {"result": "EXPIRED"}

    assert len(given) == 1


@pytest.mark.parametrize("status", [Status.OPEN, Status.REJECTED])
def test_what_is_decided_otherwise_is_not_handled_so(
    status, seed, key, world, run_state, handle_decisions
):
    given = []
    handle_decisions(granted=given.append, rejected=given.append, expired=given.append)
    before = seed(status=status)

    with pytest.raises(SupersededError, match=f"the approval is {status}, not EXPIRED"):
        run_state()

    assert (given, world.approvals.find(key)) == ([], before)


@pytest.mark.parametrize("changes", [{"attempt": 2}, {"stage": Stage.FAILED}])
def test_an_attempt_that_is_over_runs_nothing(changes, seed, run_state, handle_decisions):
    given = []
    handle_decisions(expired=given.append)
    seed(status=Status.EXPIRED, **changes)

    with pytest.raises(SupersededError, match="attempt 1 no longer owns the approval"):
        run_state()

    assert given == []


def test_a_type_that_has_nothing_to_do_ends_all_the_same(
    seed, key, world, run_state, handle_decisions
):
    handle_decisions(granted=print)
    seed(status=Status.EXPIRED)

    assert run_state() == {"result": "EXPIRED"}

    assert world.approvals.find(key).stage is Stage.DONE
