"""Sums are exact, whatever comes twice, late, corrected or deleted, on both doubles of DynamoDB."""

import itertools
import random
from decimal import Decimal

import pytest

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.read_models.sums import Sums
from sfn_cqrs_tools.testing.builders import a_command

EAST, WEST = ("east", "2026-12-02"), ("west", "2026-12-02")


def parcel(code, version=1, *, is_deleted=False):
    return a_command(ItemKey("tenant1", "PARCEL", code), version, is_deleted=is_deleted)


@pytest.fixture(params=[1, 16], ids=["one partition", "buckets"])
def view(world, request):
    return world.read_model("weights", buckets=request.param)


@pytest.fixture
def sums(view):
    return Sums(view, "sum")


def shown(view):
    return {where: row["sum"] for where in ("east", "west") for row in view.rows("tenant1", where)}


def test_each_item_counts_once_with_decimals(sums, view):
    assert sums.add(parcel("p-1"), EAST, Decimal("0.1"))
    assert sums.add(parcel("p-2"), EAST, Decimal("0.2"))
    assert not sums.add(parcel("p-2"), EAST, Decimal("0.2"))

    assert shown(view) == {"east": 0.3}  # exact in the table; read as JSON has it

    sums.add(parcel("p-2", 2), None)
    sums.add(parcel("p-1", 2), EAST, Decimal("0.10"))
    assert shown(view) == {"east": 0.1}


def test_a_correction_replaces_what_the_item_counted_and_a_late_version_changes_nothing(sums, view):
    sums.add(parcel("p-1"), EAST, 5)
    sums.add(parcel("p-1", 3), WEST, 7)

    assert not sums.add(parcel("p-1", 2), EAST, 100)
    assert shown(view) == {"east": 0, "west": 7}

    sums.add(parcel("p-1", 4), WEST, 9)
    assert shown(view) == {"east": 0, "west": 9}


@pytest.mark.parametrize("gone", [{"is_deleted": True}, {}])
def test_what_is_deleted_or_counts_nowhere_is_taken_back(sums, view, gone):
    sums.add(parcel("p-1"), EAST, 5)
    sums.add(parcel("p-1", 2, **gone), EAST if gone else None, 5)

    assert shown(view) == {"east": 0}

    sums.add(parcel("p-1", 3), EAST, 6)
    assert shown(view) == {"east": 6}


def test_many_items_are_few_transactions_and_of_an_item_the_latest_counts(sums, view):
    many = [(parcel(f"p-{number}"), EAST if number % 2 else WEST, number) for number in range(70)]
    twice = [(parcel("p-1", 2), WEST, 1000), *many]

    assert sums.add_many(twice) == 70
    assert sums.add_many(twice) == 0

    east = sum(range(1, 70, 2)) - 1
    assert shown(view) == {"east": east, "west": sum(range(0, 70, 2)) + 1000}


@pytest.mark.parametrize("seed", range(3))
def test_any_order_with_repetitions_ends_with_the_sums_of_the_latest_versions(sums, view, seed):
    dice = random.Random(seed)
    codes, versions = ("a", "b", "c"), (1, 2, 3)
    wanted = {
        (code, version): (dice.choice([EAST, WEST, None]), dice.randint(-9, 9))
        for code, version in itertools.product(codes, versions)
    }
    deliveries = [*wanted, *wanted]
    dice.shuffle(deliveries)

    for code, version in deliveries:
        sums.add(parcel(code, version), *wanted[code, version])

    ended = [wanted[code, 3] for code in codes]
    expected = {place[0]: sum(n for to, n in ended if to == place) for place in (EAST, WEST)}
    assert {"east": 0, "west": 0} | shown(view) == expected


def test_an_amount_that_is_not_exact_is_refused(sums):
    with pytest.raises(TypeError, match="neither an integer nor a Decimal"):
        sums.add(parcel("p-1"), EAST, 0.1)
