"""`publish=own("owner")`: a member publishes only items that name it, before and after."""

import csv
from dataclasses import dataclass

import pytest
from tests.support.api import Person
from tests.support.typed import declaring
from tests.unit.import_csv.conftest import run_machine

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import MACHINES, MEMBERS, Client, group, own
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.import_csv.strategies import import_strategy

ADA, BOB = Person("ada"), Person("bob")
CLERK = Person("who", ("clerk",))


@dataclass(frozen=True)
class Parcel:
    """What somebody sends."""

    owner: str = ""
    weight: int = 1


@pytest.fixture(autouse=True)
def _parcels(api):  # noqa: ARG001 - the world has to be there
    with declaring():
        declare(own("owner") | group("clerk"))
        for who in ("ada", "bob"):
            CommandService("tenant1").publish_sync(
                "PARCEL", f"{who}s", name="p", attributes={"owner": who}
            )
        yield


def declare(publish, **more):
    command_type("PARCEL", publish=publish, model=Parcel, **more)

    @import_strategy("parcels", publish=MEMBERS, step_function=True)
    class Parcels(ImportStrategy):
        """A row has its code, and whose it is."""

        type = "PARCEL"
        columns = (Column("code", required=True), Column("owner", required=True))

        def transform(self, cells: dict[str, str]) -> Record:
            """Take the cells."""
            return Record(cells["code"], "p", {"owner": cells["owner"]})


def publish(api, who, code, **body):
    asked = {"type": "PARCEL", "code": code, "version": -1, "name": "p", "mode": "sync", **body}
    if asked.get("partial"):
        del asked["name"]
    alone = api.send(who, "POST", "/commands", asked)
    if alone.status == 403:
        del asked["mode"]
        batch = api.send(who, "POST", "/commands/batch", {"commands": [asked]})
        assert [one["status"] for one in batch.body["results"]] == [403]
        assert alone.code == "not_permitted"
    return alone


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("new", {"version": 0, "attributes": {"owner": "ada", "weight": 2}}),
        ("adas", {"attributes": {"owner": "ada", "weight": 2}}),
        ("adas", {"partial": True, "attributes": {"weight": 2}}),
        ("adas", {"partial": True, "isDeleted": True}),
        ("adas", {"attributes": {}, "isDeleted": True}),
    ],
    ids=["new", "whole", "partial", "deletion", "bare deletion"],
)
def test_ones_own_is_published(api, code, body):
    assert publish(api, ADA, code, **body).status == 200


@pytest.mark.parametrize(
    ("code", "body", "why"),
    [
        ("new", {"version": 0, "attributes": {"owner": "bob"}}, "would not be yours"),
        ("new", {"version": 0, "attributes": {}}, "would not be yours"),
        ("new", {"version": 0, "attributes": {}, "isDeleted": True}, "would not be yours"),
        ("bobs", {"attributes": {"owner": "ada"}}, "is not yours"),
        ("bobs", {"partial": True, "attributes": {"weight": 2}}, "is not yours"),
        ("bobs", {"attributes": {}, "isDeleted": True}, "is not yours"),
        ("adas", {"partial": True, "attributes": {"owner": "bob"}}, "would not be yours"),
    ],
    ids=["for another", "for nobody", "deleted", "taken", "changed", "deletes", "given away"],
)
def test_anothers_is_refused_before_anything_is_written(api, code, body, why):
    before = bootstrap.commands().latest(ItemKey("tenant1", "PARCEL", code))

    refused = publish(api, ADA, code, **body)

    assert refused.status == 403
    assert f"PARCEL {code} {why}" in refused.body["detail"]
    assert "whom owner names" in refused.body["detail"]
    assert bootstrap.commands().latest(ItemKey("tenant1", "PARCEL", code)) == before


def test_who_may_publish_all_publishes_all_and_code_does_too(api):
    assert publish(api, CLERK, "adas", attributes={"owner": "bob"}).status == 200
    CommandService("tenant1").publish("PARCEL", "codes", name="p", attributes={"owner": "cyd"})


def test_a_deleted_item_is_revived_by_whom_it_names(api):
    publish(api, ADA, "adas", partial=True, isDeleted=True)

    assert publish(api, BOB, "adas", attributes={"owner": "bob"}).status == 403
    assert publish(api, ADA, "adas", attributes={"owner": "ada"}).status == 200


def test_a_machine_owns_nothing():
    caller = Caller(client=Client(is_machine=True))

    with pytest.raises(Exception, match="publishing PARCEL is for whom owner names"):
        CommandService("tenant1").publish(
            "PARCEL", "m", name="p", attributes={"owner": ""}, caller=caller
        )
    declare(own("owner") | MACHINES)
    CommandService("tenant1").publish("PARCEL", "m", name="p", attributes={}, caller=caller)


def imported(api, who, rows):
    key = "uploads/tenant1/01KAXK3V9Q0M3W8C5R6T7Y8Z9A/parcels.csv"
    api.world.import_bucket.put(key, f"code,owner\n{rows}".encode())
    body = {"key": key, "tableName": "parcels", "processingMode": "DIRECT"}
    job = api.send(who, "POST", "/imports", body).body["id"]
    api.world.clock.advance(minutes=2)
    return api.send(CLERK, "GET", f"/imports/{job}").body, job


def undone(api, who, job):
    """Undo an import, and say why rows are kept."""
    undo = run_machine(api.send(who, "POST", f"/imports/{job}/undo", {}).body["id"], api.world)
    text = api.send(CLERK, "GET", f"/imports/{undo.key.id}/errors.csv").text
    return [row["code"] for row in csv.DictReader(text.lstrip("\ufeff").splitlines())]


def test_a_row_of_anothers_fails_and_ones_own_is_imported(api):
    shown, job = imported(api, BOB, "adas,bob\nmine,bob\ngift,ada\n")

    errors = api.send(CLERK, "GET", f"/imports/{job}/errors.csv").text
    assert (shown["created"], shown["failed"]) == (1, 2)
    assert "PARCEL adas is not yours" in errors
    assert "PARCEL gift would not be yours" in errors


def test_who_may_import_is_declared_apart(api):
    declare(own("owner"), imports=group("clerk"))

    assert imported(api, CLERK, "adas,bob\ngift,ada\n")[0]["failed"] == 0
    assert publish(api, CLERK, "adas", attributes={"owner": "bob"}).status == 403


def test_an_undo_leaves_what_would_be_anothers(api):
    """A clerk gave bob's parcel to ada; ada may undo imports, and would write one of bob's."""
    _, job = imported(api, CLERK, "bobs,ada\n")

    assert undone(api, ADA, job) == ["not_yours"]
    assert api.send(ADA, "GET", "/data/PARCEL/bobs").body["attributes"]["owner"] == "ada"


def test_an_undo_of_ones_own_is_done_and_of_anothers_is_not(api):
    _, job = imported(api, CLERK, "adas,ada\nmore,ada\nbobs,bob\n")

    assert undone(api, ADA, job) == []
    assert api.send(CLERK, "GET", "/data/PARCEL/more").status == 404


def test_the_type_is_listed_and_says_who_publishes(api):
    shown = api.send(ADA, "GET", "/types/PARCEL").body

    assert shown["publish"] == "whom owner names and members of the group clerk"


def test_own_needs_a_field_of_the_model():
    with pytest.raises(ValueError, match="own names holder, which the model does not have"):
        declare(own("holder"))
    with pytest.raises(ValueError, match="own names holder, which the model does not have"):
        declare(MEMBERS, imports=own("holder"))


def test_a_rule_may_ask_who_publishes(api):
    def light(_before: Parcel | None, after: Parcel, client: Client | None) -> str | None:
        heavy = after.weight > 10 and client is not None and "clerk" not in client.groups
        return f"{client.user} is no clerk" if heavy else None

    declare(MEMBERS, check=light)

    refused = publish(api, ADA, "adas", attributes={"owner": "ada", "weight": 11})
    assert (refused.status, refused.code) == (409, "rule_refused")
    assert refused.body["detail"] == "ada is no clerk"
    heavy = {"owner": "ada", "weight": 11}
    assert publish(api, CLERK, "adas", attributes=heavy).status == 200
    CommandService("tenant1").publish("PARCEL", "codes", name="p", attributes=heavy)


def test_a_rule_is_told_who_imports_and_who_undoes(api):
    asked = []

    def told(_before: Parcel | None, _after: Parcel, client: Client | None) -> str | None:
        asked.append(client.user if client else None)
        return None

    declare(MEMBERS, check=told)
    _, job = imported(api, BOB, "mine,bob\n")
    assert asked == ["bob"]
    undone(api, ADA, job)
    assert asked == ["bob"]


def test_a_rule_takes_two_or_three_arguments():
    with pytest.raises(ValueError, match=r"PARCEL: check= is called with \(before, after\) or"):
        declare(MEMBERS, check=lambda _only: None)
