"""Executions, and the test of one state."""

import sys
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from sfn_local import names
from sfn_local.engine.limits import check_reasons
from sfn_local.engine.run_control import RunControl
from sfn_local.errors import ExecutionNotRedrivable, StateMachineTypeNotSupported
from sfn_local.executions.execution import Execution
from sfn_local.executions.express import billing
from sfn_local.registry.machines import describe_for_execution

if TYPE_CHECKING:
    from sfn_local.tested_state import Question


NOT_OF_THIS_TYPE = "This operation is not supported by this type of state machine"


class ExecutionApi(RunControl):
    """The operations on executions."""

    def start_execution(self, arn: str, name: str | None = None, input: str = "{}") -> str:  # noqa: A002 - AWS's word
        """Start an execution of a machine, or of a test case `arn#TestCase` of it; its ARN.

        While an execution of that name and input runs, the call returns it and starts nothing.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
            InvalidName: the name is not one.
            InvalidExecutionInput: the input is not JSON.
            ExecutionAlreadyExists: the name is taken by another input, or by one that has ended.
            ValidationException: the input is too large, or there is no such test case.
        """
        return str(self.started_execution(arn, name, input)["executionArn"])

    def started_execution(
        self, arn: str, name: str | None, text: str, trace: str | None = None
    ) -> dict[str, Any]:
        """Start an execution as start_execution does; the answer of StartExecution."""
        execution = self._start(arn, name, text, trace)
        if execution.machine.is_express and self._express_repeats > 0:
            self._repeat(execution)
        started = datetime.fromtimestamp(execution.started, UTC)
        return {"executionArn": execution.arn, "startDate": started}

    def start_sync_execution(
        self,
        arn: str,
        name: str | None = None,
        input: str = "{}",  # noqa: A002 - AWS's word
        trace: str | None = None,
    ) -> dict[str, Any]:
        """Run an EXPRESS machine to its end; the answer of StartSyncExecution.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
            StateMachineTypeNotSupported: the machine is STANDARD.
            InvalidName: the name is not one.
            InvalidExecutionInput: the input is not JSON.
            ValidationException: the input is too large.
        """
        with self._lock:
            if not self._machines.find_to_run(arn.partition("#")[0]).is_express:
                raise StateMachineTypeNotSupported(NOT_OF_THIS_TYPE)
            execution = self._start(arn, name, input, trace, is_awaited=True)
        self.run_until(lambda: not execution.is_running)
        with self._lock:
            described = execution.describe()
        for field in ("redriveCount", "redriveStatus", "redriveStatusReason"):
            described.pop(field, None)
        included = {"outputDetails": {"included": True}}
        return {**described, **included, "billingDetails": billing(execution)}

    def test_state(self, question: "Question", level: str = "INFO") -> dict[str, Any]:
        """Run a single state, for at most five minutes; the answer of TestState.

        Raises:
            InvalidDefinition: the state is not well formed.
        """
        from sfn_local.tested_state import (  # noqa: PLC0415 - slow to import
            LONGEST_SECONDS,
            StateTest,
        )

        with self._lock:
            test = StateTest(question, self._runtime, self.account)
        if not self.run_until(lambda: test.is_done, LONGEST_SECONDS):
            with self._lock:
                test.cancel()
        return test.outcome.answer(level)

    def stop_execution(
        self, arn: str, error: str | None = None, cause: str | None = None
    ) -> datetime:
        """End an execution; one that has ended stays as it is. When it was stopped.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        check_reasons(error, cause)
        names.check_execution_arn(arn)
        with self._lock:
            execution = self._execution(arn)
            if execution.is_running:
                execution.stop(error, cause)
            return datetime.fromtimestamp(execution.stopped or 0.0, UTC)

    def redrive_execution(self, arn: str, client_token: str | None = None) -> datetime:
        """Go on with an execution where it did not succeed; when it was redriven.

        The same client token within 15 minutes redrives it once.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
            ExecutionNotRedrivable: it runs, has succeeded, ended 14 days ago, or is a child.
        """
        names.check_execution_arn(arn)
        with self._lock:
            execution = self._execution(arn)
            earlier = self._redrives.find(arn, client_token, self.clock.time())
            if earlier is not None:
                return earlier
            if execution.map_run_arn is not None:
                raise ExecutionNotRedrivable("Execution is redriven by its Map Run")
            execution.redrive()
            return self._redrives.keep(arn, client_token, self.clock.now())

    def describe_execution(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeExecution.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        with self._lock:
            return self._execution(arn).describe()

    def describe_state_machine_for_execution(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeStateMachineForExecution.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        with self._lock:
            execution = self._execution(arn)
        return describe_for_execution(execution.machine, execution.map_run_arn)

    def list_executions(self, arn: str, status: str | None = None) -> list[dict[str, Any]]:
        """The entries of ListExecutions, the newest first.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
        """
        return self.page_executions(arn, status, most=sys.maxsize)[0]

    def page_executions(
        self, arn: str, status: str | None, most: int, before: int | None = None
    ) -> tuple[list[dict[str, Any]], int | None]:
        """At most that many entries of ListExecutions, and where the next page starts.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
        """
        with self._lock:
            machine = self._machines.find_to_run(arn)
            if machine.is_express:
                raise StateMachineTypeNotSupported(NOT_OF_THIS_TYPE)
            wanted = (
                execution
                for execution in self._executions.newest_first(machine.arn, before)
                if status in (None, execution.status) and execution.is_of(arn)
            )
            page = list(islice(wanted, most))
            following = page[-1].number if next(wanted, None) is not None else None
            return [execution.summary() for execution in page], following

    def history(self, arn: str) -> list[dict[str, Any]]:
        """The events of GetExecutionHistory, the oldest first.

        Raises:
            ExecutionDoesNotExist: there is no such execution.
        """
        names.check_execution_arn(arn)
        with self._lock:
            events = self._execution(arn).history.events()
        return [event.as_aws_shows_it() for event in events]

    def _repeat(self, execution: Execution) -> None:
        """Run an EXPRESS execution a second time, by chance."""
        with self._lock:
            if self._runtime.random() < self._express_repeats:
                machine, document = execution.machine, execution.input
                self._start_express(machine, execution.name, document, execution.mocks)
