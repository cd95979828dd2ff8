"""An archive through both machines, each state killed before and after each of its calls."""

import json
from collections.abc import Callable
from functools import cache
from unittest import mock

import pytest
from tests.support.calls import AwsCall, moments_of
from tests.support.import_system import a_file, a_line
from tests.support.proof import every, shares
from tests.support.system import TENANT, killing, silent
from tests.support.zip_system import ZipSystem, an_archive, hear

from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.hooks import FinishedImport
from sfn_local import Done

LIST = "ZipOrchestratorListZipFunction"
EXTRACT = "ZipOrchestratorExtractFileFunction"
TRIGGER = "ZipOrchestratorTriggerSingleCsvAndWaitFunction"
FINALIZE = "ZipOrchestratorFinalizeZipJobFunction"
FINALIZE_CHILD = "ImportCsvFinalizeParentJobFunction"
STREAM = "StreamOnImportChangedFunction"
STATES = (LIST, EXTRACT, TRIGGER, FINALIZE)
ARCHIVE = an_archive(
    ("a.csv", a_file([a_line("RJAA"), a_line("RJBB")])),
    ("b.csv", a_file([a_line("RJAA", name="Again"), a_line("RJCC", lat="north")])),
    ("c.zip", b"PK"),
    ("d.txt", b"x"),
)
SUM = Ending(JobStatus.FAILED, Counts(created=2, updated=1, failed=1))
Play = Callable[[ZipSystem], str]


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[FinishedImport]:
    """What the one finalization hook was told."""
    return hear(monkeypatch)


def assert_exact(system: ZipSystem, id_: str) -> None:
    """Everything is done once, counted once, and nothing is left to do."""
    job = system.zip_job(id_)
    files = [each.file for each in system.archives.get(id_).files]
    assert job.ending == SUM
    assert [(file.name, str(file.status), file.total) for file in files] == [
        ("a.csv", "COMPLETED", 2),
        ("b.csv", "FAILED", 2),
        ("c.zip", "FAILED", 0),
        ("d.txt", "SKIPPED", 0),
    ]
    assert job.hooks == {"hear": ""}
    assert children(system) == sorted(job.key.child(index).id for index in (0, 1))
    assert system.unsettled() == []
    assert [one for one in executions(system) if one["status"] == "RUNNING"] == []
    data = system.api("GET", "/data/AIRPORT/RJAA")[1]
    assert (data["version"], data["name"]) == (2, "Again")
    assert outside(system, id_) == []


def children(system: ZipSystem) -> list[str]:
    return sorted(progress.job.key.id for progress in system.service.list().items)


def executions(system: ZipSystem) -> list[dict[str, object]]:
    return [*system.zip_executions(), *system.import_executions()]


def outside(system: ZipSystem, id_: str) -> list[str]:
    """The objects that are neither an upload nor in a job's own folder."""
    bucket = system.template.environment["IMPORT_BUCKET"]
    keys = [one["Key"] for one in system.clients["s3"].list_objects_v2(Bucket=bucket)["Contents"]]
    own = [id_, *children(system)]
    folders = [f"uploads/{TENANT}/", *(f"jobs/{TENANT}/{one}/" for one in own)]
    return [key for key in keys if not key.startswith(tuple(folders))]


def plain(system: ZipSystem) -> str:
    """Nothing else goes wrong."""
    id_ = system.start_zip(ARCHIVE)
    system.run()
    return id_


@cache
def moments() -> list[tuple[AwsCall, str]]:
    """When a state may die; each file is extracted and imported in the same way: the first one."""
    with silent(), ZipSystem() as system, system.calls.recorded() as made:
        plain(system)
    return moments_of(call for call in made if call.function in STATES and call.invocation == 1)


def test_the_sweep_kills_every_state() -> None:
    killed = {call.function for call, _ in moments()}

    assert killed == set(STATES)
    assert len(moments()) > 30


@shares(30, usual=3)
@pytest.mark.parametrize("state", STATES)
def test_a_state_killed_at_any_call_changes_nothing(state: str, nth: int) -> None:
    own = [(call, moment) for call, moment in moments() if call.function == state]
    for call, moment in every(nth, own):
        with silent(), ZipSystem() as system:
            with killing(system, call, moment) as killed:
                id_ = plain(system)
            system.settle_zips()
            assert killed == [call]
            assert_exact(system, id_)


@pytest.mark.parametrize("state", STATES)
def test_a_state_that_runs_twice_changes_nothing(state: str) -> None:
    """Its answer is lost, so that the machine calls it again; the first token is dead then."""
    with silent(), ZipSystem() as system:
        given: list[bytes] = []
        submit = system.submit

        def submit_twice(function: str, payload: bytes, done: Done) -> None:
            is_its = system.lambdas.find(function).logical_id == state
            is_first = is_its and is_new(payload, given)
            with mock.patch.object(system, "gives_up", return_value=is_first):
                submit(function, payload, done)

        with mock.patch.object(system, "submit", submit_twice):
            id_ = plain(system)
            system.settle_zips()

        assert given
        assert_exact(system, id_)


def is_new(payload: bytes, given: list[bytes]) -> bool:
    """Whether a state sends this input for the first time, and not after a retry."""
    event = json.loads(payload)
    if event["context"]["State"]["RetryCount"]:
        return False
    given.append(payload)
    return True
