import csv
import io
from dataclasses import replace

import pytest
from tests.support.import_states import run_batch
from tests.unit.import_csv.conftest import key_of

from sfn_cqrs import bootstrap
from sfn_cqrs.api.imports_schemas import job_view
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import InvalidInputError, TransientError
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.command import projection
from sfn_cqrs.machines.import_csv import batch, direct
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.direct import import_direct
from sfn_cqrs.machines.import_csv.end import end
from sfn_cqrs.machines.import_csv.job import JobStatus, Loaded, ProcessingMode, Reader
from sfn_cqrs.machines.import_csv.results import Counts, Marker, PublishMode
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService

KEY = "uploads/tenant1/1/a.csv"
HEADER = "icao,name,country,lat,lon,tz\n"
TARO = Caller(user="taro", ip="192.0.2.1")


def line(icao, name="Narita", lat="35.7"):
    return f"{icao},{name},JP,{lat},140.3,Asia/Tokyo\n"


@pytest.fixture
def service(world):  # noqa: ARG001 - it needs the fakes in place
    return ImportService("tenant1")


@pytest.fixture
def importing(world, service):
    """Return a way to upload a file and import it at once."""

    def run(text, **request):
        world.import_bucket.put(KEY, text if isinstance(text, bytes) else text.encode())
        return service.import_now(Request(table="airports", key=KEY, **request), TARO)

    return run


@pytest.fixture
def job_of(world, service):
    """Return a way to create a job of a file that is not worked on yet."""

    def create(text):
        world.import_bucket.put(KEY, text.encode())
        job = service.start(Request(table="airports", key=KEY), TARO).job
        return bootstrap.import_jobs().change(job.key, import_job.Begin()).record

    return create


def report_of(service, id_):
    text = b"".join(service.errors(id_)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_what_failed_is_in_the_report_and_a_corrected_one_is_imported(importing, service):
    first = importing(HEADER + line("RJAA") + line("RJTT", name="=HYPERLINK()", lat="x"))
    report = report_of(service, first.progress.job.key.id)

    assert report == [
        ["icao", "name", "country", "lat", "lon", "tz", "row", "code", "reason"],
        [
            "RJTT",
            "'=HYPERLINK()",
            "JP",
            "x",
            "140.3",
            "Asia/Tokyo",
            "3",
            "invalid",
            "lat: 'x' is not a number",
        ],
    ]
    report[1][3] = "35.5"
    corrected = "\n".join(",".join(cells) for cells in report) + "\n"
    assert importing(corrected).progress.counts == Counts(created=1)


def test_what_stays_busy_is_left_to_the_machine_and_no_row_fails(importing, world, monkeypatch):
    monkeypatch.setattr(direct, "BATCH", 1)
    monkeypatch.setattr(projection, "TRIES", 1)
    busy = []

    def project(_type, commands):
        if commands[0].key.code == "RJTT":
            busy.append(1)
            raise TransientError("the read model is busy")
        return []

    monkeypatch.setattr(batch, "project_many", project)
    imported = importing(HEADER + line("RJAA") + line("RJTT") + line("RJBB"))

    assert imported.progress.counts == Counts(created=1)
    job = world.import_jobs.find(imported.progress.job.key)
    assert (job.status.is_open, job.mode) == (True, ProcessingMode.STEP_FUNCTION)


def test_a_job_that_breaks_has_failed_and_the_error_is_raised(importing, service, monkeypatch):
    def project(_type, _commands):
        raise RuntimeError("a bug")

    monkeypatch.setattr(batch, "project_many", project)
    with pytest.raises(RuntimeError):
        importing(HEADER + line("RJAA"))

    (broken,) = service.list().items
    assert job_view(broken)["error"] == {"code": "failed", "message": "RuntimeError; see the log"}
    assert broken.counts == Counts(failed=1)


def test_rows_may_be_published_asynchronously(world, importing):
    imported = importing(HEADER + line("RJAA"), publish_mode=PublishMode.ASYNC)

    assert imported.progress.counts == Counts(created=1)
    assert world.processes.find(key_of("RJAA"), 1).status == "start"


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"table": "nothing"}, "tableName: 'nothing' has no strategy; known tables: "),
        ({"key": "uploads/tenant2/1/a.csv"}, "key: must begin with uploads/tenant1/"),
        (
            {"key": "uploads/tenant1/none"},
            "key: there is no object uploads/tenant1/none; upload it first",
        ),
        ({"encoding": "ebcdic"}, None),
        ({"delimiter": "#"}, "delimiter: must be one of , ; | and tab"),
    ],
)
def test_a_request_that_cannot_be_served_creates_no_job(request_, says, world, service):
    world.import_bucket.put(KEY, b"")

    with pytest.raises(InvalidInputError) as refusal:
        service.import_now(Request(**{"table": "airports", "key": KEY, **request_}))

    assert says is None or str(refusal.value).startswith(says)
    assert service.list().items == []


def test_a_job_shows_how_far_it_is(world, service, job_of):
    job = job_of(HEADER + line("RJAA"))
    bootstrap.import_jobs().change(
        job.key, import_job.Load(Loaded(100, ("icao",), ("icao",), Reader.NATIVE, job.source))
    )
    world.imports.count(job.key, Marker(2, 26, Counts(created=20, failed=5)))
    world.clock.advance(seconds=10)

    view = job_view(service.get(job.key.id))

    assert (view["status"], view["created"], view["failed"]) == ("PROCESSING", 20, 5)
    assert (view["rowsPerSecond"], view["etaSeconds"]) == (2.5, 30)


def native_items(world):
    """What AWS's reader gives a batch of the file."""
    text = world.import_bucket.objects[KEY][-1].decode()
    return [
        {"index": index, "value": value}
        for index, value in enumerate(csv.DictReader(io.StringIO(text)))
    ]


def test_a_batch_of_a_job_that_has_ended_or_is_unknown_does_nothing(world, job_of):
    job = job_of(HEADER + line("RJAA"))
    end(job)

    assert run_batch(job.key, native_items(world)) == 0
    assert run_batch(ImportKey("tenant1", "0" * 26), native_items(world)) == 0
    assert world.data.find(key_of("RJAA")) is None


def test_an_uploads_key_is_the_tenants_own_and_harmless(service):
    key = service.upload_key("../../etc/売上\u202e $2026.csv")

    prefix, ulid, name = key.rsplit("/", 2)
    assert (prefix, len(ulid), name) == ("uploads/tenant1", 26, "売上_ _2026.csv")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("مطارات.csv", "مطارات.csv"),
        ("partner in Köln (final).csv", "partner in Köln (final).csv"),
        ("Ko\u0308ln.csv", "Köln.csv"),
        ("x" * 200 + ".csv", "x" * 124 + ".csv"),
        (" .. ", "file.csv"),
    ],
)
def test_an_uploads_key_keeps_the_name_in_any_script(service, given, kept):
    assert service.upload_key(given).rpartition("/")[2] == kept


def test_a_file_that_takes_too_long_to_read_is_left_to_the_machine(world, job_of):
    job = job_of("\n" * 3 * 1024 * 1024 + HEADER + line("RJAA"))
    asked = []

    def is_late():
        asked.append(None)
        return len(asked) > 1

    job = bootstrap.import_jobs().change(job.key, Direct()).record
    assert import_direct(job, is_late, hands_over=False) == (None, {})

    left = bootstrap.import_jobs().find(job.key)
    assert (left.mode, left.status) == (ProcessingMode.STEP_FUNCTION, JobStatus.CREATED)
    assert len(asked) == 2
    assert world.data.find(key_of("RJAA")) is None


class Direct:
    """As if somebody had asked for it within a request."""

    def on(self, job, _at):
        return replace(job, mode=ProcessingMode.DIRECT)
