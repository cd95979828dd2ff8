"""`states:startExecution`: another execution of this engine, awaited or not.

Source: Step Functions Developer Guide, "Start a new AWS Step Functions state machine from a
running execution".
"""

from collections.abc import Callable
from typing import Any

from sfn_local.document import Document, Json, dumps, loads
from sfn_local.errors import ApiError, StateFailure
from sfn_local.executions.execution import Execution
from sfn_local.integrations.attempt import Attempt, Outcome
from sfn_local.integrations.service_task import ServiceTask, metadata, missing
from sfn_local.language.catalogue import SYNC, SYNC_2

BAD_REQUEST = 400


class StartExecution(ServiceTask):
    """A task that starts an execution, and may wait for its end or for its own token."""

    def __init__(self, pattern: str) -> None:
        """Pattern is empty, `.sync`, `.sync:2` or `.waitForTaskToken`."""
        is_callback = pattern not in ("", SYNC, SYNC_2)
        action = "startExecution" if is_callback else f"startExecution{pattern}"
        super().__init__("states", action, is_callback=is_callback)
        self.has_token = pattern != ""  # as recorded, also of what waits for the execution
        self._pattern = pattern

    @property
    def denied(self) -> str:
        """Return the error of a start that the role may not make, as AWS names it."""
        return "StepFunctions.AWSStepFunctionsException"

    def prepare(self, attempt: Attempt, arguments: Json) -> Callable[[], None]:
        """A start of StateMachineArn with Input.

        Raises:
            RuntimeFailure: the arguments name no machine.
        """
        machine = arguments.get("StateMachineArn") if isinstance(arguments, dict) else None
        if not isinstance(machine, str):
            raise missing("StateMachineArn")
        return lambda: attempt.answer(_start(attempt, machine, arguments))

    async def finish(self, attempt: Attempt) -> Document:
        """Return the answer of the start, the ended execution, or the token's output.

        Raises:
            StateFailure: it could not be started, failed, or did not end in time.
        """
        if not self._pattern or self.is_callback:
            return await super().finish(attempt)
        news = await attempt.ending()
        if not self.submitted(attempt, news) or isinstance(news.outcome, StateFailure):
            return self.end(attempt, news)
        started = attempt.visit.runtime.find_execution(news.outcome.value["ExecutionArn"])
        return await self._wait(attempt, started)

    async def _wait(self, attempt: Attempt, started: Execution) -> Document:
        """The end of an execution, which is stopped when nobody waits for it any more."""
        started.when_ended(lambda: attempt.answer(self._outcome(started)))
        try:
            return self.end(attempt, await attempt.ending())
        finally:
            if started.is_running:
                started.stop(None, None)

    def _outcome(self, ended: Execution) -> Outcome:
        described = _described(ended)
        if ended.status != "SUCCEEDED":
            return StateFailure("States.TaskFailed", dumps(described))
        if self._pattern == SYNC_2:
            for name in ("Input", "Output"):
                described[name] = loads(described[name])
        return Document(described)


def _start(attempt: Attempt, machine: str, arguments: dict[str, Json]) -> Outcome:
    given = arguments.get("Input")
    text = given if isinstance(given, str) else dumps({} if given is None else given)
    try:
        execution = attempt.visit.runtime.start_execution(machine, arguments.get("Name"), text)
    except ApiError as error:
        code = error.code.removesuffix("Exception")
        cause = (
            f"{error} (Service: AWSStepFunctions; Status Code: {BAD_REQUEST}; "
            f"Error Code: {error.code}; Request ID: local; Proxy: null)"
        )
        return StateFailure(f"StepFunctions.{code}Exception", cause)
    answer: dict[str, Any] = {
        "ExecutionArn": execution.arn,
        **metadata(200, {"Content-Type": "application/x-amz-json-1.0"}, "local"),
        "StartDate": _milliseconds(execution.started),
    }
    return Document(answer)


def _described(ended: Execution) -> dict[str, Any]:
    """An execution as DescribeExecution shows it, in the spelling of states."""
    described: dict[str, Any] = {
        "ExecutionArn": ended.arn,
        "Input": ended.input.text,
        "InputDetails": {"Included": True},
        "Name": ended.name,
        "RedriveCount": ended.redrive_count,
        **{name[0].upper() + name[1:]: text for name, text in ended.redrive_status().items()},
        "StartDate": _milliseconds(ended.started),
        "StateMachineArn": ended.machine.arn,
        "Status": ended.status,
        "StopDate": _milliseconds(ended.stopped or ended.started),
    }
    if ended.output is not None:
        described |= {"Output": ended.output, "OutputDetails": {"Included": True}}
    reasons = {"Error": ended.error, "Cause": ended.cause}
    described |= {name: text for name, text in reasons.items() if text is not None}
    return dict(sorted(described.items()))


def _milliseconds(moment: float) -> int:
    return round(moment * 1000)
