from datetime import UTC, datetime

import pytest

from sfn_cqrs.kernel.clock import Retention

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "retention"),
    [
        ("", Retention()),
        ("  ", Retention()),
        ("90", Retention(90)),
        ("OFFER=30", Retention(None, {"OFFER": 30})),
        ("OFFER=30,AIRPORT=365", Retention(None, {"OFFER": 30, "AIRPORT": 365})),
        (" OFFER=30 , 90,", Retention(90, {"OFFER": 30})),
    ],
)
def test_the_parameter_is_read(text, retention):
    assert Retention.parse(text) == retention


@pytest.mark.parametrize(
    "text", ["never", "OFFER", "OFFER=", "OFFER=x", "0", "OFFER=0", "-1", "1.5", "=30"]
)
def test_a_parameter_that_is_none_is_refused_with_an_example(text):
    with pytest.raises(
        ValueError, match=r"is not a number of days; write 90 or ORDER=30,AIRPORT=365"
    ):
        Retention.parse(text)


def test_a_type_of_its_own_beats_the_days_of_all_others():
    retention = Retention(90, {"OFFER": 30})

    assert retention.expiry("OFFER", NOON) == 1798200000  # 2026-12-25T12:00:00Z
    assert retention.expiry("AIRPORT", NOON) == 1803384000  # 2027-02-23T12:00:00Z


def test_without_days_nothing_expires():
    assert Retention().expiry("OFFER", NOON) is None
    assert Retention(None, {"OFFER": 30}).expiry("AIRPORT", NOON) is None
