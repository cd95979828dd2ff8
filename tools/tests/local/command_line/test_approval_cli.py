import json
import re
from dataclasses import replace

import pytest
from tests.support.waiting import waited

from sfn_cqrs.machines.approval import types as approval_types

pytestmark = pytest.mark.stack

UNKNOWN = "a-01KAXK3V9Q0M3W8C5R6T7Y8Z9A"


@pytest.fixture
def ask(run):
    """Return what asks for an order's release, and answers the id."""

    def do(order="o-1", **options):
        more = [part for name, value in options.items() for part in (f"--{name}", value)]
        result = run("approval", "request", "ORDER_RELEASE", "--subject", order, *more)
        return result.output.strip()

    return do


@pytest.fixture
def ended(run):
    """Return what waits until what follows a decision is done or has failed."""
    return lambda id_: waited(
        lambda: run("approval", "show", id_, "--json").json,
        lambda found: found["stage"] in ("DONE", "FAILED"),
    )


def an_order(run, code):
    attributes = json.dumps({"customer": "ada", "total": 1200})
    run("publish", "ORDER", code, "--name", "Large", "--attributes", attributes)


def release_of(run, code):
    found = waited(
        lambda: run("data", "get", "ORDER", code, "--json"),
        lambda found: found.code == 0 and "release" in found.json["attributes"],
    )
    return found.json["attributes"]["release"]


def test_somebody_else_approves_and_the_order_is_released(run, ask, ended):
    an_order(run, "o-1")
    id_ = ask("o-1", payload='{"total": 1200}', note="A new customer")

    own = run("approve", id_)
    approved = run("approve", id_, "--as", "hanako", "--reason", "Pays in advance")
    again = run("approve", id_, "--as", "jiro")

    assert re.fullmatch(r"a-[0-9A-Z]{26}", id_)
    assert (own.code, own.error.partition(":")[2].strip().partition(":")[0]) == (1, "four_eyes")
    assert approved.output == f"{id_} is GRANTED\n"
    assert (again.code, "already_decided: the approval is GRANTED" in again.error) == (1, True)
    found = ended(id_)
    assert (found["status"], found["stage"], found["payload"]) == (
        "GRANTED",
        "DONE",
        {"total": 1200},
    )
    (decision,) = found["decisions"]
    assert (decision["by"], decision["decision"]) == ("hanako", "APPROVE")
    assert decision["reason"] == "Pays in advance"
    assert release_of(run, "o-1") == "released"


def test_somebody_rejects_and_the_order_is_held(run, ask, ended):
    an_order(run, "o-2")
    id_ = ask("o-2")

    rejected = run("reject", id_, "--as", "hanako", "--json")

    assert rejected.json["status"] == "REJECTED"
    assert ended(id_)["stage"] == "DONE"
    assert release_of(run, "o-2") == "held: rejected"


def test_the_inbox_is_everybodys_own(run, ask):
    an_order(run, "o-3")
    id_ = ask("o-3", **{"as": "taro"})

    def ids(*arguments):
        return [one["id"] for one in run("approval", "list", *arguments, "--json").json]

    assert id_ in ids("--as", "hanako")
    assert id_ not in ids("--as", "taro")
    assert id_ in ids("--as", "taro", "--status", "open")
    assert id_ in ids("--status", "ALL")
    assert id_ not in ids("--status", "granted")


def test_what_fails_after_a_decision_is_repaired_and_runs_again(run, ask, ended, monkeypatch):
    def fail(_decided):
        raise ValueError("the warehouse is closed")

    an_order(run, "o-later")
    id_ = ask("o-later")
    with monkeypatch.context() as patch:
        known = replace(approval_types.find("ORDER_RELEASE"), granted=fail)
        patch.setitem(approval_types._types, "ORDER_RELEASE", known)
        run("approve", id_, "--as", "hanako")
        failed = ended(id_)
    told = run("approval", "show", id_).output

    retried = run("approval", "retry", id_)

    assert (failed["status"], failed["stage"], failed["error"]) == (
        "GRANTED",
        "FAILED",
        "ValueError",
    )
    assert f"once it is repaired: sfn-cqrs approval retry {id_}\n" in told
    assert retried.output == f"{id_} runs again, attempt 2\n"
    assert release_of(run, "o-later") == "released"
    shown = run("approval", "show", id_).output
    assert "GRANTED" in shown
    assert "the item has changed since" not in shown  # by the approval itself
    assert re.search(r"hanako +APPROVE", shown)


def test_what_has_changed_since_is_stale_and_not_released(run, ask, ended):
    an_order(run, "o-4")
    id_ = ask("o-4")
    before = run("approval", "show", id_, "--json").json
    run("publish", "ORDER", "o-4", "--partial", "--attributes", '{"total": 999999}')

    other = run("approve", id_, "--as", "hanako", "--digest", "another")
    late = run("approve", id_, "--as", "hanako")
    shown = run("approval", "show", id_)

    assert (before["isCurrent"], before["item"]["version"]) == (True, 1)
    assert (other.code, "stale: the digest is not that of this" in other.error) == (1, True)
    assert (late.code, "stale: the item has changed" in late.error) == (1, True)
    assert (ended(id_)["status"], ended(id_)["stage"]) == ("STALE", "DONE")
    assert "ORDER_RELEASE of ORDER o-4, version 1:" in shown.output
    assert "the item has changed since; it cannot be granted any more" in shown.output
    assert re.search(r"total +1200", shown.output)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("approval", "request", "NOPE"), 1, "unknown_approval_type: type: 'NOPE' is not"),
        (("approval", "request", "ORDER_RELEASE", "--payload", "{"), 64, "--payload is not JSON"),
        (("approval", "show", "t-1"), 1, "no approval has an id that begins with 't-1'"),
        (("approve", UNKNOWN, "--as", "hanako"), 1, "not_found: "),
        (("approval", "retry", UNKNOWN), 1, "not_found: "),
        (("reject", UNKNOWN, "--as", "hanako", "--stack", "x"), 1, "SFN_CQRS_TOKEN"),
        (("approval", "list", "--status", "maybe"), 64, "'maybe' is not one of"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arguments, code, message, run):
    result = run(*arguments)

    assert result.code == code
    assert message in result.error
