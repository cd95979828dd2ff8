"""The functions of template.yaml as Lambda would run them, in threads of this process.

Errors have the types and the shape that AWS gives them, so that Retry and Catch match by name.
A function whose time is up is answered for, but its thread cannot be killed: it ends by itself.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import pdb
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final

from sfn_local.asl.functions import Done, FunctionError, function_name
from sfn_local.output import printing_as
from sfn_local.template import Function
from sfn_local.workers import Task, Timer, Timers, Workers

logger = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024  # of a request
MAX_RESPONSE_BYTES: Final = 6_291_556
ASYNC_ATTEMPTS: Final = 3

_current = threading.local()  # .run is the invocation that this thread is in


def current_function() -> str | None:
    """Return the logical id of the function that runs on this thread."""
    run: _Run | None = getattr(_current, "run", None)
    return run.function.logical_id if run else None


@dataclass(frozen=True)
class Invocation:
    """A finished invocation, as listeners see it."""

    function: str
    request_id: str
    seconds: float
    error: str | None


@dataclass
class Context:
    """The context object of the Lambda Python runtime."""

    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    aws_request_id: str
    deadline: float
    function_version: str = "$LATEST"
    log_group_name: str = ""
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left of the function's timeout."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class Functions:
    """Runs functions by name, ARN or logical id; safe to use from many threads."""

    def __init__(
        self,
        functions: Iterable[Function],
        *,
        sources: Sequence[Path] = (),
        concurrency: int = 16,
        reload_seconds: float | None = 0.5,
        retry_seconds: float = 1.0,
    ) -> None:
        """Take the functions, and the folders that they import from.

        `concurrency` bounds what `submit` runs at once: functions share one interpreter, and more
        threads only keep the HTTP front waiting. Changed files are looked for at most
        every `reload_seconds`, None turns that off. A failed asynchronous invocation is tried
        again after `retry_seconds`, then after twice that.
        """
        self._all = list(functions)
        self._by_name = {one.logical_id: one for one in self._all}
        self._by_name |= {one.name: one for one in self._all}
        self._code = _Code(self._all, sources, reload_seconds)
        self._retry_seconds = retry_seconds
        self._queued = Workers(concurrency)
        self._direct = Workers()
        self._timers = Timers()
        self.listeners: list[Callable[[Invocation], None]] = []
        self.transforms: list[Callable[[Function, bytes], bytes]] = []  # what payloads become

    def close(self, patience: float = 2.0) -> None:
        """Start no more invocations; wait at most `patience` seconds for those that run."""
        self._timers.close()
        self._queued.close(patience)
        self._direct.close(patience)

    def preload(self) -> None:
        """Import every function, so that no first request waits; errors show when invoked."""
        for function in self:
            try:
                self._code.handler(function)
            except Exception as error:
                logger.warning("%s cannot be imported: %s", function.logical_id, error)

    def find(self, name: str) -> Function:
        """Return a function by name, logical id or ARN, qualified or not.

        Raises:
            FunctionError: there is none.
        """
        try:
            return self._by_name[function_name(name)]
        except KeyError:
            raise FunctionError.unknown_function(name) from None

    def __iter__(self) -> Iterator[Function]:
        """Iterate over the functions."""
        return iter(self._all)

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        """Invoke without waiting; `done` is called once, from another thread or at once."""
        self._start(self._queued, function, payload, done)

    def invoke(self, function: str, payload: bytes) -> bytes:
        """Invoke and wait for the answer.

        Raises:
            FunctionError: the function failed, timed out or does not exist.
        """
        finished = threading.Event()
        answers: list[bytes | FunctionError] = []

        def done(answer: bytes | FunctionError) -> None:
            answers.append(answer)
            finished.set()

        self._start(self._direct, function, payload, done)
        finished.wait()
        if isinstance(answers[0], FunctionError):
            raise answers[0]
        return answers[0]

    def invoke_async(self, function: str, payload: bytes, attempt: int = 1) -> None:
        """Invoke as Lambda does for events: nobody waits, a failure is tried again twice."""

        def done(answer: bytes | FunctionError) -> None:
            if not isinstance(answer, FunctionError):
                return
            if attempt == ASYNC_ATTEMPTS:
                logger.error("%s failed %d times: %s", function, attempt, answer)
                return
            self._timers.call_later(
                self._retry_seconds * attempt,
                lambda: self.invoke_async(function, payload, attempt + 1),
            )

        self.submit(function, payload, done)

    def _start(self, workers: Workers, name: str, payload: bytes, done: Done) -> None:
        try:
            function = self.find(name)
        except FunctionError as error:
            done(error)
            return
        for transform in self.transforms:
            payload = transform(function, payload)
        run = _Run(function, payload, done, self._code, self._timers, workers.abandon, self._notify)
        if not workers.submit(run):
            done(FunctionError("Lambda.ServiceException", "the local stack is ending"))

    def _notify(self, invocation: Invocation) -> None:
        for listener in self.listeners:
            listener(invocation)


@dataclass
class _Run:
    """One invocation: the handler's answer or the end of its time, whichever comes first."""

    function: Function
    payload: bytes
    done: Done
    code: _Code
    timers: Timers
    abandon: Task
    notify: Callable[[Invocation], None]
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    lock: threading.Lock = field(default_factory=threading.Lock)
    answered: bool = False
    started: float = 0.0
    timer: Timer | None = None

    def __call__(self) -> None:
        self.started = time.monotonic()
        self.timer = self.timers.call_later(self.function.timeout, self.time_out)
        _current.run = self
        with printing_as(f"{self.function.logical_id} {self.request_id}"):
            answer = self.run()
        _current.run = None
        self.stop_clock()
        self.answer(answer)

    def stop_clock(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def run(self) -> bytes | FunctionError:
        context = Context(
            function_name=self.function.name,
            invoked_function_arn=self.function.arn,
            memory_limit_in_mb=str(self.function.memory),
            aws_request_id=self.request_id,
            deadline=self.started + self.function.timeout,
            log_group_name=f"/aws/lambda/{self.function.name}",
        )
        try:
            handler = self.code.handler(self.function)
            response = _marshal(handler(json.loads(self.payload), context))
        except _RuntimeError as error:
            return self.failure(error.type, str(error), error.trace)
        except Exception as error:
            return self.failure(type(error).__name__, str(error), _stack(error.__traceback__))
        except BaseException as error:
            reason = f"exit status {error.code}" if isinstance(error, SystemExit) else repr(error)
            message = f"RequestId: {self.request_id} Error: Runtime exited with error: {reason}"
            return self.failure("Runtime.ExitError", message)
        if len(response) > MAX_RESPONSE_BYTES:
            message = "Response payload size exceeded maximum allowed payload size"
            limit = f"({MAX_RESPONSE_BYTES} bytes)."
            return self.failure("Function.ResponseSizeTooLarge", f"{message} {limit}")
        return response

    def failure(self, kind: str, message: str, trace: list[str] | None = None) -> FunctionError:
        body: dict[str, object] = {
            "errorMessage": message,
            "errorType": kind,
            "requestId": self.request_id,
        }
        if trace is not None:
            body |= {"stackTrace": trace}
        name = self.function.logical_id
        logger.warning("%s %s: %s\n%s", name, kind, message, "".join(trace or []))
        return FunctionError(kind, json.dumps(body, ensure_ascii=False))

    def time_out(self) -> None:
        if "pydevd" in sys.modules:  # a debugger: whoever steps through a handler needs time
            return
        seconds = self.function.timeout
        message = f"RequestId: {self.request_id} Error: Task timed out after {seconds:.2f} seconds"
        if self.answer(self.failure("Sandbox.Timedout", message)):
            self.abandon()

    def answer(self, answer: bytes | FunctionError) -> bool:
        with self.lock:
            if self.answered:
                return False
            self.answered = True
        error = answer.error if isinstance(answer, FunctionError) else None
        seconds = time.monotonic() - self.started
        self.notify(Invocation(self.function.logical_id, self.request_id, seconds, error))
        self.done(answer)
        return True


class _RuntimeError(Exception):
    """An error that the Lambda runtime itself reports."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.type = kind
        self.trace = trace


class _Code:
    """The functions' modules, each imported once; imported again when a source file changes."""

    def __init__(
        self, functions: Iterable[Function], sources: Sequence[Path], seconds: float | None
    ) -> None:
        self._sources = [source.resolve() for source in sources]
        self._folders = [*{function.folder.resolve() for function in functions}, *self._sources]
        self._seconds = seconds
        self._lock = threading.RLock()
        self._modules: dict[str, ModuleType] = {}
        self._snapshot = self._stamps() if seconds is not None else {}
        self._checked = time.monotonic()
        for source in reversed(self._sources):
            if str(source) not in sys.path:
                sys.path.insert(0, str(source))

    def handler(self, function: Function) -> Callable[[Any, Context], Any]:
        """Return the handler, imported if it has not been yet.

        Raises:
            _RuntimeError: what the Lambda runtime reports for a module that it cannot load.
        """
        stem, _, attribute = function.handler.rpartition(".")
        with self._lock:
            self._reload_changed()
            module = self._modules.get(function.logical_id)
            if module is None:
                module = _import(function, stem)
                self._modules[function.logical_id] = module
        try:
            handler: Callable[[Any, Context], Any] = getattr(module, attribute)
        except AttributeError:
            message = f"Handler '{attribute}' missing on module '{stem}'"
            raise _RuntimeError("Runtime.HandlerNotFound", message) from None
        return handler

    def _reload_changed(self) -> None:
        now = time.monotonic()
        if self._seconds is None or now - self._checked < self._seconds:
            return
        self._checked = now
        before, self._snapshot = self._snapshot, self._stamps()
        changed = [path for path, _ in self._snapshot.items() ^ before.items()]
        if not changed:
            return
        for source in changed:  # bytecode knows only the second in which its source was saved
            Path(importlib.util.cache_from_source(str(source))).unlink(missing_ok=True)
        self._modules.clear()
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if path and any(Path(path).is_relative_to(folder) for folder in self._sources):
                del sys.modules[name]
        importlib.invalidate_caches()
        logger.info("source files have changed: the functions are imported again")

    def _stamps(self) -> Mapping[Path, int]:
        files = (path for folder in self._folders for path in folder.rglob("*.py"))
        return {path: _modified(path) for path in files}


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # deleted since it was listed
        return 0


def _import(function: Function, stem: str) -> ModuleType:
    path = function.folder / f"{stem}.py"
    name = f"sfn_function_{function.logical_id}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        message = f"Unable to import module '{stem}': there is no {path}"
        raise _RuntimeError("Runtime.ImportModuleError", message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        message = f"Syntax error in module '{stem}': {error}"
        raise _RuntimeError("Runtime.UserCodeSyntaxError", message, []) from error
    except ImportError as error:
        message = f"Unable to import module '{stem}': {error}"
        trace = _stack(error.__traceback__)
        raise _RuntimeError("Runtime.ImportModuleError", message, trace) from error
    return module


def _stack(trace: TracebackType | None) -> list[str]:
    """Format a traceback as the Lambda runtime does, from the user's first frame on."""
    frames = traceback.extract_tb(trace)
    own = [index for index, frame in enumerate(frames) if frame.filename == __file__]
    return traceback.format_list(frames[own[-1] + 1 :] if own else frames)


def _marshal(response: Any) -> bytes:
    try:
        text = json.dumps(response, ensure_ascii=False, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        raise _RuntimeError("Runtime.MarshalError", message, []) from error
    return text.encode()


def _plain(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def break_into_handler(*args: Any, **kwargs: Any) -> Any:
    """Serve as sys.breakpointhook: `breakpoint()` in a handler talks to the terminal.

    The function's time stands still from then on.
    """
    run: _Run | None = getattr(_current, "run", None)
    if run is None:
        return sys.__breakpointhook__(*args, **kwargs)
    run.stop_clock()
    pdb.Pdb(stdin=sys.__stdin__, stdout=sys.__stderr__).set_trace(sys._getframe(1))
    return None
