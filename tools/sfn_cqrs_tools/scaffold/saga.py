"""A new saga: one module and its test; or steps with a machine, functions and template entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sfn_cqrs.machines.saga.rules import MAX_STEPS
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.scaffold.app_package import AppPackage
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.insertion import section_line
from sfn_cqrs_tools.scaffold.json_text import json_text
from sfn_cqrs_tools.scaffold.names import check_machine, check_states, function_id, pascal, snake
from sfn_cqrs_tools.scaffold.saga_machine import (
    BEGIN,
    FINISH,
    PARK,
    TABLE,
    SagaShape,
    definition,
    test_cases,
)
from sfn_cqrs_tools.scaffold.template_entries import ACTIONS_OF_LOGS, with_machine_of_a_project
from sfn_cqrs_tools.scaffold.texts import text
from sfn_cqrs_tools.scaffold.workflow import add_cases, check_free, event_text, state_event

RESERVED: Final = (BEGIN, FINISH, PARK, "direction", "parked")
LONGEST_STEP: Final = 23
"""The undo of a step is named `undo_STEP`, so a step's name must be shorter."""


TAKEN: Final = ("dataclass", "group", "saga")
"""What the module of a declared saga imports."""


def add_declared_saga(
    changes: Changes, package: AppPackage, name: str, steps: Sequence[str], audience: Audience
) -> None:
    """Add the module of a declared saga, and its test.

    Raises:
        ScaffoldError: a name is invalid or taken.
    """
    check_machine(name)
    _check_steps(steps)
    saga, folder = SagaShape(name, tuple(steps)), snake(name)
    if taken := {*steps} & {folder, *TAKEN}:
        raise ScaffoldError(f"{min(taken)!r} is a name of the module's own; choose another")
    file = _Texts(saga, package, audience, {})
    changes.create(package.module(folder), file("declared.py"))
    changes.create(package.test(folder), file("test_declared.py"))


def add_saga(
    changes: Changes,
    template: Template,
    package: AppPackage,
    name: str,
    steps: Sequence[str],
    audience: Audience,
) -> None:
    """Add all files of a saga to a project with the framework inside it.

    Raises:
        ScaffoldError: a name is invalid or taken, or the folder is not a project.
    """
    if not package.is_nested:
        raise ScaffoldError("sagas are written into a project of your own: `sfn-cqrs init NAME`")
    check_machine(name)
    _check_steps(steps)
    saga, folder = SagaShape(name, tuple(steps)), snake(name)
    functions = {state: function_id(name, state) for state in saga.functions}
    machine = f"{pascal(name)}StateMachine"
    alarm = f"{pascal(name)}ExecutionsFailedAlarm"
    check_free(
        changes,
        template,
        name,
        [machine, f"{machine}LogGroup", f"{machine}Arn", alarm, *functions.values()],
    )
    file = _Texts(saga, package, audience, functions)
    changes.create(package.module(folder), file("module.py"))
    changes.create(package.test(folder), file("test_module.py"))
    changes.create(f"statemachine/{name}.asl.json", json_text(definition(saga)))
    changes.create(f"events/{folder}/start_execution.json", event_text(saga.ref.as_input()))
    for state in saga.functions:
        changes.create(f"functions/{folder}/{state}/app.py", file.function(state))
        changes.create(f"events/{folder}/{state}.json", event_text(_event(saga, state)))
    for test in ("test_functions.py", "test_machine.py"):
        changes.create(f"tests/{folder}/{test}", file(test))
    entries = file("template.yaml", section=section_line(f"{name}: statemachine/{name}.asl.json"))
    changes.change(
        "template.yaml",
        with_machine_of_a_project(changes.read("template.yaml"), machine, entries),
    )
    add_cases(changes, name, *test_cases(saga))


def _check_steps(steps: Sequence[str]) -> None:
    """Refuse what cannot be the steps of a saga.

    Raises:
        ScaffoldError: the message names the first that is wrong.
    """
    check_states(steps, ())
    if len(steps) > MAX_STEPS:
        raise ScaffoldError(f"a saga has at most {MAX_STEPS} steps")
    for step in steps:
        if step in RESERVED or step.startswith("undo_"):
            raise ScaffoldError(f"the step {step!r} is a name of the saga's own; choose another")
        if len(step) > LONGEST_STEP:
            raise ScaffoldError(f"{step!r} is too long: a step has at most {LONGEST_STEP} letters")


def _event(saga: SagaShape, state: str) -> dict[str, Any]:
    """Return the event that a state sends to its function."""
    name = saga.ref.execution_name(TABLE)
    return state_event(saga.name, state, name, saga.ref.as_input(), saga.input_of(state))


class _Texts:
    """The files of a saga, out of their templates."""

    def __init__(
        self, saga: SagaShape, package: AppPackage, audience: Audience, functions: dict[str, str]
    ) -> None:
        self._undoes = {undo: step for step, undo in saga.moves}
        self._values = {
            "name": saga.name,
            "folder": snake(saga.name),
            "pascal": pascal(saga.name),
            "module": f"{package.name}.{snake(saga.name)}",
            "moves": saga.moves,
            "own": [*saga.steps, *saga.undone],
            "steps": [*saga.steps],
            "undone": [*saga.undone],
            "audience": audience,
            "functions": functions,
            "deliver": ACTIONS_OF_LOGS,
            "ref": saga.ref.as_input(),
        }

    def __call__(self, name: str, **values: object) -> str:
        return text(f"saga/{name}", **self._values, **values)

    def function(self, state: str) -> str:
        """Return the app.py of a state."""
        if state in (BEGIN, FINISH, PARK):
            return self(f"{state}.py")
        return self("step.py", state=state, undoes=self._undoes.get(state))
