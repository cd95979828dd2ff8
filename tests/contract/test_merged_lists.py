"""A list that is merged from many partitions is one list, while rows come and go."""

from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs_tools.testing.builders import a_command

CODES = st.text(st.sampled_from("aB~é😀%"), min_size=1, max_size=3)
CHANGES = st.lists(st.tuples(st.booleans(), CODES), max_size=4)
TENANTS = count()
EACH_WITH_A_TENANT_OF_ITS_OWN = [HealthCheck.function_scoped_fixture]


@settings(max_examples=25, suppress_health_check=EACH_WITH_A_TENANT_OF_ITS_OWN)
@given(
    codes=st.lists(CODES, min_size=1, max_size=40, unique=True),
    limit=st.integers(1, 12),
    changes=st.lists(CHANGES, max_size=8),
)
def test_no_row_is_lost_or_doubled_while_others_come_and_go(moto_world, codes, limit, changes):
    world, tenant = moto_world(), f"tenant{next(TENANTS)}"
    for code in codes:
        put(world, tenant, code)
    between = iter(changes)
    touched: set[str] = set()
    listed: list[str] = []
    cursor = None
    while True:
        page = world.data.page(tenant, "AIRPORT", limit, cursor)
        listed += [row.key.code for row in page.items]
        assert len(page.items) <= limit
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
        for is_deleted, code in next(between, []):
            touched.add(code)
            put(world, tenant, code, is_deleted=is_deleted)

    assert max(Counter(listed).values()) == 1
    assert listed == sorted(listed, key=lambda code: ItemKey(tenant, "AIRPORT", code).sk.encode())
    assert set(codes) - touched <= set(listed) <= set(codes) | touched


def put(world, tenant, code, *, is_deleted=False):
    key = ItemKey(tenant, "AIRPORT", code)
    before = world.data.version_of(key).version
    row = a_command(key, before + 1, is_deleted=is_deleted).as_row()
    assert world.data.put(row, before)


@pytest.mark.parametrize(("limit", "is_last"), [(5, False), (6, True), (7, True)])
def test_a_full_page_is_the_last_if_nothing_is_behind_it(limit, is_last, world):
    for code in "abcdef":
        put(world, "tenant1", code)

    page = world.data.page("tenant1", "AIRPORT", limit, None)

    assert [row.key.code for row in page.items] == list("abcdef")[:limit]
    assert (page.next_cursor is None) is is_last
