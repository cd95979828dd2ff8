import csv
import json
import time

import pytest
from functions.queue.on_import_action.app import KILLED, lambda_handler
from tests.unit.consumers import ALL_DONE
from tests.unit.import_csv.conftest import key_of

from sfn_cqrs import bootstrap
from sfn_cqrs.api.imports_schemas import job_view
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import NotFoundError, TransientError
from sfn_cqrs.kernel.functions.queue import RECEIVES
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.csv import report as csv_report
from sfn_cqrs.machines.import_csv.csv.rows import MAX_REASON, Problem
from sfn_cqrs.machines.import_csv.job import End, Ending, JobStatus
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService

ONE_FAILED = {"batchItemFailures": [{"itemIdentifier": "9b2e6c1f-3c6e-4d0a-9a57-2f1b8c0d4e62"}]}
CELLS = {
    "name": "Narita",
    "icao": "RJAA",
    "country": "JP",
    "lat": "35.7",
    "lon": "140.3",
    "tz": "Asia/Tokyo",
}


@pytest.fixture
def row(world):  # noqa: ARG001 - the service needs the fakes in place
    """Return a way to ask for a row to be imported; answers its job's id."""

    def ask(**cells):
        service = ImportService("tenant1")
        return service.import_row("airports", {**CELLS, **cells}, Caller(user="taro")).job.key.id

    return ask


@pytest.fixture
def deliver(sample):
    """Return a way to deliver the message of a job, for the how manieth time."""

    def run(id_, receives=1):
        event = sample("queue/on_import_action")
        (record,) = event["Records"]
        envelope = json.loads(record["body"])
        envelope["Message"] = json.dumps({**json.loads(envelope["Message"]), "id": id_})
        record["body"] = json.dumps(envelope)
        record["attributes"]["ApproximateReceiveCount"] = str(receives)
        return lambda_handler(event, None)

    return run


def ending_of(id_):
    return ImportService("tenant1").get(id_).job.ending


def test_a_row_is_imported_as_a_row_of_a_file_would_be(row, deliver, world):
    id_ = row()

    assert deliver(id_) == ALL_DONE

    stored = world.data.find(key_of("RJAA"))
    assert (stored.name, stored.version, stored.source) == ("Narita", 1, id_)
    assert (stored.attributes["lat"], stored.created.by) == (35.7, "taro")
    assert ending_of(id_) == Ending(JobStatus.COMPLETED, Counts(created=1))


def test_a_message_that_comes_twice_imports_its_row_once(row, deliver, world):
    id_ = row()
    deliver(id_)

    assert deliver(id_) == ALL_DONE
    assert world.commands.latest(key_of("RJAA")).version == 1
    assert world.imports.counts(ImportService("tenant1").get(id_).job.key) == Counts(created=1)


def test_a_bad_row_fails_its_job_with_the_reason(row, deliver, world):
    id_ = row(lat="north")

    assert deliver(id_) == ALL_DONE

    progress = job_view(ImportService("tenant1").get(id_))
    assert (progress["kind"], progress["status"], progress["failed"]) == ("row", "FAILED", 1)
    assert progress["error"]["code"] == "invalid"
    assert "lat" in progress["error"]["message"]
    assert world.data.find(key_of("RJAA")) is None
    text = b"".join(ImportService("tenant1").errors(id_)).decode("utf-8-sig")
    header, row = csv.reader(text.splitlines())
    assert header == ["name", "icao", "country", "lat", "lon", "tz", "row", "code", "reason"]
    assert row[:-1] == ["Narita", "RJAA", "JP", "north", "140.3", "Asia/Tokyo", "1", "invalid"]


def test_a_row_that_cannot_be_imported_now_comes_again(row, deliver, monkeypatch):
    id_ = row()
    monkeypatch.setattr(bootstrap.imports(), "plan", raising(TransientError("busy")))

    assert deliver(id_, receives=RECEIVES - 2) == ONE_FAILED
    assert ending_of(id_) is None


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (TransientError("busy"), Problem("busy", "TransientError; see the log")),
        (ValueError("odd"), Problem("failed", "ValueError; see the log")),
    ],
)
def test_the_last_time_but_one_its_job_ends_with_the_reason(
    row, deliver, monkeypatch, error, problem
):
    id_ = row()
    monkeypatch.setattr(bootstrap.imports(), "plan", raising(error))

    assert deliver(id_, receives=RECEIVES - 1) == ALL_DONE
    assert ending_of(id_) == Ending(JobStatus.FAILED, Counts(failed=1), problem=problem)


def test_a_row_that_killed_each_try_ends_the_last_time_and_none_of_its_cells_is_read(
    row, deliver, monkeypatch
):
    id_ = row(tz="poison")
    for reader in (strategies, csv_report):
        for name in ("wanted_by", "safe"):
            monkeypatch.setattr(reader, name, raising(AssertionError(name)), raising=False)

    assert deliver(id_, receives=RECEIVES) == ALL_DONE

    assert ending_of(id_) == Ending(JobStatus.FAILED, Counts(failed=1), problem=KILLED)
    with pytest.raises(NotFoundError):
        ImportService("tenant1").errors(id_)


def test_a_row_that_is_counted_ends_well_also_the_last_time(row, deliver, monkeypatch):
    id_ = row()
    with monkeypatch.context() as lost:
        lost.setattr(bootstrap.import_jobs(), "change", begin_only(bootstrap.import_jobs().change))
        assert deliver(id_) == ONE_FAILED

    assert deliver(id_, receives=RECEIVES) == ALL_DONE
    assert ending_of(id_) == Ending(JobStatus.COMPLETED, Counts(created=1))


def test_a_cancelled_row_has_no_problem_the_last_time(row, deliver):
    id_ = row()
    ImportService("tenant1").cancel(id_)

    assert deliver(id_, receives=RECEIVES) == ALL_DONE
    assert ending_of(id_) == Ending(JobStatus.CANCELLED, Counts(), cancelled=1)


@pytest.mark.parametrize("column", ["name", "tz"])
@pytest.mark.parametrize("letter", [" ", '"', "'", "\0", "=", ";", "\t", "\u200b"])
def test_a_row_of_a_large_cell_ends_in_under_a_second(row, deliver, column, letter):
    sent = len(json.dumps(letter, ensure_ascii=False).encode()) - 2
    id_ = row(**{"lat": "north", column: letter * (95_000 // sent)})
    begun = time.thread_time()

    assert deliver(id_) == ALL_DONE

    assert time.thread_time() - begun < 1
    ending = ending_of(id_)
    assert ending.status is JobStatus.FAILED
    assert len(ending.problem.reason) <= MAX_REASON


def test_a_cancelled_row_is_not_imported(row, deliver, world):
    id_ = row()
    ImportService("tenant1").cancel(id_)

    assert deliver(id_) == ALL_DONE
    assert world.data.find(key_of("RJAA")) is None
    assert ending_of(id_) == Ending(JobStatus.CANCELLED, Counts(), cancelled=1)


def test_a_message_of_nothing_is_done(deliver, world):  # noqa: ARG001 - the fakes
    assert deliver("r-01KAXK3V9Q0M3W8C5R6T7Y8Z9A") == ALL_DONE


def begin_only(change):
    """Let a job begin, and lose what would end it."""

    def call(key, write, record=None):
        if isinstance(write, End):
            raise TransientError("busy")
        return change(key, write, record)

    return call


def raising(error):
    def call(*_args, **_kwargs):
        raise error

    return call
