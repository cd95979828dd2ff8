"""Makes the functions of workflows of a user's own do all that they can do, on a stack that is up.

A child's sample names its parent, whose sample names the execution that runs here: so who waits
for whom is read from `events/`.
"""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.waiting import waited
from tests.template.stack import MACHINES, folder_of
from tests.template.test_events import ATTEMPTS

from sfn_cqrs.machines.workflow.executions import (
    Parent,
    StepFunctionService,
    child_name,
    execution_name,
)
from sfn_cqrs.machines.workflow.wait_table import WaitTable
from sfn_cqrs_tools.runtime.template import Machine
from sfn_cqrs_tools.scaffold.machine import RECORDER
from sfn_cqrs_tools.stack.local_stack import LocalStack

OWN = [machine for machine in MACHINES.values() if machine.key not in ATTEMPTS]
"""In the repository or in its example, wherever `sfn-cqrs new workflow` writes."""


def run_workflows(stack: LocalStack) -> None:
    """Every machine that nothing here starts, on its sample; who waits in it is resumed."""
    workflows = Workflows(stack)
    for machine in OWN:
        workflows.run(machine)
        workflows.fail(machine)
    for parent, child in workflows.children.items():
        workflows.lose(child, parent)


class Workflows:
    """The machines of a user's own, and which state of one waits for another."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._client = stack.client("stepfunctions")
        self._service = StepFunctionService(self._client)
        table = stack.outputs["RequestsTableName"]
        self._waits = WaitTable(stack.client("dynamodb"), table, partial(datetime.now, UTC))
        samples = [(Parent.of(sample(machine)), machine) for machine in OWN]
        self.children = {parent: machine for parent, machine in samples if parent is not None}

    def run(self, machine: Machine, name: str = "", data: Any = None) -> None:
        """Run a machine, on its sample unless told otherwise, and its children; all end well."""
        name, data = name or name_of(machine), data or sample(machine)
        arn = self._service.start_execution(self._arn(machine), data, name)

        def status() -> str:
            self._resume(machine, name)
            return self._status(arn)

        assert waited(status, lambda found: found != "RUNNING") == "SUCCEEDED", machine.key

    def fail(self, machine: Machine) -> None:
        """Record a failure on its sample, if the machine records any; a child tells its parent."""
        if RECORDER in dict(machine.states()):
            sent = (events_of(machine) / f"{RECORDER}.json").read_bytes()
            self._stack.functions.invoke(machine.placeholder(RECORDER), sent)

    def lose(self, child: Machine, parent: Parent) -> None:
        """A child that is stopped, and one whose answer is given again.

        Their parent has run, and waits no more: the answers are sent all the same.
        """
        prefix = child.logical_id.removesuffix("StateMachine")
        stopped = self._service.start_execution(
            self._arn(child), sample(child), execution_name(child.key, "stopped")
        )
        self._client.stop_execution(executionArn=stopped, cause="nobody needs it")
        ended = self._service.execution_arn(self._arn(child), child_name(parent))
        tick: dict[str, Any] = {}
        self.miss(child, parent)
        for event in (tick, *({"detail": {"executionArn": arn}} for arn in (stopped, ended))):
            self._stack.functions.invoke(
                f"EventOn{prefix}EndedFunction", json.dumps(event).encode()
            )

    def miss(self, child: Machine, parent: Parent) -> None:
        """A parent that waits for a child which has ended, and answers nobody."""
        (waiting,) = [machine for machine in OWN if name_of(machine) == parent.execution]
        name = execution_name(waiting.key, "missed")
        alone = {name: value for name, value in sample(child).items() if name != "parent"}
        self.run(child, child_name(Parent(name, parent.state)), alone)
        self._service.start_execution(self._arn(waiting), sample(waiting), name)
        waited(lambda: self._waits.token(name, parent.state))

    def _resume(self, machine: Machine, name: str) -> None:
        """End all waits of an execution, those for its children by ending the children's."""
        for state in callbacks(machine):
            child = self.children.get(Parent(name_of(machine), state))
            if child is not None:
                self._resume(child, child_name(Parent(name, state)))
            elif token := self._waits.token(name, state):
                self._service.resume_execution(token, {})

    def _arn(self, machine: Machine) -> str:
        return str(self._stack.outputs[f"{machine.logical_id}Arn"])

    def _status(self, arn: str) -> str:
        return str(self._client.describe_execution(executionArn=arn)["status"])


def callbacks(machine: Machine) -> list[str]:
    """The states that wait for a token."""
    return [
        state
        for state, body in machine.states()
        if body.get("Resource", "").endswith(".waitForTaskToken")
    ]


def name_of(machine: Machine) -> str:
    """The name of the execution that is started on a machine's sample."""
    return execution_name(machine.key, sample(machine)["id"])


def sample(machine: Machine) -> Any:
    """What starts an execution of a machine."""
    return json.loads((events_of(machine) / "start_execution.json").read_text(encoding="utf-8"))


def events_of(machine: Machine) -> Path:
    """The folder of a machine's sample events."""
    return folder_of(machine.key) / "events" / machine.folder
