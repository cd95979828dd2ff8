"""An engine under a virtual clock, and a way to run one state or one machine on it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sfn_local import (
    Engine,
    FunctionError,
    InlineFunctions,
    ManualScheduler,
    VirtualClock,
    function_name,
)
from sfn_local.calls.functions import Done

# A busy machine is no failure: no deadline per example, no complaint that making one was slow.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

Function = Callable[[Any], Any]


@dataclass
class Run:
    """The end of an execution."""

    engine: Engine
    arn: str

    @property
    def status(self) -> str:
        return str(self.engine.describe_execution(self.arn)["status"])

    @property
    def output(self) -> Any:
        return json.loads(self.engine.describe_execution(self.arn)["output"])

    @property
    def error(self) -> str | None:
        return self.engine.describe_execution(self.arn).get("error")

    @property
    def cause(self) -> str | None:
        return self.engine.describe_execution(self.arn).get("cause")

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.engine.history(self.arn)

    @property
    def chain(self) -> list[tuple[int, int, str]]:
        """Number, previous number and type of each event."""
        return [(event["id"], event["previousEventId"], event["type"]) for event in self.events]

    @property
    def path(self) -> list[str]:
        """The names of the states, in the order in which they were entered."""
        entered = [event.get("stateEnteredEventDetails") for event in self.events]
        return [details["name"] for details in entered if details]


@dataclass
class Lab:
    """An engine and the functions that its tasks call, by name.

    Raw holds answers as bytes; functions to hang never answer, those to hold do on release().
    """

    functions: dict[str, Function] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    hang: set[str] = field(default_factory=set)
    hold: set[str] = field(default_factory=set)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    seed: int | None = None

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.engine = Engine(functions=self, clock=self.clock, scheduler=ManualScheduler(self.seed))
        self._machines = 0
        self._held: dict[str, list[Done]] = {}

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        """Answer as a FunctionInvoker does."""
        name = function_name(function)
        self.calls.append((name, json.loads(payload)))
        if name in self.hold:
            self._held.setdefault(name, []).append(done)
        elif name in self.raw:
            done(self.raw[name])
        elif name not in self.hang:
            InlineFunctions(self._call).submit(function, payload, done)

    def release(self, name: str, value: Any) -> None:
        """Let the oldest call that is held return."""
        self._held[name].pop(0)(json.dumps(value).encode())

    def _call(self, function: str, payload: bytes) -> bytes:
        name = function_name(function)
        if name not in self.functions:
            raise FunctionError.unknown_function(function)
        return json.dumps(self.functions[name](json.loads(payload))).encode()

    def start(self, definition: dict[str, Any], data: Any = None) -> Run:
        """Start a machine and run what can run without time passing."""
        self._machines += 1
        arn = self.engine.create_state_machine(f"machine-{self._machines}", definition)
        run = Run(self.engine, self.engine.start_execution(arn, input=json.dumps(data)))
        self.engine.run_until_idle()
        return run

    def run(self, definition: dict[str, Any], data: Any = None) -> Run:
        """Run a machine to its end, however much virtual time that takes."""
        run = self.start(definition, data)
        self.engine.run_until(run.arn)
        return run

    def run_state(self, state: dict[str, Any], data: Any = None) -> Run:
        """Run one state, named `it`; it may lead to the Pass states `caught` and `other`."""
        ends = {} if state["Type"] in ("Choice", "Succeed", "Fail") else {"End": True}
        states = {"it": {**state, **ends}}
        for target in ("caught", "other"):
            if f'"{target}"' in json.dumps(state):
                states[target] = {"Type": "Pass", "End": True}
        return self.run({"StartAt": "it", "States": states}, data)

    def elapsed(self, run: Run) -> float:
        """Virtual seconds from the start of an execution to its end."""
        described = run.engine.describe_execution(run.arn)
        return float((described["stopDate"] - described["startDate"]).total_seconds())


@pytest.fixture
def lab() -> Lab:
    return Lab()
