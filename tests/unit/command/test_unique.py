"""Unique values: what a publish reserves, frees and refuses, in every way in."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import pytest
from tests.support.typed import declaring
from tests.unit.care.erasure.conftest import apply_open

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.care.erasure.service import ErasureService, work
from sfn_cqrs.care.tenants.service import exported, import_lines, remove
from sfn_cqrs.care.unique_values import UniqueValues
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Audit as By
from sfn_cqrs.kernel.errors import InvalidInputError, NotUniqueError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.policy import MEMBERS, Client, own
from sfn_cqrs.kernel.unique import Unique, exactly
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.operations import ChainService
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.reserving import Reserved
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.command.table import CommandTable
from sfn_cqrs.machines.schedule.publishing import publish_due
from sfn_cqrs.machines.schedule.rules import Status
from sfn_cqrs.machines.schedule.service import PlanService


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
            "MEMBER", publish=MEMBERS, model=Customer, unique=("email", ("country", "vat"))
        )
        yield


@pytest.fixture
def publish(service):
    """Publish a customer on its latest version."""

    def made(code, *, version=-1, is_deleted=False, caller=None, is_sync=False, **attributes):
        call = service.publish_sync if is_sync else service.publish
        return call(
            "MEMBER",
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
    assert bootstrap.commands().latest(ItemKey("tenant1", "MEMBER", "c-2")) is None


@pytest.mark.parametrize("other", ["ADA@example.com", " ada@Example.com ", "ａｄａ@example.com"])
def test_texts_that_differ_in_case_space_or_encoding_are_the_same(other, publish):
    publish("c-1", email="ada@example.com")

    with pytest.raises(NotUniqueError):
        publish("c-2", email=other)


def test_a_type_may_say_what_the_same_is(publish):
    handlers.command_type("MEMBER", model=Customer, unique=(Unique("email", normal=exactly),))
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
    service.delete("MEMBER", "c-1")
    publish("c-2", email="a@example.com")

    with pytest.raises(NotUniqueError):
        publish("c-1", email="a@example.com")
    service.delete("MEMBER", "c-2")
    publish("c-1", email="a@example.com")


def test_a_partial_change_keeps_the_value_that_it_does_not_name(publish, service):
    publish("c-1", email="a@example.com")
    publish("c-2", email="b@example.com")

    service.publish_partial("MEMBER", "c-1", attributes={"owner": "x"})

    with pytest.raises(NotUniqueError):
        service.publish_partial("MEMBER", "c-2", attributes={"email": "a@example.com"})


def test_each_tenant_and_each_type_has_its_own_values(publish):
    handlers.command_type("SUPPLIER", model=Customer, unique=("email",))
    publish("c-1", email="a@example.com")

    CommandService("tenant2").publish(
        "MEMBER", "c-2", name="x", attributes={"email": "a@example.com"}
    )
    CommandService("tenant1").publish(
        "SUPPLIER", "c-3", name="x", attributes={"email": "a@example.com"}
    )


def test_only_who_may_read_the_other_item_is_told_which_it_is(publish):
    handlers.command_type(
        "MEMBER", publish=MEMBERS, read=own("owner"), model=Customer, unique=("email",)
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
        "MEMBER", "c-1", name="x", attributes={"email": "ada@example.com"}
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
    meanwhile(lambda: service.delete("MEMBER", "c-1"))

    assert publish("c-2", email="a@example.com").version == 1


def test_a_type_that_is_not_unique_any_more_frees_with_the_next_version(publish):
    publish("c-1", email="a@example.com")
    handlers.command_type("MEMBER", model=Customer)
    publish("c-1", email="b@example.com")
    handlers.command_type("MEMBER", model=Customer, unique=("email",))

    publish("c-2", email="a@example.com")


@pytest.mark.parametrize(
    ("unique", "reason"),
    [
        (("mail",), "unique names mail, which the model does not have"),
        (("email", "email"), "same fields twice"),
        ((("email", "vat"), ()), "names nothing"),
        (("email", "country", "vat", "owner", ("email", "vat"), ("vat", "owner")), "has 5 at most"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(unique, reason):
    with pytest.raises(ValueError, match=reason):
        handlers.command_type("MEMBER", model=Customer, unique=unique)
    with pytest.raises(TypeError, match="list of fields"):
        handlers.command_type("MEMBER", model=Customer, unique="email")
    with pytest.raises(ValueError, match="need model="):
        handlers.command_type("PLAIN", unique=("email",))


# What it costs.


@pytest.fixture
def written(world, monkeypatch):
    """The parts of the transactions since."""
    parts, write = [], world.dynamodb.transact_write_items

    def writes(**call):
        parts.extend(call["TransactItems"])
        return write(**call)

    monkeypatch.setattr(world.dynamodb, "transact_write_items", writes)
    return parts


def units(parts):
    """The write units of a transaction: two for each kilobyte of each part."""
    sizes = [len(str(next(iter(part.values())).get("Item", ""))) for part in parts]
    return sum(2 * (1 + size // 1024) for size in sizes)


@pytest.mark.parametrize("is_sync", [False, True])
def test_a_publish_without_unique_values_writes_what_it_wrote_before(is_sync, publish, written):
    handlers.command_type("MEMBER", publish=MEMBERS, model=Customer)

    publish("c-1", email="a@example.com", is_sync=is_sync)

    puts = [part["Put"] for part in written]
    assert [put["Item"].get("kind", {}).get("S") for put in puts] == (
        ["command", "process", None] if is_sync else ["command", "process"]
    )
    assert not any("unique" in put["Item"] for put in puts)


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (None, {"email": "a@example.com"}, 2),
        ({"email": "a@example.com"}, {"email": "b@example.com"}, 4),
        ({"email": "a@example.com"}, {"email": "a@example.com", "owner": "x"}, 0),
        ({"email": "a@example.com"}, {}, 2),
        ({}, {"email": "a@example.com"}, 2),
    ],
)
def test_one_unique_value_costs_four_write_units_at_most(before, after, more, publish, written):
    if before is not None:
        publish("c-1", **before)
    written.clear()

    publish("c-1", **after)

    assert units(written) == 4 + more


def test_the_first_change_of_an_item_from_before_the_declaration_costs_no_more(publish, written):
    handlers.command_type("MEMBER", model=Customer)
    publish("c-1", email="a@example.com")
    handlers.command_type("MEMBER", model=Customer, unique=("email",))
    written.clear()

    publish("c-1", email="b@example.com")

    assert units(written) == 4 + 4


# Races.


@pytest.mark.parametrize("is_sync", [False, True])
def test_of_a_hundred_clients_one_gets_the_value(is_sync, publish):
    def ask(number):
        try:
            publish(f"c-{number}", email="a@example.com", version=0, is_sync=is_sync)
        except NotUniqueError as error:
            return error.code
        return "published"

    with ThreadPoolExecutor(10) as pool:
        answers = Counter(pool.map(ask, range(100)))

    assert answers == {"published": 1, "not_unique": 99}


def test_a_fill_between_the_reads_and_the_write_of_a_publish_leaves_nothing_behind(
    publish, meanwhile
):
    handlers.command_type("MEMBER", model=Customer)
    publish("c-1", email="a@example.com")
    handlers.command_type("MEMBER", model=Customer, unique=("email",))
    meanwhile(lambda: Reserved(C_1).fill())

    publish("c-1", email="b@example.com")

    publish("c-2", email="a@example.com")
    assert Audit("tenant1").run().findings == []


# Filling, auditing, erasing, moving.

C_1 = ItemKey("tenant1", "MEMBER", "c-1")


@pytest.fixture
def old(publish):
    """Publish customers by code that does not know of unique values."""

    def made(**emails):
        handlers.command_type("MEMBER", publish=MEMBERS, model=Customer)
        for code, email in emails.items():
            publish(code, email=email)
        handlers.command_type(
            "MEMBER", publish=MEMBERS, model=Customer, unique=("email",), subject="owner"
        )

    return made


def test_items_from_before_are_looked_at_first_and_then_filled(old, publish):
    old(a="a@example.com", b="A@example.com", c="c@example.com", d="")
    values = UniqueValues("tenant1", "MEMBER")

    looked = values.check()
    assert (looked.items, looked.missing) == (4, 3)
    assert looked.shared == [{"fields": "email", "codes": ["a", "b"]}]

    filled = values.enforce()
    assert (filled.filled, filled.missing, len(filled.shared)) == (2, 1, 1)
    assert filled.shared[0]["fields"] == "email"
    with pytest.raises(NotUniqueError):
        publish("e", email="c@example.com")

    [twin] = filled.shared[0]["codes"]
    publish(twin, email="other@example.com")
    assert values.check().shared == []
    assert values.enforce().shared == []
    assert values.check().missing == 0
    assert Audit("tenant1").run().findings == []


def test_only_a_type_with_unique_values_is_looked_at():
    handlers.command_type("PLAIN", model=Customer)

    with pytest.raises(InvalidInputError, match="PLAIN has no unique values"):
        UniqueValues("tenant1", "PLAIN")


def test_what_a_release_before_has_left_is_found_and_freed(old, publish, monkeypatch):
    publish("c-1", email="a@example.com")
    with monkeypatch.context() as before:
        before.setattr(CommandTable, "_reserves", lambda *_: [])
        old(**{"c-1": "b@example.com"})

    [finding] = Audit("tenant1").run().findings
    assert (finding.rule, finding.key) == ("held_by_nobody", "tenant1 MEMBER/c-1")
    assert finding.repair == "sfn-cqrs type unique MEMBER --enforce"

    assert UniqueValues("tenant1", "MEMBER").enforce().freed == 1
    assert Audit("tenant1").run().findings == []
    publish("c-2", email="a@example.com")


@pytest.mark.parametrize(("code", "evidence"), [("", "not reserved"), ("c-9", "another item's")])
def test_an_item_without_its_reservation_is_found(code, evidence, publish, world):
    publish("c-1", email="a@example.com")
    [item] = (one for one in world.dynamodb.items("CommandsTable") if one["sk"]["S"] == "UNIQUE")
    world.dynamodb.delete_item(TableName="CommandsTable", Key={"pk": item["pk"], "sk": item["sk"]})
    if code:
        world.dynamodb.put_item(TableName="CommandsTable", Item={**item, "code": {"S": code}})

    found = [one for one in Audit("tenant1").run().findings if one.rule == "not_reserved"]

    assert [one.evidence for one in found] == [f"unique value 1 of version 1 is {evidence}"]
    UniqueValues("tenant1", "MEMBER").enforce()
    assert Audit("tenant1").run().findings == []


def test_a_plan_whose_value_is_taken_when_it_is_due_is_refused(publish, service, world):
    publish("c-1", email="a@example.com")
    service.publish_at(
        "MEMBER",
        "c-2",
        name="x",
        attributes={"email": "a@example.com"},
        at=world.clock() + timedelta(minutes=5),
    )
    world.clock.advance(minutes=6)

    publish_due(lambda: 300_000)

    [plan] = PlanService("tenant1").list(Status.REFUSED).items
    assert plan.reason == "not_unique: attributes.email: MEMBER c-1 has it"


def test_a_skip_that_would_restore_a_taken_value_skips_nothing(publish, world):
    publish("c-1", email="a@example.com", is_sync=True)
    publish("c-1", email="b@example.com")
    process = world.processes.find(C_1, 2)
    Chain(C_1).run(chain.close(2, process.attempt, Outcome.FAILED, "mark_failed:FINISHED"))
    publish("c-2", email="a@example.com")

    with pytest.raises(NotUniqueError):
        ChainService("tenant1").skip("MEMBER", "c-1", 2, restore=True)

    assert world.processes.find(C_1, 2).outcome is Outcome.FAILED


def test_an_export_has_no_hashes_and_the_tenant_gets_its_own_elsewhere(publish):
    publish("c-1", email="a@example.com")

    lines = list(exported("tenant1"))
    assert not any("unique" in line["item"] for line in lines)
    import_lines("tenant2", lines)
    assert UniqueValues("tenant2", "MEMBER").enforce().filled == 1

    with pytest.raises(NotUniqueError):
        CommandService("tenant2").publish(
            "MEMBER", "c-2", name="x", attributes={"email": "a@example.com"}
        )


def test_who_removes_a_tenant_removes_its_secret(publish):
    publish("c-1", email="a@example.com")

    remove("tenant1", writes=True)

    assert not any(bootstrap.erased_tables().partitions("commands", 0, 1, "UNIQUE#"))


def test_a_person_who_is_erased_leaves_no_hash_and_frees_the_value(publish, world):
    handlers.command_type(
        "MEMBER", publish=MEMBERS, model=Customer, unique=("email",), subject="owner"
    )
    publish("c-1", email="old@example.com", owner="ada", is_sync=True)
    publish("c-1", email="a@example.com", owner="ada", is_sync=True)
    publish("c-2", email="b@example.com", owner="bob", is_sync=True)

    erasure = ErasureService("tenant1").ask("ada", "asked for it", By("2026-11-25T08:00:00.000Z"))
    for _ in range(2):
        erasure = work(erasure, lambda: False)
        apply_open(world)
        world.clock.advance(minutes=21)
    erasure = work(erasure, lambda: False)

    kept = [one for one in world.dynamodb.items("CommandsTable") if one["kind"]["S"] == "command"]
    assert {one["code"]["S"] for one in kept if "unique" in one} == {"c-2"}
    assert Audit("tenant1").run().findings == []
    publish("c-3", email="a@example.com")


@dataclass(frozen=True)
class Reader:
    email: Annotated[str, Personal]
    card: Annotated[int, Personal] = 0


def test_what_stands_for_an_erased_person_is_nobodys_value(service):
    handlers.command_type("READER", model=Reader, unique=("email", "card"))

    for code in ("r-1", "r-2"):
        attributes = {"email": "[erased]", "card": 0}
        service.publish("READER", code, name="[erased]", attributes=attributes)
