"""Executions of a state machine: start them, describe them, and end their waits."""

import json
from typing import TYPE_CHECKING, Any, Protocol

from sfn_cqrs.kernel.aws.error_codes import WAIT_HAS_ENDED, suppressing
from sfn_cqrs.kernel.aws.tracing import Tracer
from sfn_cqrs.kernel.failure import MAX_CAUSE, MAX_ERROR
from sfn_cqrs.kernel.programs import Execution
from sfn_cqrs.kernel.traces import Trace

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class Attempt(Protocol):
    """An attempt that an execution runs; its name and input never change."""

    def as_input(self) -> dict[str, object]:
        """Return the execution's input."""

    def execution_name(self, table: str) -> str:
        """Return the execution's name."""


class Executions:
    """The executions of one machine, named after the attempts that they run."""

    def __init__(
        self, client: "SFNClient", machine_arn: str, table: str, tracer: Tracer | None = None
    ) -> None:
        """Use one machine; `table` is part of the executions' names."""
        self._client = client
        self._machine_arn = machine_arn
        self._table = table
        self._tracer = tracer or Tracer("", str)

    def start(self, ref: Attempt, trace: str = "") -> bool:
        """Start an attempt's execution unless it is running; return False if it has already run.

        It continues the trace that the header names. Without a header, it continues the caller's
        trace.
        """
        here = Trace.parse(trace) or self._tracer.here()
        header: Any = {"traceHeader": here.header} if here else {}
        with suppressing("ExecutionAlreadyExists"):
            self._client.start_execution(
                stateMachineArn=self._machine_arn,
                name=ref.execution_name(self._table),
                input=json.dumps(ref.as_input(), sort_keys=True, ensure_ascii=False),
                **header,
            )
            return True
        return False

    def describe(self, ref: Attempt) -> Execution | None:
        """Return an attempt's execution, or None if it was never started."""
        with suppressing("ExecutionDoesNotExist"):
            found = self._client.describe_execution(executionArn=self.arn_of(ref))
            is_running = found["status"] in ("RUNNING", "PENDING_REDRIVE")
            error = found.get("error") or (None if is_running else found["status"])
            return Execution(is_running, error, found.get("cause"))
        return None

    def arn_of(self, ref: Attempt) -> str:
        """Return the ARN of an attempt's execution, even if it was never started."""
        prefix = self._machine_arn.replace(":stateMachine:", ":execution:")
        return f"{prefix}:{ref.execution_name(self._table)}"

    def succeed(self, token: str, output: object) -> bool:
        """End a wait; return False if it has already ended."""
        with suppressing(*WAIT_HAS_ENDED):
            self._client.send_task_success(taskToken=token, output=json.dumps(output))
            return True
        return False

    def reject(self, token: str, error: str, cause: str) -> bool:
        """Fail a wait; return False if it has already ended."""
        with suppressing(*WAIT_HAS_ENDED):
            self._client.send_task_failure(
                taskToken=token, error=error[:MAX_ERROR], cause=cause[:MAX_CAUSE]
            )
            return True
        return False
