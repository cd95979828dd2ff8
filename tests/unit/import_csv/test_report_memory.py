"""An errors.csv of a million rows, or ten: in constant memory, and nowhere but into S3."""

import builtins
import io
import os
import tempfile
from pathlib import Path

import pytest
from tests.support.proof import deep, shares

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.bucket import PART, ImportBucket
from sfn_cqrs.machines.import_csv.end import end
from sfn_cqrs.machines.import_csv.job import Ending, Job, JobStatus, Loaded, Reader, Source
from sfn_cqrs.machines.import_csv.results import Counts, Marker, Spent

KEY = ImportKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A")
SOURCE = Source("imports", "uploads/tenant1/1/a.csv", "1")
ROWS, PER_BATCH = deep(1_000_000, 10_000_000), 1_000
MIB = 1024 * 1024
LINE = '"cells": ["RJAA", "Narita"], "code": "invalid", "reason": "lat: is not a number"'


class Body(io.BytesIO):
    def iter_lines(self):
        return iter(self.getvalue().splitlines())


class Bucket:
    """As much of a client of S3 as a report needs; it keeps no more than sizes."""

    def __init__(self):
        self.sizes = []
        self.resident = []

    def get_object(self, *, Bucket, Key):  # noqa: ARG002, N803
        first = int(Path(Key).stem)
        rows = [f'{{"row": {first + n}, {LINE}}}' for n in range(PER_BATCH)]
        return {"Body": Body("\n".join(rows).encode())}

    def create_multipart_upload(self, **_):
        return {"UploadId": "1"}

    def upload_part(self, *, Body, PartNumber, **_):  # noqa: N803
        self.sizes.append(len(Body))
        self.resident.append(resident())
        return {"ETag": str(PartNumber)}

    def complete_multipart_upload(self, **_):
        return {}

    exceptions = type("Exceptions", (), {"NoSuchUpload": KeyError})


def resident():
    """The bytes that this process has in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def _nothing_is_written(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("there is no room on the disk")

    opened = builtins.open
    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    monkeypatch.setattr(
        builtins,
        "open",
        lambda file, mode="r", *more, **named: (
            opened(file, mode, *more, **named) if "w" not in mode else fail()
        ),
    )


@shares(10)
@pytest.mark.usefixtures("_nothing_is_written")
def test_millions_of_rows_that_failed_are_reported_in_constant_memory(world, monkeypatch, nth):
    batches = ROWS // PER_BATCH // nth
    counts = Counts(failed=batches * PER_BATCH)
    loaded = Loaded(counts.failed, ("icao", "name"), ("icao", "name"), Reader.NATIVE, SOURCE)
    job = Job(
        key=KEY,
        table="airports",
        source=SOURCE,
        by=Audit("2026-11-25T12:00:00.000Z"),
        loaded=loaded,
    )
    world.import_jobs.create(job)
    one = Counts(failed=PER_BATCH)

    def markers(_key):
        starts = range(2, 2 + counts.failed, PER_BATCH)
        return (Marker(first, first + PER_BATCH - 1, one, has_errors=True) for first in starts)

    monkeypatch.setattr(world.imports, "markers", markers)
    monkeypatch.setattr(world.imports, "totals", lambda _key: (counts, Spent()))
    client = Bucket()

    with bootstrap.override(import_bucket=ImportBucket(client, "imports")):
        done = end(world.import_jobs.find(KEY))

    assert done.ending == Ending(JobStatus.FAILED, counts)
    assert sum(client.sizes) > 50 * counts.failed
    assert max(client.sizes) < PART + 1_000
    assert max(client.resident) - client.resident[0] < 32 * MIB
