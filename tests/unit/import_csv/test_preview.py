import pytest
from tests.unit.import_csv.conftest import key_of, run_machine
from tests.unit.import_csv.test_undo import HEADER, a_line

from sfn_cqrs.kernel.errors import InvalidInputError, NotFoundError
from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService


@pytest.fixture
def service():
    return ImportService("tenant1")


@pytest.fixture
def imported(world, service):
    """Return a way to import a text by the machine; it answers the job."""

    def start(text, **more):
        key = service.upload_key("airports.csv")
        world.import_bucket.put(key, text.encode())
        asked = Request(table="airports", key=key, **more)
        return run_machine(service.start(asked).job.key.id, world)

    return start


def test_a_dry_run_shows_each_cell_as_it_is_and_would_be_and_writes_nothing(
    world, service, imported
):
    imported(HEADER + a_line("RJAA", "Narita"))
    text = HEADER + a_line("RJAA", "New Tokyo", lat="35.8") + a_line("RJTT", lat="x")

    trial = imported(text, dry_run=True)

    changed, failed = service.preview(trial.key.id)
    assert changed == {
        "row": 2,
        "result": "updated",
        "item": "RJAA",
        "cells": [
            {"field": "name", "before": "Narita", "after": "New Tokyo"},
            {"field": "lat", "before": 35.7, "after": 35.8},
        ],
    }
    assert (failed["row"], failed["result"], failed["code"]) == (3, "failed", "invalid")
    assert (world.data.find(key_of("RJAA")).name, world.commands.find(key_of("RJAA"), 2)) == (
        "Narita",
        None,
    )


def test_a_new_item_has_no_cells_before(service, imported):
    trial = imported(HEADER + a_line("RJAA"), dry_run=True)

    (row,) = service.preview(trial.key.id)
    assert row["result"] == "created"
    assert {cell["before"] for cell in row["cells"]} == {None}


def test_the_first_hundred_rows_are_shown_and_all_are_counted(service, imported):
    text = HEADER + "".join(a_line(f"R{n:03d}") for n in range(150))

    trial = imported(text, dry_run=True)

    assert [row["row"] for row in service.preview(trial.key.id)] == list(range(2, 102))
    assert trial.ending.counts.created == 150


def test_what_is_no_dry_run_has_no_preview(service, imported):
    job = imported(HEADER + a_line("RJAA"))

    with pytest.raises(NotFoundError, match="is not a dry run"):
        service.preview(job.key.id)


def test_the_dry_run_of_an_undo_shows_what_it_would_restore(world, service, imported):
    imported(HEADER + a_line("RJAA", "Before"))
    job = imported(HEADER + a_line("RJAA", "After"))
    world.clock.advance(minutes=1)

    trial = run_machine(service.undo(job.key.id, dry_run=True).job.key.id, world)

    (row,) = service.preview(trial.key.id)
    assert row["cells"] == [{"field": "name", "before": "After", "after": "Before"}]


MAPPED = HEADER.replace("icao", "Airport code")


def test_a_heading_may_be_mapped_to_a_column_and_the_table_keeps_it(world, imported):
    first = imported(MAPPED + a_line("RJAA"), mapping={"Airport code": "icao"})
    second = imported(MAPPED + a_line("RJTT"))

    assert (first.status, second.status) == (JobStatus.COMPLETED, JobStatus.COMPLETED)
    assert world.data.find(key_of("RJTT")) is not None


def test_an_empty_mapping_forgets_the_headings(imported):
    imported(MAPPED + a_line("RJAA"), mapping={"Airport code": "icao"})

    refused = imported(MAPPED + a_line("RJTT"), mapping={})

    assert refused.status is JobStatus.FAILED


def test_a_mapping_to_a_column_that_does_not_exist_is_refused(imported):
    with pytest.raises(InvalidInputError, match="columns: icao, iata"):
        imported(HEADER, mapping={"x": "nothing"})
