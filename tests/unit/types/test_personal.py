"""Values of personal fields are masked wherever an error may quote them."""

from dataclasses import dataclass, field
from typing import Annotated

import pytest
from tests.support.typed import declaring

from sfn_cqrs.domain import masking, models
from sfn_cqrs.domain.errors import InvalidInputError, SyncHandlerError
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.domain.models import Personal, model_of
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service.commands.projection import project_many, run_handler
from sfn_cqrs.service.handlers import command_type, sync_handler, up_many
from sfn_cqrs_tools.testing.builders import a_command

KEY = ItemKey("tenant1", "PERSON", "p-1")


@dataclass
class Contact:
    email: Annotated[str, Personal] = ""


@dataclass
class Person:
    name: Annotated[str, Personal]
    phone: Annotated[int, Personal] = 0
    contacts: list[Contact] = field(default_factory=list)
    by_role: dict[str, Contact] = field(default_factory=dict)
    city: str = ""


ADA = {
    "name": "Ada Lovelace",
    "phone": 4915112345,
    "contacts": [{"email": "Lovelace at home"}],
    "by_role": {"boss": {"email": "Lovelace at work"}},
    "city": "London",
}
QUOTED = f"{ADA['name']}, {ADA['phone']}, Lovelace at home, Lovelace at work, London"
MASKED = "[personal], [personal], [personal], [personal], London"


@pytest.fixture(autouse=True)
def _persons(monkeypatch):
    monkeypatch.setattr(masking, "_personal", {})
    with declaring():
        command_type("PERSON", publish=MEMBERS, model=Person, subject="name")
        yield


@pytest.mark.usefixtures("world")
def test_a_handlers_error_quotes_no_personal_value(log):
    @sync_handler("PERSON")
    def one(_command):
        raise ValueError(QUOTED)

    @up_many(one)
    def many(_commands):
        raise ValueError(QUOTED)

    command = a_command(KEY, attributes=ADA)
    with pytest.raises(SyncHandlerError) as failed:
        run_handler(command, "one")
    assert project_many("PERSON", [command]) == [command]

    assert masking.masked(str(failed.value)).startswith(f"one: ValueError: {MASKED}")
    assert "Lovelace" not in log.getvalue()
    assert "[personal]" in log.getvalue()


@pytest.mark.usefixtures("world")
def test_a_rules_words_quote_none_to_a_client(call):
    def rule(_before, after):
        raise InvalidInputError("attributes.name", f"{after.name} of {after.city} is on a list")

    command_type("PERSON", publish=MEMBERS, model=Person, check=rule)
    body = {"type": "PERSON", "code": "p-1", "name": "x", "attributes": ADA}

    answer = call("POST", "/commands", body)

    assert answer.body["detail"] == "attributes.name: [personal] of London is on a list"


def test_the_subject_is_shown(call):
    assert call("GET", "/types/PERSON").body["subject"] == "name"
    assert call("GET", "/types/PERSON").body["personal"] == [
        "by_role.*.email",
        "contacts[].email",
        "name",
        "phone",
    ]


def test_short_values_are_part_of_words_and_only_the_last_values_are_kept():
    masking.hide(["Bo", *(f"value-{number}-" for number in range(masking.MOST + 1))])

    assert masking.masked("Bo, value-0-, value-500-") == "Bo, value-0-, [personal]"
    assert len(masking._personal) == masking.MOST


def test_the_longest_value_is_masked_first():
    masking.hide(["Lovelace", "Ada Lovelace"])

    assert masking.masked("Ada Lovelace") == "[personal]"


@pytest.mark.parametrize("joined", ["Lovelace-7", "Lovelaces", "xLovelace2", "für Lovelaceさん"])
def test_a_value_that_code_has_joined_with_other_text_is_masked(joined):
    masking.hide(["Lovelace"])

    assert masking.masked(joined) == joined.replace("Lovelace", "[personal]")


def test_what_is_not_there_hides_nothing():
    models.hide_personal(model_of(Person), {"contacts": None, "by_role": [], "name": None})
    models.hide_personal(model_of(Person), None)
    models.hide_personal(None, ADA)

    assert masking._personal == {}
