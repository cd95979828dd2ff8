import pytest

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.job import Job

KEY = ImportKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A")
OBJECT = "uploads/tenant1/1/airports.csv"
HEADER = "icao,name,country,lat,lon,tz\n"
NOON = "2026-11-25T12:00:00.000Z"


def a_line(icao, name="Narita", lat="35.7"):
    return f"{icao},{name},JP,{lat},140.3,Asia/Tokyo\n"


@pytest.fixture
def job_of(world):
    """Return a way to create the job of the sample events, of a file with this text."""

    def create(text, **more):
        world.import_bucket.put(OBJECT, text.encode())
        head = world.import_bucket.head(OBJECT)
        source = world.import_bucket.source(OBJECT, head.version_id)
        job = Job(key=KEY, table="airports", source=source, by=Audit(NOON), **more)
        bootstrap.import_jobs().create(job)
        return job

    return create
