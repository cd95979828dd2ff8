"""An environment remembers the tokens that it has leased, and of which tenants."""

import pytest

from sfn_cqrs.api import write_budget
from sfn_cqrs.api.write_budget import FIRST_LEASE, Rate
from sfn_cqrs.kernel.errors import TooManyRequestsError
from sfn_cqrs_tools.testing.fakes.world import World


@pytest.fixture
def world():
    return World(write_rate=Rate(10, 100))


@pytest.fixture
def budget(world):
    return world.new_write_budget()


def leases(world):
    return [
        one.keys["pk"]["S"] for one in world.dynamodb.written if one.keys["sk"]["S"] == "WRITES"
    ]


def test_the_purse_that_was_used_last_is_kept(world, budget, monkeypatch):
    monkeypatch.setattr(write_budget, "MOST_PURSES", 2)
    for tenant in ("a", "b", "a", "c"):
        budget.spend(tenant)
    world.dynamodb.written.clear()

    budget.spend("a")
    budget.spend("c")
    assert leases(world) == []

    budget.spend("b")
    assert len(leases(world)) == 1


def test_two_threads_that_lease_at_once_keep_the_tokens_of_both(world, budget, monkeypatch):
    take = budget._take
    other = []

    def meanwhile(*asked):
        if not other:
            other.append(True)
            budget.spend("a")
        return take(*asked)

    monkeypatch.setattr(budget, "_take", meanwhile)
    budget.spend("a")
    world.dynamodb.written.clear()

    for _ in range(2 * FIRST_LEASE - 2):
        budget.spend("a")
    assert leases(world) == []


def test_who_is_refused_does_not_ask_the_table_again_until_there_is_something(world, budget):
    for _ in range(100):
        budget.spend("a")
    with pytest.raises(TooManyRequestsError):
        budget.spend("a")
    world.dynamodb.written.clear()
    asked = world.dynamodb.get_item
    world.dynamodb.get_item = None

    with pytest.raises(TooManyRequestsError):
        budget.spend("a")

    world.dynamodb.get_item = asked
    world.clock.advance(milliseconds=100)
    budget.spend("a")
    assert len(leases(world)) == 1
