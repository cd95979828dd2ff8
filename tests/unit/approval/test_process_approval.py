from dataclasses import replace

import pytest
from functions.approval.process_approval.app import lambda_handler  # noqa: F401 - run_state runs it

from sfn_cqrs.domain.approval import Happened, Stage, Status, Verdict, Vote
from sfn_cqrs.domain.errors import SupersededError

VOTES = (Vote("taro", Verdict.APPROVE, "2026-11-25T11:00:00.000Z", "in advance"),)


def test_the_function_of_the_type_gets_the_decision_and_the_attempt_ends(
    seed, key, world, run_state, handle_decisions
):
    given = []
    handle_decisions(granted=given.append)
    seed(status=Status.GRANTED, stage=Stage.WAITING, token="a token", token_seq=100, votes=VOTES)

    assert run_state() == {"result": "GRANTED"}

    (decided,) = given
    assert (decided.tenant, decided.type, decided.status) == (
        "tenant1",
        "ORDER_RELEASE",
        Status.GRANTED,
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

    handle_decisions(granted=fail)
    before = seed(status=Status.GRANTED, stage=Stage.WAITING)

    with pytest.raises(ValueError, match="no such order"):
        run_state()

    assert world.approvals.find(key) == before


def test_a_second_delivery_does_not_run_the_function_again(seed, run_state, handle_decisions):
    given = []
    handle_decisions(granted=given.append)
    seed(status=Status.GRANTED)

    assert run_state() == run_state() == {"result": "GRANTED"}

    assert len(given) == 1


@pytest.mark.parametrize("status", [Status.OPEN, Status.REJECTED])
def test_what_is_decided_otherwise_is_not_handled_so(
    status, seed, key, world, run_state, handle_decisions
):
    given = []
    handle_decisions(granted=given.append, rejected=given.append, expired=given.append)
    before = seed(status=status)

    with pytest.raises(SupersededError, match=f"the approval is {status}, not GRANTED"):
        run_state()

    assert (given, world.approvals.find(key)) == ([], before)


@pytest.mark.parametrize("changes", [{"attempt": 2}, {"stage": Stage.FAILED}])
def test_an_attempt_that_is_over_runs_nothing(changes, seed, run_state, handle_decisions):
    given = []
    handle_decisions(granted=given.append)
    seed(status=Status.GRANTED, **changes)

    with pytest.raises(SupersededError, match="attempt 1 no longer owns the approval"):
        run_state()

    assert given == []


def test_an_attempt_that_was_closed_meanwhile_says_so(seed, world, run_state, handle_decisions):
    approval = seed(status=Status.GRANTED)
    handle_decisions(granted=lambda _: world.seed_approvals(replace(approval, stage=Stage.FAILED)))

    with pytest.raises(SupersededError, match="attempt 1 was closed as FAILED"):
        run_state()


def test_a_type_that_is_gone_fails_and_says_so(seed, run_state, handle_decisions, monkeypatch):
    handle_decisions(granted=print)
    monkeypatch.setattr("sfn_cqrs.service.approvals.types._types", {})
    seed(status=Status.GRANTED)

    with pytest.raises(Exception, match="'ORDER_RELEASE' is not registered"):
        run_state()
