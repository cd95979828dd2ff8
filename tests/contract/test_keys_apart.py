"""No code is another code's prefix, version or process, in any table or list."""

import pytest
from tests.fakes.builders import a_command, a_publication

from sfn_cqrs.domain.keys import ItemKey

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

    found, cursor = [], None
    while not found or cursor is not None:
        page = world.data.page("tenant1", "AIRPORT", 5, cursor)
        cursor = page.next_cursor
        found += [row.key.code for row in page.items]

    assert sorted(found) == sorted(CODES)
