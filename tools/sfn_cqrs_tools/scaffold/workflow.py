"""A new workflow: machine, functions, events, tests, template entries, diagram, what to do."""

from __future__ import annotations

import json
from typing import Any

from sfn_cqrs.machines.workflow.executions import execution_name
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.scaffold import template_entries
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.insertion import before
from sfn_cqrs_tools.scaffold.json_text import indented, json_text
from sfn_cqrs_tools.scaffold.machine import (
    ANSWER,
    BEAT_EVERY,
    HEARTBEAT_SECONDS,
    RECORDED,
    RECORDER,
    SAMPLE_ID,
    WAIT_SECONDS,
    Parent,
    Workflow,
    definition,
    test_cases,
)
from sfn_cqrs_tools.scaffold.names import check_machine, check_states, pascal, snake
from sfn_cqrs_tools.scaffold.texts import text
from sfn_local import Json
from sfn_local.graph import mermaid
from sfn_local.words import unknown

MOCKS = "statemachine/MockConfigFile.json"
SAMPLE_TOKEN = "AAAA-sample-task-token-that-opens-nothing"
ACCOUNT = "arn:aws:states:us-east-1:000000000000"


def add_workflow(
    changes: Changes, template: Template, workflow: Workflow, *, is_nested: bool = False
) -> None:
    """Add all files of a workflow; `is_nested`: to a project with the framework inside it.

    Raises:
        ScaffoldError: a name is invalid or taken, or a file lacks the place to write to.
    """
    check_machine(workflow.name)
    check_states(workflow.own_states, workflow.waits, workflow.long)
    folder = snake(workflow.name)
    check_free(changes, template, workflow.name, template_entries.logical_ids(workflow))
    machine = definition(workflow)
    changes.create(f"statemachine/{workflow.name}.asl.json", json_text(machine))
    changes.create(f"events/{folder}/start_execution.json", event_text(workflow.sample))
    for state in workflow.functions:
        changes.create(f"functions/{folder}/{state}/app.py", _code(workflow, state))
        changes.create(f"events/{folder}/{state}.json", event_text(sample_event(workflow, state)))
        changes.create(
            f"{_tests(is_nested)}{folder}/test_{state}.py", _code(workflow, state, "test_")
        )
    machine_test = (
        f"tests/{folder}/test_machine.py" if is_nested else f"tests/statemachine/test_{folder}.py"
    )
    changes.create(machine_test, _machine_test(workflow))
    add = (
        template_entries.with_workflow_of_a_project if is_nested else template_entries.with_workflow
    )
    changes.change("template.yaml", add(changes.read("template.yaml"), workflow))
    if workflow.parent is not None:
        _connect(changes, workflow, workflow.parent, is_nested=is_nested)
    add_cases(changes, workflow.name, *test_cases(workflow))
    if not is_nested:
        _document(changes, workflow, machine)


def add_cases(
    changes: Changes, name: str, cases: dict[str, Any], responses: dict[str, Any]
) -> None:
    """Add the test cases of a machine to the mock configuration, which may not be there yet.

    Raises:
        ScaffoldError: the file lacks the place to write to.
    """
    if (changes.root / MOCKS).exists():
        changes.change(MOCKS, _with_cases(changes.read(MOCKS), name, cases, responses))
    else:
        machines = {name: {"TestCases": cases}}
        mocks = {"StateMachines": machines, "MockedResponses": responses}
        changes.create(MOCKS, event_text(mocks))


def parent_of(template: Template, name: str) -> Parent:
    """Return the state that is to wait for a child, of `MACHINE` or `MACHINE/STATE`.

    Raises:
        ScaffoldError: there is none, or there are several.
    """
    machine, _, state = name.partition("/")
    if machine not in template.machines:
        raise ScaffoldError(f"--child-of: {unknown('workflow', machine, template.machines)}")
    waits = [
        each
        for each, body in template.machines[machine].states()
        if str(body.get("Resource", "")).endswith(".waitForTaskToken")
    ]
    if not waits:
        raise ScaffoldError(
            f"--child-of: no state of {machine} waits; begin with"
            f" `sfn-cqrs new workflow {machine} --states … --callback STATE`"
        )
    if state and state not in waits:
        reason = unknown(f"state that waits in {machine}", state, waits)
        raise ScaffoldError(f"--child-of: {reason}")
    if not state and len(waits) > 1:
        raise ScaffoldError(f"--child-of: say which state waits: {machine}/{' or /'.join(waits)}")
    return Parent(machine, state or waits[0])


def _tests(is_nested: bool) -> str:
    return "tests/" if is_nested else "tests/unit/"


def _code(workflow: Workflow, state: str, prefix: str = "") -> str:
    """Return the app.py of a state; with the prefix `test_`, the test of its sample event."""
    if state == RECORDER or (workflow.parent and state == ANSWER):
        kind = state
    elif state in workflow.long:
        kind = "long"
    else:
        kind = "callback" if state in workflow.callbacks else "work"
    return text(
        f"workflow/{prefix}{kind}.py",
        workflow=workflow,
        state=state,
        folder=snake(workflow.name),
        recorded=RECORDED,
        beat_every=BEAT_EVERY,
    )


def _machine_test(workflow: Workflow) -> str:
    return text(
        "workflow/test_machine.py",
        workflow=workflow,
        recorded=RECORDED,
        heartbeat_seconds=HEARTBEAT_SECONDS,
        wait_seconds=WAIT_SECONDS,
    )


def _connect(changes: Changes, workflow: Workflow, parent: Parent, *, is_nested: bool) -> None:
    """Let the parent's state start the child, and have somebody answer for one that cannot."""
    host, folder = parent.alone, snake(parent.machine)
    hosts = {"state": parent.state, "child": workflow.name}
    for path, was, becomes in (
        (
            f"functions/{folder}/{parent.state}/app.py",
            _code(host, parent.state),
            text("workflow/host.py", **hosts),
        ),
        (
            f"{_tests(is_nested)}{folder}/test_{parent.state}.py",
            _code(host, parent.state, "test_"),
            text("workflow/test_host.py", folder=folder, **hosts),
        ),
    ):
        if changes.read(path) != was:
            raise ScaffoldError(
                f"{path} is not as `new workflow --callback` writes it; choose another state, or"
                " connect both by hand, see docs/workflow-functions.md"
            )
        changes.change(path, becomes)
    template = changes.read("template.yaml")
    template = template_entries.with_child(template, parent, workflow.name, is_nested=is_nested)
    changes.change("template.yaml", template)
    name = template_entries.answering_name(workflow)
    changes.create(
        f"functions/event/{name}/app.py",
        text("workflow/answering.py", machine=parent.machine, **hosts),
    )
    test = text("workflow/test_answering.py", name=name)
    changes.create(f"{_tests(is_nested)}event/test_{name}.py", test)
    changes.create(f"events/event/{name}.json", _ended_event(workflow))


def _ended_event(workflow: Workflow) -> str:
    """Return EventBridge's event for a child that was stopped."""
    context = sample_event(workflow, workflow.states[0])["context"]
    return text(
        "workflow/ended_event.json",
        execution=context["Execution"],
        machine=context["StateMachine"]["Id"],
        input=json.dumps(json.dumps(workflow.sample)),
    )


def sample_event(workflow: Workflow, state: str) -> dict[str, Any]:
    """Return the event that a state sends to its function."""
    name = execution_name(workflow.name, SAMPLE_ID)
    event = state_event(workflow.name, state, name, workflow.sample, workflow.input_of(state))
    if state in workflow.with_token:
        event["context"]["Task"] = {"Token": SAMPLE_TOKEN}
        event["taskToken"] = SAMPLE_TOKEN
    return event


def state_event(
    key: str, state: str, execution: str, execution_input: Json, given: Json
) -> dict[str, Any]:
    """Return the event of a machine's state to its function, without a token."""
    machine = f"sfn-cqrs-{key}"
    role = f"sfn-cqrs-{pascal(key)}StateMachineRole"
    return {
        "source": "step-function",
        "context": {
            "Execution": {
                "Id": f"{ACCOUNT}:execution:{machine}:{execution}",
                "Input": execution_input,
                "Name": execution,
                "RoleArn": f"arn:aws:iam::000000000000:role/{role}",
                "StartTime": "2026-11-25T12:00:00.412Z",
                "RedriveCount": 0,
            },
            "State": {
                "EnteredTime": "2026-11-25T12:00:01.377Z",
                "Name": state,
                "RetryCount": 0,
            },
            "StateMachine": {"Id": f"{ACCOUNT}:stateMachine:{machine}", "Name": machine},
        },
        "input": given,
    }


def check_free(changes: Changes, template: Template, name: str, wanted: list[str]) -> None:
    """Refuse a machine whose name, folders or logical ids are taken.

    Raises:
        ScaffoldError: it says which.
    """
    folder = snake(name)
    if name in template.machines:
        raise ScaffoldError(f"there is a workflow {name!r} already; choose another name")
    for parent in ("functions", "events", "tests/unit", "tests"):
        if (changes.root / parent / folder).exists():
            raise ScaffoldError(f"{parent}/{folder} exists already; choose another name")
    taken = {*template.document["Resources"], *template.document.get("Outputs", {})}
    clash = next((each for each in wanted if each in taken or wanted.count(each) > 1), None)
    if clash is not None:
        raise ScaffoldError(
            f"two things would be called {clash} in template.yaml; choose other names"
        )


def event_text(value: Json) -> str:
    """Return the text of a sample event."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _with_cases(mocks: str, name: str, cases: dict[str, Any], responses: dict[str, Any]) -> str:
    """Return the mock configuration with a machine's test cases, everything else as it stands."""
    cases_text = indented({"TestCases": cases}, "    ", len(name) + 4)
    entry = f'    "{name}": {cases_text}'
    mocks = before(
        mocks,
        r'^  \},\n  "MockedResponses": \{$',
        f"{entry}\n",
        f"end of StateMachines in {MOCKS}",
    ).replace(f"}}\n{entry}", f"}},\n{entry}", 1)
    answers = ",\n".join(
        f'    "{name}": {indented(value, "    ", len(name) + 4)}'
        for name, value in responses.items()
    )
    end = before(mocks, r"^  \}\n\}\s*\Z", f"{answers}\n", f"end of MockedResponses in {MOCKS}")
    mocks = end.replace(f"}}\n{answers}", f"}},\n{answers}", 1)
    json.loads(mocks)
    return mocks


def _document(changes: Changes, workflow: Workflow, machine: dict[str, Json]) -> None:
    path = "docs/machines.md"
    chapters = before(
        changes.read(path),
        r"^## Approvals$",
        text("workflow/chapter.md", workflow=workflow, graph=mermaid(machine).strip()),
        f"chapter 'Approvals' in {path}",
    )
    changes.change(path, chapters)
    path = "docs/runbooks/work.md"
    sections = before(
        changes.read(path),
        r"^## An approval failed$",
        _what_to_do(workflow),
        f"section 'An approval failed' in {path}",
    )
    changes.change(path, sections)


def _what_to_do(workflow: Workflow) -> str:
    alarms = [template_entries.alarm_id(workflow, metric) for metric in template_entries.ALARMS]
    if workflow.parent:
        alarms.append(template_entries.errors_alarm_id(workflow))
    return text(
        "workflow/what_to_do.md",
        section=template_entries.alarm_section(workflow),
        alarms=[alarm.removesuffix("Alarm") for alarm in alarms],
    )
