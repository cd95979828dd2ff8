import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ReadTimeoutError
from tests.contract.worlds import IMPORTS

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidFileError, InvalidInputError, TransientError
from sfn_cqrs.kernel.keys import ImportKey

KEY = "uploads/tenant1/1/a.csv"
JOB = ImportKey("tenant1", "01JDHZ0000000000000000000A")


@pytest.fixture(params=["us-east-1", "eu-west-1"])
def signed(monkeypatch, request):
    """The bucket as a deployed function speaks to it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", request.param)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("IMPORT_BUCKET", IMPORTS)
    bootstrap.reset()
    yield bootstrap.import_bucket()
    bootstrap.reset()


def test_a_key_may_be_named_as_s3_does_in_this_bucket_only(world):
    assert world.import_bucket.key_of(KEY) == KEY
    assert world.import_bucket.key_of(f"s3://{IMPORTS}/{KEY}") == KEY
    for named in (f"s3://elsewhere/{KEY}", f"s3://{IMPORTS}x/{KEY}", "s3://"):
        with pytest.raises(InvalidInputError, match="must be in the bucket imports"):
            world.import_bucket.key_of(named)


def test_a_version_of_a_file_is_looked_at_by_its_id(world):
    world.upload(KEY, b"one")
    first = world.import_bucket.head(KEY)
    world.clock.advance(minutes=1)
    world.upload(KEY, b"three")
    second = world.import_bucket.head(KEY)

    assert (first.size, second.size) == (3, 5)
    assert first.modified <= second.modified
    assert world.import_bucket.head(KEY, first.version_id) == first
    assert world.import_bucket.head(KEY, second.version_id) == second
    assert world.import_bucket.head("uploads/tenant1/none") is None


def test_a_version_that_is_a_deletion_is_no_file(clients, moto_world):
    world = moto_world()
    world.upload(KEY, b"one")
    first = world.import_bucket.head(KEY)
    deleted = clients.s3.delete_object(Bucket=IMPORTS, Key=KEY)["VersionId"]

    assert world.import_bucket.head(KEY) is None
    assert world.import_bucket.head(KEY, deleted) is None
    assert world.import_bucket.head(KEY, first.version_id) == first


def test_a_report_has_a_size_once_it_is_there(world):
    assert world.import_bucket.report_size(JOB) is None
    world.import_bucket.put_report(JOB, ["a,b\r\n"])

    assert world.import_bucket.report_size(JOB) == 5


def test_a_form_puts_one_object_of_at_most_5_gib_for_a_quarter_of_an_hour(signed):
    form = signed.upload_form(KEY, 10**9)

    policy = json.loads(base64.b64decode(form.fields["policy"]))
    expires = datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00"))
    conditions = [each for each in policy["conditions"] if "x-amz" not in str(each)]
    assert conditions == [
        ["content-length-range", 0, 10**9],
        ["starts-with", "$Content-Type", ""],
        {"bucket": IMPORTS},
        {"key": KEY},
    ]
    assert abs(expires - datetime.now(UTC) - timedelta(minutes=15)) < timedelta(seconds=60)


def test_what_is_signed_is_signed_as_buckets_of_today_want_it(signed, request):
    form, link = signed.upload_form(KEY, 10**9), urlsplit(signed.report_link(JOB))

    region = request.node.callspec.params["signed"]
    host = f"{IMPORTS}.s3.{region}.amazonaws.com"
    assert (form.url, form.fields["x-amz-algorithm"]) == (f"https://{host}/", "AWS4-HMAC-SHA256")
    assert (link.netloc, link.path) == (
        host,
        "/jobs/tenant1/c-01JDHZ0000000000000000000A/errors.csv",
    )
    query = parse_qs(link.query)
    assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["300"])
    assert query["response-content-disposition"] == [f'attachment; filename="{JOB.id}-errors.csv"']


def test_a_file_is_read_in_the_version_that_was_pinned(world):
    bucket, key = world.import_bucket, KEY
    assert bucket.head(key) is None
    world.upload(key, b"first")
    head = bucket.head(key)
    world.upload(key, b"second, longer")

    assert head.size == 5
    assert b"".join(bucket.chunks(bucket.source(key, head.version_id))) == b"first"


@pytest.mark.parametrize("count", [0, 1, 30_000])
def test_rows_are_written_a_part_at_a_time(count, world):
    line = '{"row":2,"cells":["' + "x" * 500 + '"]}'

    source = world.import_bucket.put_rows(JOB, (line for _ in range(count)))

    assert b"".join(world.import_bucket.chunks(source)) == (line + "\n").encode() * count


def test_rows_are_read_a_line_at_a_time(world):
    source = world.import_bucket.put_rows(JOB, iter(["one", "two"]))

    assert list(world.import_bucket.lines(source)) == [b"one", b"two"]


def test_a_file_that_was_deleted_is_told_of(world):
    for read in (world.import_bucket.chunks, world.import_bucket.lines):
        with pytest.raises(InvalidFileError, match="was deleted"):
            read(world.import_bucket.source("uploads/tenant1/1/gone.csv", "1"))


def test_a_report_comes_back(world):
    assert world.import_bucket.report(JOB) is None
    world.import_bucket.put_report(JOB, ["icao,row,code,reason\r\n"])

    assert b"".join(world.import_bucket.report(JOB)) == b"icao,row,code,reason\r\n"


@pytest.fixture
def lost(clients):
    """Return a way to let answers of S3 be lost, after the calls took effect."""
    events = clients.s3.meta.events
    lost_answers = []

    def lose(*operations):
        for operation in operations:
            name = f"after-call.s3.{operation}"
            events.register(name, raise_lost)
            lost_answers.append(name)

    yield lose
    for name in lost_answers:
        events.unregister(name, raise_lost)


def raise_lost(**_):
    raise ReadTimeoutError(endpoint_url="https://s3")


@pytest.mark.parametrize(
    "operations",
    [
        ("CompleteMultipartUpload",),
        ("UploadPart",),
        ("UploadPart", "AbortMultipartUpload"),
    ],
)
def test_an_upload_whose_answer_is_lost_fails_by_that_alone(moto_world, lost, operations):
    bucket = moto_world().import_bucket
    lost(*operations)

    with pytest.raises(ReadTimeoutError):
        bucket.put_rows(JOB, iter(["one"]))


def test_an_upload_that_s3_has_ended_may_be_made_again(moto_world, clients, monkeypatch):
    bucket = moto_world().import_bucket
    ended = {"Error": {"Code": "NoSuchUpload"}}

    def complete(**_):
        raise clients.s3.exceptions.NoSuchUpload(ended, "CompleteMultipartUpload")

    monkeypatch.setattr(clients.s3, "complete_multipart_upload", complete)

    with pytest.raises(TransientError, match="S3 has ended the upload of jobs/"):
        bucket.put_rows(JOB, iter(["one"]))
