"""A schema checks what is sent and shows a record."""

from dataclasses import dataclass, field
from enum import StrEnum

import pytest
from tests.unit.api.schemas import described

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.http.shapes import body, list_of, record
from sfn_cqrs.kernel.http.values import (
    COUNT,
    FLAG,
    TEXT,
    by_rule,
    given,
    nullable,
    of,
    one_of,
    text,
)

SENT = body(
    "Sent",
    {"name": text("must have a name"), "type": TEXT},
    {
        "mode": {**one_of("fast", "slow"), "default": "slow"},
        "colour": one_of("red", "green", "blue", "black"),
        "isNew": FLAG,
        "cells": {"type": "object"},
        "rows": {**list_of(TEXT), "minItems": 1, "maxItems": 2},
        "note": text(),
        "rule": by_rule(FLAG),
    },
)
WHOLE = {"name": "a", "type": "B"}


class Colour(StrEnum):
    RED = "red"


@dataclass
class Line:
    text: str


@dataclass
class Thing:
    key: str
    row_count: int
    colour: Colour = Colour.RED
    error: str | None = None
    lines: list[Line] = field(default_factory=list)
    first: Line | None = None


LINE = record("Line", {"text": TEXT})
THING = record(
    "Thing",
    {
        "id": of("key", TEXT),
        "rowCount": COUNT,
        "colour": TEXT,
        "half": of(lambda thing: thing.row_count // 2, COUNT),
        "lines": list_of(LINE),
    },
    optional={"error": TEXT, "first": LINE, "more": given(TEXT), "cause": given(nullable(TEXT))},
)


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        ({**WHOLE, "other": 1}, "other: is not known; known: cells, colour, isNew, mode"),
        ({"name": "a"}, "type: is missing"),
        ({"type": "B"}, "name: must have a name"),
        ({"type": "B", "name": None}, "name: must have a name"),
        ({"type": "B", "name": 5}, "name: must be text"),
        ({**WHOLE, "mode": "x"}, "mode: must be fast or slow"),
        ({**WHOLE, "mode": None}, "mode: must be fast or slow"),
        ({**WHOLE, "mode": []}, "mode: must be fast or slow"),
        ({**WHOLE, "colour": "x"}, "colour: must be one of red, green, blue, black"),
        ({**WHOLE, "isNew": 1}, "isNew: must be true or false"),
        ({**WHOLE, "isNew": None}, "isNew: must be true or false"),
        ({**WHOLE, "cells": []}, "cells: must be an object"),
        ({**WHOLE, "rows": []}, "rows: must be a list of 1 to 2"),
        ({**WHOLE, "rows": ["a", "b", "c"]}, "rows: must be a list of 1 to 2"),
        ({**WHOLE, "rows": "ab"}, "rows: must be a list of 1 to 2"),
        ({**WHOLE, "note": {}}, "note: must be text"),
    ],
)
def test_what_is_not_of_its_shape_is_refused(sent, refusal):
    with pytest.raises(InvalidInputError) as refused:
        SENT.checked(sent)

    assert str(refused.value).startswith(refusal)


def test_what_is_right_comes_with_the_defaults_of_what_it_lacks():
    assert SENT.checked(WHOLE) == {**WHOLE, "mode": "slow"}
    assert SENT.checked({**WHOLE, "mode": "fast", "isNew": True}) == {
        **WHOLE,
        "mode": "fast",
        "isNew": True,
    }


def test_a_text_that_is_null_is_as_if_it_were_not_given():
    assert SENT.checked({**WHOLE, "note": None}) == {**WHOLE, "mode": "slow"}


def test_what_a_rule_of_the_domain_checks_is_left_to_it():
    assert SENT.checked({**WHOLE, "rule": "odd", "type": 7})["rule"] == "odd"


def test_a_record_is_shown_by_the_names_of_its_fields_without_what_there_is_not():
    assert THING.view(Thing("a", 4), more="x") == {
        "id": "a",
        "rowCount": 4,
        "colour": "red",
        "half": 2,
        "lines": [],
        "more": "x",
    }


def test_records_inside_of_a_record_are_shown_too():
    thing = Thing("a", 4, error="E", lines=[Line("b"), Line("c")], first=Line("d"))

    shown = THING.view(thing)

    assert (shown["lines"], shown["first"]) == ([{"text": "b"}, {"text": "c"}], {"text": "d"})
    assert shown["error"] == "E"


def test_nothing_is_shown_only_where_it_is_given_and_may_be_null():
    shown = THING.view(Thing("a", 4), more=None, cause=None)

    assert ("more" in shown, shown["cause"]) == (False, None)
    assert "cause" not in THING.view(Thing("a", 4))


def test_the_document_says_nothing_of_how_a_field_is_checked_and_shown():
    def keys(shape):
        if isinstance(shape, dict):
            yield from shape
        for inner in shape.values() if isinstance(shape, dict) else shape:
            if isinstance(inner, dict | list):
                yield from keys(inner)

    found = {name for name in keys(described()) if name.startswith("x-")}

    assert found == {"x-permitted"}
