"""Personal fields of pydantic's models: with aliases, in models of their own, wherever they are."""

from dataclasses import dataclass
from typing import Annotated, Any

import pydantic
import pytest
from tests.support.typed import declaring
from typing_extensions import TypedDict

from sfn_cqrs.kernel.errors import SyncHandlerError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import InvalidModelError, Personal, model_of
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command.handlers import command_type, sync_handler
from sfn_cqrs.machines.command.projection import run_alone
from sfn_cqrs_tools.testing.builders import a_command

KEY = ItemKey("tenant1", "PATIENT", "p-1")


class Guest(pydantic.BaseModel):
    name: Annotated[str, Personal]
    seat: int = 1
    guests: "list[Guest]" = []


@dataclass
class Doctor:
    surname: Annotated[str, Personal]
    ward: str = ""


class Home(TypedDict):
    street: Annotated[str, Personal]
    country: str


class Codes(pydantic.RootModel[list[Annotated[str, Personal]]]):
    pass


class Patient(pydantic.BaseModel):
    mail: Annotated[str, Personal] = pydantic.Field("nobody", alias="eMail")
    phone: Annotated[str | None, Personal] = pydantic.Field(
        None,
        validation_alias=pydantic.AliasChoices("tel", pydantic.AliasPath("contact", "tels", 0)),
    )
    guest: Guest | None = None
    doctors: list[Doctor] = []
    home: dict[str, Home] = {}
    codes: Codes = Codes([])
    second: Annotated[Guest | None, Personal] = None
    city: str = ""
    more: Any = None


ADA = {
    "eMail": "ada, at home",
    "tel": "0791 234567",
    "contact": {"tels": ["0791 111111"], "kind": "private"},
    "guest": {"name": "Charles", "seat": 2, "guests": [{"name": "Babbage"}]},
    "doctors": [{"surname": "Somerville", "ward": "east"}],
    "home": {"summer": {"street": "Marylebone 1", "country": "GB"}},
    "codes": ["code-1", "code-2"],
    "second": {"name": "William", "seat": 3},
    "city": "London",
}
PRIVATE = [
    "ada, at home",
    "0791 234567",
    "0791 111111",
    "Charles",
    "Babbage",
    "Somerville",
    "Marylebone 1",
    "code-1",
    "code-2",
    "William",
]


@pytest.fixture(autouse=True)
def _declared():
    with declaring():
        command_type("PATIENT", publish=MEMBERS, model=Patient)
        yield


def test_every_field_is_found():
    assert model_of(Patient).personal == {
        "eMail",
        "tel",
        "guest.name",
        "doctors[].surname",
        "home.*.street",
        "codes",
        "second",
    }
    assert {"mail", "eMail", "phone", "tel", "contact"} <= model_of(Patient).names
    assert models.personal_values(model_of(Patient), ADA) == [*PRIVATE, "3"]


def test_every_field_is_erased_and_what_is_left_fits():
    model = model_of(Patient)

    erased = model.erased(ADA)

    assert erased == {
        "eMail": "nobody",
        "tel": "[erased]",
        "contact": {"tels": ["[erased]"], "kind": "private"},
        "guest": {"name": "[erased]", "seat": 2, "guests": [{"name": "[erased]"}]},
        "doctors": [{"surname": "[erased]", "ward": "east"}],
        "home": {"summer": {"street": "[erased]", "country": "GB"}},
        "codes": [],
        "second": {"name": "[erased]", "seat": 0},
        "city": "London",
    }
    del erased["contact"]
    assert model.made(erased).guest.guests[0].name == "[erased]"
    assert model.erased({"second": None, "home": None, "guest": 5}) == {
        "second": None,
        "home": None,
        "guest": 5,
    }


def test_a_handlers_error_quotes_none_of_them():
    @sync_handler("PATIENT")
    def one(command):
        raise ValueError(command.attributes)

    with pytest.raises(SyncHandlerError) as failed:
        run_alone(a_command(KEY, attributes=ADA), "one")

    assert [each for each in PRIVATE if each in str(failed.value)] == []
    assert "'city': 'London'" in str(failed.value)


def test_a_validators_own_words_quote_none_and_pydantics_stay():
    class Listed(pydantic.BaseModel):
        name: Annotated[str, Personal]
        age: Annotated[str, Personal] = pydantic.Field("12", max_length=3)

        @pydantic.field_validator("name")
        @classmethod
        def _known(cls, value):
            raise ValueError(f"{value} is on a list")

    with pytest.raises(InvalidModelError) as refused:
        model_of(Listed).made({"name": "Lovelace", "age": "String should"})

    assert refused.value.problems == [
        ("attributes.name", "Value error, [personal] is on a list"),
        ("attributes.age", "String should have at most 3 characters"),
    ]
