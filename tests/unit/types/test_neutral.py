"""What stands for the personal fields of an erased person fits the model."""

from dataclasses import dataclass, field, make_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from tests.support.typed import declaring

from sfn_cqrs.kernel.models.models import Meta, Personal, model_of
from sfn_cqrs.machines.command.handlers import command_type

EPOCH = "1970-01-01T00:00:00Z"
NOBODY = "00000000-0000-0000-0000-000000000000"


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Place:
    street: Annotated[str, Personal]
    country: str = "JP"


@dataclass(frozen=True)
class Home:
    street: str
    floor: int


def of(hint, **default):
    fields = field(**default) if default else field()
    return model_of(make_dataclass("M", [("x", hint, fields)]))


@pytest.mark.parametrize(
    ("hint", "value", "erased"),
    [
        (str, "Ada", "[erased]"),
        (Annotated[str, Meta(max_length=3)], "Ada", "[er"),
        (Annotated[str, Meta(min_length=10)], "Ada Byron K", "[erased].."),
        (int, 7, 0),
        (Annotated[int, Meta(ge=5, le=9)], 7, 5),
        (Annotated[int, Meta(gt=5)], 7, 6),
        (Annotated[int, Meta(le=-5)], -7, -5),
        (Annotated[int, Meta(lt=-5)], -7, -6),
        (float, 1.5, 0),
        (Annotated[float, Meta(gt=1)], 7.5, 1.5),
        (Decimal, "12.50", 0),
        (Annotated[Decimal, Meta(ge=Decimal("0.5"))], "12.50", "0.5"),
        (bool, True, False),
        (datetime, "2026-11-29T09:00:00Z", EPOCH),
        (Annotated[datetime, Meta(tz=False)], "2026-11-29T09:00:00", EPOCH[:-1]),
        (date, "2026-11-29", "1970-01-01"),
        (UUID, "9c5b94b1-35ad-49bb-b118-8e8fc24abf80", NOBODY),
        (Literal["a", "b"], "b", "a"),
        (Colour, "blue", "red"),
        (str | None, "Ada", None),
        (int | str, 7, 0),
        (list[str], ["Ada"], []),
        (Annotated[list[str], Meta(min_length=2)], ["a", "b", "c"], ["[erased]"] * 2),
        (dict[str, int], {"a": 1}, {}),
        (Home, {"street": "a", "floor": 1}, {"street": "[erased]", "floor": 0}),
        (Any, {"a": 1}, None),
    ],
)
def test_a_personal_value_is_replaced_by_one_that_fits(hint, value, erased):
    model = of(Annotated[hint, Personal])
    model.made({"x": value})

    assert model.erased({"x": value}) == {"x": erased}
    model.made({"x": erased})


@pytest.mark.parametrize(("default", "erased"), [("", ""), ("none", "none"), (None, None)])
def test_a_default_stands_for_it(default, erased):
    model = of(Annotated[str | None, Personal], default=default)

    assert model.erased({"x": "Ada"}) == {"x": erased}
    assert model.erased({}) == {}


@pytest.mark.parametrize(
    ("hint", "value", "erased"),
    [
        (Place, {"street": "a", "country": "FR"}, {"street": "[erased]", "country": "FR"}),
        (list[Place], [{"street": "a"}], [{"street": "[erased]"}]),
        (dict[str, Place], {"home": {"street": "a"}}, {"home": {"street": "[erased]"}}),
        (Place | None, {"street": "a"}, {"street": "[erased]"}),
        (Place | None, None, None),
        (str, "kept", "kept"),
    ],
)
def test_what_is_personal_below_is_found_and_the_rest_stays(hint, value, erased):
    assert of(hint).erased({"x": value, "unknown": 1}) == {"x": erased, "unknown": 1}


@dataclass(frozen=True)
class Coded:
    who: str
    phone: Annotated[str, Meta(pattern="^[0-9]+$"), Personal]


@dataclass(frozen=True)
class Safe:
    who: str
    phone: Annotated[str, Meta(pattern="^[0-9]+$"), Personal] = "0"


@dataclass(frozen=True)
class Named:
    who: Annotated[str, Personal] = "nobody"


def test_a_pattern_needs_a_default_and_a_personal_subject_has_none():
    with declaring():
        with pytest.raises(ValueError, match="phone is personal and has a pattern"):
            command_type("CODED", model=Coded, subject="who")
        with pytest.raises(ValueError, match="a personal subject is a text without a default"):
            command_type("NAMED", model=Named, subject="who")
        command_type("CODED", model=Coded)
        command_type("SAFE", model=Safe, subject="who")
