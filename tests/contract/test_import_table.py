from dataclasses import replace

import pytest

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.kernel.keys import ImportKey, MappingKey
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.results import Counts, FailedRow, Fate, Marker, Planned, Spent

JOB = ImportKey("tenant1", "01JDHZ0000000000000000000A")
OTHER = ImportKey("tenant1", "01JDHZ0000000000000000000B")
CREATED, UNCHANGED = Planned(Fate.CREATED, 1, code="RJAA"), Planned(Fate.UNCHANGED)
PLAN = {
    2: CREATED,
    3: Planned(Fate.UPDATED, 7, code="RJTT"),
    4: UNCHANGED,
    5: Planned(Fate.UNCHANGED, reason="superseded"),
    6: Planned.failing("strategy", "KeyError: 'x'"),
    7: Planned(Fate.UNCHANGED, problem=Problem("changed_since", "version 4 has changed it since")),
}


@pytest.fixture
def imports(world):
    return world.imports


def test_the_first_plan_of_a_batch_is_kept_and_told_to_all_others(imports):
    first = imports.plan(JOB, 2, PLAN)
    second = imports.plan(JOB, 2, {2: UNCHANGED})

    assert (first, second) == (None, PLAN)


def test_every_batch_and_every_job_has_its_own_plan(imports):
    imports.plan(JOB, 2, PLAN)

    assert imports.plan(JOB, 102, {102: CREATED}) is None
    assert imports.plan(OTHER, 2, {2: CREATED}) is None


def test_the_plans_of_a_job_are_listed_in_the_order_of_its_rows(imports):
    imports.plan(JOB, 1002, {1002: CREATED})
    imports.plan(JOB, 2, PLAN)
    imports.plan(OTHER, 3, PLAN)

    assert list(imports.plans(JOB)) == [(2, PLAN), (1002, {1002: CREATED})]


def test_the_headings_of_a_table_are_kept_for_each_sender(imports):
    key = MappingKey("tenant1", "airports", "user", "ada")
    imports.keep_mapping(key, {"Code": "icao"})
    imports.keep_mapping(key, {"Airport code": "icao"})

    assert imports.mapping(key) == {"Airport code": "icao"}
    others = [replace(key, table="others"), replace(key, tenant="tenant2"), replace(key, user="b")]
    assert [imports.mapping(other) for other in others] == [None, None, None]
    assert imports.mapping(replace(key, kind="machine")) is None


def test_a_preview_comes_back_as_it_was(world):
    rows = [{"row": 2, "cells": [{"field": "name", "before": None, "after": "Narita"}]}]
    world.import_bucket.put_preview(JOB, 2, rows)

    assert world.import_bucket.preview(JOB, 2) == rows
    assert world.import_bucket.preview(JOB, 102) == []


def test_one_row_of_a_plan_changes_if_it_is_as_it_was_read(imports):
    imports.plan(JOB, 2, PLAN)

    changed = imports.replan(JOB, 2, 2, CREATED, Planned(Fate.UPDATED, 4))
    late = imports.replan(JOB, 2, 2, CREATED, UNCHANGED)

    assert (changed, late) == (Planned(Fate.UPDATED, 4), Planned(Fate.UPDATED, 4))
    assert imports.plan(JOB, 2, {}) == {**PLAN, 2: Planned(Fate.UPDATED, 4)}


def test_a_batch_is_counted_once(imports):
    marker = Marker(2, 101, Counts(created=90, updated=1, unchanged=2, failed=7), has_errors=True)

    counted = imports.count(JOB, marker)
    again = imports.count(JOB, Marker(2, 101, Counts(unchanged=100)))

    assert counted == again == marker.counts
    assert imports.counts(JOB) == marker.counts
    assert list(imports.markers(JOB)) == [marker]


def test_no_batch_of_any_counter_is_counted_after_the_seal(imports):
    imports.seal(JOB)

    for first in range(2, 6_402, 100):  # which come to every counter
        with pytest.raises(SupersededError):
            imports.count(JOB, Marker(first, first + 99, Counts(created=100)))
    assert imports.counts(JOB) == Counts()


def test_the_counters_add_up_over_the_batches(imports):
    markers = [Marker(n * 100 + 2, n * 100 + 101, Counts(created=n, failed=1)) for n in range(40)]
    for marker in reversed(markers):
        imports.count(JOB, marker)
    imports.count(OTHER, Marker(2, 2, Counts(updated=1)))

    assert imports.counts(JOB) == Counts(created=780, failed=40)
    assert list(imports.markers(JOB)) == markers
    assert imports.counts(OTHER) == Counts(updated=1)


def test_what_batches_have_spent_adds_up_by_the_handler_and_once_a_batch(imports):
    for first in (2, 102, 102, 1602):
        spent = Spent(100, {"weight_by_route": 71, "depots": 21, "idle": 0})
        imports.count(JOB, Marker(first, first + 99, Counts(created=100), spent=spent))

    counts, spent = imports.totals(JOB)
    assert counts == Counts(created=300)
    assert spent == Spent(300, {"weight_by_route": 213, "depots": 63})
    assert spent.percent == {"weight_by_route": 71, "depots": 21}
    assert imports.totals(OTHER) == (Counts(), Spent())


def test_a_job_without_batches_has_counted_nothing(imports):
    assert imports.counts(JOB) == Counts()
    assert list(imports.markers(JOB)) == []


def test_failed_rows_come_back_as_they_were(world):
    failed = [
        FailedRow(Row(2, ["RJAA", 'a "b"\nc', "成田"]), Problem("invalid", "lat: no 数")),
        FailedRow(Row(9, []), Problem("ragged", "the row has 1 cell")),
    ]

    world.import_bucket.put_errors(JOB, 2, failed)
    world.import_bucket.put_errors(JOB, 2, failed)

    assert list(world.import_bucket.errors(JOB, 2)) == failed


def test_a_job_that_is_sealed_counts_no_further_batch(imports):
    imports.count(JOB, Marker(2, 3, Counts(created=2)))
    imports.seal(JOB)
    imports.seal(JOB)

    with pytest.raises(SupersededError):
        imports.count(JOB, Marker(4, 5, Counts(created=2)))
    assert imports.counts(JOB) == Counts(created=2)
    assert [marker.first for marker in imports.markers(JOB)] == [2]


def test_a_batch_that_was_counted_before_the_seal_is_told_how(imports):
    imports.count(JOB, Marker(2, 3, Counts(created=2)))
    imports.seal(JOB)

    assert imports.count(JOB, Marker(2, 3, Counts(unchanged=2))) == Counts(created=2)


def test_a_seal_keeps_other_jobs_open(imports):
    imports.seal(JOB)

    assert imports.count(OTHER, Marker(2, 3, Counts(created=2))) == Counts(created=2)
