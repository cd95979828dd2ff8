"""The form of a type's attributes: its inputs, and what is sent of them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from tests.support.typed import Visit

from sfn_cqrs.kernel.models.models import InvalidModelError, Meta, Personal, model_of
from sfn_cqrs_tools.console.application import Refused
from sfn_cqrs_tools.console.schema_form import SchemaForm

STORED = {
    "patient": "ada",
    "starts_at": "2026-11-29T10:00:00+01:00",
    "minutes": 30,
    "price": "12.50",
    "born": "1980-02-29",
    "guests": [{"name": "bob", "email": "bob@example.com"}, {"name": "cyd"}],
}


def filled(inputs):
    """What a browser sends of inputs as they are."""
    form = {}
    for one in inputs:
        form |= filled(one.inputs) if one.inputs or one.kind in ("group", "list") else {}
        if one.kind not in ("group", "list"):
            form[one.name] = one.value
        if one.was:
            form[f"{one.name}.~was"] = one.was
    return form


def form_of(cls, **options):
    return model_of(cls, **options).schema()


def sent(schema, form):
    return SchemaForm(schema, {f"attributes.{name}": text for name, text in form.items()}).read()


def test_each_field_has_the_input_of_its_kind():
    @dataclass
    class Every:
        """A field of each kind."""

        text: str
        many: Annotated[str, Meta(max_length=1_000)]
        whole: Annotated[int, Meta(ge=5, le=240)]
        real: float
        money: Decimal
        day: date
        moment: datetime
        local: Annotated[datetime, Meta(tz=False)]
        yes: bool
        choice: Literal["a", "b"] = "a"
        number: Literal[1, 2] | None = None
        anything: Any = None
        free: dict[str, int] = field(default_factory=dict)
        either: int | str = 0
        email: Annotated[str, Personal] = ""

    inputs = {one.label: one for one in SchemaForm(form_of(Every)).inputs({})}

    assert {name: one.kind for name, one in inputs.items()} == {
        **{"text": "text", "many": "lines", "whole": "integer", "real": "number"},
        **{"money": "decimal", "day": "date", "moment": "moment", "local": "text", "yes": "flag"},
        **{"choice": "choice", "number": "choice", "anything": "json", "free": "json"},
        **{"either": "json", "email": "text"},
    }
    assert inputs["whole"].limits == (("min", "5"), ("max", "240"))
    assert inputs["whole"].note == "from 5, to 240"
    assert inputs["choice"].choices == ("a", "b")
    assert inputs["choice"].note == "a if empty"
    assert inputs["number"].choices == ("1", "2")
    assert inputs["email"].note == "personal"
    assert [name for name, one in inputs.items() if one.is_needed] == list(inputs)[:9]


def test_objects_are_groups_and_lists_have_an_entry_to_add():
    (guests,) = [one for one in SchemaForm(form_of(Visit)).inputs(STORED) if one.label == "guests"]

    assert (guests.kind, [one.kind for one in guests.inputs]) == ("list", ["group", "group"])
    assert guests.inputs[1].inputs[0].name == "attributes.guests.1.name"
    assert guests.inputs[1].inputs[0].value == "cyd"
    assert guests.blank.inputs[0].name == "attributes.guests.~.name"
    assert guests.note == "at most 3 entries"


def test_what_is_shown_is_sent_as_it_was():
    schema = form_of(Visit)
    shown = filled(SchemaForm(schema).inputs(STORED))

    assert shown["attributes.starts_at"] == "2026-11-29T09:00:00"
    assert SchemaForm(schema, shown).read() == STORED
    shown["attributes.starts_at"] = "2026-11-29T09:00"  # as a browser shortens it
    assert SchemaForm(schema, shown).read() == STORED


def test_what_is_written_is_sent_as_its_kind():
    form = {
        "patient": "bob",
        "starts_at": "2026-12-01T08:30",
        "starts_at.~was": "2026-11-29T09:00:00Z",
        "minutes": "45",
        "status": "",
        "price": "7.50",
        "born": "",
    }

    assert sent(form_of(Visit), form) == {
        "patient": "bob",
        "starts_at": "2026-12-01T08:30:00Z",
        "minutes": 45,
        "price": "7.50",
    }


def test_entries_that_are_added_and_emptied_are_numbered_as_they_are_sent():
    form = {
        "guests.0.name": "",
        "guests.0.email": "",
        "guests.1.name": "bob",
        "guests.1000.name": "cyd",
        "guests.1000.email": "cyd@example.com",
        "guests.1001.name": "",
    }
    schema = form_of(Visit)

    again = SchemaForm(schema, {f"attributes.{name}": text for name, text in form.items()})
    (guests,) = [one for one in again.inputs(STORED) if one.label == "guests"]

    assert again.read()["guests"] == [{"name": "bob"}, {"name": "cyd", "email": "cyd@example.com"}]
    assert [one.inputs[0].value for one in guests.inputs] == ["bob", "cyd"]


def test_a_form_that_is_refused_is_shown_as_it_was_written():
    written = {"attributes.minutes": "lots", "attributes.patient": ""}
    form = SchemaForm(form_of(Visit), written)

    shown = {one.label: one.value for one in form.inputs(STORED)}
    with pytest.raises(InvalidModelError) as refused:
        model_of(Visit).made(form.read())

    assert (shown["minutes"], shown["patient"], shown["born"]) == ("lots", "", "")
    assert [name for name, _ in refused.value.problems] == [
        "attributes.patient",
        "attributes.starts_at",
        "attributes.minutes",
    ]


def test_what_has_no_field_is_kept_as_json():
    schema = form_of(Visit, unknown="keep")
    stored = {**STORED, "extra": {"a": 1}}

    shown = filled(SchemaForm(schema).inputs(stored))

    assert "extra" in shown["attributes.~more"]
    assert SchemaForm(schema, shown).read() == stored


def test_json_that_is_none_is_told_at_its_field():
    @dataclass
    class Free:
        """Anything."""

        more: dict[str, int]

    with pytest.raises(Refused) as refused:
        sent(form_of(Free), {"more": "{"})

    assert "Not valid JSON" in refused.value.fields["attributes.more"]


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (bool, "true", {"x": True}),
        (bool, "false", {"x": False}),
        (bool, "", {}),
        (str, "", {"x": ""}),
        (str | None, "", {"x": None}),
        (int, "", {}),
        (int, "5.5", {"x": 5.5}),
        (float, "5", {"x": 5}),
        (Literal[1, 2], "2", {"x": 2}),
        (list[str], "", {"x": []}),
        (Any, '{"a": 1}', {"x": {"a": 1}}),
    ],
    ids=str,
)
def test_a_needed_field_is_sent_as_it_is_filled(hint, text, value):
    sample = dataclass(type("Sample", (), {"__annotations__": {"x": hint}}))

    assert sent(form_of(sample), {"x": text}) == value


def test_a_group_that_is_not_needed_is_left_out_unless_it_is_filled():
    @dataclass
    class Place:
        """A place."""

        street: str
        floor: int | None = None

    @dataclass
    class Person:
        """A person."""

        home: Place
        work: Place | None = None

    schema = form_of(Person)
    (home, work) = SchemaForm(schema).inputs({})

    assert [one.is_needed for one in (*home.inputs, *work.inputs)] == [True, False, False, False]
    assert sent(schema, {"home.street": "", "work.street": ""}) == {"home": {}}
    assert sent(schema, {"home.street": "x", "work.floor": "2"}) == {
        "home": {"street": "x"},
        "work": {"street": "", "floor": 2},
    }
