from sfn_cqrs.machines.import_csv.budget import (
    Free,
    ImportBudget,
    Limits,
    Measure,
    Take,
    Taken,
    budget_key,
)

AT = "2026-11-25T12:00:00.000000+00:00"
LIMITS = Limits(jobs=3, size=100, rows=50)


def a_budget(**jobs):
    return ImportBudget(key=budget_key("tenant1"), jobs=jobs)


def test_a_job_keeps_its_bytes_when_its_rows_are_counted():
    measured = Measure("a", LIMITS, rows=10).on(a_budget(a=Taken(60, 0, AT)), AT)

    assert measured.jobs == {"a": Taken(60, 10, AT)}
    assert Take("b", 41, LIMITS).on(measured, AT) is None
    assert Take("b", 40, LIMITS).on(measured, AT) is not None


def test_an_archive_has_the_most_bytes_that_were_seen_of_it():
    measured = Measure("a", LIMITS, size=90).on(a_budget(a=Taken(60, 0, AT)), AT)

    assert measured.jobs == {"a": Taken(90, 0, AT)}
    assert Measure("a", LIMITS, size=70).on(measured, AT).jobs["a"].size == 90


def test_what_is_measured_twice_is_taken_even_if_less_would_be_given_today():
    budget = a_budget(a=Taken(60, 10, AT))

    assert Measure("a", Limits(jobs=1, size=10, rows=5), rows=10).on(budget, AT) == budget


def test_what_is_larger_than_was_known_is_refused_if_it_is_too_much():
    budget = a_budget(a=Taken(60, 10, AT), b=Taken(1, 30, AT))

    assert Measure("a", LIMITS, rows=21).on(budget, AT) is None
    assert Measure("a", LIMITS, rows=20).on(budget, AT).jobs["a"].rows == 20


def test_a_job_takes_its_place_once():
    budget = a_budget(a=Taken(100, 0, AT))

    assert Take("a", 100, LIMITS).on(budget, AT) is budget


def test_places_are_given_back_by_those_that_have_ended():
    budget = a_budget(a=Taken(1, 0, AT), b=Taken(1, 0, AT))

    assert Free(frozenset({"a", "x"})).on(budget, AT).jobs == {"b": Taken(1, 0, AT)}
    assert Free(frozenset({"x"})).on(budget, AT) is budget
