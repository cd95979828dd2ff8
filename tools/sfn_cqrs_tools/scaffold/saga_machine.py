"""The definition of a new saga's machine, and the test cases that take each of its ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sfn_cqrs.kernel.keys import SagaKey, SagaRef
from sfn_cqrs_tools.scaffold.machine import (
    DEATH,
    DIED,
    FAILURE,
    TASK_SECONDS,
    TRANSIENT_FAULT,
    definition_of,
)
from sfn_cqrs_tools.scaffold.names import pascal
from sfn_local import Json

TENANT: Final = "tenant1"
ULID: Final = "01KAXK3V9Q0M3W8C5R6T7Y8Z9G"
TABLE: Final = "sfn-cqrs-SagasTable"
BEGIN: Final = "resume"
FINISH: Final = "finish_saga"
PARK: Final = "park_saga"
FORWARD: Final = {"result": "forward"}
BACK: Final = {"result": "back"}
DONE: Final = {"result": "DONE"}
REFUSED: Final = {"Error": "SagaStepError", "Cause": "the step was refused"}
BUSY_TRIES: Final = 41


@dataclass(frozen=True)
class SagaShape:
    """A saga's name and its steps in their order; `undo_STEP` undoes a step."""

    name: str
    steps: tuple[str, ...]

    @property
    def moves(self) -> tuple[tuple[str, str], ...]:
        """Return each step with its compensation."""
        return tuple((step, f"undo_{step}") for step in self.steps)

    @property
    def undone(self) -> tuple[str, ...]:
        """Return the compensations, in the steps' order."""
        return tuple(undo for _, undo in self.moves)

    @property
    def functions(self) -> tuple[str, ...]:
        """Return the states that have a function."""
        return (BEGIN, *self.steps, *reversed(self.undone), FINISH, PARK)

    @property
    def ref(self) -> SagaRef:
        """Return the reference to the item of the sample events."""
        return SagaRef(SagaKey(TENANT, ULID), 1, self.name)

    def input_of(self, state: str) -> Json:
        """Return the input of a state of the sample events."""
        if state == BEGIN:
            return self.ref.as_input()
        if state == PARK or state == self.undone[-1]:
            return dict(REFUSED)
        return dict(FORWARD) if state == self.steps[0] else dict(DONE)


def definition(saga: SagaShape) -> dict[str, Json]:
    """Return the machine in Amazon States Language, with placeholders for its functions."""
    return definition_of("saga/machine.asl.json", saga=saga, seconds=TASK_SECONDS, died=DIED)


def test_cases(saga: SagaShape) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the test cases of the machine, and the mocked responses that they use."""
    kinds = dict(_responses(saga))
    cases = {
        name: {state: f"{saga.name}.{state}.{kind}" for state, kind in answers}
        for name, answers in _cases(saga)
    }
    used = {response for case in cases.values() for response in case.values()}
    return cases, {name: kinds[name] for name in kinds if name in used}


def _responses(saga: SagaShape) -> Iterable[tuple[str, Any]]:
    for state in saga.functions:
        answer = {BEGIN: FORWARD, FINISH: {"result": "COMPLETED"}, PARK: {"result": "PARKED"}}
        returned = {"Return": {"StatusCode": 200, "Payload": answer.get(state, DONE)}}
        for kind, said in {
            "done": {"0": returned},
            "back": {"0": {"Return": {"StatusCode": 200, "Payload": BACK}}},
            "retried": {"0": DEATH, "1": TRANSIENT_FAULT, "2": returned},
            "refused": {"0": {"Throw": REFUSED}},
            "busy": {f"0-{BUSY_TRIES - 1}": TRANSIENT_FAULT},
            "fails": {"0": {"Throw": FAILURE}},
        }.items():
            yield f"{saga.name}.{state}.{kind}", said


Answers = list[tuple[str, str]]


def _cases(saga: SagaShape) -> Iterable[tuple[str, Answers]]:
    """Yield each test case's name, with the kind of answer of each state that it comes to."""
    begun, finished = (BEGIN, "done"), (FINISH, "done")
    all_made = _all(saga.steps)
    back = tuple(reversed(saga.undone))
    yield "HappyPath", [begun, *all_made, finished]
    yield (
        "EverythingIsTriedAgain",
        _all((BEGIN, *saga.steps, FINISH), "retried"),
    )
    yield "GoesOnBack", [(BEGIN, "back"), *_all(back, "retried"), finished]
    for place, (step, undo) in enumerate(saga.moves):
        made, title = [begun, *all_made[:place]], pascal(step)
        undone = _all(saga.undone[place::-1])
        yield f"{title}IsRefused", [*made, (step, "refused"), *undone, finished]
        yield f"{title}IsBusy", [*made, (step, "busy"), (PARK, "done")]
        later = _all(back[: back.index(undo)])
        parked = [(undo, "fails"), (PARK, "done")]
        yield f"{pascal(undo)}Fails", [(BEGIN, "back"), *later, *parked]
    yield "CannotBegin", [(BEGIN, "fails"), (PARK, "retried")]
    yield "EndCannotBeRecorded", [begun, *all_made, (FINISH, "fails")]
    yield "ParkingCannotBeRecorded", [(BEGIN, "fails"), (PARK, "fails")]


def _all(states: Iterable[str], kind: str = "done") -> Answers:
    return [(state, kind) for state in states]
