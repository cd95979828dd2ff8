"""X-Ray on this machine: segments from functions, and those that Lambda and the API would send.

Every segment is a line of a file; `sfn-cqrs trace` makes trees of them. Nothing is sampled out.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.runtime.trace_header import Trace

Document = dict[str, Any]

MAX_DATAGRAM: Final = 65_536
RECEIVE_BUFFER: Final = 4 * 1024 * 1024
KEPT_BYTES: Final = 32 * 1024 * 1024
POLL_SECONDS: Final = 0.2
GATHER_SECONDS: Final = 0.02


class TraceFile:
    """Segments in a file, an older one beside it; what is older still is forgotten."""

    def __init__(self, path: Path) -> None:
        """Use a file, whether or not it exists."""
        self._path = path
        self._older = path.with_suffix(".1.jsonl")

    def clear(self) -> None:
        """Forget everything."""
        for path in (self._path, self._older):
            path.unlink(missing_ok=True)

    def append(self, lines: list[str]) -> None:
        """Keep segments, unless the disk is full."""
        is_full = False
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            is_full = file.tell() > KEPT_BYTES
        if is_full:
            self._path.replace(self._older)

    def segments(self) -> Iterator[Document]:
        """Yield all that is kept, in the order in which it came."""
        yield from self.holding("")

    def holding(self, text: str) -> Iterator[Document]:
        """Yield the segments whose line holds a text; only those are parsed."""
        for path in (self._older, self._path):
            if not path.exists():
                continue
            with path.open(encoding="utf-8") as file:
                for line in file:
                    if text not in line:
                        continue
                    try:
                        yield json.loads(line)
                    except ValueError:  # it is just being written
                        continue


@dataclass(frozen=True)
class Begun:
    """A segment that has begun; `trace` is the place within it."""

    id: str
    name: str
    outer: Trace
    at: float

    @property
    def trace(self) -> Trace:
        """Return the trace to pass to the next call."""
        return self.outer.below(self.id)


class Traces:
    """Stands for X-Ray's daemon, and makes the segments that Lambda and the API make on AWS."""

    def __init__(self, path: Path) -> None:
        """Keep segments in a file."""
        self._file = TraceFile(path)
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._executions: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.bind(("127.0.0.1", 0))
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._receive, daemon=True, name="traces")

    @property
    def address(self) -> str:
        """Return the address that functions send their segments to."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def start(self) -> None:
        """Forget what an earlier stack did, and receive."""
        self._file.clear()
        self._thread.start()

    def close(self) -> None:
        """Keep the segments received so far, and receive no more."""
        self._is_closing.set()
        self._thread.join()
        self._socket.close()
        self._flush()

    def begin(self, name: str, header: str = "") -> Begun:
        """Begin a segment, in a new trace if a header names none."""
        outer = Trace.parse(header) or new_trace()
        return Begun(secrets.token_hex(8), name, outer, time.time())

    def end(self, begun: Begun, **more: Any) -> None:
        """Keep a segment that has ended."""
        self._keep(_document(begun, end_time=time.time(), **more))

    def within_execution(self, header: str, context: Mapping[str, Any]) -> str:
        """Return the header within the execution that calls a function, which is kept once."""
        outer = Trace.parse(header)
        if outer is None:
            return header
        execution, machine = context["Execution"], context["StateMachine"]["Name"]
        id_ = hashlib.sha256(execution["Id"].encode()).hexdigest()[:16]
        with self._lock:
            is_new = id_ not in self._executions
            self._executions.add(id_)
        if is_new:
            at = datetime.fromisoformat(execution["StartTime"]).timestamp()
            begun = Begun(id_, f"{machine} {execution['Name']}", outer, at)
            self._keep(
                _document(begun, in_progress=True, origin="AWS::StepFunctions::StateMachine")
            )
        return outer.below(id_).header

    def _keep(self, document: Document) -> None:
        line = json.dumps(document)
        with self._lock:
            self._lines.append(line)

    def _flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        if lines:
            self._file.append(lines)

    def _receive(self) -> None:
        """Take segments; after each first one, let more come, so that few wake this thread."""
        written = 0.0
        while not self._is_closing.is_set():
            self._socket.settimeout(POLL_SECONDS)
            try:
                self._take(self._socket.recv(MAX_DATAGRAM))
            except TimeoutError:
                self._flush()
                continue
            self._is_closing.wait(GATHER_SECONDS)
            self._take_waiting()
            if time.monotonic() - written > POLL_SECONDS:
                written = time.monotonic()
                self._flush()
        self._take_waiting()

    def _take_waiting(self) -> None:
        self._socket.settimeout(0)
        with suppress(BlockingIOError):
            while True:
                self._take(self._socket.recv(MAX_DATAGRAM))

    def _take(self, datagram: bytes) -> None:
        _, _, body = datagram.partition(b"\n")
        with self._lock:
            self._lines.append(body.decode())


def new_trace() -> Trace:
    """Return a trace that begins here, and is sampled."""
    return Trace(f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", is_sampled=True)


def _document(begun: Begun, **more: Any) -> Document:
    parent = {"parent_id": begun.outer.parent} if begun.outer.parent else {}
    return {
        "name": begun.name,
        "id": begun.id,
        "trace_id": begun.outer.root,
        **parent,
        "start_time": begun.at,
        **more,
    }
