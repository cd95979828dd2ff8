"""Who may ask for an erasure, who has to confirm it, and what a law forbids."""

from datetime import timedelta

import pytest
from tests.unit.care.erasure.conftest import ADA, BOB, BY, KEY, TENANT, Letter

from sfn_cqrs.care.erasure.service import ErasureService, plan, work
from sfn_cqrs.kernel.erasure import EndPass, Erasure, Status, certificate
from sfn_cqrs.kernel.errors import InvalidInputError, TooManyErasuresError
from sfn_cqrs.kernel.keys import ErasureKey
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.handlers import command_type

OPERATOR = {"custom:tenant": TENANT, "cognito:groups": "[operator]", "sub": "op1"}
OTHER = {**OPERATOR, "sub": "op2"}
ASKED = {"subject": ADA, "reason": "asked for"}


def test_an_operator_asks_and_is_answered_without_the_person(call):
    asked = call("POST", "/erasures", ASKED, claims=OPERATOR)

    id_ = asked.body["id"]
    assert (asked.status, asked.body["status"], asked.body["askedBy"]) == (202, "READY", "op1")
    assert call("GET", f"/erasures/{id_}", claims=OPERATOR).body == asked.body
    assert call("GET", "/erasures", claims=OPERATOR).body["items"] == [asked.body]
    assert ADA not in str(asked.body)


@pytest.mark.parametrize("id_", ["~", "none", "~" + "YWFh" * 400])
def test_what_is_no_id_of_an_erasure_is_not_found(call, id_):
    assert call("GET", f"/erasures/{id_}", claims=OPERATOR).status == 404
    assert call("POST", f"/erasures/{id_}/confirm", {}, claims=OPERATOR).status == 404


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("subject", "reason"), [("", "why"), (ADA, " "), (ADA, "x" * 501)])
def test_a_person_and_a_reason_are_needed(subject, reason):
    with pytest.raises(InvalidInputError):
        ErasureService(TENANT).ask(subject, reason, BY)


def test_where_two_people_are_needed_another_operator_confirms(call, monkeypatch):
    monkeypatch.setattr(handlers.registry, "needs_two", False)
    handlers.erasures(two_people=True)
    asked = call("POST", "/erasures", ASKED, claims=OPERATOR).body
    path = f"/erasures/{asked['id']}/confirm"

    own = call("POST", path, claims=OPERATOR)
    confirmed = call("POST", path, claims=OTHER)
    again = call("POST", path, claims=OTHER)

    assert asked["status"] == "ASKED"
    assert (own.status, own.body["code"]) == (403, "four_eyes")
    assert (confirmed.body["status"], confirmed.body["confirmedBy"]) == ("READY", "op2")
    assert (again.status, again.body["code"]) == (409, "not_open")


def test_what_nobody_has_confirmed_is_not_worked_on(post, world, monkeypatch):
    monkeypatch.setattr(handlers.registry, "needs_two", True)
    post()
    asked = ErasureService(TENANT).ask(ADA, "why", BY)

    assert work(asked, lambda: False).status is Status.ASKED
    assert world.erasures.open() == []
    assert world.data.find(KEY).erased == ""


@pytest.fixture
def kept(post):
    """A letter that a law keeps, and the one that refuses the erasure."""
    command_type("LETTER", publish=MEMBERS, model=Letter, subject="reader", keep=timedelta(days=30))
    post()
    return work(ErasureService(TENANT).ask(ADA, "why", BY), lambda: False)


def test_an_item_that_a_law_keeps_refuses_the_erasure_until_then(kept, world):
    until = "2026-12-25T12:00:00.000Z"

    assert (kept.status, kept.kept_until, kept.kept) == (Status.REFUSED, until, ("LETTER/l-1",))
    shown = plan(TENANT, ADA, lambda: False)
    assert (shown["keptUntil"], shown["kept"]) == (until, ["LETTER/l-1"])
    assert world.data.find(KEY).erased == ""


@pytest.mark.usefixtures("kept")
def test_a_law_counts_from_the_last_change_of_an_item(post, world):
    world.clock.advance(days=20)
    post(status="read")
    world.clock.advance(days=15)

    later = work(ErasureService(TENANT).ask(ADA, "later", BY), lambda: False)

    assert (later.status, later.kept_until) == (Status.REFUSED, "2027-01-14T12:00:00.000Z")


def test_whoever_asks_again_is_looked_for_again(kept, world, call):
    again = call("POST", "/erasures", ASKED, claims=OPERATOR)
    service = ErasureService(TENANT)

    assert (again.status, again.body["status"]) == (202, "READY")
    assert work(service.get(kept.key.id), lambda: False).status is Status.REFUSED
    world.clock.advance(days=31)
    later = work(service.ask(ADA, "later", BY), lambda: False)
    assert later.status is Status.RUNNING
    assert [one["status"] for one in later.requests] == ["REFUSED", "REFUSED"]
    assert [one["reason"] for one in later.requests] == ["why", ASKED["reason"]]


@pytest.mark.parametrize("by_two", [True, False])
def test_two_operators_say_that_no_law_keeps_an_item(kept, call, world, by_two):
    """Anybody who may publish could make such an item about anybody."""
    body = {**ASKED, "notKept": ["LETTER/l-1"]}
    asked = call("POST", "/erasures", body, claims=OPERATOR).body
    path = f"/erasures/{asked['id']}/confirm"
    done = call("POST", path, claims=OTHER if by_two else OPERATOR)

    after = work(ErasureService(TENANT).get(kept.key.id), lambda: False)

    assert (asked["status"], asked["notKept"]) == ("ASKED", ["LETTER/l-1"])
    assert done.status == (202 if by_two else 403)
    assert after.status is (Status.RUNNING if by_two else Status.ASKED)
    assert (world.data.find(KEY).erased != "") is by_two


def test_an_item_that_nobody_has_named_still_keeps_the_person(kept, post, call):
    post(code="l-2")
    body = {**ASKED, "notKept": ["LETTER/l-1"]}
    id_ = call("POST", "/erasures", body, claims=OPERATOR).body["id"]
    call("POST", f"/erasures/{id_}/confirm", claims=OTHER)

    after = work(ErasureService(TENANT).get(kept.key.id), lambda: False)

    assert (after.status, after.kept) == (Status.REFUSED, ("LETTER/l-2",))


@pytest.mark.parametrize("odd", ["LETTER/l-1", ["l-1"], [5], [""], ["letter/l-1"], ["A/b"] * 101])
def test_what_is_not_kept_are_items(call, world, odd):
    refused = call("POST", "/erasures", {**ASKED, "notKept": odd}, claims=OPERATOR)

    assert (refused.status, refused.body["field"]) == (400, "notKept")
    assert world.erasures.open() == []


def test_a_plan_counts_and_changes_nothing(post, world):
    post()
    post(status="read")
    written = len(world.dynamodb.written)

    found = plan(TENANT, ADA, lambda: False)

    counts = {place: count for place, count in found["found"].items() if count}
    assert counts == {"commands": 2, "data": 1, "history": 1}
    assert len(world.dynamodb.written) == written
    assert not plan(TENANT, ADA, lambda: True)["isComplete"]


def test_asking_again_goes_through_everything_again_and_stays_erased(post, erase, world):
    post()
    first = certificate(erase())

    again = ErasureService(TENANT).ask(ADA, "once more", BY)

    assert (again.status, again.passes, again.reason) == (Status.RUNNING, 0, "once more")
    assert world.erasures.among([ErasureKey.of(TENANT, ADA)])
    (before,) = again.requests
    assert {
        name: before[name] for name in ("reason", "askedBy", "beganAt", "passes", "erased")
    } == {name: first[name] for name in ("reason", "askedBy", "beganAt", "passes", "erased")}


def test_whoever_asks_for_what_is_at_work_rewrites_nothing(post, erase, call):
    post()
    running = erase(passes=1)

    asked = call("POST", "/erasures", {**ASKED, "reason": "mine"}, claims=OTHER).body

    (noted,) = asked.pop("requests")
    assert (noted["reason"], noted["askedBy"]) == ("mine", "op2")
    assert asked == {
        name: each for name, each in certificate(running).items() if name != "requests"
    }


def test_however_often_somebody_asks_the_first_request_and_the_latest_are_kept(post, erase):
    post()
    erase(passes=1)
    service = ErasureService(TENANT)

    for number in range(60):
        asked = service.ask(ADA, f"request {number}", BY)

    reasons = [one["reason"] for one in asked.requests]
    assert (len(reasons), reasons[0], reasons[1], reasons[-1]) == (
        *(50, "request 0"),
        *("request 11", "request 59"),
    )


def test_a_tenant_has_a_hundred_open_erasures_and_another_its_own(call, world, monkeypatch):
    monkeypatch.setattr(handlers.registry, "needs_two", False)
    for number in range(99):
        ErasureService(TENANT).ask(f"person-{number}", "why", BY)
    ErasureService("other").ask(ADA, "why", BY)
    last = call("POST", "/erasures", ASKED, claims=OPERATOR)

    refused = call("POST", "/erasures", {**ASKED, "subject": BOB}, claims=OPERATOR)
    again = call("POST", "/erasures", ASKED, claims=OPERATOR)
    needs_two = ErasureService(TENANT)
    with pytest.raises(TooManyErasuresError):
        needs_two.ask(BOB, "why", BY, ["LETTER/l-1"])

    assert (last.status, again.status) == (202, 202)
    assert (refused.status, refused.body["code"]) == (429, "too_many_erasures")
    assert refused.headers["Retry-After"] == "3600"
    assert ErasureService("other").ask(BOB, "why", BY).status is Status.READY
    assert len(world.erasures.open()) == 102


def test_the_certificate_is_kept_outside_of_the_tables(erase, world):
    done = erase()

    kept = world.attributes.load(f"erasures/{TENANT}/{done.key.id}.json")
    assert kept == certificate(done)
    assert kept["notCovered"][0]["until"] == "2026-12-30T12:00:00.000Z"


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"keep": timedelta(days=1)}, "keep= needs subject="),
        ({"keep": timedelta(days=1), "model": Letter}, "keep= needs subject="),
    ],
)
def test_a_declaration_that_cannot_be_kept_is_refused(declared, words):
    with pytest.raises(ValueError, match=words):
        command_type("NOTE", **declared)


@pytest.mark.parametrize(
    ("changed", "left", "status"),
    [(0, (), Status.DONE), (1, (), Status.RUNNING), (0, ("tasks: t-1",), Status.RUNNING)],
)
def test_a_pass_that_had_nothing_to_change_and_leaves_nothing_is_the_last(changed, left, status):
    key = ErasureKey.of(TENANT, ADA)
    running = Erasure(key=key, reason="x", created=BY, status=Status.RUNNING, passes=1)

    ended = EndPass(1, {}, left, changed).on(running, BY.at)

    assert ended.status is status
