"""Calling a handler as the Lambda Python runtime does: its context, its errors, its answer."""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final, Protocol

from sfn_cqrs_tools.runtime.revisions import (
    Code,
    Generation,
    NotImported,
    Revision,
    SourceFiles,
)
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
    alias: str = ""
    """The alias that it names, if it names one."""

    def context(self) -> Context:
        """Return the context object for the handler."""
        return Context(
            function_name=self.function.name,
            invoked_function_arn=f"{self.function.arn}:{self.alias}".rstrip(":"),
            memory_limit_in_mb=str(self.function.memory),
            aws_request_id=self.request_id,
            deadline=self.deadline,
            log_group_name=f"/aws/lambda/{self.function.name}",
        )

    def failed(self, kind: str, message: str, trace: list[str] | None = None) -> Failure:
        """Return the failure of the invocation, with the body that Lambda answers."""
        body: dict[str, Any] = {
            "errorMessage": message,
            "errorType": kind,
            "requestId": self.request_id,
        }
        return Failure(kind, body if trace is None else {**body, "stackTrace": trace})

    def exited(self, reason: str) -> Failure:
        """Return the failure of a call whose process has ended."""
        message = f"RequestId: {self.request_id} Error: Runtime exited with error: {reason}"
        return self.failed("Runtime.ExitError", message)


@dataclass(frozen=True)
class Failure:
    """An invocation that failed: the error's name, and the body that Lambda answers."""

    kind: str
    body: Mapping[str, Any]


Prepare = Callable[[], Iterable[NotImported]]
"""Imports the modules that functions import at their first call; yields those that fail."""


def source_files(functions: Iterable[Function], sources: Sequence[Path]) -> SourceFiles:
    """Return all Python files of functions and of the folders that they import from."""
    return SourceFiles([*(function.folder for function in functions), *sources])


class Runtime(Protocol):
    """Calls handlers, in this process or in others."""

    def preload(self) -> None:
        """Make functions ready to be called."""

    def expire(self) -> None:
        """Look for changed files at the next call."""

    def catch_up(self) -> None:
        """Load changed files, before a function's time begins."""

    def refresh(self) -> list[Path]:
        """Load changed files; return the files that changed since the last time."""

    @property
    def broken(self) -> list[NotImported] | None:
        """Return the import failures of the newest files; None before the first attempt."""

    @property
    def is_newest(self) -> bool:
        """Return whether invocations run the newest files; False if they cannot be imported."""

    def call(self, call: Call) -> bytes | Failure:
        """Call a handler and wait for it."""

    def stop(self, call: Call) -> None:
        """End a call whose time is up, if that can be done."""

    def close(self) -> None:
        """End what is still open."""


class Handlers:
    """The functions' handlers in this process, in the revision that their files have."""

    def __init__(
        self,
        functions: Iterable[Function],
        sources: Sequence[Path],
        seconds: float | None,
        prepare: Prepare = tuple,
        deployed: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the functions, and the folders that they import from.

        Files are looked at when a function is called, at most every `seconds`; None: never.
        `deployed` is called when a changed revision takes the place of the last.
        """
        self._all = list(functions)
        self._prepare = prepare
        self._sources = [source.resolve() for source in sources]
        files = source_files(self._all, self._sources)
        self._code = Code(files, seconds, self._load, deployed)
        self._told: Revision | None = None
        for source in reversed(self._sources):
            if str(source) not in sys.path:
                sys.path.insert(0, str(source))

    def preload(self) -> None:
        """Import every function; what is wrong with one shows when it is called."""
        generation = self._code.current()
        if not generation.functions:
            generation.broken = list(self._load(generation))

    def expire(self) -> None:
        """Look for changed files at the next call."""
        self._code.expire()

    def catch_up(self) -> None:
        """Load changed files, before a function's time begins."""
        self._code.current()

    def refresh(self) -> list[Path]:
        """Load changed files; return the files that changed since the last time."""
        self._code.expire()
        self._code.current()
        before, self._told = self._told, self._code.newest
        return [] if before is None else changed_files(before, self._told)

    @property
    def broken(self) -> list[NotImported]:
        """Return the import failures of the newest revision; the earlier code stays in use."""
        return self._code.broken

    @property
    def is_newest(self) -> bool:
        """Return whether invocations run the newest files; False if they cannot be imported."""
        return self._code.is_newest

    def call(self, call: Call) -> bytes | Failure:
        """Call a function's handler on this thread."""
        try:
            generation = self._code.current()
            handler = _handler(generation, call.function)
            with _traced(generation, call.trace):
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
        """Do nothing after a timeout: a thread cannot be killed, and ends when its call returns."""

    def close(self) -> None:
        """Leave what is imported to the next stack of this process."""
        self._code.close()

    def _load(self, generation: Generation) -> Iterator[NotImported]:
        """Import all modules of a revision; yield those that cannot be imported."""
        yield from self._prepare()
        root = self._sources[0].parent if self._sources else Path("/")
        with generation.in_place():
            for function in self._all:
                try:
                    _module(generation, function)
                except (Exception, SystemExit) as error:
                    folder = function.folder.resolve()
                    name = str(folder.relative_to(root) if folder.is_relative_to(root) else folder)
                    yield NotImported(name, error.__cause__ or error)


def changed_files(before: Revision, now: Revision) -> list[Path]:
    """Return the files that differ between two revisions."""
    return [Path(path) for path in sorted({path for path, _ in before.items() ^ now.items()})]


def _handler(generation: Generation, function: Function) -> Callable[[Any, Context], Any]:
    stem, _, attribute = function.handler.rpartition(".")
    module = _module(generation, function)
    try:
        handler: Callable[[Any, Context], Any] = getattr(module, attribute)
    except AttributeError:
        message = f"Handler '{attribute}' missing on module '{stem}'"
        raise _RuntimeError("Runtime.HandlerNotFound", message) from None
    return handler


def _module(generation: Generation, function: Function) -> ModuleType:
    """Return the module of a function, imported once in a generation."""
    module = generation.functions.get(function.logical_id)
    if module is None:
        with generation.in_place():
            module = generation.functions.get(function.logical_id)
            if module is None:
                module = _import(function, function.handler.rpartition(".")[0])
                generation.functions[function.logical_id] = module
    return module


class _RuntimeError(Exception):
    """An error that the Lambda runtime itself reports."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.type = kind
        self.trace = trace


def _traced(generation: Generation, header: str) -> AbstractContextManager[None]:
    """Return a context in a trace; on AWS the environment names it, here functions share one."""
    tracing: Any = generation.module("sfn_cqrs.kernel.aws.tracing")
    entered: AbstractContextManager[None] = tracing.entered(header) if tracing else nullcontext()
    return entered


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
