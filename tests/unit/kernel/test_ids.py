from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sfn_cqrs.kernel.clock import iso, new_ulid, ulid_of

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))
ALPHABET = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def test_an_id_begins_with_the_time_as_the_ulid_specification_has_it():
    moment = datetime(2016, 7, 30, 23, 54, 10, 259_000, tzinfo=UTC)

    assert new_ulid(moment)[:10] == "01ARZ3NDEK"


@given(MOMENTS)
def test_an_id_is_26_characters_of_crockfords_alphabet(moment):
    made = new_ulid(moment)

    assert len(made) == 26
    assert set(made) <= ALPHABET


@given(MOMENTS, st.integers(1, 10**9))
def test_ids_sort_by_the_time_they_were_made(moment, milliseconds):
    later = moment + MILLISECOND * milliseconds

    assert new_ulid(moment) < new_ulid(later)


def test_ids_of_the_same_moment_differ():
    moment = datetime(2026, 11, 25, tzinfo=UTC)

    assert len({new_ulid(moment) for _ in range(1_000)}) == 1_000


def test_a_moment_is_written_in_utc_with_milliseconds():
    assert iso(datetime(2026, 11, 25, 8, 5, 9, 7_999, tzinfo=UTC)) == "2026-11-25T08:05:09.007Z"


@given(MOMENTS, st.integers(1, 10**9))
def test_texts_of_moments_sort_as_the_moments_do(moment, milliseconds):
    assert iso(moment) < iso(moment + MILLISECOND * milliseconds)


def test_the_ulid_of_something_is_the_same_for_the_same_moment_and_identity():
    one = ulid_of(NOON, "a", "b")

    assert ulid_of(NOON, "a", "b") == one
    assert len(one) == 26
    assert len({one, ulid_of(NOON, "a", "c"), ulid_of(NOON, "ab")}) == 3
    assert one[:10] == new_ulid(NOON)[:10]
