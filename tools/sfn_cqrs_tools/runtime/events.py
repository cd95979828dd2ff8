"""EventBridge for the one source that the AWS fabric lacks: the executions of our engine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sfn_cqrs_tools.runtime.cloudformation import ACCOUNT, REGION
from sfn_local.status_events import event_of

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
        event = event_of(execution, REGION, ACCOUNT, datetime.now(UTC))
        for rule in self._rules:
            if matches(rule.pattern, event):
                for target in rule.targets:
                    self._invoke(target, json.dumps(event).encode())


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
