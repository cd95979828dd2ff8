"""Which changes of a model stored versions may not fit."""

import dataclasses
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.typed import declaring
from tests.unit.kernel.test_models import problems

from sfn_cqrs.kernel.models.models import Meta, model_of
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs_tools.stack.type_changes import breaking
from sfn_cqrs_tools.testing.golden import golden_documents


def model(*fields):
    return model_of(dataclasses.make_dataclass("Sample", fields))


def changes(before, after):
    return [reason for _, reason in breaking(model(before).schema(), model(after).schema())]


X = ("x", int)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (X, X),
        (X, ("x", int | None)),
        (X, ("x", float)),
        (X, ("x", Any)),
        (X, ("x", int, 5)),
        (("x", Annotated[int, Meta(ge=5, le=7)]), ("x", Annotated[int, Meta(ge=4)])),
        (("x", Literal["a"]), ("x", Literal["a", "b"])),
        (("x", Literal["a"]), ("x", str)),
        (("x", list[int]), ("x", list[int | None])),
        (("x", str), ("x", str | list[str])),
        (("x", Decimal), ("x", Decimal | None)),
        (X, ("x", Decimal)),
    ],
    ids=str,
)
def test_a_wider_model_breaks_nothing(before, after):
    assert changes(before, after) == []


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (("x", int, 5), X, "is required, and was not"),
        (X, ("x", str), "was integer, and is string"),
        (("x", float), X, "was number, and is integer"),
        (("x", int | None), X, "was null, and is integer"),
        (("x", Any), X, "was any value, and is integer"),
        (X, ("x", Annotated[int, Meta(ge=5)]), "has minimum 5, and had none"),
        (
            ("x", Annotated[int, Meta(le=7)]),
            ("x", Annotated[int, Meta(le=6)]),
            "has maximum 6, and had 7",
        ),
        (("x", str), ("x", Literal["a"]), "has only the values a, and had others"),
        (("x", Literal["a", "b"]), ("x", Literal["a"]), "has no longer the value b"),
        (("x", str), ("x", date), "has format date, and had none"),
        (("x", list[int]), ("x", list[str]), "was integer, and is string"),
        (("x", dict[str, int]), ("x", dict[str, str]), "was integer, and is string"),
        (("x", str), ("x", Annotated[str, Meta(pattern="a")]), "has pattern a, and had none"),
        (
            ("x", str),
            ("x", Decimal),
            "has pattern ^-?[0-9]{1,38}(\\.[0-9]{1,38})?$, and had none",
        ),
    ],
    ids=str,
)
def test_a_narrower_model_is_named_with_the_field(before, after, reason):
    ((path, said),) = breaking(model(before).schema(), model(after).schema())

    assert path.startswith("attributes.x")
    assert said == reason


def test_a_field_that_is_renamed_is_removed_and_required():
    found = breaking(model(X).schema(), model(("y", int)).schema())

    assert found == [
        ("attributes.x", "is removed"),
        ("attributes.y", "is required, and was not"),
    ]


def test_models_of_pydantic_are_compared_through_their_definitions():
    class Owner(pydantic.BaseModel):
        name: str

    class Before(pydantic.BaseModel):
        owner: Owner

    schema = model_of(Before).schema()
    after = json.loads(json.dumps(schema).replace('"type": "string"', '"type": "integer"'))

    assert breaking(schema, schema) == []
    assert [path for path, _ in breaking(schema, after)] == ["attributes.owner.name"]


HINTS = st.sampled_from(
    [
        *(int, float, bool, str, Any, int | None, str | None, date, Decimal, list[int]),
        *(list[int | None], dict[str, int], Literal["a"], Literal["a", "b"], int | str),
        *(Annotated[int, Meta(ge=0)], Annotated[str, Meta(max_length=1)]),
    ]
)
VALUES = st.sampled_from(
    [None, True, -1, 0, 1.5, "a", "b", "aa", "2026-11-29", "1.5", [], [1], [None], {}, {"a": 1}]
)


@given(HINTS, HINTS, VALUES, st.booleans(), st.booleans())
def test_what_fits_the_model_before_fits_one_that_breaks_nothing(
    before, after, value, was_optional, is_optional
):
    old = model(("x", before, None) if was_optional else ("x", before))
    new = model(("x", after, None) if is_optional else ("x", after))
    if breaking(old.schema(), new.schema()):
        return

    for attributes in ({"x": value}, {}):
        if not problems(old, attributes):
            assert problems(new, attributes) == {}


@dataclass
class Visit:
    """A visit."""

    minutes: int


@pytest.fixture
def _visits():
    with declaring():
        upcast = {1: lambda old: {"minutes": old["duration"]}}
        command_type("VISIT", model=Visit, shape=2, upcast=upcast)
        yield


@pytest.mark.usefixtures("_visits")
def test_golden_documents_of_every_shape_are_read(tmp_path):
    (tmp_path / "VISIT.1.json").write_text('[{"duration": 5}]')

    golden_documents(tmp_path, "VISIT", {"minutes": 30})
    golden_documents(tmp_path, "VISIT", {"minutes": 45})

    assert json.loads((tmp_path / "VISIT.2.json").read_text()) == [{"minutes": 30}]


@pytest.mark.usefixtures("_visits")
@pytest.mark.parametrize(
    ("documents", "reason"),
    [(None, "VISIT.1.json is missing"), ('[{"duration": "long"}]', r"VISIT.1.json\[0\] does not")],
)
def test_a_golden_document_that_is_missing_or_does_not_fit_fails(tmp_path, documents, reason):
    if documents:
        (tmp_path / "VISIT.1.json").write_text(documents)

    with pytest.raises(AssertionError, match=reason):
        golden_documents(tmp_path, "VISIT", {"minutes": 30})
