"""The functions of template.yaml as Lambda would run them.

Errors have the types and the shape that AWS gives them, so that Retry and Catch match by name.
They run in threads of this process, or isolated: each in processes of its own.
"""

from __future__ import annotations

import json
import logging
import pdb
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.runtime.data_folder import KeptEvents
from sfn_cqrs_tools.runtime.handlers import Call, Failure, Handlers, Prepare, Runtime
from sfn_cqrs_tools.runtime.output import printing_as
from sfn_cqrs_tools.runtime.processes import Processes
from sfn_cqrs_tools.runtime.revisions import NotImported
from sfn_cqrs_tools.runtime.template import Function
from sfn_cqrs_tools.runtime.traces import Begun, Traces
from sfn_cqrs_tools.runtime.versions import LATEST, Versions
from sfn_cqrs_tools.runtime.weather import LOST, REFUSALS, Forecast, Weather
from sfn_cqrs_tools.runtime.workers import Task, Timer, Timers, Workers
from sfn_local import Done, FunctionError, function_name, is_of_map_run, trace_header

logger = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024  # of a request
VISIBILITY: Final = 6  # times a function's timeout
LONGEST_PAUSE_SECONDS: Final = 5.0

BY_LAMBDA: Final = frozenset((*REFUSALS, LOST))
"""Failures of Lambda's own, not of the function."""

_current: ContextVar[_Run | None] = ContextVar("run", default=None)


def current_function() -> str | None:
    """Return the logical id of the function that runs here, or in a thread that it began."""
    run = _current.get()
    return run.function.logical_id if run else None


@dataclass(frozen=True)
class Invocation:
    """A finished invocation, as listeners see it; one that failed has Lambda's answer."""

    function: str
    request_id: str
    seconds: float
    error: str | None
    payload: bytes = b"{}"
    body: Mapping[str, Any] = field(default_factory=dict)

    def logged(self) -> str:
        """Return Lambda's log line of a failure, unmasked, with the execution that it was in."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        said = {"timestamp": at, "level": "ERROR", **_execution(self.payload), **self.body}
        return json.dumps(said, ensure_ascii=False)


def _execution(payload: bytes) -> dict[str, str]:
    context = _context(payload)
    if context is None:
        return {}
    return {"execution": context["Execution"]["Name"], "state": context["State"]["Name"]}


def _context(payload: bytes) -> Mapping[str, Any] | None:
    """Return the context object of the state that invokes, if one does."""
    try:
        context: Mapping[str, Any] = json.loads(payload)["context"]
        context["Execution"]["Name"], context["State"]["Name"], context["StateMachine"]["Name"]
        return context
    except (ValueError, TypeError, KeyError):
        return None


def alias_of(function: str) -> str:
    """Return the alias that a function's name or ARN ends with, if it names one."""
    qualifier = f":{function}:".rpartition(f":{function_name(function)}:")[2].rstrip(":")
    return "" if qualifier == LATEST else qualifier


class Functions:
    """Runs functions by name, ARN or logical id; safe to use from many threads."""

    def __init__(
        self,
        functions: Iterable[Function],
        *,
        sources: Sequence[Path] = (),
        concurrency: int = 16,
        children_at_once: int = 4,
        reload_seconds: float | None = 0.1,
        prepare: Prepare = tuple,
        retry_seconds: float = 1.0,
        isolated: bool = False,
        forecast: Forecast | None = None,
        traces: Traces | None = None,
        kept: KeptEvents | None = None,
    ) -> None:
        """Take the functions, and the folders that they import from.

        `concurrency` bounds what `submit` runs at once: functions share one interpreter, and more
        threads only keep the HTTP front waiting. Children of Distributed Maps have their own,
        `children_at_once`: a thousand of them delay nothing else. Changed files are looked for
        by `invoke`, and by `submit` at most every `reload_seconds`; None turns that off. `prepare`
        imports what functions import with their first call. A failed asynchronous invocation is
        tried again after `retry_seconds`, then after twice that, as often as its
        EventInvokeConfig says.
        Isolated, each function runs in processes of its own. With a forecast, functions meet
        the weather. Invocations are kept in `traces`, and go on with the trace of who invokes.
        Events of asynchronous invocations are `kept` until a function is done with them.
        """
        self._all = list(functions)
        self._by_name = {one.logical_id: one for one in self._all}
        self._by_name |= {one.name: one for one in self._all}
        self._runtime: Runtime = (
            Processes(self._all, sources, reload_seconds, deployed=self._deploy)
            if isolated
            else Handlers(self._all, sources, reload_seconds, prepare, self._deploy)
        )
        self.versions: Versions | None = None
        """What stands behind aliases; None: always the latest."""
        self.weather = None if forecast is None else Weather(forecast, current_function)
        self.traces = traces
        self._retry_seconds = retry_seconds
        self._kept = kept
        self._ready = threading.Event()
        self._ready.set()
        self._is_held = False
        self._queued = Workers(concurrency)
        self._children = Workers(children_at_once)
        self._direct = Workers()
        self._timers = Timers()
        self._is_closing = threading.Event()
        self._running: dict[str, _Run] = {}
        self.listeners: list[Callable[[Invocation], None]] = []

    def close(self, patience: float = 2.0) -> None:
        """Start no more invocations; wait at most `patience` seconds for those that run.

        Callers that wait for an answer learn that the stack ends, even if an answer still
        comes: the services that invocations need are about to stop.
        """
        self._is_closing.set()
        self._ready.set()
        self._timers.close()
        until = time.monotonic() + patience
        for workers in (self._queued, self._children, self._direct):
            workers.close(max(0.0, until - time.monotonic()))
        for run in list(self._running.values()):
            run.end()
        self._runtime.close()
        if self.versions is not None:
            self.versions.close()

    def hold(self) -> None:
        """Hold invocations until `release`: the services that they need have not started yet."""
        self._is_held = True
        self._ready.clear()

    def wait_until_ready(self) -> None:
        """Return when nothing is held, or the stack ends."""
        self._ready.wait()

    def release(self) -> None:
        """Run held invocations, and the events left from when the stack last ended."""
        self._is_held = False
        self._ready.set()
        for function, payload, forget in self._kept.left() if self._kept is not None else ():
            if function_name(function) in self._by_name:
                self._invoke_async(function, payload, forget)
            else:
                logger.warning("an event of %s is dropped, which there is no more", function)
                forget()

    def preload(self) -> None:
        """Import every function, so that no first request waits; errors show when invoked."""
        self._runtime.preload()

    def refresh(self) -> list[Path]:
        """Load changed files; return the files that changed since the last time."""
        return self._runtime.refresh()

    def catch_up(self) -> None:
        """Load changed files."""
        self._runtime.expire()
        self._runtime.catch_up()

    @property
    def broken(self) -> list[NotImported] | None:
        """Return the import failures of the newest files; None before the first attempt."""
        return self._runtime.broken

    @property
    def is_newest(self) -> bool:
        """Return whether invocations run the newest files; False if they cannot be imported."""
        return self._runtime.is_newest

    def find(self, name: str) -> Function:
        """Return a function by name, logical id or ARN, qualified or not.

        Raises:
            FunctionError: there is none.
        """
        try:
            return self._by_name[function_name(name)]
        except KeyError:
            raise FunctionError.unknown_function(name) from None

    def described(self, function: Function, alias: str) -> Mapping[str, Any]:
        """Describe the version of a function that runs: the latest, or what is behind an alias."""
        if self.versions is not None:
            return self.versions.described(function, alias)
        return {"Version": "1" if alias else LATEST}

    def __iter__(self) -> Iterator[Function]:
        """Iterate over the functions."""
        return iter(self._all)

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        """Invoke without waiting; `done` is called once, from another thread or at once."""
        workers = self._children if is_of_map_run.get() else self._queued
        self._start(workers, function, payload, done, trace_header.get() or "")

    def invoke(self, function: str, payload: bytes, trace: str = "") -> bytes:
        """Invoke the code as it is now; `trace` is the header of the trace that goes on.

        Raises:
            FunctionError: the function failed, timed out or does not exist.
        """
        self._runtime.expire()
        return self.deliver(function, payload, trace)

    def deliver(self, function: str, payload: bytes, trace: str = "") -> bytes:
        """Invoke with what a stream or a queue holds, and wait; look for changes like `submit`.

        Raises:
            FunctionError: the function failed, timed out or does not exist.
        """
        finished = threading.Event()
        answers: list[bytes | FunctionError] = []

        def done(answer: bytes | FunctionError) -> None:
            answers.append(answer)
            finished.set()

        self._start(self._direct, function, payload, done, trace)
        finished.wait()
        if isinstance(answers[0], FunctionError):
            raise answers[0]
        return answers[0]

    def invoke_async(self, function: str, payload: bytes) -> None:
        """Invoke as Lambda does for events: nobody waits, a failure is tried again."""
        kept = self._kept
        forget = _nothing if kept is None else kept.keep(function, payload)
        self._invoke_async(function, payload, forget)

    def _invoke_async(
        self, function: str, payload: bytes, forget: Callable[[], None], attempt: int = 1
    ) -> None:
        def done(answer: bytes | FunctionError) -> None:
            if not isinstance(answer, FunctionError):
                forget()
            elif self._is_closing.is_set():
                return  # kept events are tried again at the next start
            elif attempt > self.find(function).event_retries:
                logger.error("%s failed %d times: %s", function, attempt, answer)
                forget()
            else:
                self._timers.call_later(
                    self._retry_seconds * attempt,
                    lambda: self._invoke_async(function, payload, forget, attempt + 1),
                )

        self.submit(function, payload, done)

    def invoke_by_poller(self, function: str, payload: bytes) -> bytes:
        """Invoke as Lambda does for a queue; retry what Lambda itself refuses or loses.

        It retries while the queue hides the messages, for six times the function's timeout.

        Raises:
            FunctionError: the function failed, timed out or does not exist.
        """
        until = time.monotonic() + VISIBILITY * self.find(function).timeout
        pause = self._retry_seconds / 10
        while True:
            try:
                return self.deliver(function, payload)
            except FunctionError as error:
                is_over = time.monotonic() > until
                if error.error not in BY_LAMBDA or is_over or self._is_closing.wait(pause):
                    raise
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _start(self, workers: Workers, name: str, payload: bytes, done: Done, trace: str) -> None:
        try:
            function = self.find(name)
        except FunctionError as error:
            done(error)
            return
        run = _Run(
            function,
            payload,
            done,
            self._runtime.catch_up,
            self._call,
            self._stop,
            self._timers,
            workers.abandon,
            self._notify,
            self.traces,
            trace,
            alias_of(name),
        )

        def run_when_ready() -> None:
            self._ready.wait()
            if self._is_held:
                done(_ending())
                return
            self._running[run.request_id] = run
            try:
                run()
            finally:
                del self._running[run.request_id]

        if not workers.submit(run_when_ready):
            done(_ending())

    def _call(self, call: Call) -> bytes | Failure:
        """Call a handler, if the weather lets it be called."""
        run = self._run_version if call.alias else self._runtime.call
        return run(call) if self.weather is None else self.weather.invoked(call, run)

    def _run_version(self, call: Call) -> bytes | Failure:
        """Call what is behind the function's alias."""
        answer = None if self.versions is None else self.versions.call(call)
        return self._runtime.call(call) if answer is None else answer

    def _stop(self, call: Call) -> None:
        self._runtime.stop(call)
        if self.versions is not None:
            self.versions.stop(call)

    def _deploy(self) -> None:
        """Publish what changed files are a new version of."""
        if self.versions is not None:
            self.versions.deploy()

    def _notify(self, invocation: Invocation) -> None:
        if invocation.error is not None and self._is_closing.is_set():
            return  # interrupted by the stack's end, not failed: the next start goes on
        for listener in self.listeners:
            listener(invocation)


@dataclass
class _Run:
    """One invocation: the handler's answer or the end of its time, whichever comes first."""

    function: Function
    payload: bytes
    done: Done
    catch_up: Callable[[], None]
    call: Callable[[Call], bytes | Failure]
    stop: Callable[[Call], None]
    timers: Timers
    abandon: Task
    notify: Callable[[Invocation], None]
    traces: Traces | None = None
    trace: str = ""
    alias: str = ""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    lock: threading.Lock = field(default_factory=threading.Lock)
    answered: bool = False
    started: float = 0.0
    timer: Timer | None = None
    segment: Begun | None = None

    def __call__(self) -> None:
        self.catch_up()
        self.started = time.monotonic()
        deadline = self.started + self.function.timeout
        trace = self.begin_segment()
        call = Call(self.function, self.payload, self.request_id, deadline, trace, self.alias)
        self.timer = self.timers.call_later(self.function.timeout, lambda: self.time_out(call))
        _current.set(self)
        with printing_as(f"{self.function.logical_id} {self.request_id}"):
            answer = self.call(call)
        _current.set(None)
        self.stop_clock()
        self.answer(answer)

    def begin_segment(self) -> str:
        if self.traces is None:
            return ""
        context = _context(self.payload)
        inside = self.traces.within_execution(self.trace, context) if context else self.trace
        self.segment = self.traces.begin(self.function.logical_id, inside)
        return self.segment.trace.header

    def stop_clock(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def time_out(self, call: Call) -> None:
        if "pydevd" in sys.modules:  # a debugger: stepping through a handler takes time
            return
        seconds = self.function.timeout
        message = f"RequestId: {self.request_id} Error: Task timed out after {seconds:.2f} seconds"
        if self.answer(call.failed("Sandbox.Timedout", message)):
            self.stop(call)
            self.abandon()

    def answer(self, answer: bytes | Failure) -> bool:
        with self.lock:
            if self.answered:
                return False
            self.answered = True
        error, body = (answer.kind, answer.body) if isinstance(answer, Failure) else (None, {})
        if self.traces is not None and self.segment is not None:
            kind = {"cause": {"exceptions": [{"type": error}]}, "fault": True} if error else {}
            aws = {"request_id": self.request_id}
            self.traces.end(self.segment, origin="AWS::Lambda::Function", aws=aws, **kind)
        name, seconds = self.function.logical_id, time.monotonic() - self.started
        self.notify(Invocation(name, self.request_id, seconds, error, self.payload, body))
        self.done(self.failure(answer) if isinstance(answer, Failure) else answer)
        return True

    def end(self) -> None:
        """Answer that the stack ends, unless an answer was given already."""
        with self.lock:
            if self.answered:
                return
            self.answered = True
        self.done(_ending())

    def failure(self, failure: Failure) -> FunctionError:
        return FunctionError(failure.kind, json.dumps(failure.body, ensure_ascii=False))


def _ending() -> FunctionError:
    return FunctionError("Lambda.ServiceException", "the local stack is ending")


def _nothing() -> None:
    """Do nothing: nothing was kept."""


def break_into_handler(*args: Any, **kwargs: Any) -> Any:
    """Serve as sys.breakpointhook: `breakpoint()` in a handler talks to the terminal.

    The function's time stands still from then on.
    """
    run = _current.get()
    if run is None:
        return sys.__breakpointhook__(*args, **kwargs)
    run.stop_clock()
    pdb.Pdb(stdin=sys.__stdin__, stdout=sys.__stderr__).set_trace(sys._getframe(1))
    return None
