import pytest
from functions.zip_orchestrator.extract_file.app import lambda_handler
from tests.support.import_states import list_zip
from tests.unit.zip_orchestrator.zip_corpus import CORPUS, CSV, TWO, zipped

from sfn_cqrs.kernel.errors import SupersededError
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus
from tests.unit.conftest import LambdaContext

GOOD, BAD = {"index": 1, "ok": True}, {"index": 1, "ok": False}


@pytest.fixture
def listed(world, upload):
    """Return a way to upload an archive and list it."""

    def run(data, **fields):
        list_zip(upload(data, **fields).ref)
        return world.zip_jobs

    return run


@pytest.fixture
def extract(sample, lambda_context):
    def run(context=lambda_context):
        return lambda_handler(sample("zip_orchestrator/extract_file"), context)

    return run


def test_a_file_is_written_to_the_key_of_its_index(world, key, listed, extract):
    zips = listed(zipped(("../a.csv", b"1"), ("/etc/b.csv", b"2")))

    assert extract() == GOOD

    file = zips.file(key, 1)
    assert (file.name, file.status) == ("/etc/b.csv", FileStatus.EXTRACTED)
    assert file.source.key == f"jobs/tenant1/{key.id}/files/0001.csv"
    assert b"".join(world.import_bucket.chunks(file.source)) == b"2"


def test_nothing_is_written_outside_of_the_job(world, key, listed, extract):
    listed(CORPUS["names that climb out"].data)
    extract()

    assert sorted(world.import_bucket.objects) == [
        f"jobs/tenant1/{key.id}/files/0001.csv",
        "uploads/tenant1/1/a.zip",
    ]


def test_a_file_that_is_there_is_not_extracted_again(world, listed, extract):
    listed(TWO)
    extract()
    world.import_bucket.objects["uploads/tenant1/1/a.zip"] = [b""]

    assert extract() == GOOD


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("an entry larger than it says", "wrong_size"),
        ("a checksum that is wrong", "damaged"),
        ("compressed data that is damaged", "damaged"),
        ("a header that is damaged", "damaged"),
        ("a bomb that says it is small", "wrong_size"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_failed_with_the_reason(
    key, listed, sample, lambda_context, name, code
):
    zips = listed(CORPUS[name].data)
    event = sample("zip_orchestrator/extract_file")
    event["input"] = 0

    assert lambda_handler(event, lambda_context) == {"index": 0, "ok": False}
    assert (zips.file(key, 0).status, zips.file(key, 0).problem.code) == (FileStatus.FAILED, code)
    assert lambda_handler(event, lambda_context) == {"index": 0, "ok": False}


def test_a_file_that_takes_too_long_is_failed_and_the_function_ends_in_time(key, listed, extract):
    zips = listed(TWO)

    assert extract(LambdaContext(remaining_ms=29_999)) == BAD

    problem = zips.file(key, 1).problem
    assert (problem.code, problem.reason) == (
        "too_slow",
        "the file takes too long to extract; split it",
    )


def test_nothing_is_extracted_of_a_job_that_is_cancelled_or_has_ended(key, listed, extract):
    zips = listed(TWO)
    zips.change(key, import_job.Cancel())
    assert extract() == BAD
    zips.change(key, zip_job.End(1, Ending(JobStatus.CANCELLED)))

    assert extract() == BAD
    assert zips.file(key, 1).status is FileStatus.CREATED


def test_a_file_that_is_not_in_the_archive_is_superseded(listed, extract):
    listed(zipped(("a.csv", CSV)))

    with pytest.raises(SupersededError, match="has no file 1"):
        extract()
