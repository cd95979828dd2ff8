from datetime import timedelta

import pytest
from tests.support.orders import SEEN, an_approval

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import (
    AlreadyDecidedError,
    ExpiredError,
    FourEyesError,
    InvalidInputError,
    NotAnApproverError,
    NotFailedError,
    NotFoundError,
    StaleError,
    UnknownApprovalTypeError,
)
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.rules import Happened, Pinned, Rules, Stage, Status, Verdict, Vote
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.approval.summary import is_current, summary_of
from sfn_cqrs.machines.command import handlers
from sfn_cqrs_tools.testing.builders import RELEASE, a_command

HANAKO = Caller(user="hanako", ip="192.0.2.11", source="api", request_id="r-1")
OPERATORS = frozenset(("operator",))
PINNED = Pinned("ORDER", "o-1", 3)
LOOK_AGAIN = {"Payload": {"result": "LOOK_AGAIN"}}


@pytest.fixture
def service(world):
    assert world is not None
    return ApprovalService("tenant1")


@pytest.fixture
def declare(monkeypatch):
    """Return what declares the rules of ORDER_RELEASE for one test."""
    handlers.load()

    def register(**settings):
        approval_types.approval_type("ORDER_RELEASE", **settings)(_release)

    monkeypatch.setattr(approval_types, "_types", {})
    _release.__module__ = "shop.releases"
    return register


def _release(_decided):
    pass


def test_a_request_is_stored_with_the_rules_of_its_type(service, world, declare):
    declare(
        approvers=["taro", "jiro"],
        needed=2,
        expires_after=timedelta(days=2, milliseconds=1),
        remind_every=timedelta(hours=12, milliseconds=1),
    )

    id_ = service.request(
        "ORDER_RELEASE",
        subject="o-1",
        payload={"total": 1200},
        note="x" * 2000,
        caller=HANAKO,
    )

    stored = service.get(id_)
    assert id_ == stored.key.id
    assert stored.rules == Rules(("taro", "jiro"), "", 2, True, 172_800, 43_200)
    assert (stored.subject, stored.payload, stored.note) == ("o-1", {"total": 1200}, "x" * 2000)
    assert (stored.created.by, stored.created.ip, stored.source) == ("hanako", "192.0.2.11", "api")
    assert (stored.status, stored.stage, stored.happened) == (
        Status.OPEN,
        Stage.CREATED,
        Happened.REQUESTED,
    )
    assert stored.expires_at == "2026-11-27T12:00:00.000Z"
    assert (stored.remind_at, stored.due_at) == (
        "2026-11-26T00:00:00.000Z",
        "2026-11-25T12:00:00.000Z",
    )
    assert world.approval_executions.started == []


def test_a_week_and_a_reminder_a_day_are_the_default(service, declare):
    declare(group="operator")

    stored = service.get(service.request("ORDER_RELEASE"))

    assert (stored.expires_at, stored.remind_at) == (
        "2026-12-02T12:00:00.000Z",
        "2026-11-26T12:00:00.000Z",
    )
    assert stored.rules.four_eyes


@pytest.mark.parametrize(
    "settings",
    [
        {"expires_after": timedelta(hours=2)},
        {"expires_after": timedelta(days=1)},
        {"remind_every": None},
    ],
)
def test_nobody_is_reminded_of_what_ends_before_or_has_no_reminders(settings, service, declare):
    declare(group="operator", **settings)

    assert service.get(service.request("ORDER_RELEASE")).remind_at is None


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"type_": "NOPE"}, UnknownApprovalTypeError, "'NOPE' is not registered; known types: "),
        ({"type_": 1}, UnknownApprovalTypeError, "type: 1 is not registered"),
        ({"subject": "x" * 257}, InvalidInputError, "subject: must be a string of at most 256"),
        ({"subject": 1}, InvalidInputError, "subject: must be a string"),
        ({"note": "x" * 2001}, InvalidInputError, "note: must be a string of at most 2000"),
        ({"payload": {"x": {1}}}, InvalidInputError, "payload.x: has the Python type set"),
        ({"payload": "x" * 102_400}, InvalidInputError, "payload: has 102402 bytes"),
        ({"payload": "\ud800"}, InvalidInputError, "payload: has half of a surrogate pair"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_stored(
    request_, error, message, service, world
):
    with pytest.raises(error, match=message):
        service.request(**{"type_": "ORDER_RELEASE", **request_})

    assert world.all_of(APPROVALS) == []


def test_an_approver_grants_and_the_machine_goes_on(service, world):
    world.seed_approvals(an_approval(stage=Stage.WAITING, token="token", token_seq=100))

    approval = service.approve(RELEASE.id, "taro", OPERATORS, reason="in advance", ip="192.0.2.1")

    assert approval.status is Status.GRANTED
    assert approval.votes == (
        Vote(
            "taro",
            Verdict.APPROVE,
            "2026-11-25T12:00:00.000Z",
            "in advance",
            "192.0.2.1",
            seen=SEEN,
        ),
    )
    assert approval.due_at == "2026-11-25T12:00:00.000Z"
    assert world.approval_executions.succeeded == [("token", LOOK_AGAIN)]


def test_an_item_that_is_gone_has_changed(service, world):
    pinned = an_approval(item=Pinned("ORDER", "o-1", 1))
    world.seed_approvals(pinned)

    with pytest.raises(StaleError):
        service.approve(RELEASE.id, "taro", OPERATORS, digest=pinned.digest)

    assert world.approvals.find(RELEASE).status is Status.STALE


def test_a_decision_before_the_machine_waits_wakes_nobody(service, world):
    world.seed_approvals(an_approval())

    assert service.approve(RELEASE.id, "taro", OPERATORS).status is Status.GRANTED

    assert world.approval_executions.succeeded == []


@pytest.mark.parametrize("needed", [1, 2])
@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_the_same_decision_again_is_answered_as_the_first_was(verdict, needed, service, world):
    world.seed_approvals(an_approval(rules=Rules(group="operator", needed=needed)))
    decide = getattr(service, verdict)

    first = decide(RELEASE.id, "taro", OPERATORS, reason="As agreed", ip="192.0.2.1")
    again = decide(RELEASE.id, "taro", OPERATORS, reason="As agreed", ip="192.0.2.2")

    assert again == first
    assert len(world.approvals.find(RELEASE).votes) == 1


def test_a_decision_that_has_not_woken_the_machine_wakes_it_when_it_is_sent_again(service, world):
    said = Vote("taro", Verdict.APPROVE, "2026-11-25T11:00:00.000Z", seen=SEEN)
    granted = an_approval(
        status=Status.GRANTED, votes=(said,), stage=Stage.WAITING, token="token", token_seq=100
    )
    world.seed_approvals(granted)

    assert service.approve(RELEASE.id, "taro", OPERATORS) == granted

    assert world.approval_executions.succeeded == [("token", LOOK_AGAIN)]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"status": Status.STALE}, StaleError),
        ({"status": Status.EXPIRED}, ExpiredError),
        ({"expires_at": "2026-11-25T12:00:00.000Z"}, ExpiredError),
        ({"status": Status.GRANTED, "created": Audit("", "taro", "")}, FourEyesError),
    ],
)
def test_the_same_decision_again_comes_too_late_as_any_other(changes, error, service, world):
    said = Vote("taro", Verdict.APPROVE, "2026-11-25T11:00:00.000Z", seen=SEEN)
    world.seed_approvals(an_approval(votes=(said,), **changes))

    with pytest.raises(error):
        service.approve(RELEASE.id, "taro", OPERATORS)


@pytest.mark.parametrize(
    ("changes", "user", "groups", "error", "code"),
    [
        ({}, "hanako", OPERATORS, FourEyesError, "four_eyes"),
        ({}, "taro", (), NotAnApproverError, "not_an_approver"),
        ({}, "taro", ("other",), NotAnApproverError, "not_an_approver"),
        ({}, "", OPERATORS, NotAnApproverError, "not_an_approver"),
        ({"rules": Rules(("jiro",))}, "taro", OPERATORS, NotAnApproverError, "not_an_approver"),
        ({"rules": Rules(("jiro",))}, "Jiro", (), NotAnApproverError, "not_an_approver"),
        ({"rules": Rules(("jiro",))}, "taro", ("",), NotAnApproverError, "not_an_approver"),
        ({"rules": Rules(("jiro",))}, "jiro", (), None, ""),
        ({"rules": Rules(group="operator", four_eyes=False)}, "hanako", OPERATORS, None, ""),
        ({"status": Status.GRANTED}, "taro", OPERATORS, AlreadyDecidedError, "already_decided"),
        ({"status": Status.REJECTED}, "taro", OPERATORS, AlreadyDecidedError, "already_decided"),
        (
            {"status": Status.GRANTED, "expires_at": "2026-11-25T12:00:00.000Z"},
            *("taro", OPERATORS, AlreadyDecidedError, "already_decided"),
        ),
        ({"status": Status.EXPIRED}, "taro", OPERATORS, ExpiredError, "expired"),
        ({"expires_at": "2026-11-25T12:00:00.000Z"}, "taro", OPERATORS, ExpiredError, "expired"),
        ({"expires_at": "2026-11-25T12:00:00.001Z"}, "taro", OPERATORS, None, ""),
        ({"status": Status.GRANTED}, "hanako", OPERATORS, FourEyesError, "four_eyes"),
    ],
)
@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_who_may_decide_and_when(verdict, changes, user, groups, error, code, service, world):
    before = an_approval(**changes)
    world.seed_approvals(before)
    decide = getattr(service, verdict)

    if error is None:
        assert decide(RELEASE.id, user, groups).is_decided
        return
    with pytest.raises(error) as refused:
        decide(RELEASE.id, user, groups)
    assert refused.value.code == code
    assert world.approvals.find(RELEASE) == before


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"payload": None}, []),
        ({"payload": "x" * 200}, [("payload", "x" * 200)]),
        ({"payload": "x" * 201}, [("payload", f"{'x' * 200}… (201 characters)")]),
        ({"payload": {"b": [1], "a": "1"}}, [("payload: a", "1"), ("payload: b", "[1]")]),
        ({"payload": None, "item": PINNED}, [("item", "version 3 is not kept any more")]),
    ],
)
def test_deciders_see_the_payload_and_the_item_as_lines(changes, lines):
    approval = an_approval(**changes)

    assert summary_of(approval) == lines
    assert is_current(approval) == (approval.item is None)


@pytest.mark.parametrize(
    ("count", "last"), [(40, ("payload: 39", "x")), (41, ("payload: …", "1 more"))]
)
def test_deciders_see_forty_lines_and_how_many_more_there_are(count, last):
    lines = summary_of(an_approval(payload={f"{number:02}": "x" for number in range(count)}))

    assert (lines[39], lines[-1]) == (("payload: 39", "x"), last)


@pytest.mark.parametrize(
    "id_", ["a-01KAXK3V9Q0M3W8C5R6T7Y8Z9A", "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9B", ""]
)
def test_what_does_not_exist_cannot_be_decided(id_, service, world):
    world.seed_approvals(an_approval())

    for act in (service.get, service.retry, lambda one: service.approve(one, "taro", OPERATORS)):
        with pytest.raises(NotFoundError):
            act(id_)


def test_a_reason_that_is_too_long_decides_nothing(service, world):
    world.seed_approvals(an_approval())

    with pytest.raises(InvalidInputError, match="reason: must be a string of at most 2000"):
        service.approve(RELEASE.id, "taro", OPERATORS, reason="x" * 2001)

    assert world.approvals.find(RELEASE).votes == ()


def test_what_an_item_has_left_behind_is_in_no_inbox(service, world):
    for number, version in enumerate((2, 3, 4)):
        key = RELEASE.__class__("tenant1", f"{number:026d}")
        pinned = Pinned("ORDER", "o-1", version)
        world.seed_approvals(an_approval(key, subject=f"at {version}", item=pinned))

    before = [one.subject for one in service.inbox("taro", OPERATORS).items]
    world.seed_rows(a_command(ItemKey("tenant1", "ORDER", "o-1"), 3))
    after = [one.subject for one in service.inbox("taro", OPERATORS).items]

    assert before == ["at 4", "at 3", "at 2"]  # the versions are not applied yet
    assert after == ["at 4", "at 3"]


def test_the_inbox_has_what_waits_for_this_very_person(service, world):
    cases = {
        "mine": {},
        "requested by me": {"created": an_approval().created.__class__("", "taro")},
        "decided": {"status": Status.GRANTED},
        "over": {"expires_at": "2026-11-25T12:00:00.000Z"},
        "somebody else's": {"rules": Rules(("jiro",))},
        "by name": {"rules": Rules(("taro",))},
        "approved by me": {
            "rules": Rules(group="operator", needed=2),
            "votes": (Vote("taro", Verdict.APPROVE, ""),),
        },
    }
    for number, (subject, changes) in enumerate(cases.items()):
        key = RELEASE.__class__("tenant1", f"{number:026d}")
        world.seed_approvals(an_approval(key, subject=subject, **changes))

    page = service.inbox("taro", OPERATORS)

    assert [one.subject for one in page.items] == ["by name", "mine"]
    assert [one.subject for one in service.inbox("jiro").items] == ["somebody else's"]


def test_a_failed_approval_runs_again_as_the_next_attempt(service, world):
    failed = an_approval(status=Status.GRANTED, restarts=3, stage=Stage.FAILED, error="ValueError")
    world.seed_approvals(failed)

    approval = service.retry(RELEASE.id)

    assert (approval.attempt, approval.restarts, approval.stage) == (2, 0, Stage.CREATED)
    assert (approval.status, approval.happened) == (Status.GRANTED, Happened.RESTARTED)
    assert approval.error is None
    with pytest.raises(NotFailedError):
        service.retry(RELEASE.id)
