"""The plans of repairs as they are listed."""

from dataclasses import replace
from datetime import timedelta

from sfn_cqrs.care.repairs.rules import PlanNote

NOTE = PlanNote(
    ulid="01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    wanted={"kind": "command", "action": "retry", "type": "ORDER"},
    total=90,
    by="hanako",
    at="2026-11-25T12:00:00.000Z",
    is_complete=True,
)
LATER = replace(NOTE, ulid="01KAXK3V9Q0M3W8C5R6T7Y8Z9B", total=3, is_complete=False)


def test_plans_come_back_the_newest_first_and_page_by_page(world):
    for note in (NOTE, LATER):
        world.plans.put("tenant1", note)

    first = world.plans.page("tenant1", 1, None)
    second = world.plans.page("tenant1", 1, first.next_cursor)

    assert (first.items, second.items, second.next_cursor) == ([LATER], [NOTE], None)


def test_a_plan_is_its_tenants_alone_and_one_of_all_tenants_is_of_none(world):
    world.plans.put("tenant1", NOTE)
    world.plans.put("*", LATER)

    found = {one: world.plans.page(one, 9, None).items for one in ("tenant1", "tenant2", "*")}

    assert found == {"tenant1": [NOTE], "tenant2": [], "*": [LATER]}


def test_a_plan_that_is_put_twice_is_one_and_expires_with_its_list(world):
    for _ in range(2):
        world.plans.put("tenant1", NOTE)

    assert world.plans.page("tenant1", 9, None).items == [NOTE]
    (item,) = world.dynamodb.scan(TableName="RequestsTable")["Items"]
    assert item["ttl"]["N"] == str(int((world.clock() + timedelta(days=30)).timestamp()))
