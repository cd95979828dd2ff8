"""Reports for `up`: failures and their reasons, and code that was reloaded, broken or fixed."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from sfn_cqrs.kernel.masking import masked_line
from sfn_cqrs_tools.client.app_check import AppCheck, Broken
from sfn_cqrs_tools.client.app_check import broken as described
from sfn_cqrs_tools.client.log_lines import LogLine
from sfn_cqrs_tools.runtime.lambdas import Invocation
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.terminal.causes import shortened
from sfn_cqrs_tools.terminal.commands import look_at
from sfn_local.cli.showing import echo, styled

LOOK_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 5.0
MOST_LISTED: Final = 8
_PASSING: Final = frozenset(("TransientError", "SupersededError", "NotYetError"))
"""Failures that are not reported: the machine retries, or another worker is active."""


_REFUSED: Final = "SagaStepError"
"""A step was refused, as a declined card is; if its code fails, the log has told of that."""


class Reporter:
    """Writes reports to a stream, each at most once in a while."""

    def __init__(self, stack: LocalStack, stream: TextIO) -> None:
        """Listen to a stack that runs."""
        self._stack = stack
        self._stream = stream
        self._said: dict[str, float] = {}
        self._told_by_log: dict[str, str] = {}
        self._broken: list[Broken] = []
        self._troubles: dict[str, str] = {}
        self._looked = -math.inf
        self._check: AppCheck | None = None
        stack.functions.refresh()
        self._examine()
        stack.functions.listeners.append(self._invoked)
        stack.output.listeners.append(self._logged)

    def look(self) -> None:
        """Say what has changed since the last time; call it often."""
        if self._check is not None and self._check.is_done:
            self._tell(self._check.result())
            self._check = None
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        self._say_troubles(frozenset(self._stack.troubles))
        changed = self._stack.functions.refresh()
        if changed:
            is_taken = self._examine()
            root = self._stack.template.root
            names = _listed({_name(path, root) for path in changed})
            if is_taken:
                self.reloaded(names)
            else:
                self.broken(f"{names}: the stack continues with the code from before")

    def _say_troubles(self, now: frozenset[str]) -> None:
        """Report new troubles, reasons that become known, and troubles that are over."""
        kinds = {_kind(said): said for said in sorted(now)}
        for kind, said in kinds.items():
            if kind not in self._troubles or ("(" in said and "(" not in self._troubles[kind]):
                self._say("trouble", said, colour="red")
        for kind, said in self._troubles.items():
            if kind not in kinds:
                self._say("repaired", f"no longer: {said}", colour="green")
        self._troubles = kinds

    def _examine(self) -> bool:
        """Say what is broken and what is repaired; whether the newest code runs."""
        broken = self._stack.functions.broken
        if broken is None:  # each function has processes of its own
            environment = {name: text for name, text in self._stack.environment.items() if text}
            self._check = AppCheck(self._stack.template, environment)
            return True
        self._tell([described(one) for one in broken])
        return self._stack.functions.is_newest

    def reloaded(self, what: str) -> None:
        """Say that something was taken over."""
        self._say("reloaded", what, colour="cyan")

    def broken(self, reason: str) -> None:
        """Report why something could not be loaded."""
        self._say("broken", reason, colour="red")

    def repeated(self, what: str) -> None:
        """Say which row a version has changed that came again."""
        more = "each version comes at least once: guard the write by command.version"
        self._say("twice", what, (), more, colour="yellow")

    def _tell(self, broken: list[Broken]) -> None:
        new = [one for one in broken if one not in self._broken]
        for one in new[:MOST_LISTED]:
            reason = f"{one.module} cannot be imported: {one.reason}"
            self._say("broken", reason, one.code.splitlines(), colour="red")
        if new[MOST_LISTED:]:
            many = len(new) - MOST_LISTED
            self._say("broken", f"{many} more cannot be imported: sfn-cqrs doctor", colour="red")
        over = {one.module for one in self._broken} - {one.module for one in broken}
        if over:
            self._say("repaired", f"{_listed(over)} can be imported again", colour="green")
        self._broken = broken

    def _invoked(self, invocation: Invocation) -> None:
        said = self._told_by_log.pop(invocation.request_id, "")
        if invocation.error is None or invocation.error in _PASSING:
            return
        line = LogLine.of_function(
            invocation.function, invocation.request_id, masked_line(invocation.logged())
        )
        if said and said in line.message:
            return
        more = look_at(_about(invocation.payload))
        if invocation.error == _REFUSED:
            self._say("refused", f"{line.function}: {line.message}", (), more, colour="yellow")
        else:
            self._tell_of("failed", line, more)

    def _logged(self, text: str) -> None:
        function, request, said = text.split(" ", 2)
        line = LogLine.of_function(function, request, said)
        if "errorType" in line.fields or not line.is_as_grave_as("WARNING"):
            return  # a failed invocation is reported already
        if line.code:
            self._told_by_log[request] = str(line.fields.get("exception_name", ""))
        self._tell_of(line.level.lower(), line, look_at(line.fields))

    def _tell_of(self, what: str, line: LogLine, more: str) -> None:
        """Say a line, unless the very same was said a moment ago."""
        now, reason = time.monotonic(), f"{line.function}: {line.message}"
        if now - self._said.get(reason, -QUIET_SECONDS) < QUIET_SECONDS:
            return
        self._said[reason] = now
        more = more or f"sfn-cqrs logs --function {line.function}"
        colour = "yellow" if what == "warning" else "red"
        self._say(what, reason, line.code, more, colour=colour)

    def _say(
        self, what: str, reason: str, code: Iterable[str] = (), more: str = "", *, colour: str
    ) -> None:
        at = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        head = styled(f"{at} {what:<8} ", fg=colour)
        parts: list[str] = [head, f" {reason}"]
        parts += [f"\n{'':18}{line}" for line in shortened(code)]
        if more:
            parts.append(styled(f"\n{'':18}{more}", dim=True))
        with suppress(OSError):  # a terminal may be a file on a full disk
            echo(*parts, file=self._stream)


def _kind(trouble: str) -> str:
    """Return a trouble without what changes while it lasts."""
    return re.sub(r" ?\(.*?\)|\d+", "", trouble)


def _about(payload: bytes) -> Mapping[str, Any]:
    """Return the subject of the execution that invoked; empty for other events."""
    try:
        execution = json.loads(payload)["context"]["Execution"]
        given = execution["Input"] if isinstance(execution["Input"], dict) else {}
        return {**given, "execution": execution["Name"]}
    except (ValueError, TypeError, KeyError):
        return {}


def _listed(names: set[str]) -> str:
    more = len(names) - MOST_LISTED
    return ", ".join(sorted(names)[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _name(path: Path, root: Path) -> str:
    inside: Sequence[Path] = [root, root.resolve(), Path.cwd()]  # a folder may be a link to another
    for folder in inside:
        if path.is_relative_to(folder):
            return str(path.relative_to(folder))
    return str(path)
