"""Who may ask for an erasure, who has to confirm it, and what a law forbids."""

from datetime import timedelta

import pytest
from tests.unit.erasure.conftest import ADA, BY, KEY, TENANT, Letter

from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.erasure import Status, certificate
from sfn_cqrs.domain.errors import InvalidInputError, KeptError
from sfn_cqrs.domain.keys import ErasureKey
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service import handlers
from sfn_cqrs.service.erasures import ErasureService, plan, work
from sfn_cqrs.service.handlers import command_type

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
    monkeypatch.setattr(handlers, "_needs_two", False)
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
    monkeypatch.setattr(handlers, "_needs_two", True)
    post()
    asked = ErasureService(TENANT).ask(ADA, "why", BY)

    assert work(asked, lambda: False).status is Status.ASKED
    assert world.erasures.open() == []
    assert world.data.find(KEY).erased == ""


def test_an_item_that_a_law_keeps_refuses_the_erasure_until_then(post, world, call):
    command_type("LETTER", publish=MEMBERS, model=Letter, subject="reader", keep=timedelta(days=30))
    post()
    service = ErasureService(TENANT)
    until = "2026-12-25T12:00:00.000Z"

    refused = work(service.ask(ADA, "why", BY), lambda: False)
    again = call("POST", "/erasures", ASKED, claims=OPERATOR)

    assert (refused.status, refused.kept_until) == (Status.REFUSED, until)
    assert plan(TENANT, ADA, lambda: False)["keptUntil"] == until
    assert (again.status, again.body["code"], again.body["until"]) == (409, "kept", until)
    with pytest.raises(KeptError):
        service.ask(ADA, "why", Audit("2026-11-26T12:00:00.000Z", "op1"))
    assert world.data.find(KEY).erased == ""
    world.clock.advance(days=31)
    later = Audit("2026-12-26T12:00:00.000Z", "op1")
    assert work(service.ask(ADA, "why", later), lambda: False).status is Status.RUNNING


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
    erase()

    again = ErasureService(TENANT).ask(ADA, "once more", BY)

    assert (again.status, again.passes, again.reason) == (Status.RUNNING, 0, "once more")
    assert world.erasures.among([ErasureKey.of(TENANT, ADA)])


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
