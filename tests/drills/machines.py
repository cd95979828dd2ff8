"""What may happen to any machine's executions: they fail, hang, or are throttled."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.drills.cloudwatch import MINUTE, CloudWatch

from sfn_cqrs_tools.runtime.template import Machine
from sfn_local import Done, Engine, FunctionError, ManualScheduler, VirtualClock

PERIODS = 3 * 5
"""Minutes in which an execution is started each."""
ENOUGH = 5
"""So many executions have to fail until somebody is called."""
METRICS = {
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "SUCCEEDED": "ExecutionsSucceeded",
}


class Functions:
    """Every function raises, or none ever answers."""

    def __init__(self, *, hang: bool) -> None:
        self._hang = hang

    def submit(self, _function: str, _payload: bytes, done: Done) -> None:
        if not self._hang:
            done(FunctionError("ValueError", "{}"))


class Region:
    """One machine, an execution of it, and what CloudWatch is told of them.

    The engine tells nobody how an EXPRESS execution ends, so its machine runs as a STANDARD one.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        hang: bool = False,
        limit: int | None = None,
        is_patient: bool = False,
    ) -> None:
        self.watch = CloudWatch()
        self.machine = machine
        self.engine = Engine(
            functions=Functions(hang=hang), clock=VirtualClock(), scheduler=ManualScheduler()
        )
        self.begin = self.engine.clock.time()
        self.engine.on_status_change.append(self._tell)
        definition = json.loads(machine.definition)
        if limit is not None:
            definition["TimeoutSeconds"] = limit
        if is_patient:
            for state in definition["States"].values():
                state.pop("TimeoutSeconds", None)
        self.limit = int(definition["TimeoutSeconds"])
        self.engine.create_state_machine(machine.name, json.dumps(definition))

    def start(self) -> str:
        """Start an execution, until it waits or has ended."""
        arn = self.engine.start_execution(
            self.machine.arn, None, json.dumps(an_input(self.machine))
        )
        self.engine.run_until_idle()
        return arn

    def throttle(self, per_second: float) -> None:
        """Tell of the transitions that a quota would have throttled."""
        tokens, filled_at = 1.0, self.begin
        for at in sorted(self._entered()):
            tokens = min(1.0, tokens + (at - filled_at) * per_second)
            filled_at = at
            if tokens < 1:
                self.watch.put(at, "AWS/States", "ThrottledEvents", ServiceMetric="StateTransition")
            else:
                tokens -= 1

    def _entered(self) -> Iterator[float]:
        for each in self.engine.list_executions(self.machine.arn):
            for event in self.engine.history(each["executionArn"]):
                if event["type"].endswith("StateEntered"):
                    yield _seconds(event["timestamp"])

    def _tell(self, execution: dict[str, Any]) -> None:
        if execution["status"] == "RUNNING":
            self._put(_seconds(execution["startDate"]), "ExecutionsStarted")
            return
        begun, ended = _seconds(execution["startDate"]), _seconds(execution["stopDate"])
        self._put(ended, METRICS[execution["status"]])
        self._put(ended, "ExecutionTime", 1000 * (ended - begun))

    def _put(self, at: float, metric: str, value: float = 1.0) -> None:
        self.watch.put(at, "AWS/States", metric, value, StateMachineArn=self.machine.arn)


def _seconds(moment: Any) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


@cache
def _input_of(events: Path) -> str:
    """The input of an execution, as the sample events have it."""
    started = events / "start_execution.json"
    if started.exists():
        return started.read_text(encoding="utf-8")
    first = min(events.glob("*.json"))
    context = json.loads(first.read_text(encoding="utf-8"))["context"]
    return json.dumps(context["Execution"]["Input"])


def an_input(machine: Machine) -> Any:
    """What an execution of a machine is started with."""
    events = machine.path.parents[1] / "events" / machine.folder.removesuffix("_express")
    return json.loads(_input_of(events))


def failing(machine: Machine) -> Region:
    """Every function of it raises, once what the machine waits for at first is over."""
    region = Region(machine)
    for _ in range(ENOUGH):
        region.start()
    region.engine.run_for(MINUTE)
    return region


def hanging(machine: Machine) -> Region:
    """No function answers, and the time limit of the execution is nearly over."""
    region = Region(machine, hang=True, limit=10)
    region.start()
    region.engine.run_for(MINUTE)
    return region


def slow(machine: Machine) -> Region:
    """No function answers, and no state has a time limit, so that the execution's own ends it."""
    region = Region(machine, hang=True, is_patient=True)
    for _ in range(5):
        region.start()
        region.engine.run_for(4 * MINUTE)
    region.engine.run_for(region.limit)
    return region


def throttled(machine: Machine) -> Region:
    """One transition in ten seconds is left of the quota."""
    region = Region(machine)
    for _ in range(PERIODS):
        region.start()
        region.engine.run_for(MINUTE)
    region.throttle(per_second=0.1)
    return region


FAULTS = {
    "ExecutionsFailed": ("every function of the machine raises; five executions", failing),
    "ExecutionsTimedOut": (
        "no function answers, and the time limit is cut to ten seconds",
        hanging,
    ),
    "ExecutionTime": ("no function answers, nor has a state a time limit", slow),
    "ThrottledEvents": (
        "of the quota of transitions, one in ten seconds is left; an execution a minute",
        throttled,
    ),
}
"""By the metric that an alarm reads: the fault in words, and what injects it into a machine."""
