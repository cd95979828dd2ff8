import pytest

from lending.loan_note import loan_note_list
from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.service.commands.service import CommandService
from sfn_cqrs_tools.testing.builders import a_command

ATTRIBUTES = {"clerk": "x", "minutes": 1}


def an_item(code, version=1, tenant="tenant1", **changes):
    key = ItemKey(tenant, "LOAN_NOTE", code)
    return a_command(key, version, **{"attributes": ATTRIBUTES, "name": code, **changes})


def rows(world, tenant="tenant1"):
    return world.read_model("loan_note_list").rows(tenant, "all")


def test_the_items_are_listed(world):
    loan_note_list(an_item("1"))
    loan_note_list(an_item("2"))

    assert rows(world) == [
        {"sort": "1", "name": "1", "attributes": ATTRIBUTES, "version": 1, "is_deleted": False},
        {"sort": "2", "name": "2", "attributes": ATTRIBUTES, "version": 1, "is_deleted": False},
    ]


def test_a_stale_version_does_not_overwrite_a_newer_one(world):
    loan_note_list(an_item("1", 2, name="newer"))
    loan_note_list(an_item("1", 1, name="older"))
    loan_note_list(an_item("1", 2, name="again"))

    assert [row["name"] for row in rows(world)] == ["newer"]


def test_a_deleted_item_is_marked(world):
    loan_note_list(an_item("1"))
    loan_note_list(an_item("1", 2, is_deleted=True))

    assert [(row["version"], row["is_deleted"]) for row in rows(world)] == [(2, True)]


def test_each_tenant_has_its_own_items(world):
    loan_note_list(an_item("1"))

    assert rows(world, "tenant2") == []


@pytest.mark.usefixtures("world")
def test_the_attributes_fit_the_model_of_the_type():
    service = CommandService("tenant1")

    assert service.publish("LOAN_NOTE", "1", name="1", attributes=ATTRIBUTES).version == 1
    with pytest.raises(InvalidInputError):
        service.publish("LOAN_NOTE", "2", name="2", attributes={"unknown": 1})
