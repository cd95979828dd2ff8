"""Which way a file goes: at once, by the machine, first the one and then the other, and again."""

import csv
import io
import json
from typing import ClassVar

import pytest
from tests.support.import_states import end_job, load_job
from tests.unit.import_csv.conftest import key_of, run_machine

from sfn_cqrs import bootstrap
from sfn_cqrs.api.imports_schemas import job_view
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import (
    FileTooLargeError,
    InvalidInputError,
    NotFailedError,
    NotFoundError,
)
from sfn_cqrs.kernel.keys import ImportKind, ZipKey
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.bucket import Head
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.end import end
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus, Parent, ProcessingMode
from sfn_cqrs.machines.import_csv.results import Counts, Fate
from sfn_cqrs.machines.import_csv.service import MAX_DIRECT_BYTES, Request
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from shop.airport_import import Airports

KEY = "uploads/tenant1/1/a.csv"
HEADER = "icao,name,country,lat,lon,tz\n"
TARO = Caller(user="taro", ip="192.0.2.1")
ARCHIVE = ZipKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A")
ENTRY = "jobs/tenant1/z-01KAXK3V9Q0M3W8C5R6T7Y8Z9A/0.csv"
DIRECT, STEP_FUNCTION = ProcessingMode.DIRECT, ProcessingMode.STEP_FUNCTION


def line(icao, name="Narita", lat="35.7"):
    return f"{icao},{name},JP,{lat},140.3,Asia/Tokyo\n"


def lines(count):
    return "".join(line(f"R{number:03d}") for number in range(count))


@pytest.fixture
def service(world):  # noqa: ARG001 - it needs the fakes in place
    return ImportService("tenant1")


@pytest.fixture
def ask(world):
    """Return a request for a file of this text."""

    def upload(text, key=KEY, **request):
        world.import_bucket.put(key, text.encode())
        return Request(table="airports", key=key, **request)

    return upload


@pytest.fixture
def cure(monkeypatch):
    """Return what makes the strategy take `x` for a latitude."""

    def mend():
        transform = Airports.transform

        def mended(self, cells):
            return transform(self, {**cells, "lat": cells["lat"].replace("x", "1")})

        monkeypatch.setattr(Airports, "transform", mended)

    return mend


class TestWay:
    def test_a_small_file_is_imported_at_once(self, service, ask, world):
        imported = service.submit(ask(HEADER + lines(3)), TARO)

        assert imported.progress.job.mode is DIRECT
        assert imported.progress.job.status is JobStatus.COMPLETED
        assert [planned.fate for planned in imported.rows.values()] == [Fate.CREATED] * 3
        assert world.import_executions.started == []

    def test_a_large_file_is_left_to_the_machine(self, service, ask):
        name = "x" * 200
        text = HEADER + "".join(line(f"R{number:03d}", name) for number in range(999))
        assert len(text) < MAX_DIRECT_BYTES
        text += "\n" * (MAX_DIRECT_BYTES - len(text) + 1)

        imported = service.submit(ask(text))

        assert imported.progress.job.mode is STEP_FUNCTION
        assert imported.progress.job.status is JobStatus.CREATED
        assert imported.rows is None

    def test_a_small_file_with_many_rows_is_handed_over(self, service, ask, world):
        text = HEADER + "".join(line(f"R{number:03X}", "N", "1") for number in range(1_001))

        imported = service.submit(ask(text))

        assert imported.progress.job.status is JobStatus.CREATED
        assert run_machine(imported.progress.job.key.id, world).ending == Ending(
            JobStatus.COMPLETED, Counts(created=1_001)
        )

    def test_who_wants_it_at_once_is_told_that_there_are_too_many_rows(self, service, ask):
        request = ask(HEADER + lines(1_000) + line("Q000"), processing_mode=DIRECT)

        assert service.submit(request).progress.job.ending.problem.code == "too_many_rows"

    def test_what_takes_too_long_goes_on_in_the_machine_with_the_rows_that_are_left(
        self, service, ask, world, monkeypatch
    ):
        count = world.imports.count

        def slowly(key, marker):
            world.clock.advance(seconds=10)
            return count(key, marker)

        monkeypatch.setattr(world.imports, "count", slowly)
        imported = service.submit(ask(HEADER + lines(450)), TARO)
        id_ = imported.progress.job.key.id

        assert (imported.progress.job.status, imported.progress.job.mode) == (
            JobStatus.CREATED,
            STEP_FUNCTION,
        )
        assert imported.progress.counts == Counts(created=300)
        assert sorted(imported.rows) == list(range(2, 302))

        ended = run_machine(id_, world)

        assert ended.ending == Ending(JobStatus.COMPLETED, Counts(created=450))
        assert ended.total == 450
        written = world.import_bucket.objects[f"jobs/tenant1/{id_}/rows.jsonl"][-1].splitlines()
        assert [json.loads(text)["row"] for text in (written[0], written[-1])] == [302, 451]

    def test_a_file_of_more_than_ten_gib_is_refused(self, service, ask, world, monkeypatch):
        request = ask(HEADER)
        size = 10 * 1024**3
        monkeypatch.setattr(
            world.import_bucket, "head", lambda *_: Head("1", size + 1, world.clock())
        )

        with pytest.raises(FileTooLargeError, match=str(size)):
            service.start(request)


class TestRetry:
    @pytest.fixture
    def failed(self, service, ask):
        """A job whose rows 3 and 5 have failed."""
        text = HEADER + line("RJAA") + line("RJBB", lat="x") + line("RJCC") + "RJDD,short\n"
        return service.import_now(ask(text)).progress.job

    def test_only_the_failed_rows_are_gone_through_under_their_numbers(
        self, service, failed, world
    ):
        again = service.retry(failed.key.id, TARO)
        assert job_view(again)["retries"] == failed.key.id
        assert job_view(service.get(failed.key.id))["retriedBy"] == again.job.key.id

        ended = run_machine(again.job.key.id, world)

        assert ended.ending == Ending(JobStatus.FAILED, Counts(failed=2))
        report = b"".join(service.errors(again.job.key.id)).decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(report)))
        assert [row[-3:-1] for row in rows[1:]] == [["3", "invalid"], ["5", "ragged"]]

    def test_a_row_that_is_cured_is_applied_and_the_others_are_not_touched(
        self, service, failed, world, cure
    ):
        cure()
        again = service.retry(failed.key.id).job.key

        ended = run_machine(again.id, world)

        assert ended.ending == Ending(JobStatus.FAILED, Counts(created=1, failed=1))
        assert world.data.find(key_of("RJBB")).source == again.id
        assert world.data.find(key_of("RJBB")).source_row == 3
        assert world.data.find(key_of("RJAA")).source == failed.key.id

    def test_a_job_is_retried_once_whoever_asks(self, service, failed, world):
        first = service.retry(failed.key.id).job.key
        world.clock.advance(minutes=1)

        assert service.retry(failed.key.id).job.key == first
        assert len(world.all_of(IMPORTS)) == 2

    def test_a_retry_that_died_before_its_job_was_made_is_made_good(self, service, failed, world):
        noted = "c-01KAXK3V9Q0M3W8C5R6T7Y8Z9A"
        world.import_jobs.change(failed.key, import_job.RetryBy(noted))

        assert service.retry(failed.key.id).job.key.id == noted

    def test_a_retried_row_never_comes_after_a_later_one_of_its_file(
        self, service, ask, world, cure
    ):
        text = HEADER + line("RJAA", "early", "x") + lines(99) + line("RJAA", "late")
        first = service.import_now(ask(text)).progress.job
        assert first.ending.counts == Counts(created=100, failed=1)
        cure()

        again = service.retry(first.key.id).job.key
        ended = run_machine(again.id, world)

        assert ended.ending == Ending(JobStatus.COMPLETED, Counts(unchanged=1))
        assert world.data.find(key_of("RJAA")).name == "late"

    def test_rows_of_batches_that_were_not_counted_are_retried_too(self, service, ask, world):
        job = service.start(ask(HEADER + lines(4))).job
        load_job(job.key)
        end(bootstrap.import_jobs().find(job.key))

        again = service.retry(job.key.id).job.key

        assert run_machine(again.id, world).ending.counts == Counts(created=4)

    def test_what_a_cancellation_left_out_is_imported_by_a_retry(self, service, ask, world):
        job = service.start(ask(HEADER + lines(4))).job
        load_job(job.key)
        service.cancel(job.key.id)
        cancelled = end(bootstrap.import_jobs().find(job.key))
        assert cancelled.ending == Ending(JobStatus.CANCELLED, Counts(), cancelled=4)

        again = service.retry(job.key.id).job.key

        assert run_machine(again.id, world).ending.counts == Counts(created=4)

    def test_a_file_that_was_refused_is_read_again_as_a_whole(
        self, service, ask, world, monkeypatch
    ):
        text = HEADER.replace("tz", "zone") + line("RJAA")
        refused = service.start(ask(text)).job.key
        assert run_machine(refused.id, world).ending.problem.code == "header_missing"
        aliases = tuple(
            type(column)(column.name, required=column.required, aliases=("zone",))
            if column.name == "tz"
            else column
            for column in Airports.columns
        )
        monkeypatch.setattr(Airports, "columns", aliases)

        again = service.retry(refused.id).job.key

        assert run_machine(again.id, world).ending.counts.total == 1

    @pytest.mark.parametrize("text", [HEADER + line("RJAA"), None])
    def test_what_has_not_failed_is_not_retried(self, service, ask, text):
        if text is None:
            id_ = service.start(ask(HEADER)).job.key.id
        else:
            id_ = service.import_now(ask(text)).progress.job.key.id

        with pytest.raises(NotFailedError):
            service.retry(id_)

    def test_a_retry_of_a_retry_knows_all_jobs_before_it(self, service, failed, world):
        second = service.retry(failed.key.id).job.key
        run_machine(second.id, world)

        third = service.retry(second.id).job

        assert third.retries == (second.id, failed.key.id)
        assert third.since == failed.by.at


class TestRow:
    CELLS: ClassVar = {
        "icao": "RJAA",
        "name": "Narita",
        "country": "JP",
        "lat": "1",
        "lon": "2",
        "tz": "UTC",
    }

    def test_a_rows_job_waits_to_be_worked_on(self, service, world):
        progress = service.import_row("airports", self.CELLS, TARO)

        assert job_view(progress)["id"].startswith("r-")
        assert progress.job.status is JobStatus.CREATED
        assert world.import_jobs.find(progress.job.key) == progress.job
        assert service.list(kind=ImportKind.ROW).items[0].job == progress.job
        assert service.list().items == []

    @pytest.mark.parametrize(
        ("cells", "said"),
        [
            ({"icao": "RJAA"}, "the header lacks"),
            ({**CELLS, "colour": "red"}, "'colour'"),
            ({**CELLS, "lat": 35.7}, "must be strings"),
            ({**CELLS, "name": "x" * 100_001}, "more than 100000 bytes"),
        ],
    )
    def test_cells_that_are_no_row_of_the_table_are_refused(self, service, cells, said):
        with pytest.raises(InvalidInputError, match=said):
            service.import_row("airports", cells)

    def test_there_must_be_such_a_table(self, service):
        with pytest.raises(InvalidInputError, match="known tables"):
            service.import_row("nowhere", self.CELLS)

    def test_a_row_that_failed_is_retried_as_a_new_one(self, service):
        job = service.import_row("airports", self.CELLS).job
        end(job, Problem("failed", "ValueError; see the log"))

        again = service.retry(job.key.id).job

        assert again.cells == self.CELLS
        assert again.key != job.key
        with pytest.raises(NotFailedError):
            service.retry(again.key.id)


class TestChild:
    def test_an_entrys_job_is_the_same_however_often_it_is_asked_for(self, service, ask, world):
        request = ask(HEADER + line("RJAA"), ENTRY)
        first = service.start_child(ARCHIVE, 0, request, "token-1")
        world.clock.advance(minutes=5)

        assert service.start_child(ARCHIVE, 0, request, "token-1").job == first.job
        assert len(world.all_of(IMPORTS)) == 1
        assert first.job.parent == Parent(ARCHIVE.id, 0, "token-1")
        assert job_view(first)["parent"] == ARCHIVE.id

    def test_each_entry_has_a_job_of_its_own_beside_the_archive(self, service, ask):
        request = ask(HEADER, ENTRY)
        keys = [service.start_child(ARCHIVE, n, request, f"t{n}").job.key for n in range(3)]

        assert len(set(keys)) == 3
        assert {key.ulid[:10] for key in keys} == {ARCHIVE.ulid[:10]}

    def test_the_wait_ends_once_the_job_has_ended(self, service, ask, world):
        job = service.start_child(ARCHIVE, 2, ask(HEADER + line("RJAA"), ENTRY), "token-1").job
        world.import_bucket.objects[KEY] = world.import_bucket.objects[ENTRY]

        run_machine(job.key.id, world)

        result = {
            "id": job.key.id,
            "index": 2,
            "status": "COMPLETED",
            "total": 1,
            "created": 1,
            "updated": 0,
            "unchanged": 0,
            "failed": 0,
            "cancelled": 0,
        }
        assert world.import_executions.succeeded == [("token-1", {"Payload": result})]
        assert world.import_jobs.find(job.key).parent.token is None

    def test_an_end_that_comes_again_sends_nothing_again(self, service, ask, world):
        job = service.start_child(ARCHIVE, 0, ask(HEADER, ENTRY), "token-1").job
        run_machine(job.key.id, world)
        end_job(job.key)

        assert len(world.import_executions.succeeded) == 1

    def test_a_failed_entry_ends_its_wait_well_and_says_so(self, service, ask, world):
        job = service.start_child(ARCHIVE, 0, ask("icao\n", ENTRY), "token-1").job
        run_machine(job.key.id, world)

        ((_, output),) = world.import_executions.succeeded
        assert output["Payload"]["status"] == "FAILED"

    def test_who_waits_for_a_job_that_has_ended_is_answered_at_once(self, service, ask, world):
        request = ask(HEADER, ENTRY)
        job = service.start_child(ARCHIVE, 0, request, "token-1").job
        world.import_executions.gone.add("token-1")
        run_machine(job.key.id, world)

        service.start_child(ARCHIVE, 0, request, "token-2", seq=1)

        assert [token for token, _ in world.import_executions.succeeded] == ["token-2"]

    def test_an_entry_of_another_tenant_is_refused(self, service, ask):
        with pytest.raises(InvalidInputError, match="must begin with jobs/tenant1/"):
            service.start_child(ARCHIVE, 0, ask(HEADER, "jobs/tenant2/z/0.csv"), "token")

    def test_an_archive_is_no_job_of_this_service(self, service):
        with pytest.raises(NotFoundError):
            service.get(ARCHIVE.id)


def test_a_retry_compares_with_what_there_is_by_then(service, ask, world, cure):
    job = service.import_now(ask(HEADER + line("RJAA", lat="x"))).progress.job
    command = CommandService("tenant1")
    command.publish_sync("AIRPORT", "RJAA", name="Theirs", attributes={"country": "JP"})
    cure()

    again = service.retry(job.key.id).job.key

    assert run_machine(again.id, world).ending.counts == Counts(updated=1)
    assert world.data.find(key_of("RJAA")).version == 2
