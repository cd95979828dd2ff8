from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.values import MAX_DEPTH, canonical, checked_json, digest, merged

OBJECTS = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner) | st.lists(inner, max_size=2),
    max_leaves=8,
)
PATCHES = st.dictionaries(st.sampled_from("abc"), OBJECTS)


def nested(levels, make):
    value = "leaf"
    for _ in range(levels):
        value = make(value)
    return value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (0, 0),
        (-0.0, 0),
        (1.0, 1),
        (1.5, 1.5),
        (1e21, 10**21),
        (Decimal("1.50"), 1.5),
        (Decimal("35.7647"), 35.7647),
        (Decimal("1E+2"), 100),
        (0.1, 0.1),
        ("", ""),
        ("a\x00成😀", "a\x00成😀"),
        ((1, 2), [1, 2]),
        ({"a": [{"b": None}]}, {"a": [{"b": None}]}),
    ],
)
def test_a_value_is_kept_in_the_form_that_comes_back(value, kept):
    answer = checked_json(value, "attributes")

    assert (answer, type(answer)) == (kept, type(kept))


def test_a_kept_value_is_a_copy():
    value = {"list": [1], "object": {}}

    kept = checked_json(value, "attributes")
    value["list"].append(2)
    value["object"]["x"] = 1

    assert kept == {"list": [1], "object": {}}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (float("nan"), "is NaN or infinite, which JSON does not have"),
        (float("-inf"), "is NaN or infinite, which JSON does not have"),
        (Decimal("NaN"), "is NaN or infinite, which JSON does not have"),
        (Decimal("sNaN"), "is NaN or infinite, which JSON does not have"),
        (10**38 + 1, "has more than 38 digits"),
        (-(10**40) - 1, "has more than 38 digits"),
        (Decimal("1." + "1" * 38), "has more than 38 digits"),
        (Decimal("0.12345678901234567890"), "has more digits than a 64-bit float keeps"),
        (Decimal("1E+126"), "is outside the range that DynamoDB holds"),
        (Decimal("1E-131"), "is outside the range that DynamoDB holds"),
        (5e-324, "is outside the range that DynamoDB holds"),
        (1.7e308, "is outside the range that DynamoDB holds"),
        (Decimal("1E+999999"), "is outside the range that DynamoDB holds"),
        ("half \ud83d", "has half of a surrogate pair"),
        ({"": 1}, "has a name that is empty or no string"),
        ({1: 1}, "has a name that is empty or no string"),
        ({"\udc00": 1}, "has half of a surrogate pair"),
        (b"bytes", "has the Python type bytes, which JSON does not have"),
        ({1, 2}, "has the Python type set, which JSON does not have"),
        (object(), "has the Python type object, which JSON does not have"),
    ],
)
def test_a_value_that_would_not_come_back_is_refused(value, problem):
    with pytest.raises(InvalidInputError, match=problem):
        checked_json(value, "attributes")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (10**38 - 1, 10**38 - 1),
        (-(10**125), -(10**125)),
        (1e125, 10**125),
        (Decimal("9.99E+125"), 999 * 10**123),
        (Decimal("1E-130"), 1e-130),
    ],
)
def test_the_edges_of_what_dynamodb_holds_are_kept(value, kept):
    assert checked_json(value, "attributes") == kept


def test_the_refusal_names_the_path():
    value = {"stops": [{"lat": 1}, {"lat": float("nan")}]}

    with pytest.raises(InvalidInputError) as refusal:
        checked_json(value, "attributes")

    assert refusal.value.field == "attributes.stops[1].lat"
    assert refusal.value.problem == "is NaN or infinite, which JSON does not have"


@pytest.mark.parametrize("make", [lambda value: [value], lambda value: {"a": value}])
def test_values_nest_as_deep_as_dynamodb_nests_them(make):
    assert checked_json(nested(MAX_DEPTH, make), "attributes") == nested(MAX_DEPTH, make)

    with pytest.raises(InvalidInputError, match="is nested deeper than 28 levels"):
        checked_json(nested(MAX_DEPTH + 1, make), "attributes")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (1.0, 1),
        ({"a": [1.0, {"b": 2.0}]}, {"a": [1, {"b": 2}]}),
        (1e21, 10**21),
    ],
)
def test_equal_values_have_one_text_and_one_digest(one, other):
    assert canonical(one) == canonical(other)
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, "1"), (1, True), (0, False), (None, ""), ([], {}), ([1, 2], [2, 1]), (1, 1.5), ("é", "e")],
)
def test_values_that_differ_have_digests_that_differ(one, other):
    assert digest(one) != digest(other)


def test_the_text_is_compact_json_in_utf_8():
    assert canonical({"b": [1.0, None, True], "a": "成"}) == '{"a":"成","b":[1,null,true]}'


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "text"}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({}, {"a": None}, {}),
    ],
)
def test_a_patch_merges_as_rfc_7396_has_it(base, patch, result):
    before = repr(base)

    assert merged(base, patch) == result
    assert repr(base) == before


@given(PATCHES, PATCHES)
def test_a_patch_that_is_merged_twice_changes_nothing_more(base, patch):
    once = merged(base, patch)

    assert merged(once, patch) == once
