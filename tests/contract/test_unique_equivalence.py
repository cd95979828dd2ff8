"""The conditions of reservations, and the decisions of `unique`: one rule, in both worlds."""

from dataclasses import replace

import pytest

from sfn_cqrs.kernel.keys import ItemKey, UniqueKey
from sfn_cqrs.machines.command.publication import Refusal
from sfn_cqrs.machines.command.unique import Held, Moves, Reservation, may_free, may_take
from sfn_cqrs_tools.testing.builders import a_publication

OWN, OTHER = ItemKey("tenant1", "AIRPORT", "NRT"), ItemKey("tenant1", "AIRPORT", "HND")
PLACE = UniqueKey("tenant1", "AIRPORT", "h")
STATES = {
    "never taken": (),
    "own": ((OWN, "take"),),
    "own and freed": ((OWN, "take"), (OWN, "free")),
    "another's": ((OTHER, "take"),),
    "another's and freed": ((OTHER, "take"), (OTHER, "free")),
}


def brought(world, state):
    """Bring the value there, by versions of both items."""
    versions = {OWN: 0, OTHER: 0}
    for key, move in STATES[state]:
        versions[key] += 1
        before = Held(versions[key] - 1, ("h",), ("h",)) if move == "free" else Held()
        published(world, key, versions[key], ("h",) if move == "take" else (), before)
    return versions[OWN]


def published(world, key, version, unique, before):
    publication = a_publication(key, version, unique=unique)
    return world.commands.publish(replace(publication, before=before))


@pytest.mark.parametrize("state", STATES)
def test_a_publish_takes_what_may_be_taken(state, world):
    version = brought(world, state)
    found = world.reservations.find(PLACE)

    refusal = published(world, OWN, version + 1, ("h",), Held())

    assert refusal is (None if may_take(found, OWN.code) else Refusal.NOT_UNIQUE)
    if refusal is None:
        assert world.reservations.find(PLACE) == Reservation("NRT")


@pytest.mark.parametrize("state", STATES)
def test_a_publish_frees_what_may_be_freed(state, world):
    version = brought(world, state)
    found = world.reservations.find(PLACE)

    refusal = published(world, OWN, version + 1, (), Held(version, ("h",), ("h",)))

    assert refusal is (None if may_free(found, OWN.code) else Refusal.NOT_UNIQUE)
    if refusal is None:
        assert world.reservations.find(PLACE) == Reservation("NRT", is_freed=True)


@pytest.mark.parametrize(
    ("read", "stored", "is_filled"),
    [((), (), True), (("h",), ("h",), True), ((), ("h",), False), (("h",), (), False)],
)
def test_only_what_is_as_it_was_read_is_filled_or_followed(read, stored, is_filled, world):
    published(world, OWN, 1, stored, Held())
    found = Held(1, read, ("h", "i"))

    following = published(world, OWN, 2, (), found)

    assert following is (None if is_filled else Refusal.DATA_MOVED)


@pytest.mark.parametrize("holds", [("i",), ()])
def test_a_version_is_filled_if_it_is_the_latest(holds, world):
    published(world, OWN, 1, ("h",), Held())
    published(world, OWN, 2, ("h",), Held(1, ("h",), ("h",)))
    its = Moves(holds, ("h",))

    assert not world.reservations.fill(OWN, Held(1, ("h",), ()), holds, its)
    assert not world.reservations.fill(OWN, Held(2, (), ()), holds, its)
    assert world.reservations.fill(OWN, Held(2, ("h",), ()), holds, its)
    assert world.commands.latest(OWN).unique == holds
    assert world.reservations.find(PLACE) == Reservation("NRT", is_freed=True)


def test_a_value_is_freed_if_its_version_is_the_latest(world):
    published(world, OWN, 1, ("h",), Held())

    assert not world.reservations.free(OWN, 0, "h")
    assert not world.reservations.free(OTHER, 0, "h")
    assert world.reservations.free(OWN, 1, "h")


def test_a_tenant_has_one_secret_whoever_asks_first(world):
    first = world.reservations.secret("tenant1")

    world.reservations._secrets.clear()

    assert world.reservations.secret("tenant1") == first
    assert world.reservations.secret("tenant2") != first
    assert len(first) == 32
