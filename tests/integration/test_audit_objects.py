"""Objects of large attributes: deleted once nothing needs them, whatever happens meanwhile."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws
from tests.contract.worlds import BUCKET, Clients, MotoWorld

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit import objects as audit_objects
from sfn_cqrs.care.audit.objects import sweep_objects
from sfn_cqrs.kernel.aws.attributes_bucket import Whose
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.command.service import CommandService

KEY = ItemKey("tenant1", "AIRPORT", "RJAA")
LARGE = "x" * 5_000
PLACES = {
    "command": ("CommandsTable", KEY.pk, KEY.version_sk(1)),
    "history": ("HistoryTable", KEY.pk, KEY.version_sk(1)),
}


class Killed(BaseException):
    """The function ends here."""


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with mock_aws():
        found = Clients()
        found.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield found


@pytest.fixture
def world(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[MotoWorld]:
    monkeypatch.setenv("APP_PACKAGE", "shop")
    clients.make_tables()
    world = MotoWorld(clients)
    tables = bootstrap.audit_tables(world.new_parts())
    with bootstrap.override(**world.parts(), audit_tables=tables):
        yield world
    clients.empty()
    found = clients.s3.list_object_versions(Bucket=BUCKET)
    for one in (*found.get("Versions", []), *found.get("DeleteMarkers", [])):
        clients.s3.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])


def versions(clients: Clients) -> list[tuple[str, str]]:
    found = clients.s3.list_object_versions(Bucket=BUCKET).get("Versions", [])
    return [(one["Key"], one["VersionId"]) for one in found]


def objects(world: MotoWorld) -> set[str]:
    return {key for key in world.object_keys() if key.startswith("attributes/")}


def pass_days(world: MotoWorld, days: float) -> None:
    """Let days pass; the first ones since the objects were stored, which S3 notes in real time."""
    late = datetime.now(UTC) - world.clock()
    world.clock.advance(seconds=max(0.0, late.total_seconds()))
    world.clock.advance(days=days)


def publish(*texts: str) -> list[str]:
    """Publish versions of an item; return the keys of their objects."""
    service = CommandService("tenant1")
    before = bootstrap.commands().latest(KEY)
    at = before.version if before else 0
    for number, text in enumerate(texts):
        attributes = {"country": "JP", "note": LARGE + text}
        service.publish_sync(
            "AIRPORT", "RJAA", name="x", attributes=attributes, version=at + number
        )
    found = [bootstrap.commands().find(KEY, at + 1 + number) for number in range(len(texts))]
    return [str(one.attributes_s3) for one in found if one]


def expire(world: MotoWorld, *places: str) -> None:
    """Delete items as their time to live does."""
    for table, pk, sk in (PLACES[one] for one in places or PLACES):
        world.dynamodb.delete_item(TableName=table, Key=marshal({"pk": pk, "sk": sk}))


def sweep() -> int:
    return sweep_objects(lambda: False)


def test_an_object_is_deleted_once_nothing_has_named_it_for_longer_than_the_longest_restore(
    world: MotoWorld, clients: Clients
) -> None:
    first, second = publish("one", "two")
    pass_days(world, 100)
    assert sweep() == 0
    expire(world)

    assert sweep() == 0  # from now on it is known that nothing names it
    world.clock.advance(days=35, hours=23)
    assert sweep() == 0
    assert objects(world) == {first, second}
    world.clock.advance(hours=2)
    assert sweep() == 1

    assert {key for key, _ in versions(clients)} == {second}
    assert world.data.find(KEY).attributes["note"] == LARGE + "two"


@pytest.mark.parametrize("left", PLACES)
def test_an_object_that_one_item_names_stays(world: MotoWorld, left: str) -> None:
    first, second = publish("one", "two")
    expire(world, *(PLACES.keys() - {left}))
    pass_days(world, 40)

    for _ in range(3):
        assert sweep() == 0
        world.clock.advance(days=40)

    assert objects(world) == {first, second}


def test_an_object_that_the_data_row_alone_names_stays(world: MotoWorld) -> None:
    (only,) = publish("one")
    expire(world, "command")
    pass_days(world, 40)

    for _ in range(3):
        assert sweep() == 0
        world.clock.advance(days=40)

    assert objects(world) == {only}


def test_an_object_that_has_been_named_again_begins_anew(world: MotoWorld) -> None:
    first, _ = publish("one", "two")
    (kept,) = world._items("HistoryTable")
    expire(world)
    pass_days(world, 40)
    sweep()
    world.dynamodb.put_item(TableName="HistoryTable", Item=kept)  # a restore
    world.clock.advance(days=30)
    sweep()
    expire(world)
    world.clock.advance(days=10)

    assert [sweep(), sweep()] == [0, 0]
    assert first in objects(world)
    world.clock.advance(days=37)
    assert sweep() == 1


def test_an_object_whose_item_is_still_to_come_stays(world: MotoWorld) -> None:
    """A publish writes the object first, and its items within minutes."""
    whose = Whose(KEY, 1)
    world.attributes.store("tenant1", "in-flight", {"a": 1}, folder="attributes", whose=whose)
    pass_days(world, 35)

    assert sweep() == 0
    assert world.attributes.unnamed_since("attributes/tenant1/in-flight.json") == ""


def test_other_objects_are_not_looked_at(world: MotoWorld) -> None:
    world.attributes.store("tenant1", "unknown", {"a": 1}, folder="attributes")
    world.attributes.store("tenant1", "e-1", {"a": 1}, folder="erasures", whose=Whose(KEY, 1))
    world.attributes.store("tenant1", "t-1", {"a": 1}, folder="tasks", whose=Whose(KEY, 1))

    for days in (40, 40, 40):
        pass_days(world, days)
        assert sweep() == 0

    assert len(world.object_keys()) == 3


@pytest.mark.parametrize("moment", range(4))
def test_a_pointer_that_moves_while_it_is_looked_for_is_seen(
    world: MotoWorld, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Before one of the reads, history gets the row, the row moves on, and the command expires."""
    tables: Any = bootstrap.audit_tables()
    (pointer,) = publish("one")
    reads: list[str] = []

    def moving(name: str) -> Callable[..., Any]:
        read = getattr(tables, name)

        def then(*given: Any) -> Any:
            if len(reads) == moment:
                publish("two")
                expire(world, "command")
            reads.append(name)
            return read(*given)

        return then

    monkeypatch.setattr(tables, "partition", moving("partition"))
    monkeypatch.setattr(tables, "rows", moving("rows"))

    assert audit_objects._is_named(Whose(KEY, 1), pointer), reads


def test_a_sweep_that_dies_at_any_call_is_made_good_by_the_next(
    world: MotoWorld, clients: Clients
) -> None:
    first, second = publish("one", "two")
    expire(world)
    pass_days(world, 40)
    left: list[int] = []

    def die(**_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    for client in (clients.s3, clients.dynamodb):
        client.meta.events.register("after-call", die, unique_id="die")
    try:
        for number in range(40):
            for days in (0, 37):
                world.clock.advance(days=days)
                left[:] = [number]
                try:
                    sweep()
                except Killed:
                    continue
                assert second in objects(world)
    finally:
        left[:] = [10**9]
        for client in (clients.s3, clients.dynamodb):
            client.meta.events.unregister("after-call", unique_id="die")

    assert first not in objects(world)
    assert second in objects(world)
    assert world.data.find(KEY).attributes["note"] == LARGE + "two"


def test_an_object_that_is_stored_again_meanwhile_stays(
    world: MotoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenant that was deleted comes back from an export, with the same ids."""
    first, _ = publish("one", "two")
    expire(world)
    pass_days(world, 40)
    sweep()
    world.clock.advance(days=40)
    delete = world.attributes.delete

    def late(found: Any) -> None:
        name = first.rpartition("/")[2].removesuffix(".json")
        world.attributes.store("tenant1", name, {"a": 1}, folder="attributes", whose=Whose(KEY, 1))
        delete(found)

    monkeypatch.setattr(world.attributes, "delete", late)

    assert sweep() == 1
    assert world.attributes.load(first) == {"a": 1}


def test_whatever_moment_of_the_last_35_days_is_restored_has_its_objects(world: MotoWorld) -> None:
    publish("one", "two", "three")
    pass_days(world, 1)
    moments: list[set[str]] = []
    for day in range(110):
        if day == 45:
            expire(world, "command")
        if day == 60:
            expire(world, "history")
        named = {
            item["attributes_s3"]["S"]
            for table in ("CommandsTable", "DataTable", "HistoryTable")
            for item in world._items(table)
            if "attributes_s3" in item
        }
        moments.append(named)
        sweep()
        for moment in moments[-36:]:
            assert moment <= objects(world), day
        world.clock.advance(days=1)

    assert len(objects(world)) == 2


def test_an_hour_goes_on_behind_the_one_before_and_the_last_begins_anew(
    world: MotoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_objects, "MOST", 2)
    keys = sorted(publish("1", "2", "3", "4", "5"))
    looked: list[str] = []
    whose = world.attributes.whose
    monkeypatch.setattr(world.attributes, "whose", lambda key: looked.append(key) or whose(key))
    pass_days(world, 40)

    for _ in range(4):
        sweep()

    assert looked == [*keys, *keys[:2]]
    assert sweep_objects(lambda: True) == 0
    assert world.usage.object_reached() == keys[1]


def test_a_name_too_long_for_s3_is_left_out(world: MotoWorld) -> None:
    key = ItemKey("tenant1", "AIRPORT", "成" * 280)

    stored = world.attributes.store("t", "id", {}, folder="attributes", whose=Whose(key, 1))

    assert world.attributes.whose(stored) == Whose(key, 1)
    long = ItemKey("tenant1", "AIRPORT", "成" * 300)
    stored = world.attributes.store("t", "id2", {}, folder="attributes", whose=Whose(long, 1))
    assert world.attributes.whose(stored) is None
