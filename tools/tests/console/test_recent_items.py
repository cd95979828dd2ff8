"""The items that were changed lately, whichever lane changed them."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

from sfn_cqrs_tools.console.pages.items import _recent


class Executions:
    """One execution in each lane: that of the express lane is the later one."""

    def page(self, wanted, limit):
        code, second = {"command": ("o-1", 1), "command-express": ("o-2", 2)}[wanted.machine]
        given = {"tenant": "tenant1", "type": "OFFER", "code": code, "version": 1, "attempt": 1}
        at = datetime(2026, 11, 25, 12, 0, second, tzinfo=UTC)
        run = SimpleNamespace(input=json.dumps(given), status="SUCCEEDED", started=at, stopped=at)
        return SimpleNamespace(runs=[run][:limit])


def test_items_of_both_lanes_are_listed_the_latest_first():
    ask = SimpleNamespace(executions=Executions(), who=SimpleNamespace(tenant="tenant1"))

    assert [one.code for one in _recent(ask)] == ["o-2", "o-1"]
