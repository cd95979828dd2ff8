"""Whatever `checked_json` lets through comes back from every table as it was."""

from decimal import Decimal, DecimalException
from itertools import count

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.worlds import MotoWorld

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import marshal, unmarshal
from sfn_cqrs.kernel.values import canonical, checked_json
from sfn_cqrs_tools.testing.builders import a_sync_publication

WHOLE = st.integers() | st.integers(-(10**40), 10**40)
NUMBERS = WHOLE | st.decimals(allow_nan=False, allow_infinity=False) | st.floats(allow_nan=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner)
    ),
    max_leaves=12,
)
ATTRIBUTES = st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=5)
NUMBERS_OF_EXAMPLES = count()
EDGES = {
    "largest": 9.99e125,
    "smallest": 1e-130,
    "digits": 12345678901234567890123456789012345678,
    "zeros": 10**125,
    "negative": -(10**60),
    "zero": -0.0,
    "tenth": 0.1,
    "empty": "",
    "null character": "a\x00b",
    "list": [[], {}, [None], ""],
    " ": {"pk": 1, ":value": 2, "#name": 3, "a.b[0]": 4},
}


def checked(value):
    try:
        return checked_json(value, "attributes")
    except InvalidInputError:
        return None


@settings(max_examples=40, deadline=None)
@given(ATTRIBUTES)
def test_a_checked_value_is_the_same_after_dynamodbs_types(attributes):
    kept = checked(attributes)
    if kept is None:
        return

    found = unmarshal(marshal({"attributes": kept}))["attributes"]

    assert found == kept
    assert canonical(found) == canonical(kept)


@settings(max_examples=40, deadline=None)
@given(ATTRIBUTES)
def test_dynamodbs_types_are_as_boto3_writes_and_reads_them(attributes):
    kept = checked(attributes)
    if kept is None:
        return
    typed = marshal({"attributes": kept})["attributes"]

    assert TypeSerializer().serialize(TypeDeserializer().deserialize(typed)) == typed


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        Decimal("1.5"),
        "a",
        b"\x00",
        ["a", 1],
        {"a": None},
        {"a"},
        {1, Decimal("2.5")},
        {b"\x01"},
        frozenset({3}),
    ],
)
def test_what_a_read_model_may_hold_is_as_boto3_writes_it(value):
    typed = marshal({"value": [value]})["value"]["L"][0]

    assert typed == TypeSerializer().serialize(value)
    assert unmarshal({"value": typed})["value"] == value


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (object(), TypeError),
        (set(), TypeError),
        ({"a", 1}, TypeError),
        ({(1,)}, TypeError),
        (float("nan"), TypeError),
        (float("inf"), TypeError),
        (10**127, DecimalException),
        (int("1" * 39), DecimalException),
    ],
)
def test_what_dynamodb_has_no_type_for_is_refused(value, wrong):
    with pytest.raises(wrong):
        marshal({"value": value})


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(attributes=ATTRIBUTES)
def test_a_checked_value_comes_back_from_every_table(attributes, moto_world):
    kept = checked(attributes)
    if kept is not None:
        assert_comes_back(moto_world(), kept, f"example {next(NUMBERS_OF_EXAMPLES)}")


def test_the_edges_come_back_too(moto_world):
    kept = checked_json(EDGES, "attributes")

    assert_comes_back(moto_world(), kept, "edges")


@pytest.mark.parametrize("size", [1_000, 150_000])
def test_numbers_come_back_alike_from_the_item_and_from_the_bucket(size, moto_world):
    kept = checked_json(EDGES | {"filler": "x" * size}, "attributes")

    assert_comes_back(moto_world(), kept, "edges")


def assert_comes_back(world: MotoWorld, attributes, code):
    key = ItemKey("tenant1", "AIRPORT", code)
    pointer = world.attributes.store_if_large("tenant1", code, attributes)
    world.commands.publish(a_sync_publication(key, attributes=attributes, attributes_s3=pointer))
    world.history.append(world.data.snapshot(key))

    found = [
        world.commands.find(key, 1),
        world.data.find(key),
        world.history.page(key, 1, None).items[0],
    ]

    assert [record.attributes for record in found] == [attributes] * 3
    assert [canonical(record.attributes) for record in found] == [canonical(attributes)] * 3
