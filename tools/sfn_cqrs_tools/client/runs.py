"""Executions as Step Functions and the logs of EXPRESS machines have them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.express_runs import ExpressRun

STATUSES: Final = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE")
"""What Step Functions says of executions."""
FAILURES: Final = ("FAILED", "TIMED_OUT", "ABORTED")
LOOKED_BACK: Final = timedelta(days=1)
"""How far back the log of an EXPRESS machine is read for a list."""

Place = tuple[str | None, int]
"""A page of a machine's list by its token, and how many of it are done."""


@dataclass(frozen=True)
class Run:
    """An execution as a list shows it; input, error and cause come from its description."""

    machine: str
    name: str
    arn: str
    status: str
    started: datetime
    stopped: datetime | None
    redrives: int = 0
    input: str = ""
    output: str = ""
    error: str = ""
    cause: str = ""
    parent: str = ""
    """The ARN of the Map Run whose child it is."""
    trace: str = ""
    """The header of X-Ray that the execution was started with."""
    logged: ExpressRun | None = field(default=None, repr=False, compare=False)
    """The logged events of an EXPRESS execution."""

    @property
    def seconds(self) -> float | None:
        """Return the duration, or None while it runs."""
        return None if self.stopped is None else (self.stopped - self.started).total_seconds()


class Runs:
    """Reads the executions of a stack from Step Functions."""

    def __init__(self, target: Target) -> None:
        """Read those of a stack."""
        self._target = target

    @property
    def client(self) -> Any:
        """The client of Step Functions."""
        return self._target.client("stepfunctions")

    def listed(
        self, machine: str, arn: str, status: str = "", place: Place | None = None, page: int = 100
    ) -> Iterator[tuple[Run, Place]]:
        """Yield the executions of a machine, the newest first, each with the place behind it."""
        token, skip = place or (None, 0)
        given = {"statusFilter": status} if status else {}
        while True:
            more = {"nextToken": token} if token else {}
            found = self.client.list_executions(
                stateMachineArn=arn, maxResults=page, **given, **more
            )
            for index, one in enumerate(found["executions"]):
                if index >= skip:
                    yield self.run_of(one, machine), (token, index + 1)
            token, skip = found.get("nextToken"), 0
            if token is None:
                return

    def run_of(self, found: Mapping[str, Any], machine: str) -> Run:
        """Return an execution that Step Functions has listed or described."""
        stopped = found.get("stopDate")
        return Run(
            machine,
            found["name"],
            found["executionArn"],
            found["status"],
            found["startDate"].astimezone(UTC),
            stopped.astimezone(UTC) if stopped else None,
            found.get("redriveCount", 0),
            found.get("input") or "",
            found.get("output") or "",
            found.get("error") or "",
            found.get("cause") or "",
            found.get("mapRunArn", ""),
            found.get("traceHeader", ""),
        )

    def run_of_log(self, logged: ExpressRun, machine: str, arn: str | None = None) -> Run:
        """Return an execution that the log of an EXPRESS machine has."""
        found = {**logged.described, "executionArn": arn or logged.arn}
        return replace(self.run_of(found, machine), logged=logged)

    def current_definition(self, machine_arn: str) -> dict[str, Any]:
        """Return the definition of a machine as it is now."""
        found = self.client.describe_state_machine(stateMachineArn=machine_arn)
        return _definition(found)

    def definition_of(self, arn: str) -> dict[str, Any]:
        """Return the definition that an execution runs, by its ARN."""
        found = self.client.describe_state_machine_for_execution(executionArn=arn)
        return _definition(found)


def _definition(found: Mapping[str, Any]) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(found["definition"])
    return definition
