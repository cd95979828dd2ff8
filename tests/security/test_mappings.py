"""The headings that a file's sender maps to columns: nobody turns another's columns around."""

import pytest
from tests.support.api import Person
from tests.support.typed import declaring
from tests.unit.import_csv.conftest import run_machine

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.keys import ItemKey, MappingKey
from sfn_cqrs.kernel.policy import MEMBERS, Client
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.import_csv.strategies import import_strategy
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService

ALICE, MALLORY, S3 = Person("alice"), Person("mallory"), Person("s3")
PLAIN = b"code,email,city\np-1,alice@example.org,Bern\n"
HEADED = b"code,Mail,city\np-1,alice@example.org,Bern\n"
TURNED = {"email": "city", "city": "email"}
KEY = "uploads/tenant1/01KAXK3V9Q0M3W8C5R6T7Y8Z9A/people.csv"


@pytest.fixture(autouse=True)
def _people(api):  # noqa: ARG001 - the world has to be there
    """People that members import."""
    with declaring():
        command_type("SOMEBODY", publish=MEMBERS)

        @import_strategy("people", publish=MEMBERS, step_function=True)
        class People(ImportStrategy):
            """A row has an address and a city, each if it is there."""

            type = "SOMEBODY"
            columns = (Column("code", required=True), Column("email"), Column("city"))

            def transform(self, cells):
                """Take the cells."""
                given = {name: cells[name] for name in ("email", "city") if cells.get(name)}
                return Record(cells["code"], "imported", given)

        yield


def imported(api, who, content, key=KEY, **more):
    api.world.import_bucket.put(KEY, content)
    body = {"tableName": "people", "key": key, **more}
    return api.send(who, "POST", "/imports", body)


def person():
    return bootstrap.data().find(ItemKey("tenant1", "SOMEBODY", "p-1")).attributes


def kept_by(who, table="people"):
    return bootstrap.imports().mapping(MappingKey("tenant1", table, "user", who.user))


RIGHT = {"email": "alice@example.org", "city": "Bern"}
WAYS = {
    "no such file": (400, {"key": f"{KEY}x"}),
    "a dry run": (200, {"dryRun": True}),
    "a real import": (200, {}),
    "by the machine": (202, {"processingMode": "STEP_FUNCTION"}),
}


@pytest.mark.parametrize("mapping", [TURNED, {"Mail": "city", "Ort": "email"}])
@pytest.mark.parametrize("way", WAYS)
def test_nobody_turns_the_columns_of_anothers_file_around(api, way, mapping):
    status, more = WAYS[way]
    imported(api, ALICE, HEADED, mapping={"Mail": "email"})
    assert imported(api, MALLORY, PLAIN, mapping=mapping, **more).status == status

    for content in (PLAIN, HEADED):
        answer = imported(api, ALICE, content)

        assert (answer.body["status"], answer.body["mapping"]) == ("COMPLETED", {"Mail": "email"})
        assert person() == RIGHT


def test_nobody_turns_the_columns_of_a_file_in_the_bucket_around(api):
    """Its sender is `s3`, and anybody may have that name."""
    assert imported(api, S3, HEADED, mapping={"Mail": "city", "city": "email"}).status == 200
    key = "uploads/tenant1/auto/people/people.csv"
    api.world.import_bucket.put(key, PLAIN)
    caller = Caller(user="s3", client=Client(is_machine=True))

    service = ImportService("tenant1")
    id_ = service.start_version(Request(table="people", key=key), caller=caller)
    job = run_machine(id_, api.world)

    assert (job.mapping, person()) == ({}, RIGHT)


@pytest.mark.parametrize("way", ["no such file", "a dry run"])
def test_a_mapping_is_kept_by_an_import_and_not_by_what_is_none(api, way):
    _, more = WAYS[way]

    imported(api, ALICE, HEADED, mapping={"Mail": "email"}, **more)

    assert kept_by(ALICE) is None


def test_what_was_kept_gives_no_other_meaning_to_the_name_of_a_column(api):
    turned = imported(api, ALICE, PLAIN, mapping={**TURNED, " EMAIL ": "city", "Ort": "city"})
    assert turned.body["mapping"] == {**TURNED, " EMAIL ": "city", "Ort": "city"}

    answer = imported(api, ALICE, PLAIN)

    assert answer.body["mapping"] == {"Ort": "city"}
    assert person() == RIGHT


def test_headings_that_code_keeps_are_those_of_all_who_have_none(api):
    api.world.import_bucket.put(KEY, HEADED)
    mapped = Request(table="people", key=KEY, mapping={"Mail": "email"})
    ImportService("tenant1").submit(mapped)

    assert imported(api, ALICE, HEADED).body["mapping"] == {"Mail": "email"}
    assert "mapping" not in imported(api, ALICE, PLAIN, mapping={}).body
    assert imported(api, ALICE, HEADED).body["status"] == "FAILED"


def test_a_retry_reads_the_headings_as_its_import_did(api):
    failed = imported(api, ALICE, HEADED + b",x,y\n", mapping={"Mail": "email"}).body
    imported(api, ALICE, PLAIN, mapping={"Mail": "city"}, dryRun=True)
    assert (failed["status"], failed["failed"]) == ("FAILED", 1)

    again = api.send(ALICE, "POST", f"/imports/{failed['id']}/retry").body
    job = run_machine(again["id"], api.world)

    assert (job.mapping, job.ending.problem) == ({"Mail": "email"}, None)


@pytest.mark.parametrize(
    "mapping",
    [
        {f"heading {n}": "email" for n in range(501)},
        {f"heading {n}": "email" for n in range(60_000)},
        {"x" * 17_000: "email"},
    ],
    ids=["501", "60,000", "long"],
)
def test_a_mapping_has_at_most_what_a_header_has(api, mapping):
    answer = imported(api, ALICE, PLAIN, mapping=mapping)

    assert (answer.status, answer.body["field"]) == (400, "mapping")
    assert len(answer.text) < 1_000
    assert api.world.all_of(IMPORTS) == []


def test_a_heading_of_another_tenant_or_table_is_not_ones_own(api):
    imported(api, ALICE, HEADED, mapping={"Mail": "email"})

    assert kept_by(ALICE, "others") is None
    assert bootstrap.imports().mapping(MappingKey("tenant2", "people", "user", "alice")) is None
    assert bootstrap.imports().mapping(MappingKey("tenant1", "people", "machine", "alice")) is None
