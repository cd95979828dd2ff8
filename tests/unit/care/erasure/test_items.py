"""What an erasure does to the versions, the states and the row of an item."""

from datetime import timedelta

import pytest
from tests.unit.care.erasure.conftest import (
    ADA,
    BOB,
    CANARIES,
    ERASED_LETTER,
    KEY,
    MAIL,
    NAME,
    STREET,
    TENANT,
    a_letter,
    apply_open,
    everything,
)

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.erasure import Status
from sfn_cqrs.kernel.keys import ErasureKey, ItemKey, PlanKey
from sfn_cqrs.machines.command.chain import Close
from sfn_cqrs.machines.command.data import DataService
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.runner import write_row
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.schedule.rules import Status as PlanStatus

LONG = "x" * 5_000


def test_every_version_stays_and_says_nothing_about_the_person_any_more(world, post, erase):
    post()
    post(status="read")
    before = world.commands.find(KEY, 1)

    erasure = erase()

    after = world.commands.find(KEY, 1)
    assert (after.id, after.digest, after.updated) == (before.id, before.digest, before.updated)
    assert after.attributes == ERASED_LETTER
    assert after.name == "[erased]"
    assert world.commands.find(KEY, 2).attributes == {**ERASED_LETTER, "status": "read"}
    assert [row.attributes for row in world.history.page(KEY, 10, None).items] == [
        {**ERASED_LETTER, "status": "read"},
        ERASED_LETTER,
    ]
    assert world.data.find(KEY).attributes == {**ERASED_LETTER, "status": "read"}
    assert erasure.status is Status.DONE
    assert erasure.counts == {"commands": 3, "data": 1, "history": 2, "objects": 0}
    found = everything(world)
    assert [canary for canary in CANARIES if canary in found] == []


@pytest.mark.parametrize("is_published", [True, False], ids=["an item", "a new item"])
def test_what_is_planned_says_nothing_about_the_person_any_more(world, post, erase, is_published):
    if is_published:
        post()
    at, service = bootstrap.now() + timedelta(days=60), CommandService(TENANT)
    code = KEY.code if is_published else "l-2"
    whole = a_letter()
    plan = service.publish_at("LETTER", code, at=at, name=NAME, attributes=whole).plan
    if is_published:
        part = {"floor": 4242, "status": "read"}
        service.publish_at("LETTER", code, at=at, attributes=part, partial=True, replace="part")

    erase()

    found = everything(world)
    assert [canary for canary in CANARIES if canary in found] == []
    item = ItemKey(TENANT, "LETTER", code)
    assert world.schedule.find(PlanKey(item, plan)).wanted.attributes == ERASED_LETTER
    if is_published:
        kept = world.schedule.find(PlanKey(item, "part"))
        assert kept.status is PlanStatus.PLANNED
        assert kept.wanted.attributes == {"floor": 0, "status": "read"}


def test_handlers_bring_a_further_version_to_the_read_models(world, post, erase):
    post()

    erase()

    assert world.commands.latest(KEY).version == 2
    row = world.read_model("letters").get(TENANT, "all", KEY.code)
    assert row == {"address": "[erased]", "version": 2}


def test_others_stay_as_they_are(world, post, erase):
    post("l-2", reader=BOB)

    erasure = erase()

    assert world.commands.latest(KEY.__class__(TENANT, "LETTER", "l-2")).attributes == a_letter(BOB)
    assert "l-2" not in erasure.counts
    assert sum(erasure.counts.values()) == 0


def test_of_an_item_that_was_handed_on_only_the_persons_versions_go(world, post, erase):
    post()
    post(reader=BOB)

    erase()

    assert world.commands.find(KEY, 1).attributes == ERASED_LETTER
    assert world.commands.latest(KEY).attributes == a_letter(BOB)
    assert world.commands.latest(KEY).version == 2


def test_large_attributes_are_replaced_and_no_version_of_the_object_stays(world, post, erase):
    post(address=STREET + LONG)
    post(address=STREET + LONG, status="read")
    folder = f"attributes/{ErasureKey.of(TENANT, ADA).objects}/"
    assert all(key.startswith(folder) for key in world.objects.bodies)

    erasure = erase()

    assert world.data.find(KEY).attributes == {**ERASED_LETTER, "status": "read"}
    assert world.commands.find(KEY, 1).attributes == ERASED_LETTER
    assert world.history.page(KEY, 10, None).items[-1].attributes == ERASED_LETTER
    assert erasure.counts["objects"] == 2
    assert STREET not in everything(world)


def test_an_object_that_no_version_points_to_goes_as_well(world, post, erase):
    post()
    orphan = f"{ErasureKey.of(TENANT, ADA).objects}"
    world.attributes.store(orphan, "refused", {"address": STREET}, folder="attributes")

    erase()

    assert STREET not in everything(world)


def test_the_first_pass_leaves_the_objects_of_versions_that_are_still_on_their_way(world, erase):
    folder = ErasureKey.of(TENANT, ADA).objects
    world.attributes.store(folder, "late", {"address": STREET}, folder="attributes")

    erase(passes=1)
    assert STREET in everything(world)

    erase(passes=2)
    assert STREET not in everything(world)


def test_a_deletion_that_names_nobody_is_about_whom_the_version_before_is(world, post, erase):
    post()
    CommandService(TENANT).publish_sync(
        "LETTER", KEY.code, name=NAME, attributes={}, version=-1, is_deleted=True
    )

    erase()

    assert world.data.find(KEY).is_deleted
    assert NAME not in everything(world)


def test_a_later_deletion_that_names_nobody_keeps_no_name(world, post, erase):
    post()
    erase()

    CommandService(TENANT).publish_sync(
        "LETTER", KEY.code, name=NAME, attributes={}, version=-1, is_deleted=True
    )

    assert world.data.find(KEY).is_deleted
    assert NAME not in everything(world)


def test_each_row_of_a_bucket_goes_where_no_version_is_left(world, post, erase):
    codes = [f"l-{number}" for number in range(100)]
    keys = [ItemKey(TENANT, "LETTER", code) for code in codes]
    first, second = [key for key in keys if key.data_pk == KEY.data_pk][:2]
    for key in (first, second):
        post(key.code)
        for table in ("CommandsTable", "HistoryTable"):
            for item in list(world._items(table)):
                place = {"pk": item["pk"], "sk": item["sk"]}
                world.dynamodb.delete_item(TableName=table, Key=place)

    erasure = erase(passes=1)

    assert erasure.counts["data"] == 2
    assert [world.data.find(key).attributes for key in (first, second)] == [ERASED_LETTER] * 2


def test_what_was_applied_last_is_erased_where_a_later_version_has_failed(world, post, erase):
    post()
    post(status="read", is_sync=False)
    bootstrap.history().append(bootstrap.data().snapshot(KEY))
    write_row(KEY, 2)
    process = world.processes.find(KEY, 2)
    world.processes.write(KEY, Close(2, process.attempt, Outcome.FAILED, "sync:FAILED"))

    erase(is_applied=False)

    row = DataService(TENANT).get("LETTER", KEY.code, applied=True)
    assert (row.version, row.name, row.attributes) == (1, "[erased]", ERASED_LETTER)


@pytest.mark.parametrize("is_sync", [True, False])
def test_what_is_published_later_is_stored_without_the_personal_fields(world, post, erase, is_sync):
    post()
    erase()

    post(status="late", is_sync=is_sync)
    apply_open(world)

    assert world.data.find(KEY).attributes == {**ERASED_LETTER, "status": "late"}
    assert STREET not in everything(world)


def test_a_change_of_something_else_finds_nothing_to_erase(world, post, erase):
    post()
    erase()

    changed = CommandService(TENANT).publish_partial(
        "LETTER", KEY.code, attributes={"status": "done", "guests": [{"email": MAIL}]}, is_sync=True
    )

    assert changed.version == 3
    assert world.data.find(KEY).attributes == {**ERASED_LETTER, "status": "done"}


def test_a_version_that_was_in_flight_is_found_by_the_last_pass(world, post, erase):
    post()
    snapshot = world.data.snapshot(KEY)
    erasure = erase(passes=1)
    assert erasure.status is Status.RUNNING
    world.history.append(snapshot | {"version": {"N": "9"}})  # somebody had read the row before

    erasure = erase(passes=3)

    assert erasure.status is Status.DONE
    assert STREET not in everything(world)


def test_an_open_version_keeps_the_erasure_open(world, post, erase):
    post(is_sync=False)
    process = world.processes.find(KEY, 1)
    world.processes.write(KEY, Close(1, process.attempt, Outcome.FAILED, "sync:FAILED"))

    erasure = erase(is_applied=False)

    assert erasure.status is Status.RUNNING
    assert erasure.left == ("LETTER/l-1: version 2 is OPEN",)
    assert world.commands.find(KEY, 1).attributes == ERASED_LETTER
