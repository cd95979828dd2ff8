"""A request's `traceparent` is the trace of all that the request leads to."""

import json

import pytest
from tests.support.api import answered

from sfn_cqrs.api import declared
from sfn_cqrs.routes import route, traceparent

DIGITS, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{DIGITS}-{PARENT}-01"
ROOT = "1-4bf92f35-77b34da6a3ce929d0e0e4736"
CALLED = f"Root={ROOT};Parent={PARENT};Sampled=1"
OWN = "Root=1-6789aaaa-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"
NEW = {"type": "ORDER", "code": "o-1", "name": "x", "attributes": {"customer": "ada"}}


@pytest.fixture
def publish(call, world, monkeypatch):
    """Return what publishes a version with some headers, and returns the trace that it keeps."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", OWN)

    def send(**headers):
        assert call("POST", "/commands", NEW, headers=headers).status == 202
        (process,) = world.stored_processes()
        return process.trace

    return send


def test_a_version_keeps_the_callers_trace(publish, call):
    assert publish(Traceparent=GIVEN) == CALLED
    (version,) = call("GET", "/commands/ORDER/o-1").body["items"]
    assert version["traceId"] == ROOT


@pytest.mark.parametrize("headers", [{}, {"traceparent": "malformed"}])
def test_without_a_valid_one_it_keeps_lambdas(publish, headers):
    assert publish(**headers) == OWN


def test_the_requests_log_lines_name_the_callers_trace(event_of, world, monkeypatch, log):
    monkeypatch.setattr(world.commands, "publish", lambda _: 1 / 0)

    answered(event_of("POST", "/commands", NEW, headers={"traceparent": GIVEN}))

    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (line["message"], line["xray_trace_id"]) == ("a request failed", ROOT)


@pytest.fixture
def webhook(event_of, world, monkeypatch):  # noqa: ARG001 - the call needs the fakes in place
    """Return what calls a webhook that answers where the trace goes on."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", OWN)
    monkeypatch.setattr(declared, "_routes", {})

    @route("POST", "/webhooks/bank", raw=True, token=None)
    def hear_bank(_asked):
        return {"traceparent": traceparent()}

    def send(authorizer):
        event = event_of("POST", "/webhooks/bank", {}, headers={"traceparent": GIVEN})
        event["requestContext"]["authorizer"] = authorizer
        return json.loads(answered(event)["body"])["traceparent"]

    return send


def test_the_users_code_sends_it_on(webhook):
    assert webhook({"jwt": {"claims": {}}}) == GIVEN


def test_who_has_no_token_names_no_trace(webhook):
    assert webhook(None) == "00-6789aaaaabcdef012345678912345678-53995c3f42cd8ad8-01"
