"""Functions in processes of their own, as Lambda isolates them; one call at a time in each.

A process whose time is up is killed, one that ends is an error of its call, and globals and
memory are shared with no other function. A process is started when none is idle.

Parent and child speak in lines of JSON: the first names the function, then calls and answers.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TextIO

from sfn_cqrs_tools.runtime.handlers import (
    Call,
    Failure,
    Handlers,
    changed_files,
    source_files,
)
from sfn_cqrs_tools.runtime.iam.enforcement import Enforcement
from sfn_cqrs_tools.runtime.output import printing_as
from sfn_cqrs_tools.runtime.revisions import Revision
from sfn_cqrs_tools.runtime.short_calls import ShortCalls
from sfn_cqrs_tools.runtime.template import Function
from sfn_cqrs_tools.runtime.weather import Forecast, Weather

PATIENCE: Final = 2.0
"""Seconds that a process without anything to do has to end."""


class Processes:
    """Calls each function in processes of its own; new ones when a source file has changed."""

    def __init__(
        self,
        functions: Iterable[Function],
        sources: Sequence[Path],
        seconds: float | None,
        variables: Mapping[str, str | None] | None = None,
        deployed: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the functions, and the folders that they import from; start nothing yet.

        They have the environment of this process, but for `variables`: None removes one.
        `deployed` is called when other files have been seen.
        """
        self._all = list(functions)
        self._variables = variables or {}
        self._deployed = deployed
        self._sources = [source.resolve() for source in sources]
        self._files = source_files(self._all, self._sources)
        self._seconds = seconds
        self._looked = -math.inf
        self._revision: Revision = {} if seconds is None else self._files.settled()
        self._told = self._revision
        self._lock = threading.Lock()
        self._idle: dict[str, list[_Process]] = defaultdict(list)
        self._busy: dict[str, _Process] = {}
        self._is_closed = False

    def preload(self) -> None:
        """Leave the processes to the first calls, as Lambda does."""

    def expire(self) -> None:
        """Look for changed files at the next call."""
        self._looked = -math.inf

    def catch_up(self) -> None:
        """End idle processes whose files have changed, before a function's time begins."""
        with self._lock:
            retired = self._changed()
        _end(retired)

    def refresh(self) -> list[Path]:
        """End idle processes whose files have changed; return the changed files."""
        self.expire()
        self.catch_up()
        before, self._told = self._told, self._revision
        return changed_files(before, self._told)

    is_newest = True
    broken = None
    """Nobody has tried: a process that cannot import its function fails its call, as on AWS."""

    def call(self, call: Call) -> bytes | Failure:
        """Call a function in an idle process of its own, or in a new one."""
        process = self._taken(call)
        answer = process.ask(call)
        with self._lock:
            del self._busy[call.request_id]
            is_of_now = process.revision is self._revision and not self._is_closed
            if process.is_sound and is_of_now:
                self._idle[call.function.logical_id].append(process)
                return answer
        _end([process])
        return answer

    def stop(self, call: Call) -> None:
        """Kill the process of a call."""
        with self._lock:
            process = self._busy.get(call.request_id)
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Kill every process."""
        with self._lock:
            self._is_closed = True
            busy, idle = list(self._busy.values()), self._retired()
        for process in (*busy, *idle):  # as Lambda ends them; dozens would take long to end
            process.kill()
        for process in idle:
            process.end(0)

    def _taken(self, call: Call) -> _Process:
        name = call.function.logical_id
        with self._lock:
            process = self._idle[name].pop() if self._idle[name] else None
            if process is None:
                process = _Process(call.function, self._sources, self._revision, self._variables)
            self._busy[call.request_id] = process
        return process

    def _changed(self) -> list[_Process]:
        """Return the idle processes with changed files; busy ones end after their call."""
        now = time.monotonic()
        if self._seconds is None or now - self._looked < self._seconds:
            return []
        self._looked = now
        if self._files.look() == self._revision:
            return []
        self._revision = self._files.settled()
        self._deployed()
        return self._retired()

    def _retired(self) -> list[_Process]:
        """Return every idle process."""
        idle = [process for each in self._idle.values() for process in each]
        self._idle.clear()
        return idle


def _end(processes: Sequence[_Process]) -> None:
    """End idle processes, all at once."""
    for process in processes:
        process.finish()
    until = time.monotonic() + PATIENCE
    for process in processes:
        process.end(until)


class _Process:
    """One process of a revision, and its output."""

    def __init__(
        self,
        function: Function,
        sources: Sequence[Path],
        revision: Revision,
        variables: Mapping[str, str | None],
    ) -> None:
        self.revision = revision
        self.is_sound = True
        self._name = function.logical_id
        self._request_id = "-"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "sfn_cqrs_tools.runtime.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(function, variables),
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        self._printer = threading.Thread(target=self._print, daemon=True, name="function output")
        self._printer.start()
        fields = {**asdict(function), "folder": str(function.folder.resolve())}
        self._send({"function": fields, "sources": [str(source) for source in sources]})

    def ask(self, call: Call) -> bytes | Failure:
        """Call the handler; a process that ends without an answer has failed the call."""
        self._request_id = call.request_id
        payload = call.payload.decode()
        self._send(
            {
                "payload": payload,
                "request_id": call.request_id,
                "deadline": call.deadline,
                "trace": call.trace,
            }
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.is_sound = False
            return call.exited(_ending(self._process.wait()))
        answer = json.loads(line)
        if "response" in answer:
            response: str = answer["response"]
            return response.encode()
        self.is_sound = answer["kind"] != "Runtime.ExitError"
        return Failure(**answer)

    def kill(self) -> None:
        """Kill it at once."""
        self._process.kill()

    def finish(self) -> None:
        """Close its input, so that it exits."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended
            self._process.stdin.close()

    def end(self, until: float) -> None:
        """Wait until `until` for it to exit, then kill it; callers have its answer by then."""
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._printer.join(PATIENCE)

    def _send(self, line: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:  # it has ended, which shows when its answer is read
            return

    def _print(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with printing_as(f"{self._name} {self._request_id}"):
                sys.stdout.write(line)


def _environment(function: Function, variables: Mapping[str, str | None]) -> dict[str, str]:
    both = {**os.environ, **variables}
    return {
        **{name: value for name, value in both.items() if value is not None},
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "PYTHONUNBUFFERED": "1",
    }


def _ending(code: int) -> str:
    return f"exit status {code}" if code >= 0 else f"signal: {signal.Signals(-code).name}"


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer calls until there are no more."""
    first = json.loads(next(requests))
    fields = first["function"]
    function = Function(**{**fields, "folder": Path(fields["folder"])})
    forecast = Forecast.of_environment()
    if forecast is not None:
        Weather(forecast, lambda: function.logical_id).start()
    enforcement = Enforcement.of_environment(function.logical_id)
    if enforcement is not None:
        enforcement.start()
    ShortCalls().start()
    handlers = Handlers([function], [Path(source) for source in first["sources"]], None)
    for line in requests:
        asked = json.loads(line)
        payload = asked["payload"].encode()
        call = Call(function, payload, asked["request_id"], asked["deadline"], asked["trace"])
        answer = handlers.call(call)
        text = asdict(answer) if isinstance(answer, Failure) else {"response": answer.decode()}
        print(json.dumps(text), file=answers, flush=True)


if __name__ == "__main__":
    answering = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of a handler and its programs is not an answer
    serve(sys.stdin, answering)
