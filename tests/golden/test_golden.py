"""Executions that an earlier release began go on through today's functions, and end as they did."""

import json
from itertools import groupby

import pytest
from tests.golden.executions import FOLDER, Continued, Golden
from tests.golden.flows import FLOWS, Flow
from tests.support.system import silent
from tests.template.stack import MACHINES

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import SagaRef

CALLBACK = ".waitForTaskToken"
OURS = {flow.place.machine for flow in FLOWS}


def steps(path: list[str]) -> list[str]:
    """A path with each Map's iterations once: today's functions say how many there are."""
    return [state for state, _ in groupby(path)]


@pytest.fixture(autouse=True)
def _silence():
    with silent():
        yield


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_an_execution_that_was_begun_before_the_update_ends_as_it_did_then(flow: Flow) -> None:
    golden = Golden.read(flow)

    with Continued(golden) as system, flow.today():
        system.go_on(flow)

        assert (steps(system.path), system.execution["status"]) == (
            steps(golden.path),
            golden.status,
        )
        assert system.given_up() == []


@pytest.mark.parametrize("flow", [one for one in FLOWS if one.place.machine == "saga"], ids=str)
def test_a_saga_that_is_under_way_goes_on_with_the_order_it_began_with(flow: Flow) -> None:
    """Today's declaration has a step more, and the others in another order."""
    golden = Golden.read(flow)
    with Continued(golden) as system, flow.today():
        system.go_on(flow)

        saga = bootstrap.sagas().find(SagaRef.from_input(json.loads(golden.input)).key)

    assert saga is not None

    is_declined = flow.place.state == "undo_steps"
    steps = ["reserve_stock", "charge_payment", "ship_order"]
    undone = ["refund_payment", "release_stock"]
    made = sorted(saga.log, key=lambda name: saga.log[name].began_at)
    assert made == (steps[:2] + undone if is_declined else steps)
    assert [move.step for move in saga.order] == steps
    assert saga.status == ("COMPENSATED" if is_declined else "COMPLETED")


def test_every_state_that_waits_for_its_token_has_one() -> None:
    waiting = {
        (machine, name)
        for machine in OURS
        for name, body in MACHINES[machine].states()
        if body.get("Resource", "").endswith(CALLBACK)
    }

    assert waiting <= {tuple(flow.place) for flow in FLOWS}


def test_every_machine_that_may_outlive_an_update_has_one_that_has_just_begun() -> None:
    """The express lane's has five minutes; who writes another adds it to the flows."""
    just_begun = {flow.place.machine for flow in FLOWS if not Golden.read(flow).answers}

    assert just_begun == OURS
    assert {"command", "task", "import-csv", "zip-orchestrator", "approval", "order-saga"} <= OURS


def test_nothing_is_kept_that_no_flow_goes_on_with() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {str(flow) for flow in FLOWS}


def test_what_is_kept_waits_for_the_token_of_its_own_release() -> None:
    kept = [Golden.read(flow) for flow in FLOWS]
    waiting = [golden for golden in kept if golden.token is not None]

    assert {golden.place.state for golden in waiting} == {
        "wait_prev_command",
        "request_approval",
        "trigger_single_csv_and_wait",
    }
    assert all(str(golden.token) in str(golden.tables) for golden in waiting)
