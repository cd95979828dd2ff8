from datetime import timedelta

import pytest

from sfn_cqrs.kernel.errors import UnknownApprovalTypeError
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.rules import Rules, Status
from sfn_cqrs.machines.approval.types import approval_type, when_expired, when_rejected, when_stale
from sfn_cqrs.machines.command import handlers

SHORT = {"group": "b", "expires_after": timedelta(hours=1)}


@pytest.fixture(autouse=True)
def _empty(monkeypatch):
    handlers.load()
    monkeypatch.setattr(approval_types, "_types", {})
    monkeypatch.setattr(approval_types, "_otherwise", {})


def test_a_type_is_found_with_its_settings():
    @approval_type("PAY", approvers=["taro"], group="boss", needed=2, four_eyes=False)
    def pay(_decided):
        pass

    found = approval_types.find("PAY")

    assert found.granted is pay
    assert found.rules == Rules(("taro",), "boss", 2, False, 604_800, 86_400)


def test_each_end_has_its_function_and_may_have_none():
    @approval_type("PAY", group="boss", expires_after=timedelta(seconds=1), remind_every=None)
    def pay(_decided):
        pass

    @when_rejected("PAY")
    def tell(_decided):
        pass

    assert approval_types.handler_of("PAY", Status.GRANTED) is pay
    assert approval_types.handler_of("PAY", Status.REJECTED) is tell
    assert approval_types.handler_of("PAY", Status.EXPIRED) is None
    assert approval_types.find("PAY").rules.remind_every == 0


def test_a_type_that_nobody_registers_is_named_with_those_that_exist():
    approval_type("PAY", group="boss")(print)

    message = r"'PAI' is not registered \(did you mean PAY\?\); known types: PAY"
    with pytest.raises(UnknownApprovalTypeError, match=message):
        approval_types.find("PAI")


@pytest.mark.parametrize(
    ("type_", "settings", "message"),
    [
        ("pay", {"group": "boss"}, "'pay' is not an approval type"),
        ("PAY", {}, "PAY: name approvers, or a group of them"),
        ("PAY", {"approvers": "taro"}, "PAY: approvers must be a list of different users"),
        ("PAY", {"approvers": ["a", "a"]}, "PAY: approvers must be a list of different users"),
        ("PAY", {"approvers": ["a"], "needed": 2}, "PAY: needed must be 1 to 1"),
        ("PAY", {"group": "boss", "needed": 0}, "PAY: needed must be 1 to 50"),
        ("PAY", {"group": "boss", "needed": 51}, "PAY: needed must be 1 to 50"),
        ("PAY", {"approvers": list(map(str, range(51)))}, "of at most 50"),
        ("PAY", {"group": "b", "expires_after": timedelta(days=31)}, "a second to 30 days"),
        ("PAY", {"group": "b", "expires_after": timedelta(0)}, "a second to 30 days"),
        ("PAY", {**SHORT, "remind_every": timedelta(seconds=59)}, "at least a minute"),
        ("PAY", {"group": "b", "remind_every": timedelta(minutes=20)}, "500 reminders in all"),
    ],
)
def test_settings_that_cannot_be_kept_are_refused_at_once(type_, settings, message):
    with pytest.raises(ValueError, match=message):
        approval_type(type_, **settings)


def test_the_most_that_can_be_kept_is_kept():
    approval_type("PAY", approvers=list(map(str, range(50))), expires_after=timedelta(days=30))
    minute = timedelta(minutes=1)
    approval_type("PAY", group="boss", expires_after=500 * minute, remind_every=minute)


@pytest.mark.parametrize(
    "register",
    [
        lambda: approval_type("PAY", group="b"),
        lambda: when_expired("PAY"),
        lambda: when_stale("PAY"),
    ],
)
def test_two_modules_cannot_have_the_same_type(register):
    def first(_decided):
        pass

    def second(_decided):
        pass

    second.__module__ = "another"
    register()(first)
    register()(first)

    with pytest.raises(ValueError, match=r"in tests\.unit\.approval\.test_approval_types already"):
        register()(second)
