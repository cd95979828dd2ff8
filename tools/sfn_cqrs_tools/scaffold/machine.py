"""The definition of a new workflow, and the test cases that take each of its ways."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.kernel.failure import BUSY_ERRORS
from sfn_cqrs.machines.workflow.executions import execution_name
from sfn_cqrs_tools.scaffold.names import pascal
from sfn_cqrs_tools.scaffold.texts import text
from sfn_local import Json

TASK_SECONDS = 60
WAIT_SECONDS = 86_400
LONGEST_FUNCTION = 900
HEARTBEAT_SECONDS = 60
BEAT_EVERY = 20
BUSY_SECONDS = 4_200
"""The longest time that retries of a state may take while AWS is busy."""
LEAST_SECONDS = 86_400
RECORDER = "mark_failed"
ANSWER = "answer_parent"
SAMPLE_ID = "w-1"
DIED = ("Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "States.Timeout")
DEATH = {"Throw": {"Error": "Runtime.ExitError", "Cause": "the function died"}}
TRANSIENT_FAULT = {"Throw": {"Error": "TransientError", "Cause": "the target is busy"}}
FAILURE = {"Error": "AccessDeniedException", "Cause": "the role may not do this"}
RECORDED = {"error": FAILURE["Error"], "cause": FAILURE["Cause"]}


@dataclass(frozen=True)
class Parent:
    """The workflow, and the state of it, that waits for a child."""

    machine: str
    state: str

    @property
    def alone(self) -> Workflow:
        """Return the workflow as far as this state is concerned."""
        return Workflow(self.machine, (self.state,), frozenset({self.state}))

    @property
    def named(self) -> dict[str, Json]:
        """Return the reference to the parent in a child's input."""
        name = execution_name(self.machine, SAMPLE_ID)
        return {"parent": {"execution": name, "state": self.state}}


@dataclass(frozen=True)
class Workflow:
    """A workflow: its states in their order, and which of them wait for somebody outside."""

    name: str
    states: tuple[str, ...]
    callbacks: frozenset[str] = frozenset()
    parent: Parent | None = None
    long: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        name: str,
        states: Sequence[str],
        callbacks: Iterable[str] = (),
        parent: Parent | None = None,
        long: Iterable[str] = (),
    ) -> Workflow:
        """Return a workflow that ends with an answer to its parent, if it has one."""
        last = (ANSWER,) if parent else ()
        return cls(name, (*states, *last), frozenset(callbacks), parent, frozenset(long))

    @property
    def with_token(self) -> frozenset[str]:
        """Return the states that end when their token comes back."""
        return self.callbacks | self.long

    @property
    def waits(self) -> tuple[str, ...]:
        """Return the states that wait, in their order."""
        return tuple(state for state in self.states if state in self.callbacks)

    @property
    def first_with_token(self) -> str:
        """Return the first state that ends when its token comes back."""
        return next(state for state in self.states if state in self.with_token)

    @property
    def stubs(self) -> dict[str, Json]:
        """Return what each function answers; nothing where a token comes back."""
        return {
            state: None if state in self.with_token else self.answer(state)
            for state in self.functions
        }

    @property
    def own_states(self) -> tuple[str, ...]:
        """Return the states that a person has named."""
        return self.states[:-1] if self.parent else self.states

    @property
    def functions(self) -> tuple[str, ...]:
        """Return the states that have a function."""
        return (*self.states, RECORDER)

    @property
    def sample(self) -> dict[str, Json]:
        """Return the input of an execution."""
        return {"id": SAMPLE_ID, **(self.parent.named if self.parent else {})}

    def answer(self, state: str) -> dict[str, Json]:
        """Return the result that a state passes to the next."""
        if state == RECORDER:
            return dict(RECORDED)
        return {"id": SAMPLE_ID, "result": "approved" if state in self.callbacks else "done"}

    def limit(self, state: str) -> int:
        """Return how many seconds one attempt of a state may take."""
        if state in self.long:
            return LONGEST_FUNCTION + 60
        return WAIT_SECONDS if state in self.callbacks else TASK_SECONDS

    def died(self, state: str) -> Sequence[str]:
        """Return the errors of a function that may be tried again; no time limit of a person."""
        if state in self.long:
            return (*DIED, "States.HeartbeatTimeout")
        return DIED[:-1] if state in self.callbacks else DIED

    def input_of(self, state: str) -> Json:
        """Return the input of a state."""
        if state == RECORDER:
            return dict(FAILURE)
        place = self.states.index(state)
        return self.answer(self.states[place - 1]) if place else self.sample


def definition(workflow: Workflow) -> dict[str, Json]:
    """Return the machine in Amazon States Language, with placeholders for its functions."""
    limits = [workflow.limit(state) for state in workflow.functions]
    longest = sum(limits) + BUSY_SECONDS * len(limits)
    return definition_of(
        "workflow/machine.asl.json",
        workflow=workflow,
        longest=max(LEAST_SECONDS, longest),
        heartbeat_seconds=HEARTBEAT_SECONDS,
    )


def definition_of(template: str, **values: object) -> dict[str, Json]:
    """Return a machine out of its template, which has names and times of its own."""
    made: dict[str, Json] = json.loads(text(template, busy=BUSY_ERRORS, **values))
    return made


def test_cases(workflow: Workflow) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the test cases of the workflow, and the mocked responses that they use."""
    kinds: dict[tuple[str, str], Json] = {}
    for state in workflow.functions:
        answer: dict[str, Json] = {"Payload": workflow.answer(state)}
        returned = {"Return": {"StatusCode": 200, **answer}}
        if state in workflow.with_token:
            returned = {"Return": answer}
        if state in workflow.callbacks:
            kinds[state, "times_out"] = {"0": {"Throw": {"Error": "States.Timeout"}}}
        kinds[state, "done"] = {"0": returned}
        kinds[state, "retried"] = {"0": DEATH, "1": TRANSIENT_FAULT, "2": returned}
        kinds[state, "fails"] = {"0": {"Throw": FAILURE}}
    answer = {"Payload": {"error": "States.Timeout", "cause": ""}}
    kinds[RECORDER, "told"] = {"0": {"Return": {"StatusCode": 200, **answer}}}
    cases = {
        name: {state: f"{workflow.name}.{state}.{kind}" for state, kind in answers.items()}
        for name, answers in _cases(workflow).items()
    }
    used = {response for case in cases.values() for response in case.values()}
    responses = {f"{workflow.name}.{state}.{kind}": kinds[state, kind] for state, kind in kinds}
    return cases, {name: value for name, value in responses.items() if name in used}


def _cases(workflow: Workflow) -> dict[str, dict[str, str]]:
    """Return each test case's name, with the kind of answer of each state that it comes to."""
    done = dict.fromkeys(workflow.states, "done")
    cases = {
        "HappyPath": done,
        "EverythingIsTriedAgain": dict.fromkeys(workflow.states, "retried"),
    }
    for place, state in enumerate(workflow.states):
        before = dict.fromkeys(workflow.states[:place], "done")
        cases[f"{pascal(state)}Fails"] = {**before, state: "fails", RECORDER: "done"}
        if state in workflow.callbacks:
            cases[f"{pascal(state)}TimesOut"] = {**before, state: "times_out", RECORDER: "told"}
    first = {workflow.states[0]: "fails"}
    cases["FailureIsRecordedAfterRetries"] = {**first, RECORDER: "retried"}
    cases["FailureCannotBeRecorded"] = {**first, RECORDER: "fails"}
    return cases
