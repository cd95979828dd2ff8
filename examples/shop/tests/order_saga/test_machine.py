"""order-saga.asl.json: every path, catch and retry, on stand-in functions."""

from typing import Any

import pytest

from sfn_local import FunctionError
from sfn_local.pytest_plugin import NEVER, MachineRun, RunMachine

KEYS = {
    "attempt": 1,
    "id": "g-01KAXK3V9Q0M3W8C5R6T7Y8Z9G",
    "saga": "order-saga",
    "tenant": "tenant1",
}
STEPS = ["reserve_stock", "charge_payment", "ship_order"]
UNDO = ["release_stock", "refund_payment", "cancel_shipment"]
"""The compensation of each step, in the steps' order."""
BACK = UNDO[::-1]
FORWARD = {"result": "forward"}
DONE = {"result": "DONE"}
STUBS: dict[str, Any] = {
    "resume": FORWARD,
    **dict.fromkeys([*STEPS, *UNDO], DONE),
    "finish_saga": {"result": "COMPLETED"},
    "park_saga": {"result": "PARKED"},
}
ON_THE_WAY = ["resume", *STEPS, "finish_saga"]
GO_BACK = {"resume": {"result": "back"}}
TIME_LIMITS = dict.fromkeys([*ON_THE_WAY, *BACK], 60)


SERVICE_ERRORS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ResourceNotReadyException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
]


class TransientError(Exception):
    pass


class SupersededError(Exception):
    pass


class SagaStepError(Exception):
    pass


class UnknownSagaError(Exception):
    pass


def run_saga(run_machine: RunMachine, **stubs: Any) -> MachineRun:
    run: MachineRun = run_machine("order-saga", input=KEYS, stubs={**STUBS, **stubs})
    return run


def run_again(run_machine: RunMachine, state: str, first: Any) -> MachineRun:
    """Run with a first answer of a state, before the usual one."""
    stubs = {**STUBS, **(GO_BACK if state in BACK else {})}
    return run_saga(run_machine, **{**stubs, state: [first, stubs[state]]})


def way_back_from(step: str) -> list[str]:
    """The compensations of a step and of all steps before it."""
    return UNDO[STEPS.index(step) :: -1]


def way_to(step: str) -> list[str]:
    """The states up to and with a step."""
    return ["resume", "direction", *STEPS[: STEPS.index(step) + 1]]


def test_an_order_is_reserved_charged_and_shipped(run_machine: RunMachine) -> None:
    run = run_saga(run_machine)

    assert run.path == ["resume", "direction", *STEPS, "finish_saga", "success"]
    assert (run.status, run.output) == ("SUCCEEDED", {"result": "COMPLETED"})


@pytest.mark.parametrize("error", [SagaStepError, SupersededError, UnknownSagaError])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_refused_or_fails_is_undone_with_all_before_it(
    run_machine: RunMachine, step: str, error: type[Exception]
) -> None:
    run = run_saga(run_machine, **{step: error("card_declined")})

    assert run.path == [*way_to(step), *way_back_from(step), "finish_saga", "success"]
    assert len(run.payloads[step]) == 1
    assert run.status == "SUCCEEDED"


def test_the_first_compensation_is_told_why(run_machine: RunMachine) -> None:
    run = run_saga(run_machine, charge_payment=SagaStepError("charge_payment: card_declined"))

    first, second = (run.payloads[name][0]["input"] for name in ("refund_payment", "release_stock"))
    assert first["Error"] == "SagaStepError"
    assert "charge_payment: card_declined" in first["Cause"]
    assert second == DONE


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_never_answers_is_tried_again_and_then_undone(
    run_machine: RunMachine, step: str
) -> None:
    run = run_saga(run_machine, **{step: NEVER})
    run.advance(7 * 60 + 2 + 4 + 8 + 16 + 32 + 60)

    assert run.path == [*way_to(step), *way_back_from(step), "finish_saga", "success"]
    assert len(run.payloads[step]) == 7
    assert run.payloads[way_back_from(step)[0]][0]["input"]["Error"] == "States.Timeout"


@pytest.mark.parametrize("undo", UNDO)
def test_a_compensation_that_fails_and_then_succeeds_goes_on(
    run_machine: RunMachine, undo: str
) -> None:
    answers = [TransientError("locked"), TransientError("locked"), DONE]
    run = run_saga(run_machine, ship_order=SagaStepError(), **{undo: answers})

    assert run.path == [*way_to("ship_order"), *BACK, "finish_saga", "success"]
    assert len(run.payloads[undo]) == 3


@pytest.mark.parametrize("undo", UNDO)
def test_a_compensation_that_fails_at_every_try_parks_the_saga(
    run_machine: RunMachine, undo: str
) -> None:
    run = run_saga(run_machine, ship_order=SagaStepError(), **{undo: TransientError("locked")})

    done = BACK[: BACK.index(undo) + 1]
    assert run.path == [*way_to("ship_order"), *done, "park_saga", "parked"]
    assert len(run.payloads[undo]) == 41
    assert (run.status, run.error) == ("FAILED", "SagaParked")
    assert run.payloads["park_saga"][0]["input"]["Error"] == "TransientError"


@pytest.mark.parametrize("undo", UNDO)
def test_what_can_never_be_undone_parks_the_saga_at_once(
    run_machine: RunMachine, undo: str
) -> None:
    run = run_saga(run_machine, ship_order=SagaStepError(), **{undo: SagaStepError("gone")})

    assert run.path[-2:] == ["park_saga", "parked"]
    assert len(run.payloads[undo]) == 1


def test_a_saga_that_had_turned_back_goes_on_back(run_machine: RunMachine) -> None:
    run = run_saga(run_machine, **GO_BACK, finish_saga={"result": "COMPENSATED"})

    assert run.path == ["resume", "direction", *BACK, "finish_saga", "success"]
    assert run.output == {"result": "COMPENSATED"}


def test_an_attempt_that_cannot_begin_parks_the_saga(run_machine: RunMachine) -> None:
    run = run_saga(run_machine, resume=UnknownSagaError("no such saga"))

    assert run.path == ["resume", "park_saga", "parked"]


def test_an_end_that_cannot_be_recorded_is_left_to_the_sweep(run_machine: RunMachine) -> None:
    run = run_saga(run_machine, finish_saga=SupersededError())

    assert run.path[-2:] == ["finish_saga", "not_recorded"]
    assert (run.status, run.error) == ("FAILED", "NotRecorded")
    assert run.cause == "The saga's end could not be recorded; the sweep will begin it again."


def test_a_parking_that_cannot_be_recorded_is_left_to_the_sweep(run_machine: RunMachine) -> None:
    run = run_saga(run_machine, resume=SupersededError(), park_saga=SupersededError())

    assert run.path == ["resume", "park_saga", "not_recorded"]
    assert (run.status, run.error) == ("FAILED", "NotRecorded")


def test_every_state_receives_source_context_and_input_and_keys_alone(
    run_machine: RunMachine,
) -> None:
    run = run_saga(run_machine)

    calls = [payloads for payloads in run.payloads.values() if payloads]
    assert {len(payloads) for payloads in calls} == {1}
    for (payload,) in calls:
        assert sorted(payload) == ["context", "input", "source"]
        assert payload["source"] == "step-function"
        assert payload["context"]["Execution"]["Input"] == KEYS


def test_an_order_that_ships_takes_seven_transitions(run_machine: RunMachine) -> None:
    assert len(run_saga(run_machine).path) == 7


def test_a_saga_of_functions_that_never_answer_is_parked_long_before_the_time_limit(
    run_machine: RunMachine,
) -> None:
    run = run_saga(run_machine, **dict.fromkeys([*STEPS, *UNDO], NEVER))
    run.advance(3_600)

    assert (run.status, run.error) == ("FAILED", "SagaParked")


@pytest.mark.parametrize("error", SERVICE_ERRORS)
@pytest.mark.parametrize("state", TIME_LIMITS)
def test_an_error_of_the_service_is_tried_again(
    run_machine: RunMachine, state: str, error: str
) -> None:
    run = run_again(run_machine, state, FunctionError(error, "{}"))

    assert [one["context"]["State"]["RetryCount"] for one in run.payloads[state]] == [0, 1]
    assert run.status == "SUCCEEDED"
    assert 0 <= run.seconds <= 2


@pytest.mark.parametrize("state", TIME_LIMITS)
def test_a_function_that_takes_too_long_is_called_again(
    run_machine: RunMachine, state: str
) -> None:
    run = run_again(run_machine, state, NEVER)
    run.advance(TIME_LIMITS[state] - 1)
    before = len(run.payloads[state])
    run.advance(3)

    assert (before, len(run.payloads[state])) == (1, 2)
    assert run.status == "SUCCEEDED"
