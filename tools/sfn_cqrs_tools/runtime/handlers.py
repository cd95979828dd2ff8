"""Calling a handler as the Lambda Python runtime does: its context, its errors, its answer."""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final

from sfn_cqrs_tools.runtime.template import Function

logger = logging.getLogger(__name__)

MAX_RESPONSE_BYTES: Final = 6_291_556


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


@dataclass(frozen=True)
class Call:
    """One invocation; `deadline` is a time of `time.monotonic`, `trace` the header of its trace."""

    function: Function
    payload: bytes
    request_id: str
    deadline: float
    trace: str = ""

    def context(self) -> Context:
        """What the handler is told about its invocation."""
        return Context(
            function_name=self.function.name,
            invoked_function_arn=self.function.arn,
            memory_limit_in_mb=str(self.function.memory),
            aws_request_id=self.request_id,
            deadline=self.deadline,
            log_group_name=f"/aws/lambda/{self.function.name}",
        )

    def failed(self, kind: str, message: str, trace: list[str] | None = None) -> Failure:
        """How the invocation has failed, with the body that Lambda answers."""
        body: dict[str, Any] = {
            "errorMessage": message,
            "errorType": kind,
            "requestId": self.request_id,
        }
        return Failure(kind, body if trace is None else {**body, "stackTrace": trace})

    def exited(self, reason: str) -> Failure:
        """The process of the function has ended."""
        message = f"RequestId: {self.request_id} Error: Runtime exited with error: {reason}"
        return self.failed("Runtime.ExitError", message)


@dataclass(frozen=True)
class Failure:
    """An invocation that failed: the error's name, and the body that Lambda answers."""

    kind: str
    body: Mapping[str, Any]


class SourceWatch:
    """Tells when a source file has changed; looks at most every `seconds`, None: never."""

    def __init__(
        self, functions: Iterable[Function], sources: Sequence[Path], seconds: float | None
    ) -> None:
        """Watch all Python files of functions, and of the folders that they import from."""
        self.sources = [source.resolve() for source in sources]
        self._folders = [*{function.folder.resolve() for function in functions}, *self.sources]
        self._seconds = seconds
        self._snapshot = self._stamps() if seconds is not None else {}
        self._checked = time.monotonic()

    def changed(self) -> list[Path]:
        """The files that were changed, added or deleted since they were last asked for."""
        now = time.monotonic()
        if self._seconds is None or now - self._checked < self._seconds:
            return []
        self._checked = now
        before, self._snapshot = self._snapshot, self._stamps()
        return [path for path, _ in self._snapshot.items() ^ before.items()]

    def expire(self) -> None:
        """Look the next time that it is asked, however soon that is."""
        self._checked = -math.inf

    def _stamps(self) -> Mapping[Path, int]:
        files = (path for folder in self._folders for path in folder.rglob("*.py"))
        return {path: _modified(path) for path in files}


class Handlers:
    """The functions' handlers in this process, each module imported once.

    All are imported again when a source file changes.
    """

    def __init__(
        self, functions: Iterable[Function], sources: Sequence[Path], seconds: float | None
    ) -> None:
        """Take the functions, and the folders that they import from."""
        self._watch = SourceWatch(functions, sources, seconds)
        self._sources = self._watch.sources
        self._lock = threading.RLock()
        self._modules: dict[str, ModuleType] = {}
        for source in reversed(self._sources):
            if str(source) not in sys.path:
                sys.path.insert(0, str(source))

    def preload(self, function: Function) -> None:
        """Import a function; what is wrong with it shows when it is called.

        Raises:
            Exception: it cannot be imported.
        """
        self._handler(function)

    def expire(self) -> None:
        """Look for changed files at the next call."""
        self._watch.expire()

    def call(self, call: Call) -> bytes | Failure:
        """Call a function's handler on this thread."""
        try:
            handler = self._handler(call.function)
            with _traced(call.trace):
                response = _marshal(handler(json.loads(call.payload), call.context()))
        except _RuntimeError as error:
            return call.failed(error.type, str(error), error.trace)
        except Exception as error:
            return call.failed(type(error).__name__, str(error), _stack(error.__traceback__))
        except BaseException as error:
            return call.exited(
                f"exit status {error.code}" if isinstance(error, SystemExit) else repr(error)
            )
        if len(response) > MAX_RESPONSE_BYTES:
            message = "Response payload size exceeded maximum allowed payload size"
            limit = f"({MAX_RESPONSE_BYTES} bytes)."
            return call.failed("Function.ResponseSizeTooLarge", f"{message} {limit}")
        return response

    def stop(self, call: Call) -> None:
        """Leave a call whose time is up alone: a thread cannot be killed, it ends by itself."""

    def close(self) -> None:
        """Nothing is open."""

    def _handler(self, function: Function) -> Callable[[Any, Context], Any]:
        stem, _, attribute = function.handler.rpartition(".")
        with self._lock:
            self._forget_changed()
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

    def _forget_changed(self) -> None:
        changed = self._watch.changed()
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


class _RuntimeError(Exception):
    """An error that the Lambda runtime itself reports."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.type = kind
        self.trace = trace


def _traced(header: str) -> AbstractContextManager[None]:
    """Be in a trace, which on AWS the environment of the process names; here functions share it."""
    tracing = sys.modules.get("sfn_cqrs.adapters.tracing")
    entered: AbstractContextManager[None] = tracing.entered(header) if tracing else nullcontext()
    return entered


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
