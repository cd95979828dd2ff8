import copy

import pytest
from functions.live.on_subscribe.app import lambda_handler

from sfn_cqrs.care.live.channels import segment
from sfn_cqrs.machines.command import handlers

MEMBER = {"cognito:groups": ["cashier"]}
OPERATOR = {"cognito:groups": ["operator", "cashier"]}
REMINDER = segment("ORDER_REMINDER")
RELEASE = segment("ORDER_RELEASE")


@pytest.fixture
def subscribe(sample):
    """Return what asks as AppSync does: a channel, and what the token's claims are besides."""
    event = sample("live/on_subscribe")

    def asked(path, **claims):
        given = copy.deepcopy(event)
        given["info"]["channel"] = {"path": path, "segments": path.strip("/").split("/")}
        merged = {**given["identity"]["claims"], **claims}
        given["identity"]["claims"] = {name: one for name, one in merged.items() if one is not None}
        return lambda_handler(given, None)

    return asked


def test_the_sample_may_subscribe(sample, monkeypatch):
    handlers.load()
    for registered in (handlers.registry.access, handlers.registry.sync):
        monkeypatch.setitem(registered, "OFFER", registered["ORDER"])

    assert lambda_handler(sample("live/on_subscribe"), None) is None


@pytest.mark.parametrize("id_", ["x-1", "*"])
@pytest.mark.parametrize(
    ("thing", "member", "operator"),
    [
        ("command/ORDER", None, None),
        ("command/PAYMENT", "not_permitted", None),
        ("task/" + REMINDER, None, None),
        ("import/airports", None, None),
        ("archive/airports", None, None),
        ("archive/any", None, None),
        ("approval/" + RELEASE, None, None),
        ("saga/order-saga", "not_permitted", None),
        ("command/NONE", "not_found", "not_found"),
        ("task/ORDER", "not_found", "not_found"),
        ("import/any", "not_found", "not_found"),
        ("approval/ORDER", "not_found", "not_found"),
        ("saga/other", "not_found", "not_found"),
        ("data/ORDER", "invalid_input", "invalid_input"),
    ],
)
def test_whoever_may_read_may_hear(subscribe, thing, member, operator, id_):
    for claims, expected in ((MEMBER, member), (OPERATOR, operator)):
        answer = subscribe(f"/live/tenant1/{thing}/{id_}", **claims)

        code = None if answer is None else answer["error"].partition(":")[0]
        assert (thing, claims, code) == (thing, claims, expected)
        assert subscribe(f"/live/tenant2/{thing}/{id_}", **claims)["error"].startswith("forbidden:")


@pytest.mark.parametrize("path", ["/live/*", "/live/tenant1/*", "/live/tenant1/command/*"])
def test_nobody_hears_more_than_a_type_at_once(subscribe, path):
    assert subscribe(path, **OPERATOR)["error"].startswith("invalid_input: channel:")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"custom:tenant": None}, "unauthorized"),
        ({"custom:tenant": ""}, "unauthorized"),
        ({"cognito:groups": "[a b", "iss": "https://login.example.com"}, "unauthorized"),
    ],
)
def test_a_token_that_does_not_say_who_it_is_of_hears_nothing(subscribe, claims, code):
    answer = subscribe("/live/tenant1/command/ORDER/o-1", **claims)

    assert answer["error"].partition(":")[0] == code


def test_a_request_without_a_token_hears_nothing(sample):
    event = {**sample("live/on_subscribe"), "identity": None}

    assert lambda_handler(event, None)["error"].startswith("unauthorized:")


def test_a_tenant_whose_name_is_no_segment_has_channels_too(subscribe):
    path = f"/live/{segment('my.tenant')}/command/ORDER/o-1"

    assert subscribe(path, **{"custom:tenant": "my.tenant"}) is None
    assert subscribe(path)["error"].startswith("forbidden:")
