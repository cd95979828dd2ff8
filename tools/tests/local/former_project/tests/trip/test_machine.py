"""trip.asl.json, by the test cases of MockConfigFile.json."""

import pytest

from sfn_cqrs.service.sagas.types import find
from sfn_local.pytest_plugin import MachineRun, RunMachine

MACHINE = "trip"
INPUT = {
    "attempt": 1,
    "id": "g-01KAXK3V9Q0M3W8C5R6T7Y8Z9G",
    "tenant": "tenant1",
    "saga": "trip",
}
STEPS = [
    "reserve",
    "charge",
]
UNDO = [
    "undo_reserve",
    "undo_charge",
]
TITLES = {step: step.title().replace("_", "") for step in (*STEPS, *UNDO)}


def run(run_machine: RunMachine, case: str) -> MachineRun:
    ran: MachineRun = run_machine(MACHINE, input=INPUT, mock=case)
    return ran


def test_the_module_declares_these_steps() -> None:
    moves = [(move.step, move.compensation) for move in find(MACHINE).moves]

    assert moves == list(zip(STEPS, UNDO, strict=True))


@pytest.mark.parametrize("case", ["HappyPath", "EverythingIsTriedAgain"])
def test_the_steps_are_made_in_their_order(run_machine: RunMachine, case: str) -> None:
    path = run(run_machine, case).path

    assert path == ["resume", "direction", *STEPS, "finish_saga", "success"]


def test_a_saga_that_has_turned_back_undoes_all_steps(run_machine: RunMachine) -> None:
    path = run(run_machine, "GoesOnBack").path

    assert path == ["resume", "direction", *reversed(UNDO), "finish_saga", "success"]


@pytest.mark.parametrize("place", range(len(STEPS)))
def test_a_refused_step_is_undone_with_all_before_it(run_machine: RunMachine, place: int) -> None:
    path = run(run_machine, f"{TITLES[STEPS[place]]}IsRefused").path

    made, undone = STEPS[: place + 1], UNDO[place::-1]
    assert path == ["resume", "direction", *made, *undone, "finish_saga", "success"]


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_undone_while_aws_is_busy(run_machine: RunMachine, step: str) -> None:
    ran = run(run_machine, f"{TITLES[step]}IsBusy")

    assert ran.path[-3:] == [step, "park_saga", "parked"]
    assert ran.error == "SagaParked"


@pytest.mark.parametrize("undo", UNDO)
def test_a_compensation_that_fails_parks_the_saga(run_machine: RunMachine, undo: str) -> None:
    assert run(run_machine, f"{TITLES[undo]}Fails").path[-3:] == [undo, "park_saga", "parked"]


def test_an_attempt_that_cannot_begin_is_parked(run_machine: RunMachine) -> None:
    assert run(run_machine, "CannotBegin").path == ["resume", "park_saga", "parked"]


@pytest.mark.parametrize("case", ["EndCannotBeRecorded", "ParkingCannotBeRecorded"])
def test_an_end_that_cannot_be_recorded_is_left_to_the_sweep(
    run_machine: RunMachine, case: str
) -> None:
    ran = run(run_machine, case)

    assert (ran.path[-1], ran.error) == ("not_recorded", "NotRecorded")
