"""No code is another code's prefix, version or process, in any table or list."""

from functools import partial
from types import SimpleNamespace

import pytest
from tests.contract.worlds import check_call

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.paging import every
from sfn_cqrs_tools.testing.builders import (
    ARCHIVE,
    CSV,
    ORDERED,
    RELEASE,
    RESIZE,
    a_command,
    a_publication,
)

CODES = [
    "a",
    "a@1",
    "a@00000001",
    "a@00000001#process",
    "a#process",
    "a#",
    "a@",
    "a%40",
    "a%4000000001",
    "a%2540",
    "a b",
    "a/b",
    "a.",
    "aa",
    "taro",
    "taro@",
    "taro@example.com",
    "😀",
    "😀@1",
    "👨‍👩‍👧",
    "東京",
    "東京国際空港",
    "\u00e9",
    "e\u0301",
]


@pytest.fixture
def keys():
    return [ItemKey.checked("tenant1", "AIRPORT", code) for code in CODES]


def test_every_code_keeps_its_own_chain(keys, world):
    for number, key in enumerate(keys):
        for version in range(1, 3):
            world.commands.publish(a_publication(key, version, name=f"{number}@{version}"))

    for number, key in enumerate(keys):
        page = world.commands.page(key, 20, None)
        names = [command.name for command, _ in page.items]
        owners = {process.key for _, process in page.items}
        assert names == [f"{number}@2", f"{number}@1"], key
        assert owners == {key}
        assert world.commands.latest(key).name == f"{number}@2"
        assert world.commands.find(key, 1).name == f"{number}@1"
        assert world.processes.find(key, 2).key == key


def test_every_code_keeps_its_own_row_and_history(keys, world):
    for number, key in enumerate(keys):
        world.data.put(a_command(key, name=str(number)).as_row(), 0)
        world.history.append(world.data.snapshot(key))

    for number, key in enumerate(keys):
        assert world.data.find(key).name == str(number)
        assert [row.name for row in world.history.page(key, 20, None).items] == [str(number)]

    listed = world.data.page("tenant1", "AIRPORT", 100, None).items
    assert {row.key.code for row in listed} == set(CODES)
    assert len(listed) == len(CODES)


def test_a_list_of_any_codes_is_paged_without_loss(keys, world):
    for key in keys:
        world.data.put(a_command(key).as_row(), 0)

    listed = every(partial(world.data.page, "tenant1", "AIRPORT", 5))

    assert sorted(row.key.code for row in listed) == sorted(CODES)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("SagasTable", ORDERED),
        ("ApprovalsTable", RELEASE),
        ("TasksTable", RESIZE),
        ("ImportTmpTable", CSV),
        ("ImportTmpTable", ARCHIVE),
    ],
    ids=lambda given: given if isinstance(given, str) else given.id,
)
def test_every_contract_sees_an_update_of_a_records_item_and_lets_those_of_its_parts_be(table, key):
    parts = [getattr(key, name) for name in ("parts_pk", "items_pk") if hasattr(key, name)]

    for pk in parts:
        check_call(an_update(table, pk), UPDATE)
    with pytest.raises(AssertionError, match="does not renew the rev"):
        check_call(an_update(table, key.pk), UPDATE)


UPDATE = SimpleNamespace(name="UpdateItem")


def an_update(table, pk):
    return {"TableName": table, "Key": {"pk": {"S": pk}}, "UpdateExpression": "SET a = :a"}
