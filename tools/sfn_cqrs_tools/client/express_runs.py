"""Runs of an EXPRESS machine, known only by its log: Step Functions does not keep them.

Locally the log has every event. On AWS it has the events of the machine's level. As delivered, this
is ERROR: only the events of failures.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.client.aws import Target
from sfn_local.trace import ENDS, logged_events

LOG_GROUP: Final = "CommandExpressStateMachineLogGroup"
UNKNOWN: Final = "UNKNOWN"
"""The status of a run whose end was not logged: it went well, or still runs."""


@dataclass(frozen=True)
class ExpressRun:
    """A run, and those of its events that were logged, as GetExecutionHistory has events."""

    arn: str
    events: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """Return the execution's name, which its duplicates share."""
        return self.arn.split(":")[-2]

    @property
    def machine_arn(self) -> str:
        """Return the machine that ran it."""
        return ":".join(self.arn.split(":")[:-2]).replace(":express:", ":stateMachine:")

    @property
    def described(self) -> dict[str, Any]:
        """Return the fields of DescribeExecution that are known of the run."""
        first, last = self.events[0], self.events[-1]
        begun = first.get("executionStartedEventDetails", {})
        end = last.get(f"{last['type'][0].lower()}{last['type'][1:]}EventDetails", {})
        shown: dict[str, Any] = {
            "name": self.name,
            "status": ENDS.get(last["type"], UNKNOWN),
            "startDate": first["timestamp"],
            **({"stopDate": last["timestamp"]} if last["type"] in ENDS else {}),
            **({"input": begun["input"]} if "input" in begun else {}),
        }
        known = ("output", "error", "cause") if last["type"] in ENDS else ()
        return shown | {field: end[field] for field in known if field in end}


def logged_runs(target: Target, since: datetime, names: Collection[str] = ()) -> list[ExpressRun]:
    """Return a stack's runs, the newest first; on AWS those since a moment, or of these names."""
    if target.express_log is not None:
        return runs_in_file(target.express_log)
    return runs_on_aws(target, since, names)


def runs_in_file(path: Path) -> list[ExpressRun]:
    """Return the runs that the local engine has logged."""
    lines: list[str] = []
    for part in (path.with_suffix(".old"), path):
        if part.exists():
            lines += part.read_text(encoding="utf-8").splitlines()
    return _runs(json.loads(line) for line in lines)


def runs_on_aws(target: Target, since: datetime, names: Collection[str] = ()) -> list[ExpressRun]:
    """Return the runs that a stack's machine has logged since a moment, or those of these names."""
    pages = target.client("logs").get_paginator("filter_log_events")
    wanted = " || ".join(f'($.execution_arn = "*:{name}:*")' for name in names)
    found = pages.paginate(
        logGroupName=target.physical_id(LOG_GROUP),
        startTime=round(since.timestamp() * 1000),
        **({"filterPattern": f"{{ {wanted} }}"} if names else {}),
    )
    return _runs(json.loads(event["message"]) for page in found for event in page["events"])


def _runs(lines: Iterable[dict[str, Any]]) -> list[ExpressRun]:
    """Return one run per name, the duplicate that did most; the newest first."""
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        events[line["execution_arn"]].append(line)
    longest: dict[str, ExpressRun] = {}
    for arn, logged in events.items():
        run = ExpressRun(arn, logged_events(logged))
        other = longest.get(run.name)
        if other is None or len(other.events) < len(run.events):
            longest[run.name] = run
    runs = longest.values()
    return sorted(runs, key=lambda run: run.described["startDate"], reverse=True)
