from lending.loan import loan_list
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs_tools.testing.builders import a_command

ATTRIBUTES = {"n": 1}


def an_item(code, version=1, tenant="tenant1", **changes):
    key = ItemKey(tenant, "LOAN", code)
    return a_command(key, version, **{"attributes": ATTRIBUTES, "name": code, **changes})


def rows(world, tenant="tenant1"):
    return world.read_model("loan_list").rows(tenant, "all")


def test_the_items_are_listed(world):
    loan_list(an_item("1"))
    loan_list(an_item("2"))

    assert rows(world) == [
        {"sort": "1", "name": "1", "attributes": ATTRIBUTES, "version": 1, "is_deleted": False},
        {"sort": "2", "name": "2", "attributes": ATTRIBUTES, "version": 1, "is_deleted": False},
    ]


def test_a_stale_version_does_not_overwrite_a_newer_one(world):
    loan_list(an_item("1", 2, name="newer"))
    loan_list(an_item("1", 1, name="older"))
    loan_list(an_item("1", 2, name="again"))

    assert [row["name"] for row in rows(world)] == ["newer"]


def test_a_deleted_item_is_marked(world):
    loan_list(an_item("1"))
    loan_list(an_item("1", 2, is_deleted=True))

    assert [(row["version"], row["is_deleted"]) for row in rows(world)] == [(2, True)]


def test_each_tenant_has_its_own_items(world):
    loan_list(an_item("1"))

    assert rows(world, "tenant2") == []
