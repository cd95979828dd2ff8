"""The functions of a new workflow, and their tests."""

from __future__ import annotations

from sfn_cqrs_tools.scaffold.machine import (
    ANSWER,
    BEAT_EVERY,
    HEARTBEAT_SECONDS,
    RECORDED,
    RECORDER,
    WAIT_SECONDS,
    Workflow,
)
from sfn_cqrs_tools.scaffold.names import snake
from sfn_cqrs_tools.scaffold.texts import text


def function(workflow: Workflow, state: str) -> str:
    """Return the app.py of a state."""
    return _of_state(workflow, state)


def function_test(workflow: Workflow, state: str) -> str:
    """Return the test of a state's function, on its sample event."""
    return _of_state(workflow, state, "test_")


def _of_state(workflow: Workflow, state: str, prefix: str = "") -> str:
    folder = snake(workflow.name)
    return text(
        f"workflow/{prefix}{_kind(workflow, state)}.py",
        workflow=workflow,
        state=state,
        folder=folder,
        recorded=RECORDED,
        beat_every=BEAT_EVERY,
    )


def _kind(workflow: Workflow, state: str) -> str:
    if state == RECORDER or (workflow.parent and state == ANSWER):
        return state
    if state in workflow.long:
        return "long"
    return "callback" if state in workflow.callbacks else "work"


def host(state: str, child: str) -> str:
    """Return the app.py of a parent's state that waits for a child."""
    return text("workflow/host.py", state=state, child=child)


def host_test(parent: str, state: str, child: str) -> str:
    """Return the test of a parent's state that waits for a child."""
    return text("workflow/test_host.py", folder=snake(parent), state=state, child=child)


def answering(workflow: Workflow, parent: str, state: str) -> str:
    """Return the app.py that answers for children which did not do so themselves."""
    return text("workflow/answering.py", child=workflow.name, machine=parent, state=state)


def answering_test(name: str) -> str:
    """Return the test of what answers for children."""
    return text("workflow/test_answering.py", name=name)


def machine_test(workflow: Workflow) -> str:
    """Return the test of the machine's ways."""
    return text(
        "workflow/test_machine.py",
        workflow=workflow,
        recorded=RECORDED,
        heartbeat_seconds=HEARTBEAT_SECONDS,
        wait_seconds=WAIT_SECONDS,
    )
