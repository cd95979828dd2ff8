"""An archive whose functions run beside one another, are given up and go on: seed by seed."""

import random

import pytest
from tests.simulation.test_zip_crashes import ARCHIVE, assert_exact
from tests.support.calls import AwsCall, KilledError
from tests.support.proof import sampled
from tests.support.system import silent
from tests.support.zip_system import ZipSystem, hear

from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.zip_orchestrator.hooks import FinishedImport

SEEDS = sampled(range(20), 3)
DEATHS = 0.01
GIVEN_UP = 0.08
AT_MOST = 3


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[FinishedImport]:
    """What the one finalization hook was told."""
    return hear(monkeypatch)


def trouble(system: ZipSystem, seed: int) -> None:
    """Some functions are given up while they go on, and some of the archive's die at a call."""
    dice = random.Random(seed)
    deaths: list[AwsCall] = []

    def die(call: AwsCall, _moment: str) -> None:
        is_ours = call.function.startswith("ZipOrchestrator") and len(deaths) < AT_MOST
        if is_ours and dice.random() < DEATHS:
            deaths.append(call)
            raise KilledError

    system.calls.observers.append(die)
    system.gives_up = lambda: dice.random() < GIVEN_UP


def calm(system: ZipSystem) -> None:
    system.calls.observers.pop()
    system.gives_up = lambda: False


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_runs_beside_whatever_the_archive_ends_exact(seed: int) -> None:
    with silent(), ZipSystem(seed) as system:
        trouble(system, seed)
        id_ = system.start_zip(ARCHIVE)
        system.run()
        calm(system)
        system.settle_zips()

        assert_exact(system, id_)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_archive_that_is_cancelled_at_any_moment_ends_and_its_rows_add_up(seed: int) -> None:
    with silent(), ZipSystem(seed) as system:
        trouble(system, seed)
        id_ = system.start_zip(ARCHIVE)
        for _ in range(20 + 25 * seed):
            system.step()
        was_open = system.zip_job(id_).status.is_open
        if was_open:
            system.archives.cancel(id_)
        system.run()
        calm(system)
        system.settle_zips()

        job = system.zip_job(id_)
        files = [each.file for each in system.archives.get(id_).files]
        assert job.ending is not None
        assert job.status is (JobStatus.CANCELLED if was_open else JobStatus.FAILED)
        assert job.ending.counts.total + job.ending.cancelled == sum(file.total for file in files)
        assert {file.status.is_open for file in files} <= {False}
        assert system.unsettled() == []
