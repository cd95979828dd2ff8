"""Calendars: compared with a walk through every minute, and what is no calendar."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.machines.schedule.calendar import Calendar

BERLIN = "Europe/Berlin"
MINUTE = timedelta(minutes=1)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first(calendar, moment, number):
    return [one.strftime("%d %H:%M") for one in islice(calendar.since(at(moment)), number)]


def walked(zone, since, until, fits, *, both=False):
    """What a walk through every minute finds: once for each local time, or in both hours."""
    seen, moment, found = set(), since + MINUTE, []
    while moment <= until:
        local = moment.astimezone(ZoneInfo(zone))
        wall = local.replace(tzinfo=None, fold=0)
        if fits(wall) and (both or wall not in seen):
            found.append(moment)
        seen.add(wall)
        moment += MINUTE
    return found


@pytest.mark.parametrize(
    "zone", [BERLIN, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize(
    ("cron", "fits", "both"),
    [
        ("*/20 * * * *", lambda wall: wall.minute % 20 == 0, True),
        ("15 4,22 * * *", lambda wall: wall.minute == 15 and wall.hour in (4, 22), False),
        (
            "0 9-17/4 1 * MON",
            lambda w: w.minute == 0 and w.hour in (9, 13, 17) and (w.day == 1 or w.weekday() == 0),
            False,
        ),
        ("5 12 * 10 sat,7", lambda w: (w.minute, w.hour) == (5, 12) and w.weekday() > 4, False),
    ],
)
def test_it_finds_what_a_walk_through_every_minute_finds(cron, fits, both, zone):
    since, until = at("2026-10-23T00:00"), at("2026-11-03T00:00")
    calendar = Calendar.of(cron, zone)

    found = [one for one in islice(calendar.since(since), 2_000) if one <= until]

    if "10" in cron.split()[3]:
        until = at("2026-10-31T12:00")
        found = [one for one in found if one <= until]
    assert found == walked(zone, since, until, fits, both=both)
    assert calendar.latest(since, until) == found[-1]


def test_a_local_time_that_is_left_out_comes_at_the_change():
    nightly = Calendar.of("30 2 * * *", BERLIN)

    assert first(nightly, "2026-03-28T00:00", 3) == ["28 01:30", "29 01:00", "30 00:30"]


def test_a_local_time_that_comes_twice_comes_once():
    nightly = Calendar.of("30 2 * * *", BERLIN)

    assert first(nightly, "2026-10-24T00:00", 3) == ["24 00:30", "25 00:30", "26 01:30"]


def test_what_has_every_hour_has_both_hours_and_no_moment_twice():
    often = Calendar.of("*/30 * * * *", BERLIN)

    assert first(often, "2026-10-24T23:45", 5) == [
        *("25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00")
    ]
    assert first(often, "2026-03-29T00:45", 3) == ["29 01:00", "29 01:30", "29 02:00"]


def test_a_duration_counts_from_1970_in_every_zone():
    each = Calendar.of(every=timedelta(hours=7))

    found = list(islice(each.since(at("2026-03-28T20:00")), 3))

    assert {one.timestamp() % (7 * 3600) for one in found} == {0.0}
    assert found[2] - found[1] == timedelta(hours=7)
    assert each.latest(at("2020-01-01T00:00"), found[1]) == found[1]


def test_a_leap_day_comes_in_leap_years():
    leap = Calendar.of("0 0 29 FEB *")

    assert leap.after(at("2026-01-01T00:00")) == at("2028-02-29T00:00")
    assert leap.latest(at("2017-01-01T00:00"), at("2027-01-01T00:00")) == at("2024-02-29T00:00")


def test_nothing_comes_after_the_last_moment_that_anybody_plans():
    assert Calendar.of("0 0 1 1 *").after(at("2099-06-01T00:00")) is None


def test_nothing_is_the_latest_where_nothing_came():
    yearly = Calendar.of("0 0 1 1 *")

    assert yearly.latest(at("2026-01-01T00:00"), at("2026-12-31T00:00")) is None


@pytest.mark.parametrize(
    ("given", "field", "problem"),
    [
        ({"cron": "0 0 30 2 *"}, "cron", "never comes"),
        ({"cron": "0 0 31 4,6,9,11 *"}, "cron", "never comes"),
        ({"cron": "60 * * * *"}, "cron", "the minute '60' must be numbers from 0 to 59"),
        ({"cron": "* * * * FUN"}, "cron", "the day of the week 'FUN'"),
        ({"cron": "5-1 * * * *"}, "cron", "the minute '5-1'"),
        ({"cron": "0/5 * * * *"}, "cron", "the minute '0/5'"),
        ({"cron": "*/0 * * * *"}, "cron", "the minute '*/0'"),
        ({"cron": "0 2 * *"}, "cron", "must have five fields"),
        ({"cron": 2}, "cron", "must have five fields"),
        ({"cron": "0 2 * * *", "every": timedelta(days=1)}, "cron", "give a cron expression"),
        ({}, "cron", "give a cron expression"),
        ({"every": timedelta(seconds=59)}, "every", "must be a timedelta"),
        ({"every": timedelta(minutes=1, milliseconds=1)}, "every", "must be a timedelta"),
        ({"every": 60}, "every", "must be a timedelta"),
        ({"cron": "0 2 * * *", "zone": "Europe/Bonn"}, "zone", "is no time zone"),
        ({"cron": "0 2 * * *", "zone": "../etc/passwd"}, "zone", "is no time zone"),
        ({"cron": "0 2 * * *", "zone": ""}, "zone", "is no time zone"),
        ({"cron": "0 2 * * *", "zone": None}, "zone", "must be a name"),
    ],
)
def test_what_is_no_calendar_is_refused_with_its_field(given, field, problem):
    with pytest.raises(InvalidInputError) as refused:
        Calendar.of(**given)

    assert refused.value.field == field
    assert problem in refused.value.problem
