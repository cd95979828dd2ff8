"""The law of sagas: the machine and the module that declares its steps say the same."""

import pytest
from tests.template.stack import MACHINES, SHOP

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import SagaKey, SagaRef
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.saga_programs import BACK

LAST = "finish_saga"


@pytest.fixture(autouse=True)
def _package(monkeypatch):
    monkeypatch.setenv("APP_PACKAGE", "shop")


@pytest.fixture(params=["order-saga"])
def saga(request):
    """A saga's name, its states and its moves."""
    states = dict(MACHINES[request.param].states())
    return request.param, states, saga_types.find(request.param).moves


def test_every_saga_has_a_machine_of_its_name_that_bootstrap_finds(monkeypatch):
    monkeypatch.setenv("MACHINES", SHOP.machines["command"].arn.removesuffix("command"))
    monkeypatch.setenv("SAGAS_TABLE", "sagas")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    handlers.load()

    ref = SagaRef(SagaKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9G"), 1, "order-saga")
    assert saga_types.find("order-saga").moves
    with bootstrap.override():
        bootstrap.reset()
        found = bootstrap.saga_executions("order-saga").arn_of(ref)
    machine = MACHINES["order-saga"].arn.replace(":stateMachine:", ":execution:")
    assert machine.endswith(":sfn-cqrs-Cqrs-order-saga")
    assert found.startswith(f"{machine}:")


def test_the_steps_follow_each_other_as_they_are_declared(saga):
    _, states, moves = saga
    steps = [move.step for move in moves]

    assert states["direction"]["Default"] == steps[0]
    assert [states[step]["Next"] for step in steps] == [*steps[1:], LAST]


def test_each_step_that_fails_is_undone_itself_and_then_all_before_it_in_reverse(saga):
    _, states, moves = saga
    undone = [move.compensation for move in reversed(moves)]

    for move in moves:
        assert [one["Next"] for one in states[move.step]["Catch"]] == [
            "park_saga",  # AWS's bad day is no reason to undo anything
            move.compensation,
        ]
    assert [states[name]["Next"] for name in undone] == [*undone[1:], LAST]


def test_a_saga_that_has_turned_back_begins_with_what_undoes_its_last_step(saga):
    _, states, moves = saga

    assert states["direction"]["Choices"] == [
        {"Variable": "$.result", "StringEquals": BACK, "Next": moves[-1].compensation}
    ]


def test_a_compensation_that_fails_parks_the_saga(saga):
    _, states, moves = saga

    assert {one["Next"] for move in moves for one in states[move.compensation]["Catch"]} == {
        "park_saga"
    }


def test_the_machine_has_no_step_that_nobody_declares(saga):
    _, states, moves = saga
    declared = {name for move in moves for name in (move.step, move.compensation)}
    tasks = {name for name, body in states.items() if body["Type"] == "Task"}

    assert tasks == declared | {"resume", LAST, "park_saga"}


def test_the_machine_is_traced_and_invokes_its_functions_alone():
    resources = SHOP.translate()["Resources"]
    machine = resources["OrderSagaStateMachine"]["Properties"]
    (policy,) = resources["OrderSagaStateMachineRole"]["Properties"]["Policies"]
    invoke, _ = policy["PolicyDocument"]["Statement"]

    assert machine["TracingConfiguration"] == {"Enabled": True}
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
    assert invoke["Resource"] == [
        {"Fn::GetAtt": [function, "Arn"]} for function in MACHINES["order-saga"].substitutions
    ]
