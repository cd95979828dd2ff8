import pytest

from sfn_cqrs.kernel.command import Content
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs_tools.testing.builders import CREATED, NRT, UPDATED, a_command

CONTENT = Content("Narita", {"lat": 35, "tags": ["a"]}, False)


def test_whole_numbers_are_one_number_however_they_are_written():
    checked = Content.checked("Narita", {"lat": 35.0, "tags": ["a"]})

    assert checked == CONTENT
    assert checked.digest(NRT) == CONTENT.digest(NRT)


@pytest.mark.parametrize(
    "other",
    [
        Content("Haneda", CONTENT.attributes),
        Content("Narita", {"lat": 35}),
        Content("Narita", {"lat": 36, "tags": ["a"]}),
        Content("Narita", {"lat": 35, "tags": ["a"], "more": None}),
        Content("Narita", CONTENT.attributes, is_deleted=True),
    ],
    ids=["name", "fewer attributes", "a value", "more attributes", "deletion"],
)
def test_a_change_of_anything_that_a_user_says_is_a_change(other):
    assert other.digest(NRT) != CONTENT.digest(NRT)


def test_two_items_of_the_same_content_have_digests_of_their_own():
    others = [ItemKey("tenant1", "AIRPORT", "HND"), ItemKey("tenant1", "PLACE", "NRT")]

    assert len({CONTENT.digest(key) for key in [NRT, *others]}) == 3


def test_audit_ttl_and_version_are_no_part_of_the_dirty_check():
    assert a_command(version=1).digest == a_command(version=2, created=UPDATED).digest


@pytest.mark.parametrize(
    ("name", "attributes", "is_deleted", "problem"),
    [
        (None, {}, False, "name: must be a string of at most 1024 characters"),
        (5, {}, False, "name: must be a string"),
        ("x" * 1025, {}, False, "name: must be a string of at most 1024 characters"),
        ("\ud800", {}, False, "name: has half of a surrogate pair"),
        ("a", [], False, "attributes: must be an object"),
        ("a", None, False, "attributes: must be an object"),
        ("a", {"b": float("nan")}, False, "attributes.b: is NaN"),
        ("a", {}, 1, "isDeleted: must be true or false"),
        ("a", {}, None, "isDeleted: must be true or false"),
        ("a", {}, "true", "isDeleted: must be true or false"),
    ],
)
def test_a_content_that_cannot_be_kept_is_refused_by_its_field(
    name, attributes, is_deleted, problem
):
    with pytest.raises(InvalidInputError, match=problem):
        Content.checked(name, attributes, is_deleted=is_deleted)


def test_a_name_may_be_empty_and_1024_characters_long():
    assert Content.checked("", {}) == Content("", {}, False)
    assert Content.checked("成" * 1024, {}).name == "成" * 1024


def test_the_data_row_of_a_version_says_which_command_wrote_it_when_and_for_whom():
    row = a_command(version=3, is_deleted=True, attributes_s3="attributes/x.json").as_row()

    assert (row.key, row.version, row.command_id) == (NRT, 3, "NRT-3")
    assert (row.created, row.updated, row.source) == (CREATED, UPDATED, "api")
    assert (row.name, row.is_deleted, row.attributes_s3) == ("Narita", True, "attributes/x.json")
    assert row.attributes == {"country": "JP", "lat": 35.7647}
