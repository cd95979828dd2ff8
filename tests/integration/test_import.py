"""A file, from the job to its end: the real machine, its Distributed Map, the real functions."""

import pytest
from tests.support.import_system import ImportSystem, a_file, a_line

from sfn_cqrs.api.imports_schemas import job_view

NATIVE = ["csv_loader", "choose_reader", "import_csv", "finalize_parent_job", "outcome", "success"]


@pytest.fixture
def system(log):  # noqa: ARG001 - what is logged stays out of the test's output
    with ImportSystem() as entered:
        yield entered


def test_a_file_is_imported_by_the_machine(system):
    rows = [a_line(f"R{number:03d}") for number in range(120)]

    progress = system.imported(a_file(rows))

    assert job_view(progress)["status"] == "COMPLETED"
    assert (progress.job.total, progress.counts.created) == (120, 120)
    assert system.path() == NATIVE
    assert system.api("GET", "/data/AIRPORT/R119")[1]["version"] == 1


def test_a_plain_file_is_read_in_the_version_that_was_started(system):
    id_ = system.start(a_file([a_line("RJAA")]))
    source = system.job(id_).source
    system.clients["s3"].put_object(
        Bucket=source.bucket, Key=source.key, Body=a_file([a_line("RJBB"), a_line("RJCC")])
    )

    system.run()

    assert system.service.get(id_).counts.created == 1
    assert system.api("GET", "/data/AIRPORT/RJAA")[0] == 200


def test_another_file_is_rewritten_and_its_rows_keep_their_numbers(system):
    text = a_file([a_line("RJAA"), a_line("RJBB", lat="north")], delimiter=";")

    progress = system.imported(text.decode().replace("RJBB", "\r\nRJBB").encode("utf-16"))

    assert system.path()[2] == "import_jsonl"
    assert (progress.counts.created, progress.counts.failed) == (1, 1)
    report = b"".join(system.service.errors(progress.job.key.id)).decode("utf-8-sig")
    assert report.splitlines()[1].split(",")[6:8] == ['"4"', '"invalid"']
