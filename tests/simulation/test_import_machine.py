"""An import as a whole, its functions killed at each call, given up, delivered twice, stopped.

The real machine in the real engine over moto; the Map hands on three rows at a time.
"""

import csv
import io
import random
from collections import Counter
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.calls import AwsCall, KilledError
from tests.support.import_system import CONSUMER, ImportSystem, a_file, a_line
from tests.support.proof import every, shares
from tests.support.system import killing
from tests.unit.import_csv.conftest import key_of

from sfn_cqrs import bootstrap
from sfn_cqrs.machines.import_csv.job import Ending, Job, JobStatus
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.import_csv.service import Request
from shop.airport_import import Airports
from shop.airports import by_icao

LOADER = "ImportCsvCsvLoaderFunction"
HANDLER = "ImportCsvCsvRowsHandlerFunction"
FINALIZER = "ImportCsvFinalizeParentJobFunction"
ROWS = [
    a_line("RJ00"),
    a_line("RJ01", name="New"),
    a_line("RJ02"),
    a_line("RJ03", lat="north"),
    a_line("RJ04"),
    a_line("RJ00", name="Twice"),
    a_line("RJ06"),
]
"""Rows 2 to 8: row 2 and row 7 have one key, RJ01 changes, RJ02 is there already."""


def prepared() -> ImportSystem:
    """A system in which RJ01 is older, and RJ02 as the file has it."""
    return ImportSystem(batch=3)


def seed(system: ImportSystem) -> None:
    key = system.upload(a_file([a_line("RJ01", name="Old"), a_line("RJ02")]))
    system.service.import_now(Request(table="airports", key=key))


def assert_exact(system: ImportSystem, job: Job) -> None:
    """Markers = counters = total; each row once; the last row of a key wins; all of it reported."""
    assert job.ending is not None
    assert job.ending.status is JobStatus.FAILED
    counts = job.ending.counts
    markers = list(bootstrap.imports().markers(job.key))
    assert [(each.first, each.last) for each in markers] == [(2, 4), (5, 7), (8, 8)]
    assert sum((each.counts for each in markers), Counts()) == counts
    assert bootstrap.imports().counts(job.key) == counts
    versions = {"RJ01": 2, "RJ02": 1, "RJ04": 1, "RJ06": 1}
    for icao, version in versions.items():
        latest = bootstrap.commands().latest(key_of(icao))
        assert latest is not None
        assert latest.version == version, icao
    twice = bootstrap.data().find(key_of("RJ00"))
    assert twice is not None
    assert twice.name == "Twice"
    for icao, version in {**versions, "RJ00": twice.version}.items():
        row = bootstrap.data().find(key_of(icao))
        shown = by_icao().get("tenant1", "airports", icao)
        assert row is not None
        assert shown is not None
        assert (row.version, shown["version"]) == (version, version)
    superseded = 2 - twice.version  # row 2, if the batch of row 7 came first
    assert counts == Counts(created=3, updated=2 - superseded, unchanged=1 + superseded, failed=1)
    report = b"".join(system.service.errors(job.key.id)).decode("utf-8-sig")
    assert [row[6:8] for row in csv.reader(io.StringIO(report))][1:] == [["5", "invalid"]]


@cache
def calls_of_a_clean_run() -> dict[str, list[AwsCall]]:
    """The calls of each function."""
    with prepared() as system:
        seed(system)
        with system.calls.recorded() as made:
            job = system.job(system.start(a_file(ROWS)))
            system.run()
            assert_exact(system, system.job(job.key.id))
    calls: dict[str, list[AwsCall]] = {}
    for call in made:
        calls.setdefault(call.function, []).append(call)
    last = calls[HANDLER][-1].invocation
    calls[HANDLER] = [call for call in calls[HANDLER] if call.invocation == last]
    return calls


@shares(30, usual=3)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("function", [LOADER, FINALIZER, CONSUMER, HANDLER])
def test_a_function_that_dies_at_any_call_changes_nothing_of_the_end(
    function: str, moment: str, nth: int
) -> None:
    """Of csv_rows_handler one batch; test_import_crashes kills another at each of its calls."""
    calls = calls_of_a_clean_run()[function]
    assert len(calls) >= 3
    for call in every(nth, calls):
        with prepared() as system:
            seed(system)
            id_ = system.start(a_file(ROWS))
            with killing(system, call, moment) as killed:
                system.run()
            assert killed, str(call)
            assert_exact(system, system.job(id_))
            ended = [one for one in system.notices() if one["id"] == id_]
            assert ended[-1]["content"]["status"] == "FAILED", str(call)


@pytest.mark.parametrize("seeded", range(2))
def test_calls_that_are_throttled_are_made_again(seeded: int) -> None:
    """Transactions are cancelled for it, other calls are refused; botocore has tried already."""
    with prepared() as system:
        seed(system)
        throttled: list[AwsCall] = []
        dice = random.Random(seeded)

        def throttle(call: AwsCall, moment: str) -> None:
            if call.function not in (LOADER, HANDLER, FINALIZER) or moment == "after":
                return
            if len(throttled) < 5 and dice.random() < 0.25:
                throttled.append(call)
                raise busy(call.operation)

        system.calls.observers.append(throttle)
        id_ = system.start(a_file(ROWS))
        system.run()

        assert len(throttled) == 5
        assert_exact(system, system.job(id_))


def busy(operation: str) -> ClientError:
    """What DynamoDB answers when a table is too busy."""
    if operation != "TransactWriteItems":
        return ClientError({"Error": {"Code": "ThrottlingException"}}, operation)
    reasons = [{"Code": "None"}, {"Code": "ThrottlingError"}]
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": reasons,
    }
    return ClientError(answer, operation)


def test_every_function_that_is_given_up_and_goes_on_is_counted_once() -> None:
    """Each is called again while, or after, its first call has come to its end."""
    with prepared() as system:
        seed(system)
        turns: Counter[str] = Counter()

        def gives_up() -> bool:
            turns["all"] += 1
            return turns["all"] % 2 == 1

        system.gives_up = gives_up
        id_ = system.start(a_file(ROWS))
        system.run()

        assert_exact(system, system.job(id_))
        assert turns["all"] >= 10


def test_a_batch_that_dies_at_every_try_fails_its_rows_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transform = Airports.transform

    def dies(self: Airports, cells: Any) -> Any:
        if cells["name"] == "Poison":
            raise KilledError
        return transform(self, cells)

    monkeypatch.setattr(Airports, "transform", dies)
    rows = [a_line(f"RJ{n:02d}", name="Poison" if n == 4 else "Fine") for n in range(9)]
    with prepared() as system:
        progress = system.imported(a_file(rows))

        assert progress.job.ending == Ending(JobStatus.FAILED, Counts(created=6, failed=3))
        report = b"".join(system.service.errors(progress.job.key.id)).decode("utf-8-sig")
        assert [row[6:8] for row in csv.reader(io.StringIO(report))][1:] == [
            ["5", "batch_failed"],
            ["6", "batch_failed"],
            ["7", "batch_failed"],
        ]

        monkeypatch.setattr(Airports, "transform", transform)
        again = system.service.retry(progress.job.key.id).job.key
        system.run()

        assert system.job(again.id).ending == Ending(JobStatus.COMPLETED, Counts(created=3))
        for n in range(9):
            latest = bootstrap.commands().latest(key_of(f"RJ{n:02d}"))
            assert latest is not None
            assert (latest.version, latest.source_row) == (1, n + 2)


def test_an_execution_that_is_stopped_half_way_ends_its_job_and_a_retry_does_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A batch that is at work then is not counted any more; what it wrote is found unchanged."""
    with prepared() as system:
        count, counted = type(bootstrap.imports()).count, []

        def stops(self: Any, key: Any, marker: Any) -> Counts:
            counted.append(marker.first)
            if len(counted) == 2:
                (execution,) = system.import_executions()
                system.engine.stop_execution(execution["executionArn"])
                system.invoke("ScheduleFinishImportsFunction", ended_event(execution))
            done: Counts = count(self, key, marker)
            return done

        monkeypatch.setattr(type(bootstrap.imports()), "count", stops)
        id_ = system.start(a_file([a_line(f"RJ{n:02d}") for n in range(9)]))
        system.run()

        job = system.job(id_)
        assert job.ending is not None
        assert (job.ending.counts, job.status) == (Counts(created=3, failed=6), JobStatus.FAILED)
        assert job.ending.problem is not None
        assert job.ending.problem.code == "execution_ended"
        assert bootstrap.imports().counts(job.key) == Counts(created=3)

        system.engine.redrive_execution(system.import_executions()[0]["executionArn"])
        system.run()
        assert system.job(id_) == job

        again = system.service.retry(id_).job.key
        system.run()
        ending = system.job(again.id).ending
        assert ending is not None
        assert ending.status is JobStatus.COMPLETED
        assert (ending.counts.total, ending.counts.unchanged >= 3) == (6, True)
        for n in range(9):
            latest = bootstrap.commands().latest(key_of(f"RJ{n:02d}"))
            assert latest is not None
            assert latest.version == 1


def test_a_cancelled_job_keeps_what_is_done_and_counts_it() -> None:
    with prepared() as system:

        def cancel(call: AwsCall, moment: str) -> None:
            if (call.function, call.invocation, call.number) == (
                HANDLER,
                1,
                1,
            ) and moment == "after":
                system.service.cancel(id_)

        system.calls.observers.append(cancel)
        id_ = system.start(a_file([a_line(f"RJ{n:02d}") for n in range(9)]))
        system.run()

        assert system.job(id_).ending == Ending(JobStatus.CANCELLED, Counts(created=3), cancelled=6)


def ended_event(execution: dict[str, Any]) -> dict[str, Any]:
    return {
        "detail-type": "Step Functions Execution Status Change",
        "detail": {name: execution[name] for name in ("input", "name", "stateMachineArn")},
    }
