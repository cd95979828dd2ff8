import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import CommandRef, ItemKey

CODES = st.text(
    st.sampled_from("a1@#%0/ ~成😀") | st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]),
    min_size=1,
    max_size=40,
)
TENANTS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}\Z")
TYPES = st.from_regex(r"\A[A-Z][A-Z0-9_]{0,10}\Z")
KEYS = st.builds(ItemKey.checked, TENANTS, TYPES, CODES)
VERSIONS = st.integers(1, 99_999_999)


def airport(code):
    return ItemKey.checked("tenant1", "AIRPORT", code)


def test_the_keys_of_the_tables_are_as_documented():
    key = airport("taro@example.com#1%")

    assert key.pk == "TENANT#tenant1#AIRPORT#taro%40example.com%231%25"
    assert key.data_pk == "TENANT#tenant1#AIRPORT#13"
    assert key.sk == "AIRPORT#taro%40example.com%231%25"
    assert key.version_sk(3) == "AIRPORT#taro%40example.com%231%25@00000003"
    assert key.process_sk(3) == "AIRPORT#taro%40example.com%231%25@00000003#process"


@settings(max_examples=30)
@given(st.lists(st.tuples(TYPES, CODES), min_size=2, max_size=2, unique=True), VERSIONS, VERSIONS)
def test_no_two_items_share_a_sort_key_or_a_prefix(items, version, other_version):
    first, second = (ItemKey.checked("tenant1", *item) for item in items)

    assert first.sk != second.sk
    of_second = (second.sk, second.version_sk(other_version), second.process_sk(other_version))
    assert not [sk for sk in of_second if sk.startswith(first.versions_prefix)]
    assert first.version_sk(version) not in of_second
    assert first.process_sk(version) not in of_second


@given(CODES, VERSIONS, VERSIONS)
def test_versions_sort_as_numbers(code, first, second):
    key = airport(code)

    assert (key.version_sk(first) < key.version_sk(second)) == (first < second)


@given(CODES)
def test_a_key_fits_into_dynamodbs_1024_bytes(code):
    assert len(airport(code).process_sk(99_999_999).encode()) <= 1024


def test_the_longest_code_of_the_longest_type_fits_too():
    key = ItemKey.checked("t" * 64, "A" * 64, "@" * 256)

    assert len(key.process_sk(99_999_999).encode()) == 64 + 1 + 768 + 1 + 8 + 8


@pytest.mark.parametrize(
    "code",
    [
        "a",
        " ",
        "a b",
        "@",
        "#",
        "%",
        "/",
        "~",
        ".",
        "..",
        "😀",
        "東京国際空港",
        "é",
        "x" * 256,
        "é" * 128,
    ],
)
def test_any_printable_code_up_to_256_bytes_is_taken_as_it_is(code):
    assert airport(code).code == code


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("", "must not be empty"),
        (None, "must not be empty"),
        (7, "must not be empty"),
        ("x" * 257, "must be at most 256 bytes in UTF-8"),
        ("é" * 129, "must be at most 256 bytes in UTF-8"),
        ("a\x00", "must not contain control characters"),
        ("a\nb", "must not contain control characters"),
        ("a\x7f", "must not contain control characters"),
        ("a\x85", "must not contain control characters"),
        ("a\u2028", "must not contain control characters"),
        ("a\ud800", "must not contain control characters"),
    ],
)
def test_a_bad_code_is_refused_with_the_reason(code, problem):
    with pytest.raises(InvalidInputError, match=f"code: {problem}"):
        airport(code)


@pytest.mark.parametrize(
    "type_", ["", "airport", "1A", "A-B", "A B", "Ä", "A\n", "A" * 65, None, 1]
)
def test_a_bad_type_is_refused(type_):
    with pytest.raises(InvalidInputError, match="type: must be 1 to 64 capital letters"):
        ItemKey.checked("tenant1", type_, "a")


@pytest.mark.parametrize("tenant", ["", "#", "a#b", "a b", "-a", "a\n", "ä", "a" * 65, None])
def test_a_bad_tenant_is_refused(tenant):
    with pytest.raises(InvalidInputError, match="tenant: must be 1 to 64 letters"):
        ItemKey.checked(tenant, "AIRPORT", "a")


def test_an_executions_name_is_as_it_always_was():
    ref = CommandRef(airport("NRT"), 2, 1)

    assert ref.execution_name("sfn-cqrs-CommandsTable") == "c-r4vfjsbaiomhgmiqb3bxnjrtpl-v2-a1"


@given(KEYS, VERSIONS, st.integers(1, 9_999))
def test_an_executions_name_is_one_that_step_functions_takes(key, version, attempt):
    name = CommandRef(key, version, attempt).execution_name("x" * 255)

    assert len(name) <= 80
    assert re.fullmatch(r"c-[a-z2-7]{26}-v[0-9]+-a[0-9]+", name)
    assert name == CommandRef(key, version, attempt).execution_name("x" * 255)


@settings(max_examples=20)
@given(st.lists(st.builds(CommandRef, KEYS, VERSIONS, st.integers(1, 99)), unique=True))
def test_every_attempt_has_a_name_of_its_own(refs):
    names = {ref.execution_name("table") for ref in refs}

    assert len(names) == len(refs)


def test_another_table_gives_other_names():
    ref = CommandRef(airport("NRT"), 2, 1)

    assert ref.execution_name("stack-a") != ref.execution_name("stack-b")


@given(st.builds(CommandRef, KEYS, VERSIONS, st.integers(1, 99)))
def test_an_executions_input_is_read_back_as_it_was(ref):
    assert CommandRef.from_input(ref.as_input()) == ref


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"tenant": ""}, "tenant: must be"),
        ({"code": ""}, "code: must not be empty"),
        ({"version": "2"}, "input: version must be an integer"),
        ({"attempt": 1.5}, "input: attempt must be an integer"),
        ({"type": "airport"}, "type: must be"),
    ],
)
def test_an_input_with_a_wrong_field_is_refused(changes, problem):
    good = CommandRef(airport("NRT"), 2, 1).as_input()

    with pytest.raises(InvalidInputError, match=problem):
        CommandRef.from_input(good | changes)


@pytest.mark.parametrize("name", ["tenant", "type", "code", "version", "attempt"])
def test_an_input_without_a_field_is_refused_by_its_name(name):
    lacking = CommandRef(airport("NRT"), 2, 1).as_input()
    del lacking[name]

    with pytest.raises(InvalidInputError, match=f"input: the execution's input lacks '{name}'"):
        CommandRef.from_input(lacking)
