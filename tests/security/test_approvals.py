"""An approval decides what was seen: another version, another payload, and it is stale."""

from dataclasses import replace

import pytest
from tests.support.api import MEMBER, OPERATOR, Person, form

from sfn_cqrs.care.live.channels import segment
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import InvalidInputError, StaleError, VersionConflictError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import CODE, MEMBERS, group
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.effects import publish_decided
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.rules import CastVote, Pinned, Stage, Status, Verdict, Vote
from sfn_cqrs.machines.approval.runner import ApprovalFlow
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.service import CommandService

ORDER = ItemKey("tenant1", "ORDER", "o-1")
BASE = "https://api.example.com"
JIRO = Person("jiro", ("operator",))
OPERATORS = frozenset(("operator",))


@pytest.fixture
def asked(api):
    """The approval as mallory has asked for it."""
    body = {
        "type": "ORDER_RELEASE",
        "subject": "o-1",
        "payload": {"discount": 5},
        "note": "<b>Total: 1</b>, Type: HARMLESS",
    }
    return api.send(MEMBER, "POST", "/approvals", body).body["id"]


def edit(api, total=999_999):
    body = {"type": "ORDER", "code": "o-1", "partial": True, "attributes": {"total": total}}
    return api.send(MEMBER, "POST", "/commands", {**body, "mode": "sync"})


def seen(api, id_):
    return api.send(OPERATOR, "GET", f"/approvals/{id_}").body


def approve(api, id_, digest=None, who=OPERATOR):
    body = {} if digest is None else {"digest": digest}
    return api.send(who, "POST", f"/approvals/{id_}/approve", body)


def end(id_, *statuses):
    """What the machine does next."""
    key = ApprovalService("tenant1").get(id_).key
    return ApprovalFlow(key).run(approval_programs.handle(1, *statuses))


def link(id_, user="hanako"):
    url = ApprovalService("tenant1").link(id_, user, OPERATORS, base_url=BASE)
    return url.partition("?token=")[2]


def by_link(api, id_, token):
    path, body = f"/approvals/{id_}/decide", form(token=token, decision="approve")
    return api.send(None, "POST", path, body)


def release(api):
    return api.world.commands.latest(ORDER).attributes.get("release")


def test_a_request_pins_the_version_and_the_payload(api, asked):
    stored = ApprovalService("tenant1").get(asked)

    assert stored.item == Pinned("ORDER", "o-1", 1)
    assert stored.digest == stored.fingerprint
    for changes in ({"payload": {"discount": 50}}, {"item": Pinned("ORDER", "o-1", 2)}):
        assert replace(stored, **changes).fingerprint != stored.digest
    edit(api)
    assert ApprovalService("tenant1").get(asked) == stored


def test_what_was_seen_is_granted_and_its_effect_is_on_that_version(api, asked):
    shown = seen(api, asked)

    answer = approve(api, asked, shown["digest"])
    ended = end(asked, Status.GRANTED)

    assert (answer.status, answer.body["status"]) == (200, "GRANTED")
    assert (ended.status, ended.stage) == (Status.GRANTED, Stage.DONE)
    latest = api.world.commands.latest(ORDER)
    assert (latest.version, latest.source, release(api)) == (2, asked, "released")
    assert latest.updated.by == "hanako"
    (vote,) = ended.votes
    assert vote.seen == shown["digest"]


@pytest.mark.parametrize("way", ["api", "link", "python"])
def test_a_change_before_the_grant_is_stale_and_no_success(way, api, asked):
    shown, token = seen(api, asked), link(asked)
    edit(api)

    if way == "api":
        answer = approve(api, asked, shown["digest"])
        assert (answer.status, answer.code) == (409, "stale")
    elif way == "link":
        answer = by_link(api, asked, token)
        assert (answer.status, "has changed" in answer.text) == (409, True)
    else:
        with pytest.raises(StaleError, match="request it again"):
            ApprovalService("tenant1").approve(asked, "hanako", OPERATORS, digest=shown["digest"])
    ended = end(asked, Status.EXPIRED, Status.STALE)

    assert (ended.status, ended.stage, ended.votes) == (Status.STALE, Stage.DONE, ())
    assert release(api) is None


def test_whoever_comes_after_that_is_told_so_too(api, asked):
    digest = seen(api, asked)["digest"]
    edit(api)
    approve(api, asked, digest)

    again, other = approve(api, asked, digest), approve(api, asked, digest, JIRO)
    rejected = api.send(OPERATOR, "POST", f"/approvals/{asked}/reject", {})

    assert {again.code, other.code, rejected.code} == {"stale"}
    assert seen(api, asked)["status"] == "STALE"


def test_a_change_between_the_grant_and_its_effect_is_stale_and_has_no_effect(api, asked):
    approve(api, asked, seen(api, asked)["digest"])
    edit(api)

    ended = end(asked, Status.GRANTED)

    assert (ended.status, ended.stage) == (Status.STALE, Stage.DONE)
    assert release(api) is None
    assert end(asked, Status.GRANTED) == ended


def test_a_change_and_back_is_a_change(api, asked):
    digest = seen(api, asked)["digest"]
    edit(api)
    edit(api, total=12)

    assert approve(api, asked, digest).code == "stale"


def test_an_effect_that_is_made_again_is_made_once_and_stays_granted(api, asked, monkeypatch):
    approve(api, asked, seen(api, asked)["digest"])
    declared = approval_types.find("ORDER_RELEASE")

    def twice(decided):
        declared.granted(decided)
        api.world.clock.advance(days=300)
        declared.granted(decided)

    known = replace(declared, granted=twice)
    monkeypatch.setitem(approval_types._types, "ORDER_RELEASE", known)

    ended = end(asked, Status.GRANTED)

    assert (ended.status, api.world.commands.latest(ORDER).version) == (Status.GRANTED, 2)


@pytest.mark.parametrize("is_released", [True, False])
def test_a_conflict_of_another_item_is_a_failure_and_not_stale(
    is_released, api, asked, monkeypatch
):
    approve(api, asked, seen(api, asked)["digest"])
    declared = approval_types.find("ORDER_RELEASE")

    def conflicts(decided):
        if is_released:
            declared.granted(decided)
        raise VersionConflictError(7)

    known = replace(declared, granted=conflicts)
    monkeypatch.setitem(approval_types._types, "ORDER_RELEASE", known)

    with pytest.raises(VersionConflictError):
        end(asked, Status.GRANTED)
    assert ApprovalService("tenant1").get(asked).status is Status.GRANTED


def test_one_rejection_is_enough_whatever_has_changed(api, asked):
    edit(api)

    answer = api.send(OPERATOR, "POST", f"/approvals/{asked}/reject", {})
    end(asked, Status.REJECTED)

    assert answer.body["status"] == "REJECTED"
    assert release(api) == "held: rejected"


@pytest.mark.parametrize("digest", ["", "another", "0" * 32])
def test_what_somebody_else_has_seen_is_not_decided(digest, api, asked):
    answer = approve(api, asked, digest)

    assert (answer.status, answer.code) == (409, "stale")
    assert answer.body["detail"].startswith("the digest is not that of this approval")
    stored = ApprovalService("tenant1").get(asked)
    assert (stored.status, stored.votes) == (Status.OPEN, ())


@pytest.mark.parametrize("digest", [None, 1, ["x"]])
def test_nobody_approves_an_item_unseen(digest, api, asked):
    answer = approve(api, asked, digest)

    assert (answer.status, answer.code, answer.body["field"]) == (400, "invalid_input", "digest")
    with pytest.raises(InvalidInputError, match="digest: is missing"):
        ApprovalService("tenant1").approve(asked, "hanako", OPERATORS)
    assert ApprovalService("tenant1").get(asked).votes == ()


@pytest.mark.parametrize("changes", [{"payload": {"discount": 99}}, {"subject": "o-2"}])
def test_what_was_changed_behind_the_approvals_back_is_stale(changes, api, asked):
    stored = ApprovalService("tenant1").get(asked)
    token = link(asked)
    api.world.seed_approvals(replace(stored, **changes))

    answers = [approve(api, asked, stored.digest), by_link(api, asked, token)]
    page = api.send(None, "GET", f"/approvals/{asked}/decide", query={"token": token})

    assert [answer.status for answer in (*answers, page)] == [409, 409, 409]
    assert ApprovalService("tenant1").get(asked).votes == ()


def test_a_link_carries_what_was_seen(api, asked):
    token = link(asked)
    stored = ApprovalService("tenant1").get(asked)
    other = replace(stored, payload={"discount": 99})
    api.world.seed_approvals(replace(other, digest=other.fingerprint))

    answer = by_link(api, asked, token)

    assert answer.status == 409
    assert ApprovalService("tenant1").get(asked).votes == ()


def test_the_page_shows_what_is_stored_and_marks_the_requesters_words(api, asked):
    edit_before = ApprovalService("tenant1").get(asked)
    page = api.send(None, "GET", f"/approvals/{asked}/decide", query={"token": link(asked)})

    text = page.text
    shown, words = text.split("In the requester's own words, which nobody has checked:")
    for name, value in (
        ("Type", "ORDER_RELEASE"),
        ("Item", "ORDER o-1, version 1"),
        ("name", "A pen"),
        ("customer", "ada"),
        ("total", "12"),
        ("payload: discount", "5"),
        ("Requested by", "mallory"),
    ):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in shown
    assert "HARMLESS" not in shown
    assert "<blockquote>&lt;b&gt;Total: 1&lt;/b&gt;, Type: HARMLESS</blockquote>" in words
    assert words.count("<blockquote>") == 1
    assert "<script" not in text
    assert ApprovalService("tenant1").get(asked) == edit_before


def test_the_page_of_what_has_changed_offers_no_decision(api, asked):
    token = link(asked)
    edit(api)

    page = api.send(None, "GET", f"/approvals/{asked}/decide", query={"token": token})

    assert (page.status, "<form" in page.text) == (409, False)
    assert "The item has changed since the approval was requested" in page.text


def test_the_api_shows_the_same_to_whoever_may_see_it(api, asked):
    shown = seen(api, asked)

    assert shown["item"] == {"type": "ORDER", "code": "o-1", "version": 1}
    assert shown["isCurrent"] is True
    assert shown["summary"] == [
        {"name": "name", "value": "A pen"},
        {"name": "customer", "value": "ada"},
        {"name": "total", "value": "12"},
        {"name": "payload: discount", "value": "5"},
    ]
    edit(api)
    later = seen(api, asked)
    assert (later["isCurrent"], later["summary"]) == (False, shown["summary"])


@pytest.mark.parametrize("code", ["", "nosuch"])
def test_an_approval_is_of_an_item_that_exists(code, api):
    body = {"type": "ORDER_RELEASE", "subject": code}

    assert api.send(MEMBER, "POST", "/approvals", body).status in (400, 404)
    assert api.world.all_of(APPROVALS) == []


def test_a_deleted_item_is_not_decided_on(api):
    api.send(MEMBER, "DELETE", "/commands/ORDER/o-1")
    body = {"type": "ORDER_RELEASE", "subject": "o-1"}

    assert api.send(MEMBER, "POST", "/approvals", body).code == "not_found"


@pytest.mark.usefixtures("api")
def test_a_vote_on_something_else_is_none(asked):
    stored = ApprovalService("tenant1").get(asked)
    vote = Vote("hanako", Verdict.APPROVE, "2026-11-25T12:00:00.000Z", seen="another")

    assert CastVote(vote).on(stored, "") is None
    assert CastVote(replace(vote, seen=stored.digest)).on(stored, "").status is Status.GRANTED


def test_an_effect_without_a_vote_is_nobodys(api, asked):
    decided = approval_types.Decided.of(ApprovalService("tenant1").get(asked))

    assert publish_decided(decided, attributes={"total": 0}) == 2
    assert api.world.commands.latest(ORDER).updated.by == ""


@pytest.mark.usefixtures("api")
def test_an_effect_is_of_an_item(asked):
    stored = ApprovalService("tenant1").get(asked)
    decided = approval_types.Decided.of(replace(stored, item=None))

    with pytest.raises(ValueError, match=r"declare approval_type\(…, of=…\)"):
        publish_decided(decided, attributes={})
    with pytest.raises(ValueError, match="cannot be a type"):
        approval_types.approval_type("A", of="no type", group="operator")


def test_a_member_cannot_release_what_was_refused(api, asked):
    """The whole story of the review: refused by a person, then published by the requester."""
    api.send(OPERATOR, "POST", f"/approvals/{asked}/reject", {})
    end(asked, Status.REJECTED)

    forged = [
        api.send(MEMBER, "POST", "/commands", {**body, "type": "ORDER", "code": "o-1"})
        for body in (
            {"partial": True, "attributes": {"release": "released"}},
            {"partial": True, "attributes": {"release": None}},
            {"name": "x", "attributes": {"customer": "m", "release": "released"}, "version": -1},
        )
    ]
    api.send(MEMBER, "DELETE", "/commands/ORDER/o-1")
    revived = {"name": "x", "attributes": {"customer": "m"}, "version": -1}
    api.send(MEMBER, "POST", "/commands", {**revived, "type": "ORDER", "code": "o-1"})
    CommandService("tenant1").publish_partial(
        "ORDER", "o-1", attributes={"total": 1}, caller=Caller(user="a handler")
    )

    assert {answer.code for answer in forged} == {"not_permitted"}
    assert release(api) == "held: rejected"


# --------------------------------------------------------------------------- who may see it

NOSY, BOSS, CLERK = Person("nosy"), Person("boss", ("hr",)), Person("clerk", ("office",))
DECIDES, REQUESTER = Person("jiro", ("operator",)), MEMBER
SEEING = {"nosy": NOSY, "an hr": BOSS, "a clerk": CLERK, "decides": DECIDES, "asks": REQUESTER}
CONCERNED = {"decides", "asks"}


@pytest.fixture
def readable(asked, monkeypatch):
    """Return what says who may read approvals of the type, None: it is registered no more."""

    def declare(read):
        before = approval_types.find("ORDER_RELEASE")
        if read is None:
            monkeypatch.delitem(approval_types._types, "ORDER_RELEASE")
        else:
            declared = replace(before, read=read)
            monkeypatch.setitem(approval_types._types, "ORDER_RELEASE", declared)
        return asked

    return declare


@pytest.mark.parametrize(
    ("read", "may"),
    [
        (MEMBERS, set(SEEING)),
        (group("hr"), {"an hr", *CONCERNED}),
        (group("hr", "office"), {"an hr", "a clerk", *CONCERNED}),
        (CODE, CONCERNED),
        (None, CONCERNED),
    ],
)
def test_an_approval_is_seen_by_whom_its_type_names_and_those_it_concerns(read, may, api, readable):
    id_ = readable(read)

    shown = {name: api.send(who, "GET", f"/approvals/{id_}") for name, who in SEEING.items()}

    assert {name for name, answer in shown.items() if answer.status == 200} == may
    for name in SEEING.keys() - may:
        assert (shown[name].status, shown[name].code) == (403, "not_permitted")
        assert 'approval_type("ORDER_RELEASE", read=MEMBERS)' in shown[name].body["detail"]
        assert "discount" not in shown[name].text
    for status in ("ALL", "OPEN"):
        lists = {
            name: api.send(who, "GET", "/approvals", query={"status": status}).body["items"]
            for name, who in SEEING.items()
        }
        assert {name for name, items in lists.items() if items} == may


@pytest.mark.parametrize(
    ("read", "may"),
    [
        (MEMBERS, set(SEEING)),
        (group("hr"), {"an hr", "decides"}),
        (CODE, {"decides"}),
        (None, set()),
    ],
)
def test_live_updates_of_approvals_are_heard_by_those_who_decide_and_may_read(
    read, may, api, readable
):
    readable(read)

    channel = f"/live/tenant1/approval/{segment('ORDER_RELEASE')}/*"

    assert {name for name, who in SEEING.items() if api.hear(who, channel) == ""} == may


def test_whoever_says_nothing_lets_the_tenants_members_see(api, asked):
    assert api.send(NOSY, "GET", f"/approvals/{asked}").status == 200


def test_a_machine_sees_what_members_may(api, readable):
    id_ = readable(group("hr"))
    tenant = {"x-tenant-code": "tenant1"}

    assert api.as_machine("GET", f"/approvals/{id_}", None, headers=tenant).status == 403
    readable(MEMBERS)
    assert api.as_machine("GET", f"/approvals/{id_}", None, headers=tenant).status == 200


def test_a_token_without_a_name_is_not_the_code_that_has_requested(api, readable):
    """Code asks as nobody, and a token may name nobody: they are not the same."""
    readable(CODE)
    id_ = ApprovalService("tenant1").request("ORDER_RELEASE", subject="o-1", payload={"a": 1})

    answer = api.send(Person("", ("office",)), "GET", f"/approvals/{id_}")

    assert (answer.status, answer.code) == (403, "not_permitted")


def test_what_the_item_says_is_shown_to_those_who_decide_and_those_who_may_read_the_type(
    api, asked, monkeypatch
):
    access = replace(handlers.types()["ORDER"], read=group("hr"))
    monkeypatch.setitem(handlers.registry.access, "ORDER", (__name__, access))

    shown = {name: api.send(who, "GET", f"/approvals/{asked}") for name, who in SEEING.items()}

    assert {answer.status for answer in shown.values()} == {200}
    told = {name for name, answer in shown.items() if "summary" in answer.body}
    assert told == {name for name, answer in shown.items() if "isCurrent" in answer.body}
    assert told == {"an hr", "decides"}


def test_an_operator_runs_again_what_they_may_not_see(api, readable):
    id_ = readable(CODE)
    key = ApprovalService("tenant1").get(id_).key
    failed = replace(
        api.world.approvals.find(key),
        status=Status.GRANTED,
        stage=Stage.FAILED,
        error="E",
        cause="c",
        rules=replace(api.world.approvals.find(key).rules, group="boss"),
    )
    api.world.seed_approvals(failed)

    answer = api.send(OPERATOR, "POST", f"/approvals/{id_}/retry")

    assert api.send(OPERATOR, "GET", f"/approvals/{id_}").status == 403
    assert (answer.status, answer.body["attempt"]) == (202, 2)
    assert not {"payload", "note", "subject", "decisions"} & answer.body.keys()


def test_the_document_says_who_may_see_approvals(api):
    rule = api.send(MEMBER, "GET", "/openapi.json").body["paths"]["/approvals/{id}"]["get"]

    assert rule["x-permitted"] == {
        "text": "Its deciders, its requester, and those that `@approval_type(…, read=…)`"
        " names. ORDER_RELEASE: members of the tenant and machines that sign with IAM.",
        "declared": {"ORDER_RELEASE": "members of the tenant and machines that sign with IAM"},
    }
