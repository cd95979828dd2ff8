"""A GiB that 5 MB become: extracted in constant memory, and never further than it says."""

import struct
import tracemalloc
import zlib
from functools import cache

import pytest
from tests.support.import_states import extract_file, list_zip
from tests.unit.zip_orchestrator.conftest import UPLOAD

from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus

MIB = 1024 * 1024
BLOCK = (b"code,name\n" + b"1,abcdefghijklmnopqrstuvwxyz0123456789\n" * 30_000)[:MIB]
BLOCKS = 1024


@cache
def deflated() -> bytes:
    """A MiB in deflate that any number of others may follow, 197 times smaller."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflater.compress(BLOCK) + deflater.flush(zlib.Z_FULL_FLUSH)
    empty = b"\x00\x00\x00\xff\xff"
    return block + empty * ((MIB // 197 - len(block)) // len(empty))


def bomb(*, says: int) -> bytes:
    """An archive of one entry of a GiB that says it has so many bytes."""
    body = deflated() * BLOCKS + b"\x03\x00"
    crc = 0
    for _ in range(BLOCKS):
        crc = zlib.crc32(BLOCK, crc)
    sizes = struct.pack("<LLL", crc, len(body), says)
    local = b"PK\x03\x04" + struct.pack("<HHHL", 20, 0, 8, 0) + sizes + struct.pack("<HH", 8, 0)
    central = b"PK\x01\x02" + struct.pack("<HHHHL", 20, 20, 0, 8, 0) + sizes
    central += struct.pack("<HHHHHLL", 8, 0, 0, 0, 0, 0, 0) + b"bomb.csv"
    start = len(local) + 8 + len(body)
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(central), start, 0)
    return local + b"bomb.csv" + body + central + end


@pytest.fixture
def counted(world, monkeypatch):
    """Keep nothing of what is extracted; answers a list of how many bytes there were."""
    sizes = []

    def put_file(key, index, pieces):  # noqa: ARG001 - as the bucket's
        sizes.append(0)
        for piece in pieces:
            sizes[0] += len(piece)
        return world.import_bucket.source(UPLOAD, "1")

    monkeypatch.setattr(world.zip_bucket, "put_file", put_file)
    return sizes


def extract(key, job):
    list_zip(job.ref)
    tracemalloc.start()
    try:
        extract_file(key, 0, 900_000)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_gib_is_extracted_in_constant_memory(world, key, upload, counted):
    data = bomb(says=BLOCKS * MIB)
    assert 5_000_000 < len(data) < 6_000_000

    peak = extract(key, upload(data))

    assert world.zip_jobs.file(key, 0).status is FileStatus.EXTRACTED
    assert counted == [BLOCKS * MIB]
    assert peak < 24 * MIB


def test_a_gib_that_says_it_is_a_mib_is_given_up_after_a_mib(world, key, upload, counted):
    peak = extract(key, upload(bomb(says=MIB)))

    file = world.zip_jobs.file(key, 0)
    assert (file.status, file.problem.code, file.counts) == (
        FileStatus.FAILED,
        "wrong_size",
        Counts(),
    )
    assert counted == [MIB]
    assert peak < 24 * MIB
