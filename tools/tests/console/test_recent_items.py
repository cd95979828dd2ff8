"""The items that were changed lately, whichever lane changed them."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs_tools.console import standing
from sfn_cqrs_tools.console.pages.items import _recent
from sfn_cqrs_tools.console.rendering import tone
from sfn_cqrs_tools.testing.builders import a_process


class Executions:
    """One execution in each lane: that of the express lane is the later one."""

    def page(self, wanted, limit):
        code, second = {"command": ("o-1", 1), "command-express": ("o-2", 2)}[wanted.machine]
        given = {"tenant": "tenant1", "type": "ORDER", "code": code, "version": 1, "attempt": 1}
        at = datetime(2026, 11, 25, 12, 0, second, tzinfo=UTC)
        ended = {"status": "SUCCEEDED", "stopped": at, "logged": None}
        run = SimpleNamespace(input=json.dumps(given), started=at, **ended)
        return SimpleNamespace(runs=[run][:limit])


class Versions:
    """A table whose versions are all blocked."""

    def read_again(self, keys):
        del keys
        given = {"version": 1, "attempt": 1, "outcome": Outcome.BLOCKED}
        return [a_process(ItemKey("tenant1", "ORDER", code), **given) for code in ("o-1", "o-2")]


def test_items_of_both_lanes_are_listed_the_latest_first(monkeypatch):
    monkeypatch.setattr(standing, "version_table", lambda _: Versions())
    ask = SimpleNamespace(
        executions=Executions(), who=SimpleNamespace(tenant="tenant1"), backend=None
    )

    assert [one.code for one in _recent(ask)] == ["o-2", "o-1"]


def test_what_a_run_that_succeeded_has_left_blocked_is_never_green(monkeypatch):
    monkeypatch.setattr(standing, "version_table", lambda _: Versions())
    runs = Executions().page(SimpleNamespace(machine="command"), 1).runs

    (found,) = standing.seen(SimpleNamespace(backend=None), runs)

    assert (found.standing.status, tone(found.standing.status)) == ("BLOCKED", "warn")
