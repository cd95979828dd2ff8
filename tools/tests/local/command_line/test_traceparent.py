"""A request's trace goes on in versions, executions, log lines, notices and steps of sagas."""

import json

import pytest
from tests.support.declared_orders import declared_orders
from tests.support.over_http import fetch
from tests.support.waiting import waited

from sfn_cqrs.machines.command import handlers

pytestmark = pytest.mark.stack

DIGITS = "4bf92f3577b34da6a3ce929d0e0e4736"
ROOT = "1-4bf92f35-77b34da6a3ce929d0e0e4736"
CALLED = {"traceparent": f"00-{DIGITS}-00f067aa0ba902b7-01"}


@pytest.fixture
def heard(monkeypatch):
    """The notices of closed versions, by the code of their item."""
    found = {}
    handlers.notice_handlers("command-status")
    told = [lambda notice: found.update({notice["content"]["code"]: notice})]
    monkeypatch.setitem(handlers.registry.notices, "command-status", told)
    return found


@pytest.fixture
def traced_states(log):
    """Return the states whose functions have logged a line of the caller's trace."""

    def states():
        lines = [json.loads(line) for line in log.getvalue().splitlines()]
        return {line["state"] for line in lines if line.get("xray_trace_id") == ROOT}

    return states


def test_all_that_a_request_leads_to_has_its_trace(run, stack, heard, traced_states):
    stock = {"type": "STOCK", "code": "traced", "name": "Book", "attributes": {"available": 5}}
    assert fetch(f"{stack.http}/commands", CALLED, stock).status == 202
    waited(lambda: heard.get("traced"), bool)
    lines = [{"sku": "traced", "quantity": 2}]
    order = {"order": "traced-1", "customer": "ada", "card": "visa", "total": 40, "lines": lines}
    with declared_orders():
        asked = {"saga": "order-saga", "input": order, "name": "x"}
        id_ = fetch(f"{stack.http}/sagas", CALLED, asked).json["id"]
        waited(lambda: run("saga", "show", id_, "--json").json["status"], "COMPLETED".__eq__)
    waited(lambda: heard["traced"]["content"]["version"], (2).__eq__)

    versions = run("chain", "show", "STOCK", "traced", "--json").json
    assert [version["traceId"] for version in versions] == [ROOT, ROOT]
    assert heard["traced"]["traceparent"].split("-")[1] == DIGITS
    assert {"check_version", "finish", "resume", "run_steps", "finish_saga"} <= traced_states()
