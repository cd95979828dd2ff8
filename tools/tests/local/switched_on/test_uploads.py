import pytest
from tests.support.over_http import fetch
from tests.support.waiting import waited

pytestmark = pytest.mark.stack

FILE = b"icao,name,country,lat,lon,tz\nRJAA,Narita,JP,35.7,140.3,Asia/Tokyo\n"
FOLDER = "uploads/tenant1/auto/airports"


@pytest.fixture
def put(stack):
    """Return what puts a file into the import bucket."""
    bucket = stack.outputs["ImportBucketName"]
    return lambda key: stack.client("s3").put_object(Bucket=bucket, Key=key, Body=FILE)


@pytest.fixture
def wait_for_imports(stack):
    """Return what waits until so many imports have ended, and answers them."""

    def have_ended(jobs, count):
        return [job["finishedAt"] is None for job in jobs] == [False] * count

    return lambda count: waited(
        lambda: fetch(f"{stack.http}/imports").json["items"], lambda jobs: have_ended(jobs, count)
    )


def test_what_is_put_into_the_place_of_a_table_is_imported_once_for_each_version(
    put, wait_for_imports
):
    put("uploads/tenant1/01JDHZ0000000000000000000A/a.csv")
    put(f"{FOLDER}/a.csv")
    first = wait_for_imports(1)
    put(f"{FOLDER}/a.csv")
    both = wait_for_imports(2)

    assert (first[0]["table"], first[0]["created"]) == ("airports", 1)
    (second,) = [job for job in both if job not in first]  # of one second, they are in any order
    assert second["unchanged"] == 1
