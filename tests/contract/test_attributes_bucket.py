import pytest

LIMIT = 4 * 1024


def of_size(size):
    """Attributes whose JSON has so many bytes."""
    return {"text": "x" * (size - len('{"text":""}'))}


def test_attributes_up_to_4_kib_stay_in_the_item(world):
    assert world.attributes.store_if_large("tenant1", "id", of_size(LIMIT)) is None
    assert world.object_keys() == []


def test_larger_ones_go_to_the_bucket_under_their_tenant_and_come_back(world):
    attributes = of_size(LIMIT + 1) | {"lat": 35.7647, "name": "成田🛬", "deep": [{"a": None}]}

    key = world.attributes.store_if_large("tenant1", "id", attributes)

    assert key == "attributes/tenant1/id.json"
    assert world.object_keys() == ["attributes/tenant1/id.json"]
    assert world.attributes.load(key) == attributes


def test_characters_are_counted_in_utf_8(world):
    attributes = {"text": "成" * (LIMIT // 3 + 1)}

    assert world.attributes.store_if_large("tenant1", "id", attributes) is not None


def test_what_is_stored_whatever_its_size_is_found_by_its_id_in_its_tenant_alone(world):
    world.attributes.store("tenant1", "p-1", {"a": [1]}, folder="tasks")

    assert world.attributes.find("tenant1", "p-1", folder="tasks") == {"a": [1]}
    assert world.attributes.find("tenant2", "p-1", folder="tasks") is None
    assert world.object_keys() == ["tasks/tenant1/p-1.json"]


def test_an_object_that_is_not_there_is_an_error(world):
    with pytest.raises(Exception, match=r"attributes/tenant1/none|NoSuchKey"):
        world.attributes.load("attributes/tenant1/none.json")
