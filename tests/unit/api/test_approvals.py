import pytest
from tests.support.orders import SEEN, an_approval

from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.rules import CastVote, Close, Rules, Stage, Status, Verdict, Vote
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.runtime.identity import ISSUER
from sfn_cqrs_tools.testing.builders import RELEASE

TARO = {
    "iss": ISSUER,
    "custom:tenant": "tenant1",
    "cognito:username": "taro",
    "cognito:groups": "[operator]",
}
HANAKO = {**TARO, "cognito:username": "hanako"}
STAFF = {**TARO, "cognito:groups": "[staff]"}
OTHER = {**TARO, "custom:tenant": "tenant2"}
VIEW = {
    "id": "a-01KAXK3V9Q0M3W8C5R6T7Y8Z9B",
    "type": "ORDER_RELEASE",
    "subject": "o-1",
    "payload": {"total": 1200},
    "digest": SEEN,
    "note": "Please look",
    "status": "OPEN",
    "stage": "CREATED",
    "attempt": 1,
    "needed": 1,
    "approvers": [],
    "group": "operator",
    "fourEyes": True,
    "decisions": [],
    "reminders": 0,
    "requestedBy": "hanako",
    "requestedAt": "2026-11-25T09:00:00.000Z",
    "expiresAt": "2026-12-02T09:00:00.000Z",
    "statusAt": "2026-11-25T09:00:00.000Z",
    "remindAt": "2026-11-26T09:00:00.000Z",
}
PATH = f"/approvals/{RELEASE.id}"


@pytest.fixture
def ask(call):
    """Return what sends a request as taro, an operator; answers its status and JSON."""

    def send(method, path, body=None, *, claims=TARO, key=None, **query):
        headers = {"idempotency-key": key} if key else {}
        answer = call(method, path, body, claims=claims, headers=headers, query=query or None)
        return answer.status, answer.body

    return send


def test_an_approval_is_asked_for_by_whoever_the_token_names(ask, world):
    CommandService("tenant1").publish("ORDER", "o-1", name="Order", attributes={"customer": "ada"})
    body = {"type": "ORDER_RELEASE", "subject": "o-1", "payload": {"total": 1}, "note": "Please"}

    status, answer = ask("POST", "/approvals", body, key="once")
    CommandService("tenant1").delete("ORDER", "o-1")
    again = ask("POST", "/approvals", body, key="once")

    assert status == 202
    assert again == (202, answer)
    (stored,) = world.all_of(APPROVALS)
    assert answer == {"id": stored.key.id}
    assert (stored.key.tenant, stored.created.by, stored.source) == ("tenant1", "taro", "api")
    assert (stored.subject, stored.payload, stored.note) == ("o-1", {"total": 1}, "Please")


def test_an_approval_is_shown_without_its_token(ask, world):
    world.seed_approvals(an_approval(token="a secret", token_seq=100))

    status, answer = ask("GET", PATH)

    assert (status, answer) == (200, VIEW)


def test_a_decided_one_shows_who_said_what_and_why_and_what_failed(ask, world):
    vote = Vote(
        "taro", Verdict.APPROVE, "2026-11-25T10:00:00.000Z", "in advance", "192.0.2.1", seen=SEEN
    )
    failed = CastVote(vote).on(an_approval(), "")
    failed = Close(1, Stage.FAILED, "ValueError", "no such order").on(failed, "")
    world.seed_approvals(failed)

    _, answer = ask("GET", PATH)

    assert answer["decisions"] == [
        {
            "by": "taro",
            "decision": "APPROVE",
            "at": "2026-11-25T10:00:00.000Z",
            "reason": "in advance",
        }
    ]
    assert (answer["status"], answer["stage"]) == ("GRANTED", "FAILED")
    assert (answer["error"], answer["cause"]) == ("ValueError", "no such order")
    assert "remindAt" not in answer


def test_a_list_without_a_status_is_the_callers_inbox(ask, world):
    other = RELEASE.__class__("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z01")
    world.seed_approvals(an_approval(), an_approval(other, rules=Rules(("jiro",))))

    _, mine = ask("GET", "/approvals")
    _, own = ask("GET", "/approvals", claims=HANAKO)
    _, nobodys = ask("GET", "/approvals", claims=STAFF)
    _, elsewhere = ask("GET", "/approvals", claims=OTHER)

    assert [one["id"] for one in mine["items"]] == [RELEASE.id]
    assert (own, nobodys, elsewhere) == ({"items": []},) * 3
    _, first = ask("GET", "/approvals", limit="1")
    _, second = ask("GET", "/approvals", limit="1", cursor=first["nextCursor"])
    assert [one["id"] for one in first["items"] + second["items"]] == [RELEASE.id]


def test_a_list_with_a_status_is_the_tenants_page_by_page(ask, world):
    keys = [RELEASE.__class__("tenant1", f"{number:026d}") for number in range(3)]
    statuses = (Status.OPEN, Status.GRANTED, Status.OPEN)
    world.seed_approvals(
        *[an_approval(key, status=one) for key, one in zip(keys, statuses, strict=True)]
    )

    _, first = ask("GET", "/approvals", status="open", limit="1")
    _, second = ask("GET", "/approvals", status="OPEN", limit="1", cursor=first["nextCursor"])
    _, every = ask("GET", "/approvals", status="ALL")
    bad, problem = ask("GET", "/approvals", status="MAYBE")

    assert [one["id"] for one in first["items"]] == [keys[2].id]
    assert ([one["id"] for one in second["items"]], "nextCursor" in second) == ([keys[0].id], False)
    assert [one["id"] for one in every["items"]] == [key.id for key in reversed(keys)]
    assert (bad, problem["code"], problem["field"]) == (400, "invalid_input", "status")


@pytest.mark.parametrize(("verb", "status"), [("approve", "GRANTED"), ("reject", "REJECTED")])
@pytest.mark.parametrize("body", [{"reason": "As agreed"}, None])
def test_a_decision_is_answered_with_the_approval(verb, status, body, ask, world):
    world.seed_approvals(an_approval())

    code, answer = ask("POST", f"{PATH}/{verb}", body)

    assert (code, answer["status"]) == (200, status)
    (vote,) = world.approvals.find(RELEASE).votes
    assert (vote.by, vote.reason) == ("taro", "As agreed" if body else "")
    assert vote.ip == "192.0.2.10"


def test_a_refusal_says_how_it_is_decided(ask, world):
    world.seed_approvals(an_approval(status=Status.REJECTED))

    _, problem = ask("POST", f"{PATH}/approve")

    assert problem["decided"] == "REJECTED"


def test_an_operator_runs_again_what_has_failed(ask, world):
    world.seed_approvals(
        an_approval(status=Status.GRANTED, stage=Stage.FAILED, error="E", cause="c")
    )

    forbidden, _ = ask("POST", f"{PATH}/retry", claims=STAFF)
    status, answer = ask("POST", f"{PATH}/retry")
    again, problem = ask("POST", f"{PATH}/retry")

    assert (forbidden, status, answer["attempt"]) == (403, 202, 2)
    assert (again, problem["code"]) == (409, "not_failed")
