"""Unique values: what a publish reserves, frees and refuses, in every way in."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from tests.support.typed import declaring

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import NotUniqueError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.policy import MEMBERS, Client, own
from sfn_cqrs.kernel.unique import Unique, exactly
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.service import CommandService


@dataclass(frozen=True)
class Customer:
    email: Annotated[str, Personal] = ""
    country: str = ""
    vat: str = ""
    owner: str = ""


@pytest.fixture(autouse=True)
def _customers(world):
    with declaring(), bootstrap.override(audit_tables=world.erased_tables):
        handlers.command_type(
            "CUSTOMER", publish=MEMBERS, model=Customer, unique=("email", ("country", "vat"))
        )
        yield


@pytest.fixture
def publish(service):
    """Publish a customer on its latest version."""

    def made(code, *, version=-1, is_deleted=False, caller=None, is_sync=False, **attributes):
        call = service.publish_sync if is_sync else service.publish
        return call(
            "CUSTOMER",
            code,
            name=code,
            attributes=attributes,
            version=version,
            is_deleted=is_deleted,
            caller=caller,
        )

    return made


@pytest.mark.parametrize("is_sync", [False, True])
def test_a_value_that_another_item_has_is_refused_and_the_refusal_names_it(publish, is_sync):
    publish("c-1", email="ada@example.com", is_sync=is_sync)

    with pytest.raises(NotUniqueError) as refused:
        publish("c-2", email="ada@example.com", is_sync=is_sync)

    assert (refused.value.code, refused.value.field) == ("not_unique", "attributes.email")
    assert refused.value.taken_by == "c-1"
    assert bootstrap.commands().latest(ItemKey("tenant1", "CUSTOMER", "c-2")) is None


@pytest.mark.parametrize("other", ["ADA@example.com", " ada@Example.com ", "ａｄａ@example.com"])
def test_texts_that_differ_in_case_space_or_encoding_are_the_same(other, publish):
    publish("c-1", email="ada@example.com")

    with pytest.raises(NotUniqueError):
        publish("c-2", email=other)


def test_a_type_may_say_what_the_same_is(publish):
    handlers.command_type("CUSTOMER", model=Customer, unique=(Unique("email", normal=exactly),))
    publish("c-1", email="ada@example.com")

    publish("c-2", email="ADA@example.com")

    with pytest.raises(NotUniqueError):
        publish("c-3", email="ADA@example.com")


def test_several_fields_are_unique_together_and_what_lacks_one_reserves_nothing(publish):
    publish("c-1", country="DE", vat="1")
    publish("c-2", country="AT", vat="1")
    publish("c-3", country="DE")
    publish("c-4", country="DE")

    with pytest.raises(NotUniqueError) as refused:
        publish("c-5", country="de", vat="1")

    assert refused.value.field == "attributes.country,vat"


def test_a_change_frees_the_old_value_and_keeps_what_stays(publish):
    publish("c-1", email="a@example.com", country="DE", vat="1")
    publish("c-1", email="b@example.com", country="DE", vat="1")

    publish("c-2", email="a@example.com")

    with pytest.raises(NotUniqueError):
        publish("c-3", email="b@example.com")
    with pytest.raises(NotUniqueError):
        publish("c-3", country="DE", vat="1")


def test_a_deletion_frees_and_a_revival_asks_again(publish, service):
    publish("c-1", email="a@example.com")
    service.delete("CUSTOMER", "c-1")
    publish("c-2", email="a@example.com")

    with pytest.raises(NotUniqueError):
        publish("c-1", email="a@example.com")
    service.delete("CUSTOMER", "c-2")
    publish("c-1", email="a@example.com")


def test_a_partial_change_keeps_the_value_that_it_does_not_name(publish, service):
    publish("c-1", email="a@example.com")
    publish("c-2", email="b@example.com")

    service.publish_partial("CUSTOMER", "c-1", attributes={"owner": "x"})

    with pytest.raises(NotUniqueError):
        service.publish_partial("CUSTOMER", "c-2", attributes={"email": "a@example.com"})


def test_each_tenant_and_each_type_has_its_own_values(publish):
    handlers.command_type("SUPPLIER", model=Customer, unique=("email",))
    publish("c-1", email="a@example.com")

    CommandService("tenant2").publish(
        "CUSTOMER", "c-2", name="x", attributes={"email": "a@example.com"}
    )
    CommandService("tenant1").publish(
        "SUPPLIER", "c-3", name="x", attributes={"email": "a@example.com"}
    )


def test_only_who_may_read_the_other_item_is_told_which_it_is(publish):
    handlers.command_type(
        "CUSTOMER", publish=MEMBERS, read=own("owner"), model=Customer, unique=("email",)
    )
    publish("c-1", email="a@example.com", owner="ada")

    for user, told in (("ada", "c-1"), ("bob", "")):
        caller = Caller(user, client=Client(user=user))
        with pytest.raises(NotUniqueError) as refused:
            publish("c-2", email="a@example.com", owner=user, caller=caller)
        assert refused.value.taken_by == told
        assert ("c-1" in str(refused.value)) == bool(told)


def test_the_index_holds_no_value_and_nothing_that_another_tenants_has(publish, world):
    publish("c-1", email="ada@example.com")
    CommandService("tenant2").publish(
        "CUSTOMER", "c-1", name="x", attributes={"email": "ada@example.com"}
    )

    kept = [item for item in world.dynamodb.items("CommandsTable") if "UNIQUE#" in item["pk"]["S"]]
    hashes = {item["pk"]["S"].rpartition("#")[2] for item in kept if item["sk"]["S"] == "UNIQUE"}
    assert "example" not in str(kept)
    assert len(hashes) == 2


def test_the_same_request_again_is_answered_as_before(publish):
    caller = Caller("ada", idempotency_key="k")

    first = publish("c-1", email="a@example.com", version=0, caller=caller)

    assert publish("c-1", email="a@example.com", version=0, caller=caller) == first


def test_a_value_that_is_freed_meanwhile_is_taken(publish, service, meanwhile):
    publish("c-1", email="a@example.com")
    meanwhile(lambda: service.delete("CUSTOMER", "c-1"))

    assert publish("c-2", email="a@example.com").version == 1


def test_a_type_that_is_not_unique_any_more_frees_with_the_next_version(publish):
    publish("c-1", email="a@example.com")
    handlers.command_type("CUSTOMER", model=Customer)
    publish("c-1", email="b@example.com")
    handlers.command_type("CUSTOMER", model=Customer, unique=("email",))

    publish("c-2", email="a@example.com")


@pytest.mark.parametrize(
    ("unique", "reason"),
    [
        (("mail",), "unique names mail"),
        (("email", "email"), "same fields twice"),
        ((("email", "vat"), ()), "names nothing"),
        (("email", "country", "vat", "owner", ("email", "vat"), ("vat", "owner")), "has 5 at most"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(unique, reason):
    with pytest.raises(ValueError, match=reason):
        handlers.command_type("CUSTOMER", model=Customer, unique=unique)
    with pytest.raises(TypeError, match="list of fields"):
        handlers.command_type("CUSTOMER", model=Customer, unique="email")
    with pytest.raises(ValueError, match="need model="):
        handlers.command_type("PLAIN", unique=("email",))
