"""What the API says of types, to people and to programs."""

import json
from copy import deepcopy
from dataclasses import dataclass

import pydantic
import pytest
from jsonschema import Draft202012Validator
from tests.support.typed import GOOD, declare_visits, declaring

from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.policy import MEMBERS, group
from sfn_cqrs.machines.command.handlers import command_type, sync_handler

NOBODY = {"cognito:username": "eve", "custom:tenant": "tenant1"}


@pytest.fixture(autouse=True)
def _visits():
    with declaring():
        declare_visits(guarded=("status",), imports=group("clerk"))
        command_type("LETTER", publish=MEMBERS)
        yield


@pytest.fixture
def document(call):
    return call("GET", "/openapi.json").body


def bodies(document, path="/commands"):
    """Each body of a publish, as one schema that is checked against."""
    schema = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return Draft202012Validator({**schema["schema"], "components": document["components"]})


def test_a_type_is_shown_with_the_schema_of_its_attributes(call):
    @sync_handler("VISIT")
    def visits_by_day(command):
        """Keep nothing."""

    shown = call("GET", "/types/VISIT").body

    schema = shown.pop("schema")
    assert shown == {
        "type": "VISIT",
        "publish": "members of the tenant and machines that sign with IAM",
        "imports": "members of the group clerk",
        "read": "members of the tenant and machines that sign with IAM",
        "guarded": ["status"],
        "lane": "STANDARD",
        "handlers": ["visits_by_day"],
        "shape": 1,
        "personal": ["guests[].email"],
    }
    assert Draft202012Validator(schema).is_valid(GOOD)
    assert not Draft202012Validator(schema).is_valid({**GOOD, "minutes": 3})


def test_types_are_listed_for_whoever_may_read_or_publish_them(call):
    command_type("SECRET", read=group("cashier"))
    command_type("LETTERBOX", read=group("cashier"), publish=MEMBERS)

    listed = {one["type"]: one for one in call("GET", "/types", claims=NOBODY).body["items"]}
    refused = call("GET", "/types/SECRET", claims=NOBODY)
    unknown = call("GET", "/types/NOTHING", claims=NOBODY)

    assert {"VISIT", "LETTERBOX"} <= listed.keys()
    assert "SECRET" not in listed
    assert "schema" not in listed["LETTERBOX"]
    assert (refused.status, refused.body["code"]) == (403, "not_permitted")
    assert (unknown.status, unknown.body["code"]) == (400, "unknown_type")
    assert call("GET", "/types/LETTERBOX", claims=NOBODY).status == 200


def test_the_body_of_a_publish_is_one_of_those_of_each_type(document):
    check = bodies(document)
    whole = {"type": "VISIT", "code": "v", "name": "x", "attributes": GOOD}
    good = [
        whole,
        {"type": "VISIT", "code": "v", "partial": True, "attributes": {"minutes": 5}},
        {"type": "VISIT", "code": "v", "partial": True, "attributes": {"price": None}},
        {"type": "VISIT", "code": "v", "partial": True, "name": "y"},
        {"type": "LETTER", "code": "l", "name": "x", "attributes": {"anything": 1}},
    ]
    wrong = deepcopy(whole)
    wrong["attributes"]["minutes"] = "lots"
    bad = [
        wrong,
        {"type": "VISIT", "code": "v", "name": "x", "attributes": {}},
        {"type": "VISIT", "code": "v", "partial": True, "attributes": {"minutes": 3}},
        {"type": "NOTHING", "code": "v", "name": "x", "attributes": {}},
    ]

    assert [check.is_valid(one) for one in good] == [True] * len(good)
    assert [check.is_valid(one) for one in bad] == [False] * len(bad)


def test_a_body_has_no_field_that_no_client_writes_and_the_item_has_it(document):
    check = bodies(document)
    whole = {"type": "VISIT", "code": "v", "name": "x"}
    status = {"attributes": {**GOOD, "status": "booked"}}

    assert check.is_valid({**whole, "attributes": GOOD})
    assert not check.is_valid({**whole, **status})
    assert not check.is_valid({"type": "VISIT", "code": "v", "partial": True, **status})
    assert "status" in document["components"]["schemas"]["VISIT"]["properties"]


def test_a_guarded_field_may_be_sent_with_its_default_and_with_no_other_value(call):
    def sent(code, **attributes):
        body = {"type": "VISIT", "code": code, "name": "x", "version": -1}
        return call("POST", "/commands", {**body, "attributes": {**GOOD, **attributes}})

    created, repeated = sent("v-1", status="booked"), sent("v-1", status="booked", minutes=40)
    bare, later = sent("v-2"), sent("v-2", status="booked", minutes=40)
    refused = sent("v-3", status="done")

    assert [one.status for one in (created, repeated, bare, later)] == [202] * 4
    assert (refused.status, refused.body["code"]) == (403, "not_permitted")


def test_the_commands_of_a_batch_are_of_the_same_bodies_with_their_keys(document):
    check = bodies(document, "/commands/batch")
    whole = {"type": "VISIT", "code": "v", "name": "x", "attributes": GOOD}
    letter = {"type": "LETTER", "code": "l", "name": "x", "attributes": {"anything": 1}}
    change = {"type": "VISIT", "code": "v", "partial": True, "attributes": {"minutes": 5}}
    keyed = {**whole, "idempotencyKey": "k-1"}
    wrong = {**whole, "attributes": {**GOOD, "minutes": "lots"}}

    assert check.is_valid({"commands": [keyed, letter, change]})
    assert not check.is_valid({"commands": [keyed, wrong]})
    assert not check.is_valid({"commands": []})


def test_the_document_shows_a_schema_only_to_whoever_may_use_the_type(call):
    @dataclass
    class Payslip:
        """What somebody earns."""

        card: str

    command_type("PAYSLIP", read=group("cashier"), model=Payslip)

    schemas = call("GET", "/openapi.json", claims=NOBODY).body["components"]["schemas"]

    assert "VISIT" in schemas
    assert "PAYSLIP" not in schemas


def test_every_reference_of_a_model_of_pydantic_leads_somewhere(call):
    class Owner(pydantic.BaseModel):
        """Who has a pet."""

        name: str

    class Pet(pydantic.BaseModel):
        """A pet."""

        owner: Owner

    command_type("PET", publish=MEMBERS, model=Pet)

    document = call("GET", "/openapi.json").body

    body = {"type": "PET", "code": "p", "name": "Rex", "attributes": {"owner": {"name": "ada"}}}
    assert bodies(document).is_valid(body)
    assert not bodies(document).is_valid({**body, "attributes": {"owner": {"name": 5}}})
    assert "$defs" not in json.dumps(document)
    assert "PET.Owner" in document["components"]["schemas"]


def test_without_a_model_the_body_is_as_ever(call):
    with declaring():
        models._typed.clear()
        document = call("GET", "/openapi.json").body

    schema = document["paths"]["/commands"]["post"]["requestBody"]["content"]["application/json"]
    assert schema["schema"] == {"$ref": "#/components/schemas/Publish"}


def test_the_page_has_a_body_for_the_first_of_them(call):
    with declaring():
        models._typed.clear()  # other packages of handlers may be loaded
        declare_visits()
        page = call("GET", "/docs").text

    assert '<a href="#Publish_VISIT"><code>Publish_VISIT</code></a> or ' in page
    assert "&quot;minutes&quot;: 5" in page
