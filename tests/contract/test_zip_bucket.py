import pytest
from botocore.exceptions import ReadTimeoutError
from tests.contract.worlds import IMPORTS

from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.keys import ZipKey
from sfn_cqrs.machines.zip_orchestrator import bucket as zip_bucket
from sfn_cqrs_tools.testing.fakes import buckets

KEY = ZipKey("tenant1", "01JDHZ0000000000000000000A")
UPLOAD = "uploads/tenant1/1/a.zip"


@pytest.fixture
def source(world):
    """An archive that somebody has overwritten since."""
    world.upload(UPLOAD, b"0123456789")
    head = world.import_bucket.head(UPLOAD)
    world.upload(UPLOAD, b"another")
    return world.import_bucket.source(UPLOAD, head.version_id)


def test_a_range_of_the_pinned_version_is_read(world, source):
    assert world.zip_bucket.read(source, 3, 4) == b"3456"
    assert world.zip_bucket.read(source, 8, 4) == b"89"
    assert world.zip_bucket.read(source, 0, 0) == b""


def test_a_long_range_is_read_window_by_window(world, source, monkeypatch):
    for module in (zip_bucket, buckets):
        monkeypatch.setattr(module, "WINDOW", 4)

    assert list(world.zip_bucket.windows(source, 1, 9)) == [b"1234", b"5678", b"9"]
    assert list(world.zip_bucket.windows(source, 1, 0)) == []


def test_a_file_is_kept_under_its_index_and_pinned(world):
    kept = world.zip_bucket.put_file(KEY, 7, [b"a,b\n", b"1,2\n"])
    empty = world.zip_bucket.put_file(KEY, 8, [])

    assert kept.key == f"jobs/tenant1/{KEY.id}/files/0007.csv"
    assert b"".join(world.import_bucket.chunks(kept)) == b"a,b\n1,2\n"
    assert b"".join(world.import_bucket.chunks(empty)) == b""


def test_a_large_file_is_kept_in_parts(world):
    pieces = [b"x" * 1_000_000] * 17

    kept = world.zip_bucket.put_file(KEY, 7, pieces)

    assert sum(len(chunk) for chunk in world.import_bucket.chunks(kept)) == 17_000_000


def test_a_connection_that_breaks_is_worth_another_try(moto_world, clients, monkeypatch):
    class Broken:
        def read(self, _size):
            raise ReadTimeoutError(endpoint_url="https://s3")

        def close(self):
            pass

    world = moto_world()
    monkeypatch.setattr(clients.s3, "get_object", lambda **_: {"Body": Broken()})
    source = world.zip_bucket.source(UPLOAD, "v1")

    with pytest.raises(ReadTimeoutError) as raised:
        world.zip_bucket.read(source, 0, 10)

    assert is_busy(raised.value)


def test_a_store_that_sends_everything_in_place_of_a_range_is_read_too(
    moto_world, clients, monkeypatch
):
    world = moto_world()
    world.upload(UPLOAD, bytes(range(256)) * 10_000)
    head = world.import_bucket.head(UPLOAD)
    source = world.zip_bucket.source(UPLOAD, head.version_id)
    get_object = clients.s3.get_object
    monkeypatch.setattr(
        clients.s3,
        "get_object",
        lambda **asked: get_object(**{k: v for k, v in asked.items() if k != "Range"}),
    )

    assert world.zip_bucket.read(source, 2_000_002, 3) == bytes([130, 131, 132])
    assert world.zip_bucket.read(source, 2_559_999, 5) == b"\xff"


def test_an_upload_that_fails_leaves_nothing(moto_world, clients):
    world = moto_world()

    def pieces():
        yield b"x" * 9_000_000
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        world.zip_bucket.put_file(KEY, 7, pieces())

    assert "Uploads" not in clients.s3.list_multipart_uploads(Bucket=IMPORTS)
    assert world.import_bucket.head(KEY.file_key(7)) is None
