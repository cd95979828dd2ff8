import dataclasses
import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import annotated_types
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.typed import GOOD, Guest, Visit

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.models.models import InvalidModelError, Meta, Personal, model_of


def of(hint, **more):
    """A model with the field `x`."""
    return model_of(dataclasses.make_dataclass("Sample", [("x", hint)]), **more)


def problems(model, attributes):
    """What is wrong with attributes, by field; empty if they fit."""
    try:
        model.made(attributes)
    except InvalidModelError as error:
        return dict(error.problems)
    return {}


def test_attributes_become_an_instance_of_the_users_class():
    made = model_of(Visit).made({**GOOD, "born": "1980-02-29"})

    assert made == Visit(
        patient="p-1",
        starts_at=datetime(2026, 11, 29, 9, tzinfo=UTC),
        minutes=30,
        price=Decimal("12.50"),
        born=date(1980, 2, 29),
        guests=[Guest("ada")],
    )


def test_every_wrong_field_is_named_in_one_refusal():
    wrong = {
        "starts_at": "tomorrow",
        "minutes": 3,
        "status": "lost",
        "price": "much",
        "born": "1980-02-30",
        "guests": [{"name": "ada"}, {"name": "", "age": 5}, 7],
        "bogus": True,
    }

    with pytest.raises(InvalidInputError) as refused:
        model_of(Visit).made(wrong)

    assert refused.value.code == "invalid_input"
    assert refused.value.field == "attributes.patient"
    assert refused.value.problems == [
        ("attributes.patient", "is required"),
        (
            "attributes.starts_at",
            "must be a time with its offset, such as 2026-11-29T09:00:00Z",
        ),
        ("attributes.minutes", "must be an integer from 5 to 240"),
        ("attributes.status", "must be one of booked, cancelled, done"),
        ("attributes.price", "must be a decimal number, such as 12.50, at least 0"),
        ("attributes.born", "must be a date, such as 2026-11-29"),
        ("attributes.guests[1].name", "must be a string of at least 1 character"),
        ("attributes.guests[1].age", "is not known"),
        ("attributes.guests[2]", "must be an object"),
        ("attributes.bogus", "is not known"),
    ]
    assert str(refused.value).count("; ") == 9


def test_a_refusal_names_a_hundred_fields_at_most():
    found = problems(of(list[int]), {"x": ["no"] * 5_000})

    assert len(found) == 100


def test_no_value_is_repeated_in_a_refusal():
    found = problems(model_of(Visit), {**GOOD, "patient": "ada@example.com" * 5, "born": "secret"})

    assert len(found) == 2
    assert not any(word in str(found) for word in ("ada", "secret"))


class Colour(StrEnum):
    RED = "red"


class Floor(Enum):
    GROUND = 0


FITS = [
    (bool, [True], [1, "true", None]),
    (int, [1, -(10**30)], [1.5, True, "1", None]),
    (float, [1, 1.5], [True, "1", None]),
    (str, ["", "x"], [1, None, ["x"]]),
    (Any, [1, "x", None, {"a": []}], []),
    (datetime, ["2026-11-29T09:00:00Z", "2026-11-29T09:00:00.5+09:00"], ["2026-11-29", 5]),
    (Annotated[datetime, Meta(tz=False)], ["2026-11-29T09:00:00"], ["2026-11-29T09:00:00Z"]),
    (date, ["2026-11-29"], ["2026-11-31", "29.11.2026", 5]),
    (UUID, ["2f9b1a0e-5a3e-4c3e-9b1a-0e5a3e4c3e9b"], ["2f9b", 5]),
    (Decimal, ["12.50", "-1", 5, 0.1], ["NaN", "Infinity", "1e5", " 1", "", True, None]),
    (Annotated[Decimal, Meta(gt=0, le=Decimal("9.99"))], ["9.99", 0.1], ["0", "9.990001", 10]),
    (Annotated[int, Meta(ge=5, lt=7)], [5, 6], [4, 7]),
    (Annotated[float, Meta(gt=0.5)], [0.6], [0.5]),
    (Annotated[str, Meta(min_length=1, max_length=2)], ["é", "ab"], ["", "abc"]),
    (Annotated[str, Meta(pattern="^[a-z]+$")], ["ab"], ["aB", ""]),
    (Annotated[int, annotated_types.Ge(2)], [2], [1]),
    (Literal["a", "b"], ["a"], ["c", 1, None]),
    (Literal[1, 2], [1], [3, "1", True]),
    (Colour, ["red"], ["blue", 5]),
    (Floor, [0], [1, "GROUND"]),
    (list[int], [[], [1, 2]], [5, ["a"], None]),
    (Annotated[list[int], Meta(max_length=1)], [[1]], [[1, 2]]),
    (tuple[int, ...], [[1, 2]], [["a"]]),
    (dict[str, int], [{}, {"a": 1}], [[], {"a": "b"}]),
    (int | None, [1, None], ["a"]),
    (int | str, [1, "a"], [None, True, []]),
    (list[str] | str, ["a", ["a"]], [5, [5]]),
    (Guest | None, [None, {"name": "a"}], [{"name": ""}, {}, 5]),
]


@pytest.mark.parametrize(("hint", "good", "bad"), FITS, ids=str)
def test_a_field_takes_what_its_type_says_and_nothing_else(hint, good, bad):
    model = of(hint)

    assert {str(each): problems(model, {"x": each}) for each in good} == {
        str(each): {} for each in good
    }
    for each in bad:
        assert problems(model, {"x": each}), each


@pytest.mark.parametrize(
    ("hint", "reason"),
    [
        (set[int], "cannot be checked"),
        (object, "cannot be checked"),
        (dict[int, str], "dict[str, …]"),
        (tuple[int, str], "tuple[…, ...]"),
        (datetime | str, "nobody can tell"),
        (int | float, "nobody can tell"),
        (Decimal | bool, "Decimal | None"),
        (Literal[True], "neither a text nor an integer"),
        (Annotated[int, Meta(max_length=3)], "max_length is no limit"),
        (Annotated[int, Meta(le=2**63)], "63 bits"),
        (Annotated[Guest, Meta(ge=1)], "ge is no limit"),
    ],
    ids=str,
)
def test_what_cannot_be_checked_is_refused_where_it_is_declared(hint, reason):
    with pytest.raises(TypeError) as refused:
        of(hint)

    assert str(refused.value).startswith("Sample.x: ")
    assert reason in str(refused.value)


@dataclass
class Knot:
    """A class that contains itself."""

    inner: "Knot | None" = None


@pytest.mark.parametrize("cls", [int, Knot, "Visit"])
def test_what_is_no_model_is_refused(cls):
    with pytest.raises(TypeError):
        model_of(cls)


def test_unknown_fields_can_be_kept():
    @dataclass
    class Open:
        """Two levels."""

        guest: Guest

    attributes = {"guest": {"name": "ada", "age": 5}, "more": 1}

    assert set(problems(model_of(Open), attributes)) == {
        "attributes.guest.age",
        "attributes.more",
    }
    assert model_of(Open, unknown="keep").made(attributes) == Open(Guest("ada"))
    with pytest.raises(ValueError, match="refuse or keep"):
        model_of(Open, unknown="ignore")


def test_what_a_class_itself_refuses_is_told_with_its_place():
    @dataclass
    class Span:
        """From one number to another."""

        low: int
        high: int

        def __post_init__(self):
            """Refuse what ends before it begins."""
            if self.high < self.low:
                raise ValueError("ends before it begins")

    wrong, right = {"low": 2, "high": 1}, {"low": 1, "high": 2}

    assert problems(of(list[Span]), {"x": [right, wrong]}) == {
        "attributes.x[1]": "ends before it begins"
    }
    assert problems(model_of(Span), wrong) == {"attributes": "ends before it begins"}


def test_the_schema_of_a_model():
    assert model_of(Visit).schema() == {
        "type": "object",
        "properties": {
            "patient": {"type": "string", "minLength": 1, "maxLength": 40},
            "starts_at": {"type": "string", "format": "date-time"},
            "minutes": {"type": "integer", "minimum": 5, "maximum": 240},
            "status": {"enum": ["booked", "cancelled", "done"], "default": "booked"},
            "price": {
                "anyOf": [
                    {
                        "type": ["number", "string"],
                        "pattern": r"^-?[0-9]{1,38}(\.[0-9]{1,38})?$",
                        "minimum": 0,
                    },
                    {"type": "null"},
                ]
            },
            "born": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "guests": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string", "minLength": 1},
                        "email": {"type": "string", "default": "", "x-personal": True},
                    },
                    "required": ["name"],
                    "additionalProperties": False,
                },
                "maxItems": 3,
            },
        },
        "required": ["patient", "starts_at", "minutes"],
        "additionalProperties": False,
    }


def test_the_personal_fields_of_a_model():
    @dataclass
    class Family:
        """People."""

        guests: list[Guest]
        by_role: dict[str, Guest]
        address: Annotated[dict[str, str], Personal] = field(default_factory=dict)
        phone: Annotated[str, Personal] | None = None
        notes: list[Annotated[str, Personal]] = field(default_factory=list)
        pets: Literal["none"] = "none"

    names = {"guests[].email", "by_role.*.email", "address", "phone", "notes"}
    assert model_of(Family).personal == names


class Pet(pydantic.BaseModel):
    """A model of pydantic's."""

    name: str = pydantic.Field(min_length=1)
    born: date
    owner: Annotated[str, Personal] = ""


def test_a_model_of_pydantic_is_as_good():
    model = model_of(Pet)

    assert model.made({"name": "Rex", "born": "2020-01-01"}) == Pet(
        name="Rex", born=date(2020, 1, 1)
    )
    assert problems(model, {"name": "", "bogus": 1}) == {
        "attributes.name": "String should have at least 1 character",
        "attributes.born": "is required",
        "attributes.bogus": "is not known",
    }
    assert problems(model, {"name": 5, "born": "2020-01-01"}) == {
        "attributes.name": "Input should be a valid string"
    }
    kept = {"name": "Rex", "born": "2020-01-01", "x": 1}
    assert problems(model_of(Pet, unknown="keep"), kept) == {}
    assert (model.personal, model.names) == ({"owner"}, {"name", "born", "owner"})
    assert model.schema()["additionalProperties"] is False


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "booked", "2026-11-29", "2026-11-29T09:00:00Z", "12.5", "é" * 50]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["name", "email", "x", "minutes"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(
    st.sampled_from([hint for hint, _, _ in FITS]),
    JSON,
)
def test_the_slow_look_finds_something_wrong_wherever_the_fast_one_does(hint, value):
    model = of(hint)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)  # as every value is stored

    told = list(model.structure.problems({"x": value}, "attributes"))

    assert bool(told) == bool(problems(model, {"x": value}))


@pytest.mark.parametrize(
    ("pattern", "fits", "not_so"),
    [
        ("^[a-z]+$", "abc", "abc\n"),
        ("^(a|b$)$", "b", "b\n"),
        (r"^[a$]+\$$", "a$$", "a$$\n"),
        (r"^[]$]$", "$", "$\n"),
        ("(?m)^a$", "a\nb", "b"),
    ],
)
def test_a_patterns_end_is_the_end_of_the_text(pattern, fits, not_so):
    model = of(Annotated[str, Meta(pattern=pattern)])

    assert problems(model, {"x": fits}) == {}
    assert problems(model, {"x": not_so}) == {
        "attributes.x": f"must be a string that matches {pattern}"
    }
    assert model.schema()["properties"]["x"]["pattern"] == pattern
