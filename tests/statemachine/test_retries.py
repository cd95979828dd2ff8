"""Every state is tried again after an error of Lambda's own, and when it is late."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.statemachine import test_approval as approval
from tests.statemachine import test_command as command
from tests.statemachine import test_task as task
from tests.statemachine import test_zip_orchestrator as zip_orchestrator
from tests.statemachine.errors import SERVICE_ERRORS, lambda_error
from tests.statemachine.runs import calls_around, tries

from sfn_local.pytest_plugin import NEVER, MachineRun, RunMachine


@dataclass(frozen=True)
class Machine:
    """How it is run with a first answer of a state, and the time limits of its states.

    States of `waits` have none that is tried again. A retry comes `then` seconds after a limit.
    `goes_on` ends what waits after it.
    """

    run: Callable[[RunMachine, str, Any], MachineRun]
    limits: dict[str, int]
    waits: tuple[str, ...] = ()
    then: int = 1
    goes_on: Callable[[MachineRun], MachineRun] = lambda run: run


MACHINES = {
    "approval": Machine(approval.run_to, approval.TIME_LIMITS),
    "command": Machine(command.run_again, command.TIME_LIMITS, waits=("wait_prev_command",)),
    "task": Machine(task.run_again, task.TIME_LIMITS),
    "zip-orchestrator": Machine(
        zip_orchestrator.run_again,
        zip_orchestrator.TIME_LIMITS,
        waits=(zip_orchestrator.WAIT,),
        goes_on=zip_orchestrator.end_waits,
    ),
}
LIMITED = [(machine, state) for machine, of in MACHINES.items() for state in of.limits]
WAITS = [(machine, state) for machine, of in MACHINES.items() for state in of.waits]
ENDS = {"mark_failed": "FAILED", "wait_prev_command": "RUNNING"}


@pytest.mark.parametrize("error", SERVICE_ERRORS)
@pytest.mark.parametrize(("machine", "state"), LIMITED + WAITS)
def test_an_error_of_the_service_is_tried_again(
    run_machine: RunMachine, machine: str, state: str, error: str
) -> None:
    run = MACHINES[machine].run(run_machine, state, lambda_error(error))

    assert tries(run, state) == [0, 1]
    assert run.status == ENDS.get(state, "SUCCEEDED")
    assert 0 <= run.seconds <= 2


@pytest.mark.parametrize(("machine", "state"), LIMITED)
def test_a_function_that_takes_too_long_is_called_again(
    run_machine: RunMachine, machine: str, state: str
) -> None:
    of = MACHINES[machine]
    run = of.run(run_machine, state, NEVER)

    assert calls_around(run, state, of.limits[state], of.then) == (1, 2)
    assert of.goes_on(run).status == ENDS.get(state, "SUCCEEDED")
