"""Values of personal fields are masked wherever an error may quote them."""

import importlib.util
import json
import re
import traceback
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated

import pytest
from tests.support.typed import declaring

from sfn_cqrs.kernel import masking
from sfn_cqrs.kernel.errors import InvalidInputError, StepRefusedError, SyncHandlerError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import Personal, model_of
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command.handlers import command_type, sync_handler, up_many
from sfn_cqrs.machines.command.projection import project_many, run_alone, run_handler
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

    assert str(failed.value).startswith(f"one: ValueError: {MASKED}")
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
    masking.hide("tenant1", ["Bo", *(f"value-{number}-" for number in range(masking.MOST + 1))])

    assert masking.masked_line("Bo, value-0-, value-500-") == "Bo, value-0-, [personal]"
    assert len(masking._personal["tenant1"]) == masking.MOST


def test_only_the_last_tenants_are_kept_and_a_busy_one_takes_no_other_ones_place():
    for number in range(masking.TENANTS):
        masking.hide(f"tenant{number}", [f"value-{number}-"])
    masking.hide("tenant0", (f"another-{number}-" for number in range(9 * masking.MOST)))
    masking.hide("one more", ["Lovelace"])

    assert masking.masked_line("value-1-, value-2-, Lovelace") == "value-1-, [personal], [personal]"


def test_a_line_ends_where_a_long_value_begins_and_little_of_the_value_is_kept():
    masking.hide("tenant1", ["She has " + "a long history. " * 100_000])

    assert masking.masked_line("wrong: She has " + "a long history. " * 20) == "wrong: [personal]"
    assert sum(map(len, masking._personal["tenant1"])) == masking.LONGEST


def test_a_line_of_a_tenant_has_only_this_tenants_values_masked():
    masking.hide("tenantA", ["must", "Lovelace"])
    masking.hide("tenantB", ["Hopper"])

    said = "Lovelace and Hopper must"
    assert masking.masked_line(said, "tenantA") == "[personal] and Hopper [personal]"
    assert masking.masked_line(said, "tenantB") == "Lovelace and [personal] must"
    assert masking.masked_line(said, "tenantC") == said
    assert masking.masked_line(said) == "[personal] and [personal] [personal]"


def test_a_tenants_values_tell_nothing_to_another_and_take_no_words_from_it(call, log):
    masking.hide("tenantA", ["Janet Secretname", "does", "exist"])

    answer = call("GET", "/data/PERSON/Janet%20Secretname")
    logger.info("Janet Secretname does exist", tenant="tenant1")
    logger.info("Janet Secretname does exist")

    assert answer.body["detail"] == "PERSON Janet Secretname does not exist"
    assert [json.loads(line)["message"] for line in log.getvalue().splitlines()[-2:]] == [
        "Janet Secretname does exist",
        "[personal] [personal] [personal]",
    ]


@pytest.mark.usefixtures("world")
def test_our_own_refusals_keep_their_words_whatever_a_person_is_called(call):
    ada = {**ADA, "name": "must", "contacts": [{"email": "string"}], "phone": "number"}
    body = {"type": "PERSON", "code": "p-1", "name": "x", "attributes": ada}

    answer = call("POST", "/commands", body)

    assert answer.body["detail"] == "attributes.phone: must be an integer"


@pytest.mark.usefixtures("world")
def test_a_rules_refusal_quotes_neither_what_was_nor_what_is(call):
    def rule(before, after):
        return before and f"{before.name} of {before.city} is now {after.name}"

    command_type("PERSON", publish=MEMBERS, model=Person, check=rule)
    body = {"type": "PERSON", "code": "p-1", "name": "x", "attributes": ADA}
    call("POST", "/commands", body)

    later = {**body, "version": 1, "attributes": {**ADA, "name": "Augusta King"}}
    answer = call("POST", "/commands", later)

    assert answer.body["detail"] == "[personal] of London is now [personal]"


def test_the_longest_value_is_masked_first():
    masking.hide("tenant1", ["Lovelace", "Ada Lovelace"])

    assert masking.masked_line("Ada Lovelace") == "[personal]"
    assert masking.masked("Ada Lovelace", ["Lovelace", "Ada Lovelace"]) == "[personal]"


@pytest.mark.parametrize("joined", ["Lovelace-7", "Lovelaces", "xLovelace2", "für Lovelaceさん"])
def test_a_value_that_code_has_joined_with_other_text_is_masked(joined):
    masking.hide("tenant1", ["Lovelace"])

    assert masking.masked_line(joined) == joined.replace("Lovelace", "[personal]")
    assert masking.masked(joined, ["Lovelace"]) == joined.replace("Lovelace", "[personal]")


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("Ada Lovelace", None),
        ("D'Arcy", None),
        ('D\'Arcy "Zed"', None),
        ("Road 1\nFlat 5", None),
        ("C:\\Users\\ada", None),
        ("Straße 5 \U0001f3e0", None),
        ("1990-05-17", date(1990, 5, 17)),
        ("1990-05-17T09:30:00Z", datetime(1990, 5, 17, 9, 30, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize(
    "quote",
    [
        str,
        repr,
        ascii,
        json.dumps,
        lambda value: json.dumps(value, ensure_ascii=False),
        lambda value: repr({"name": value, "said": 'it\'s "so"'}),
        lambda value: repr(f'it\'s "{value}"'),
    ],
)
def test_a_value_is_masked_in_whatever_form_a_text_quotes_it(value, made, quote):
    given = quote(value) if made is None or quote is json.dumps else repr(made) + str(made)
    kept = re.sub("[^A-Za-z0-9]+", "", value)[:9]

    for said in (masking.masked(given, [value]), _of_log(given, value)):
        assert "[personal]" in said
        assert kept not in re.sub("[^A-Za-z0-9]+", "", said)


def _of_log(text, value):
    masking.hide("tenant1", [value])
    return masking.masked_line(text)


class QuotingError(Exception):
    """An exception whose text its arguments do not have."""

    def __init__(self, name):
        super().__init__()
        self.__hidden = lambda: name

    def __str__(self):
        return f"no {self.__hidden()}"


def test_an_exception_and_its_causes_are_masked_and_stay_what_they_are():
    error = StepRefusedError("NoAda", "Ada Lovelace is refused")
    error.__cause__ = ExceptionGroup("two", [KeyError("Ada Lovelace"), ValueError(7)])
    error.add_note("for Ada Lovelace")

    assert masking.mask(error, ["Ada Lovelace"]) is error
    assert str(error) == "[personal] is refused"
    assert error.__notes__ == ["for [personal]"]
    assert repr(error.__cause__.exceptions) == "(KeyError('[personal]'), ValueError(7))"


def test_an_exception_whose_text_cannot_be_changed_is_replaced_by_one_of_its_name():
    @sync_handler("PERSON")
    def one(command):
        raise QuotingError(command.attributes["name"])

    with pytest.raises(SyncHandlerError) as failed:
        run_alone(a_command(KEY, attributes=ADA), "one")

    assert str(failed.value).startswith("one: QuotingError: no [personal]\n")
    assert "test_personal.py" in str(failed.value)
    assert "Lovelace" not in "".join(traceback.format_exception(failed.value))


def test_a_module_that_is_made_anew_masks_what_the_one_before_it_knew():
    masking.hide("tenant1", ["Ada Lovelace"])  # of the fixture, not of the process
    found = importlib.util.find_spec(masking.__name__)
    before, after = (importlib.util.module_from_spec(found) for _ in range(2))
    found.loader.exec_module(before)
    before.hide("tenant9", ["Grace Hopper"])

    found.loader.exec_module(after)

    assert after.masked_line("Grace Hopper") == "[personal]"
    before._personal.pop("tenant9")


def test_handlers_that_run_at_once_lose_none_of_each_others_values():
    def values():
        yield "Babbage"
        masking.hide("tenant1", ["Lovelace"])  # as another thread does meanwhile
        yield "Somerville"

    masking.hide("tenant1", values())

    assert masking.masked_line("Babbage, Lovelace, Somerville", "tenant1") == (
        "[personal], [personal], [personal]"
    )


def test_what_is_not_there_hides_nothing():
    for value in ({"contacts": None, "by_role": [], "name": None}, None):
        with models.hiding("tenant1", model_of(Person), value):
            pass
    with models.hiding("tenant1", None, ADA):
        pass

    assert masking._personal == {}
