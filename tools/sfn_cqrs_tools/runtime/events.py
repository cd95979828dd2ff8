"""EventBridge for the one source that the AWS fabric lacks: the executions of our engine."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sfn_cqrs_tools.runtime.cloudformation import ACCOUNT, REGION

STATUS_CHANGE: Final = "Step Functions Execution Status Change"

InvokeAsync = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule: its pattern, and the ARNs of the functions behind it."""

    pattern: Mapping[str, Any]
    targets: Sequence[str]


class EventRules:
    """Tells functions of executions that change their status, where a rule says so."""

    def __init__(self, rules: Sequence[Rule], invoke: InvokeAsync) -> None:
        """Invoke each target of each rule whose pattern matches."""
        self._rules = rules
        self._invoke = invoke

    def on_status_change(self, execution: Mapping[str, Any]) -> None:
        """Take one answer of DescribeExecution."""
        event = status_change_event(execution)
        for rule in self._rules:
            if matches(rule.pattern, event):
                for target in rule.targets:
                    self._invoke(target, json.dumps(event).encode())


def status_change_event(execution: Mapping[str, Any]) -> dict[str, Any]:
    """Build the event that Step Functions sends for an execution as DescribeExecution shows it."""
    detail = {
        "executionArn": execution["executionArn"],
        "stateMachineArn": execution["stateMachineArn"],
        "name": execution["name"],
        "status": execution["status"],
        "startDate": _milliseconds(execution["startDate"]),
        "stopDate": _milliseconds(execution.get("stopDate")),
        "input": execution.get("input"),
        "inputDetails": {"included": True},
        "output": execution.get("output"),
        "outputDetails": {"included": True} if execution.get("output") else None,
        "error": execution.get("error"),
        "cause": execution.get("cause"),
    }
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": STATUS_CHANGE,
        "source": "aws.states",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [execution["executionArn"]],
        "detail": detail,
    }


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether an event matches a pattern.

    It may have values, prefixes, wildcards, anything-but and exists.
    """
    return all(_matches_field(wanted, event, key) for key, wanted in pattern.items())


def _matches_field(wanted: Any, event: Mapping[str, Any], key: str) -> bool:
    if isinstance(wanted, Mapping):
        inner = event.get(key)
        return isinstance(inner, Mapping) and matches(wanted, inner)
    return any(_matches_value(one, event, key) for one in wanted)


def _matches_value(wanted: Any, event: Mapping[str, Any], key: str) -> bool:
    value = event.get(key)
    match wanted:
        case {"exists": exists}:
            return bool(exists) == (value is not None)
        case {"prefix": prefix}:
            return isinstance(value, str) and value.startswith(prefix)
        case {"wildcard": pattern}:
            return isinstance(value, str) and _fits(pattern, value)
        case {"anything-but": banned}:
            return value is not None and value not in (
                banned if isinstance(banned, list) else [banned]
            )
        case _:
            return bool(value == wanted)


def _fits(pattern: str, value: str) -> bool:
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), value, re.DOTALL) is not None


def _milliseconds(moment: datetime | float | None) -> int | None:
    if moment is None:
        return None
    seconds = moment.timestamp() if isinstance(moment, datetime) else moment
    return round(seconds * 1000)
