"""The lines of a stack's log, read: who wrote them, how grave they are, what they are about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sfn_cqrs.kernel.failure import folded
from sfn_cqrs_tools.terminal.causes import shortened

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_OF_FUNCTION: Final = re.compile(r"(?P<function>\w+) (?P<request>-|[0-9a-f-]{36}) (?P<text>.*)")
_OF_STACK: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d) (?P<time>[\d:]{8}),\d+ (?P<level>[A-Z]+) (?P<name>\S+) (?P<text>.*)"
)
_DULL: Final = frozenset(
    (
        "level",
        "location",
        "message",
        "timestamp",
        "service",
        "sampling_rate",
        "exception",
        "exception_name",
        "stack_trace",
        "stackTrace",
        "xray_trace_id",
        "errorMessage",
        "errorType",
        "requestId",
        "tenant",
        "execution",
        "state",
        "by",
    )
)


@dataclass(frozen=True)
class LogLine:
    """A line; of one that is JSON, as a logger and Lambda write it, `fields` has all."""

    function: str
    request: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_function(cls, function: str, request: str, text: str) -> LogLine:
        """Take what a function has printed."""
        try:
            fields = json.loads(text) if text.startswith("{") else {}
        except ValueError:
            fields = {}
        return cls(function, request, text, fields)

    @property
    def level(self) -> str:
        """Return one of LEVELS; what is only printed is INFO."""
        level = str(self.fields.get("level", "INFO")).upper()
        return level if level in LEVELS else "INFO"

    @property
    def at(self) -> str:
        """When, as HH:MM:SS of UTC; empty where the line does not say."""
        if (at := self._emitted.get("Timestamp")) is not None:
            return f"{datetime.fromtimestamp(at / 1000, UTC):%H:%M:%S}"
        return str(self.fields.get("timestamp", ""))[11:19]

    @property
    def message(self) -> str:
        """Return the message in one line."""
        if "errorType" in self.fields:
            first = str(self.fields.get("errorMessage", "")).partition("\n")[0]
            return f"{self.fields['errorType']}: {first}"
        if "exception" in self.fields:
            return f"{self.fields.get('message', '')}: {self._exception}"
        return "metrics" if self._emitted else str(self.fields.get("message", self.text))

    @property
    def _emitted(self) -> Mapping[str, Any]:
        """What makes metrics for CloudWatch of a line, in its embedded metric format."""
        emitted = self.fields.get("_aws")
        return emitted if isinstance(emitted, dict) and "CloudWatchMetrics" in emitted else {}

    @property
    def _exception(self) -> str:
        """Return the line of a traceback that names the error, without the error's module."""
        name = str(self.fields.get("exception_name", ""))
        begins = re.compile(rf"([\w.]+\.)?(?={re.escape(name)}\b)")
        shown = [line for line in str(self.fields["exception"]).splitlines() if begins.match(line)]
        return begins.sub("", shown[-1], count=1) if shown else name

    @property
    def code(self) -> list[str]:
        """Return the lines of the user's own code that failed."""
        below = str(self.fields.get("errorMessage", "")).splitlines()[1:]
        if not below:
            trace = self.fields.get("stackTrace") or [str(self.fields.get("exception", ""))]
            below = [line for frame in folded(trace) for line in str(frame).splitlines()]
        return shortened(below)

    @property
    def notes(self) -> dict[str, Any]:
        """Return further details for a reader."""
        fields = dict(self.fields)
        if self._emitted:  # the values of a metric are a list
            fields = {name: value[0] if _is_one(value) else value for name, value in fields.items()}
        return {
            name: value
            for name, value in fields.items()
            if name not in _DULL and isinstance(value, str | int | float)
        }

    def is_as_grave_as(self, level: str) -> bool:
        """Return whether it is of this level or above."""
        return LEVELS.index(self.level) >= LEVELS.index(level)


def _is_one(value: object) -> bool:
    """Return whether it is a list of one value."""
    return isinstance(value, list) and len(value) == 1


def parsed(lines: Iterable[str]) -> Iterator[LogLine]:
    """Read the lines of stack.log; lines below one of the stack's own belong to it."""
    for line in lines:
        text = line.rstrip("\n")
        if found := _OF_FUNCTION.fullmatch(text):
            yield LogLine.of_function(**found.groupdict())
        elif found := _OF_STACK.fullmatch(text):
            said = {"timestamp": f"{found['day']}T{found['time']}", "level": found["level"]}
            yield LogLine("", "", text, {**said, "message": found["text"], "by": found["name"]})
        elif text:
            yield LogLine("", "", text)


@dataclass
class Wanted:
    """The filter of log lines; all lines of an invocation match once one names a value.

    A line has to name one of `values`: an id, or the beginning of an execution's name.
    """

    function: str | None = None
    level: str = "DEBUG"
    values: frozenset[str] | None = None
    _requests: set[str] = field(default_factory=set)

    def __call__(self, line: LogLine) -> bool:
        """Return whether a line matches."""
        if self.function is not None and line.function != self.function:
            return False
        return self._is_about(line) and line.is_as_grave_as(self.level)

    def _is_about(self, line: LogLine) -> bool:
        if self.values is None:
            return True
        shown = {str(line.fields.get(name, "")) for name in _ABOUT}
        shown |= {_execution(name) for name in shown}
        if shown & self.values:
            self._requests.add(line.request)
        return line.request in self._requests


_ABOUT: Final = ("task", "saga", "approval", "job", "execution")


def _execution(name: str) -> str:
    """Return an execution's name without its attempt: `c-…-v1` of `c-…-v1-a2`."""
    return re.sub(r"-a\d+$", "", name)
