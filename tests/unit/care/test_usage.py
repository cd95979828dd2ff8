from sfn_cqrs.care.usage.rules import MOST_DAYS, PARTS, Day, OfDay, OfType, Part, Stored, summed

TODAY, YESTERDAY, LONG_AGO = "2026-11-25", "2026-11-24", "2026-11-01"
ALL = dict.fromkeys(range(PARTS), f"{TODAY}T12:00:00.000Z")


def a_part(segment, at=f"{TODAY}T12:00:00.000Z", **days):
    counted = {day.replace("_", "-").removeprefix("d-"): OfDay(*each) for day, each in days.items()}
    return Part(segment, at, {"OFFER": OfType(2, 100, counted)})


def test_parts_that_were_all_looked_at_are_added_up():
    parts = [a_part(0, d_2026_11_01=(3, 1)), a_part(7, d_2026_11_01=(4, 0))]

    found = summed(parts, ALL)

    assert found.stored == (Stored("OFFER", 4, 200, 1.0),)
    assert found.days == (Day(LONG_AGO, "OFFER", 7, 1, 1.0),)


def test_of_a_day_the_parts_that_were_looked_at_after_it_speak_for_all():
    looked_at = dict.fromkeys(range(PARTS), f"{YESTERDAY}T12:00:00.000Z")
    looked_at |= dict.fromkeys(range(PARTS // 4), f"{TODAY}T12:00:00.000Z")
    parts = [a_part(0, d_2026_11_24=(5, 0)), a_part(300, d_2026_11_24=(9, 9))]

    (day,) = summed(parts, looked_at).days

    assert day == Day(YESTERDAY, "OFFER", 20, 0, 0.25)


def test_of_a_day_that_is_not_over_nothing_is_said():
    assert summed([a_part(0, d_2026_11_25=(5, 0))], ALL).days == ()


def test_a_stack_whose_parts_are_not_all_looked_at_is_reckoned_by_those():
    looked_at = dict.fromkeys(range(PARTS // 2), f"{TODAY}T12:00:00.000Z")

    (stored,) = summed([a_part(0)], looked_at).stored

    assert stored == Stored("OFFER", 4, 200, 0.5)


def test_nothing_counted_is_nothing_used():
    assert summed([], {}).stored == summed([], {}).days == ()


def test_the_latest_days_of_a_type_are_kept():
    of_type = OfType()
    for number in range(100):
        of_type.published(f"2026-{number:03d}", is_row=False)

    assert next(iter(of_type.recent())) == f"2026-{100 - MOST_DAYS:03d}"
    assert len(of_type.recent()) == MOST_DAYS


def test_items_of_tasks_and_bytes_in_s3_are_scaled_as_all_else():
    looked_at = dict.fromkeys(range(PARTS // 2), f"{TODAY}T12:00:00.000Z")
    of_type = OfType(3, 100, {}, 5_000)
    for _ in range(3):
        of_type.worked_on(YESTERDAY)

    found = summed([Part(0, f"{TODAY}T12:00:00.000Z", {"RESIZE": of_type})], looked_at)

    assert found.stored == (Stored("RESIZE", 6, 200, 0.5, 10_000),)
    assert found.days == (Day(YESTERDAY, "RESIZE", 0, 0, 0.5, 6),)
