"""An archive, from the job to its end: both machines, the real functions, under a virtual clock."""

import pytest
from tests.support.import_system import a_file, a_line
from tests.support.zip_system import ZipSystem, an_archive

from sfn_cqrs.api.imports_schemas import zip_view
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.machines.import_csv import strategies

GOOD = a_file([a_line("RJAA"), a_line("RJBB")])
BAD = a_file([a_line("RJCC"), a_line("RJDD", lat="north")])
JAPANESE = a_file([a_line("RJEE", name="成田")]).decode().encode("cp932")
BEFORE = ["list_zip", "extract_files"]
WAIT = "trigger_single_csv_and_wait"
END = ["finalize_zip_job", "success"]


@pytest.fixture
def system(log):  # noqa: ARG001 - what is logged stays out of the test's output
    with ZipSystem() as entered:
        yield entered


def test_three_files_of_which_one_fails_are_imported_in_their_order_and_summed(system):
    progress = system.imported_zip(
        an_archive(("c.csv", JAPANESE), ("a.csv", GOOD), ("README.txt", b"x"), ("b.csv", BAD))
    )

    view = zip_view(progress)
    assert (view["kind"], view["status"]) == ("zip", "FAILED")
    assert [view[name] for name in ("total", "created", "updated", "unchanged", "failed")] == [
        5,
        4,
        0,
        0,
        1,
    ]
    assert [(file["name"], file["status"], file["created"]) for file in view["files"]] == [
        ("README.txt", "SKIPPED", 0),
        ("a.csv", "COMPLETED", 2),
        ("b.csv", "FAILED", 1),
        ("c.csv", "COMPLETED", 1),
    ]
    assert view["fileStatuses"] == {"completed": 2, "failed": 1, "skipped": 1}
    assert system.api("GET", "/data/AIRPORT/RJEE")[1]["name"] == "成田"
    (execution,) = system.zip_executions()
    assert system.path_of(execution) == [
        *BEFORE,
        *["extract_file"] * 3,
        "process_csv_files",
        *[WAIT] * 3,
        *END,
    ]
    assert system.unsettled() == []


def test_a_retry_imports_the_rows_that_failed_and_no_other(system, monkeypatch):
    """RJAA was changed by the second file since, and must stay so."""
    airports = strategies.find("airports")

    def refuses(record):
        if record.code == "RJBB":
            raise InvalidInputError("icao", "is closed")

    monkeypatch.setattr(airports, "validate", refuses, raising=False)
    second = a_file([a_line("RJAA", name="Second")])
    first = system.imported_zip(an_archive(("1.csv", GOOD), ("2.csv", second)))
    monkeypatch.undo()
    assert zip_view(first)["fileStatuses"] == {"completed": 1, "failed": 1}

    id_ = system.service.retry(first.job.key.id).job.key.id
    assert system.service.retry(first.job.key.id).job.key.id == id_
    system.run()

    view = zip_view(system.service.get(id_))
    assert (view["status"], view["total"], view["created"]) == ("COMPLETED", 1, 1)
    assert [(file["index"], file["name"]) for file in view["files"]] == [(0, "1.csv")]
    assert view["retries"] == first.job.key.id
    assert zip_view(system.service.get(first.job.key.id))["retriedBy"] == id_
    assert system.api("GET", "/data/AIRPORT/RJAA")[1]["name"] == "Second"
    assert system.api("GET", "/data/AIRPORT/RJBB")[0] == 200


def undone(system, id_, **asked):
    """Undo an archive; answers the import that has done it."""
    undo = system.service.undo(id_, **asked).job.key.id
    system.pass_time(120)
    return system.api("GET", f"/imports/{undo}")[1]


def names(system, *codes):
    found = [system.api("GET", f"/data/AIRPORT/{code}")[1] for code in codes]
    return [each.get("name") for each in found]


def test_an_archive_is_undone_as_one_whatever_its_files_did_to_each_other(system):
    """Two files have changed RJAA: it is as it was before both."""
    system.imported_zip(an_archive(("0.csv", a_file([a_line("RJAA", name="Before")]))))
    first = a_file([a_line("RJAA", name="First"), a_line("RJBB")])
    second = a_file([a_line("RJAA", name="Second"), a_line("RJCC"), a_line("RJDD", lat="north")])
    id_ = system.imported_zip(an_archive(("1.csv", first), ("2.csv", second))).job.key.id

    trial = undone(system, id_, dry_run=True)
    assert names(system, "RJAA", "RJBB", "RJCC") == ["Second", "Narita", "Narita"]
    done = undone(system, id_)
    again = system.service.undo(id_).job.key.id
    refused = system.api("POST", f"/imports/{id_}/undo", {})[1]

    counts = {"updated": 3, "unchanged": 1, "failed": 0}
    assert {name: trial[name] for name in counts} == counts
    assert {name: done[name] for name in counts} == counts
    assert (done["status"], done["undoes"]) == ("COMPLETED", id_)
    assert names(system, "RJAA", "RJBB", "RJCC") == ["Before", None, None]
    assert again == done["id"]
    assert refused["code"] == "not_permitted"  # code has imported it
    assert system.api("GET", f"/imports/{id_}")[1]["undoneBy"] == done["id"]
    assert Audit().run().findings == []
