"""What the fixture `run_machine` of the pytest plugin gives: an execution under a virtual clock."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sfn_local.coverage import Way
from sfn_local.document import Json
from sfn_local.mocks import MockConfig
from sfn_local.rehearsal import rehearse
from sfn_local.stubs import Stub, StubFunctions
from sfn_local.trace import path_of


class MachineRun:
    """An execution under a virtual clock; it stands still while nothing here moves it."""

    def __init__(
        self,
        definition: Json,
        name: str,
        data: Json,
        stubs: Mapping[str, Stub],
        mocks: MockConfig | None = None,
        case: str | None = None,
        ways: set[Way] | None = None,
    ) -> None:
        """Run until the execution has ended, or waits for a token or a function.

        The ways that it takes are added to those that are given.

        Raises:
            MockError: the mocks have no such test case for a machine of this name.
        """
        self.functions = StubFunctions(stubs)
        self.engine, self.arn = rehearse(
            name, definition, json.dumps(data), self.functions, mocks, case, ways
        )
        self._go_on()

    @property
    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return str(self._described["status"])

    @property
    def output(self) -> Json:
        """The output of an execution that has succeeded, else None."""
        text = self._described.get("output")
        return None if text is None else json.loads(text)

    @property
    def error(self) -> str | None:
        """The error of an execution that has failed."""
        return self._described.get("error")

    @property
    def cause(self) -> str | None:
        """The cause of its error."""
        return self._described.get("cause")

    @property
    def path(self) -> list[str]:
        """The names of the states, in the order in which they were entered."""
        return path_of(self.events)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The history."""
        return self.engine.history(self.arn)

    @property
    def payloads(self) -> dict[str, list[Json]]:
        """Return the payloads of each state's function, call by call."""
        return self.functions.payloads

    @property
    def seconds(self) -> float:
        """The virtual seconds that have passed since the start."""
        return float((self.engine.clock.now() - self._described["startDate"]).total_seconds())

    def advance(self, seconds: float) -> None:
        """Let time pass, time limits included."""
        self.engine.run_for(seconds)
        self._go_on()

    def succeed(self, token: str, output: Json) -> None:
        """Send a token back with an output."""
        self.engine.send_task_success(token, json.dumps(output))
        self._go_on()

    def fail(self, token: str, error: str, cause: str = "") -> None:
        """Send a token back with a failure."""
        self.engine.send_task_failure(token, error, cause)
        self._go_on()

    def beat(self, token: str) -> None:
        """Send a heartbeat."""
        self.engine.send_task_heartbeat(token)

    @property
    def _described(self) -> dict[str, Any]:
        return self.engine.describe_execution(self.arn)

    def _go_on(self) -> None:
        self.engine.run_until_waiting()
        if self.functions.complaints:
            pytest.fail("; ".join(self.functions.complaints))
