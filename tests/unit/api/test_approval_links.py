import base64
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.support.orders import an_approval

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import (
    AlreadyDecidedError,
    ExpiredError,
    FourEyesError,
    LinksDisabledError,
    NotAnApproverError,
)
from sfn_cqrs.machines.approval.rules import Rules, Status, Verdict
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs_tools.testing.builders import RELEASE

PATH = f"/approvals/{RELEASE.id}/decide"
BASE = "https://api.example.com/"


@pytest.fixture
def make_link(world):
    """Return what makes taro's link for an approval that is as these changes have it."""

    def make(*, user="taro", groups=("operator",), valid_for=timedelta(days=2), **changes):
        world.seed_approvals(an_approval(**changes))
        service = ApprovalService("tenant1")
        url = service.link(RELEASE.id, user, groups, base_url=BASE, valid_for=valid_for)
        return parse_qs(urlsplit(url).query)["token"][0]

    return make


@pytest.fixture
def page(call):
    """Return what opens the page, or sends its form, without any claims."""

    def ask(token, decision=None, *, path=PATH, is_base64=True, **form):
        if decision is None:
            return call("GET", path, claims={}, query={"token": token} if token else None)
        body = urlencode({"token": token, "decision": decision, **form})
        return call("POST", path, body, claims={}, is_base64=is_base64)

    return ask


def test_a_link_leads_to_the_page_of_its_approval(world):
    world.seed_approvals(an_approval())

    url = ApprovalService("tenant1").link(RELEASE.id, "taro", ("operator",), base_url=BASE)

    assert url.partition("?token=")[0] == f"https://api.example.com{PATH}"


def test_the_page_asks_and_decides_nothing(make_link, page, world):
    token = make_link(subject="<b>o-1</b>", note='Say "yes" & go')
    before = world.approvals.find(RELEASE)

    answer = page(token)

    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    assert (
        "<dl>\n<dt>Type</dt><dd>ORDER_RELEASE</dd>\n<dt>payload: total</dt><dd>1200</dd>\n"
        "<dt>Requested by</dt><dd>hanako</dd>\n<dt>Until</dt><dd>2026-12-02T09:00:00.000Z</dd>\n"
        "<dt>You decide as</dt><dd>taro</dd>\n</dl>\n<h2>What hanako says</h2>"
    ) in answer.text
    assert (
        "<blockquote>&lt;b&gt;o-1&lt;/b&gt;</blockquote>\n"
        "<blockquote>Say &quot;yes&quot; &amp; go</blockquote>\n<form"
    ) in answer.text
    assert answer.text.count(token) == 1
    assert "<script" not in answer.text
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert world.approvals.find(RELEASE) == before


def test_who_has_no_name_or_says_nothing_is_not_quoted(make_link, page):
    unnamed = page(make_link(created=Audit("", ""))).text
    silent = page(make_link(subject="", note="")).text

    assert "What the requester says" in unnamed
    assert "</dl>\n<form" in silent


@pytest.mark.parametrize("is_base64", [True, False])
@pytest.mark.parametrize(
    ("decision", "status", "verdict"),
    [
        ("approve", Status.GRANTED, Verdict.APPROVE),
        ("reject", Status.REJECTED, Verdict.REJECT),
    ],
)
def test_the_form_decides_as_the_person_whom_the_link_names(
    decision, status, verdict, is_base64, make_link, page, world
):
    token = make_link()
    answer = page(token, decision, is_base64=is_base64, reason="as agreed, 100 %")

    assert (answer.status, "Thank you." in answer.text) == (200, True)
    approval = world.approvals.find(RELEASE)
    assert approval.status is status
    (vote,) = approval.votes
    assert (vote.by, vote.verdict, vote.reason) == ("taro", verdict, "as agreed, 100 %")
    assert vote.ip == "192.0.2.10"
    assert (page(token).status, f"It is {status} already." in page(token).text) == (409, True)


def test_a_link_is_used_once(make_link, page, world):
    token = make_link(rules=Rules(group="operator", needed=2))

    first, second = page(token, "approve"), page(token, "reject")

    assert (first.status, second.status) == (200, 409)
    assert "Others have to approve as well" in first.text
    assert "you have approved it already" in second.text
    assert [vote.reason for vote in world.approvals.find(RELEASE).votes] == [""]


def test_a_link_ends_with_its_approval_at_the_latest(make_link, page, world):
    token = make_link(expires_at="2026-11-25T13:00:00.000Z")
    world.clock.advance(hours=1)

    assert [page(token).status, page(token, "approve").status] == [410, 410]

    assert world.approvals.find(RELEASE).votes == ()


@pytest.mark.parametrize("token", ["", "x.y", None])
def test_without_a_link_of_ours_there_is_nothing_to_see(token, make_link, page, world):
    make_link()

    answers = [page(token), page(token or "", "approve")]

    assert [answer.status for answer in answers] == [403, 403]
    assert "o-1" not in answers[0].text
    assert world.approvals.find(RELEASE).votes == ()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "decision=approve",
        "%FF",
        "token",
        "token={0}&decision=approve" + 9 * "&a=1",
    ],
)
def test_a_form_that_is_none_decides_nothing(body, call, make_link, world):
    token = make_link()

    assert call("POST", PATH, body.format(token), claims={}).status == 403

    assert world.approvals.find(RELEASE).votes == ()


def test_a_form_that_says_neither_decides_nothing(make_link, page, world):
    assert page(make_link(), "maybe").status == 403

    assert world.approvals.find(RELEASE).votes == ()


def test_a_reason_that_is_longer_than_the_page_lets_it_be_is_refused(make_link, page, world):
    answer = page(make_link(), "approve", reason="x" * 2001)

    assert (answer.status, answer.body["field"]) == (400, "reason")
    assert world.approvals.find(RELEASE).votes == ()


def test_a_fault_of_ours_is_no_page(make_link, page, world):
    token = make_link()
    world.link_secret.value = "no bytes"

    answer = page(token)

    assert (answer.status, answer.body["code"]) == (500, "internal_error")


def test_where_links_are_off_there_are_none(make_link, page, world):
    token = make_link()
    world.link_secret.value = None

    with pytest.raises(LinksDisabledError):
        make_link()
    assert [page(token).status, page(token, "approve").status] == [404, 404]


@pytest.mark.parametrize(
    ("user", "groups", "changes", "error"),
    [
        ("hanako", ("operator",), {}, FourEyesError),
        ("taro", (), {}, NotAnApproverError),
        ("taro", ("operator",), {"status": Status.GRANTED}, AlreadyDecidedError),
        ("taro", ("operator",), {"status": Status.EXPIRED}, ExpiredError),
    ],
)
def test_nobody_gets_a_link_who_could_not_decide(user, groups, changes, error, make_link):
    with pytest.raises(error):
        make_link(user=user, groups=groups, **changes)


def test_the_payload_says_no_more_than_it_has_to(make_link):
    payload = make_link(rules=Rules(("taro",), "operator")).partition(".")[0]

    content = base64.urlsafe_b64decode(payload + "==").decode()

    assert "1200" not in content
    assert '"approver":"taro"' in content
    assert '"group":""' in content
