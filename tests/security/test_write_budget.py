"""One tenant cannot take it all: a hostile one is refused, and the others do not notice."""

import random
from statistics import quantiles

import pytest
from tests.support.api import Answer, Api, Person
from tests.support.orders import an_order
from tests.support.system import template

from sfn_cqrs.api.write_budget import Rate, WriteBudget
from sfn_cqrs.kernel.errors import TooManyRequestsError
from sfn_cqrs.machines.command.operations import ChainService
from sfn_cqrs_tools.testing.dynamodb import Change

HOSTILE = Person("mallory", ("operator",))
HONEST = Person("ada", tenant="tenant2")
WRITES = {"POST", "DELETE"}
SMALLER = 4
"""All rates are divided by it, so that the test takes a second."""
STARTS_A_SECOND = 300 / SMALLER
"""What StartExecution takes in a large region; all tenants share it."""
SECONDS = 4


def order(code: str) -> dict[str, object]:
    return {"type": "ORDER", "code": code, "name": "n", "attributes": {"customer": "c", "total": 1}}


@pytest.fixture
def api():
    with Api(write_rate=Rate(10, 20)) as api:
        yield api


def publish(api: Api, who: Person, code: str, key: str | None = None) -> Answer:
    return api.send(who, "POST", "/commands", order(code), key=key)


def test_a_tenant_that_sends_too_many_writes_is_told_when_to_send_again(api):
    answers = [publish(api, HOSTILE, f"o-{number}") for number in range(30)]

    assert [answer.status for answer in answers] == [202] * 20 + [429] * 10
    assert answers[-1].code == "too_many_requests"
    assert "TenantWriteRate" in answers[-1].body["detail"]
    assert answers[-1].headers["Retry-After"] == "1"
    assert len(api.world.stored_commands()) == 20

    api.world.clock.advance(seconds=1)
    assert publish(api, HOSTILE, "o-30").status == 202


def test_another_tenant_and_whoever_looks_are_not_refused(api):
    for number in range(30):
        publish(api, HOSTILE, f"o-{number}")

    assert publish(api, HONEST, "o-1").status == 202
    assert api.send(HOSTILE, "GET", "/data", query={"type": "ORDER"}).status == 200


WITHOUT_TENANT = {("POST", "/approvals/{id}/decide"), ("POST", "/webhooks/{proxy+}")}
"""A link names one decision; who sends a webhook is known when its route has checked it."""


def test_every_route_that_writes_takes_a_token(api):
    for number in range(20):
        publish(api, HOSTILE, f"o-{number}")
    paths = [(each.method, each.path) for each in api.routes if each.method in WRITES]
    with_token = [each for each in paths if each not in WITHOUT_TENANT]

    assert len(with_token) > 15
    for method, path in with_token:
        filled = path.format(
            id="x", type="ORDER", code="o-1", version="1", name="x", plan="x", job="x"
        )
        assert api.send(HOSTILE, method, filled, {}).code == "too_many_requests", (method, path)


def test_a_batch_takes_a_token_for_each_of_its_commands(api):
    batch = {"commands": [order(f"o-{number}") for number in range(30)]}

    results = api.send(HOSTILE, "POST", "/commands/batch", batch).body["results"]

    assert [one["status"] for one in results] == [202] * 20 + [429] * 10
    assert {one["problem"]["code"] for one in results[20:]} == {"too_many_requests"}
    assert len(api.world.stored_commands()) == 20
    assert publish(api, HOSTILE, "o-99").status == 429


WAITS = {
    "a version": ("GET", "/commands/ORDER/o-1/1", {"wait": "10"}),
    "an item": ("GET", "/data/ORDER/o-1", {"atLeast": "1", "wait": "10"}),
    "a publish": ("POST", "/commands", {"wait": "10"}),
    "a deletion": ("DELETE", "/commands/ORDER/o-1", {"wait": "10"}),
}


@pytest.mark.parametrize("what", WAITS)
def test_a_tenant_that_waits_holds_no_more_functions_than_it_has_tokens(what, api, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)  # all ask at the same moment
    publish(api, HOSTILE, "o-1")
    method, path, query = WAITS[what]

    def asked(number: int) -> Answer:
        body = order(f"o-1{number}") if method == "POST" else None
        return api.send(HOSTILE, method, path, body, query=query)

    answers = [asked(number) for number in range(50)]

    assert 10 < sum(slept) <= 20 * 1.5
    assert {answer.status for answer in answers} <= {202, 429}
    assert answers[-1].headers["Retry-After"] == "1"


def test_code_that_waits_takes_no_token(api, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    publish(api, HOSTILE, "o-1")

    for _ in range(5):
        ChainService("tenant1").wait("ORDER", "o-1", 1, 10)

    assert sum(slept) == pytest.approx(50)
    assert sum(spends(api.world.write_budget) for _ in range(20)) == 19


def test_whoever_has_no_token_takes_none_of_the_tenants(api):
    for _ in range(30):
        assert api.send(None, "POST", "/commands", order("o-1")).status == 401

    assert publish(api, HOSTILE, "o-1").status == 202


def test_a_machine_takes_those_of_the_tenant_that_it_names(api):
    for number in range(20):
        publish(api, HOSTILE, f"o-{number}")
    event = {"x-tenant-code": "tenant1"}

    assert api.as_machine("POST", "/commands", order("o-1"), headers=event).status == 429


def test_fifty_requests_cost_one_write_where_many_are_sent():
    with Api(write_rate=Rate(1_000, 10_000)) as api:
        budget = api.world.new_write_budget()
        for _ in range(1_000):
            budget.spend("tenant1")
        leases = [one for one in api.world.dynamodb.written if one.keys["sk"]["S"] == "WRITES"]

    assert len(leases) <= 1 + 4 + 1_000 / 50


def test_environments_share_the_bucket():
    with Api(write_rate=Rate(10, 200)) as api:
        budgets = [api.world.new_write_budget() for _ in range(40)]
        taken = sum(spends(budget) for _ in range(20) for budget in budgets)

    assert taken == 200


def spends(budget: WriteBudget) -> bool:
    try:
        budget.spend("tenant1")
    except TooManyRequestsError:
        return False
    return True


def test_a_hostile_tenant_does_not_move_the_p99_of_another():
    rate = default_rate()
    alone, _ = latencies(rate, hostile=0)
    beside, accepted = latencies(rate, hostile=150)
    unlimited, _ = latencies(Rate(10**6, 10**9), hostile=150)

    assert accepted <= rate.burst + rate.per_second * SECONDS + 1
    assert p99(beside) - p99(alone) < 5 / STARTS_A_SECOND
    assert p99(unlimited) - p99(alone) > 50 / STARTS_A_SECOND  # what the bucket prevents


def default_rate() -> Rate:
    """What the template says, and the test's smaller world divides."""
    parameters = template().document["Parameters"]
    names = ("TenantWriteRate", "TenantWriteBurst")
    per_second, burst = (parameters[name]["Default"] for name in names)
    return Rate(per_second / SMALLER, burst // SMALLER)


def latencies(rate: Rate, hostile: int) -> tuple[list[float], int]:
    """Seconds from an honest write to its start, beside so many hostile requests a second.

    Real functions in virtual time; what is shared is AWS's rate of starts, which are made in the
    order of the writes. Answers also how many hostile writes were accepted.
    """
    chance = random.Random(7)
    arrivals = sorted(
        [(chance.uniform(0, SECONDS), True) for _ in range(5 * SECONDS)]
        + [(chance.uniform(0, SECONDS), False) for _ in range(hostile * SECONDS)]
    )
    with Api(write_rate=rate) as api:
        now = free_at = 0.0
        accepted, waited = 0, []
        for number, (at, is_honest) in enumerate(arrivals):
            api.world.clock.advance(seconds=at - now)
            now = at
            before = len(api.world.dynamodb.written)
            if is_honest:
                assert publish(api, HONEST, f"h-{number}").status == 202
            else:
                attack(api, chance, number)
            if any(map(starts, api.world.dynamodb.written[before:])):
                free_at = max(free_at, now) + 1 / STARTS_A_SECOND
                if is_honest and now > 1:  # a second, in which the hostile burst is spent
                    waited.append(free_at - now)
                accepted += not is_honest
    return waited, accepted


def starts(change: Change) -> bool:
    """Tell whether an execution begins with a write: a new version's, or a new saga's."""
    if change.event != "INSERT" or change.item is None:
        return False
    is_version = change.table == "CommandsTable" and change.item["kind"]["S"] == "command"
    return is_version or change.table == "SagasTable"


def attack(api: Api, chance: random.Random, number: int) -> None:
    """Whatever makes work: new items, one item again and again, deletions, sagas, old keys."""
    match chance.randrange(5):
        case 0:
            publish(api, HOSTILE, f"m-{number}")
        case 1:
            publish(api, HOSTILE, "m-same", key=f"k-{number}")
        case 2:
            api.send(HOSTILE, "DELETE", f"/commands/ORDER/m-{number - 1}", query={"version": "-1"})
        case 3:
            body = {"saga": "order-saga", "name": f"m-{number}", "input": an_order()}
            api.send(HOSTILE, "POST", "/sagas", body)
        case _:
            publish(api, HOSTILE, f"m-{number}", key=f"k-{number}")


def p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]
