"""What a project's own state machine has to agree with: names, permissions, mocks and events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.runtime.iam.conditions import as_list
from sfn_cqrs_tools.runtime.template import Machine, Template
from sfn_cqrs_tools.scaffold.names import pascal
from sfn_local.lint.template_file import load_yaml

MOCKS: Final = "statemachine/MockConfigFile.json"
_INVOKE: Final = "lambda:InvokeFunction"


def broken(template: Template, path: Path, machine: Machine) -> Iterator[str]:
    """Yield a sentence for each law that a machine of the template file breaks.

    A state `ship` of `order-saga` calls `OrderSagaShipFunction` in functions/order_saga/ship/, has
    the sample event events/order_saga/ship.json and a mock in some test case. The machine may
    invoke the functions that it calls, and no others.
    """
    called = dict(_called(machine))
    yield from _names(template, machine, called)
    yield from _permissions(path, machine, {*called.values()})
    yield from _mocks(template.root, machine, {*called})
    for state in called:
        if not (template.root / f"events/{machine.folder}/{state}.json").is_file():
            yield f"{machine.key}: the state {state} has no events/{machine.folder}/{state}.json"


def _called(machine: Machine) -> Iterator[tuple[str, str]]:
    """Yield the states that call a function, each with the function's logical id."""
    for state, body in machine.states():
        if body["Type"] == "Task" and "lambda" in body.get("Resource", ""):
            yield state, machine.placeholder(state)


def _names(template: Template, machine: Machine, called: dict[str, str]) -> Iterator[str]:
    for state, function in called.items():
        expected = f"{pascal(machine.folder, state)}Function"
        if function != expected:
            yield f"{machine.key}: the state {state} calls {function}: name it {expected}"
        elif function not in template.functions:
            yield f"{machine.key}: the state {state} calls {function}, which the template lacks"
        else:
            folder = template.root / f"functions/{machine.folder}/{state}"
            if template.functions[function].folder.resolve() != folder.resolve():
                yield f"{function}: its CodeUri must be functions/{machine.folder}/{state}/"


def _permissions(path: Path, machine: Machine, called: set[str]) -> Iterator[str]:
    allowed = {*_invokable(load_yaml(path)["Resources"].get(machine.logical_id, {}))}
    for function in sorted(called - allowed):
        added = f"add !GetAtt {function}.Arn to its policy"
        yield f"{machine.logical_id} may not invoke {function}: {added}"
    for function in sorted(allowed - called):
        yield f"{machine.logical_id} may invoke {function}, which no state calls: take it out"


def _invokable(resource: dict[str, Any]) -> Iterator[str]:
    """Yield the logical ids of the functions that a machine's policies let it invoke."""
    for policy in resource.get("Properties", {}).get("Policies", []):
        if "LambdaInvokePolicy" in policy:
            yield policy["LambdaInvokePolicy"]["FunctionName"]["Ref"]
        statements = policy.get("Statement", []) if isinstance(policy, dict) else []
        for statement in statements:
            if _INVOKE in as_list(statement["Action"]):
                yield from map(_function, as_list(statement["Resource"]))


def _function(resource: Any) -> str:
    """Return the logical id in `!GetAtt X.Arn`; anything else as it stands."""
    named = resource.get("Fn::GetAtt") if isinstance(resource, dict) else None
    if named is None:
        return str(resource)
    return str(named[0] if isinstance(named, list) else named.partition(".")[0])


def _mocks(root: Path, machine: Machine, states: set[str]) -> Iterator[str]:
    path = root / MOCKS
    if not path.is_file():
        yield f"{machine.key}: there is no {MOCKS}"
        return
    machines = json.loads(path.read_text(encoding="utf-8")).get("StateMachines", {})
    cases = machines.get(machine.key, {}).get("TestCases", {})
    mocked = {state for case in cases.values() for state in case}
    for state in sorted(states - mocked):
        yield f"{MOCKS}: no test case of {machine.key} mocks the state {state}"
    for state in sorted(mocked - {name for name, _ in machine.states()}):
        yield f"{MOCKS}: {machine.key} has no state {state}"
