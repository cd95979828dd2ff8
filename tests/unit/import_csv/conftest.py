import io
from dataclasses import replace

import pytest
from tests.support.import_states import end_job, load_job, run_batch

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey, ItemKey
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.batch import RowBatch
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Job, Loaded, Reader
from sfn_local.distributed.items import CsvFormat, read_csv, read_json_lines

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


JOB = ImportKey("tenant1", "01JDHZ0000000000000000000A")
COLUMNS = ("icao", "name", "country", "lat", "lon", "tz")
A_JOB = Job(
    key=JOB,
    table="airports",
    source=NO_SOURCE,
    by=Audit("", "taro", "192.0.2.1"),
    loaded=Loaded(0, COLUMNS, COLUMNS, Reader.NONE, NO_SOURCE),
)


def a_row(number, icao="RJAA", name="Narita", lat="35.7"):
    return Row(number, [icao, name, "JP", lat, "140.3", "Asia/Tokyo"])


def key_of(icao):
    return ItemKey("tenant1", "AIRPORT", icao)


def run_machine(id_, world):
    """What the machine does with a job: the loader, the Map with AWS's readers, the end."""
    key = ImportKey.of("tenant1", id_)
    loaded = load_job(key)
    items = []
    if loaded["result"] != Reader.NONE:
        source = loaded["source"]
        body = io.BytesIO(world.import_bucket.objects[source["key"]][int(source["versionId"]) - 1])
        is_native = loaded["result"] == Reader.NATIVE
        values = read_csv(body, CsvFormat()) if is_native else read_json_lines(body)
        items = [{"index": index, "value": value} for index, value in enumerate(values)]
    for start in range(0, len(items), 100):
        run_batch(key, items[start : start + 100], is_last_try=True)
    end_job(key)
    return bootstrap.import_jobs().find(key)


@pytest.fixture
def run(world):  # noqa: ARG001 - the rows need the fakes in place
    """Return a way to deliver a batch of the job's rows."""

    def deliver(*rows, strategy=None, is_last_try=False, **changed):
        strategy = strategy or strategies.find("airports")
        batch = RowBatch(replace(A_JOB, **changed), strategy, rows, is_last_try=is_last_try)
        return batch.run()

    return deliver
