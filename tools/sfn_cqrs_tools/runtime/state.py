"""The state folder of a stack: who runs it, and where its endpoints are."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

STATE_VARIABLE: Final = "SFN_CQRS_STATE"
LOG_BYTES: Final = 20_000_000


class StackError(Exception):
    """The stack cannot be started or found; the message says what to do."""


@dataclass(frozen=True)
class StackInfo:
    """The content of stack.json: endpoints, process, outputs and the functions' environment."""

    http: str
    aws: str
    sfn: str
    lambda_: str
    pid: int
    name: str
    live: str = ""
    """The endpoint of live updates, where the stack has them."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    container_host: str = ""
    """The host name of this machine for containers, if the stack answers to it."""

    def endpoints(self) -> dict[str, str | int]:
        """Return what `up --json` prints."""
        return {
            "http": self.http,
            "aws": self.aws,
            "sfn": self.sfn,
            "lambda": self.lambda_,
            **({"live": self.live} if self.live else {}),
            "pid": self.pid,
        }


def keep_private(path: Path) -> None:
    """Make a file, or one that another release has made, its owner's alone.

    The folders above may be open to pass: PostgreSQL runs as nobody if the stack runs as root.
    """
    path.touch(0o600)
    path.chmod(0o600)


class OwnedFolder:
    """A folder that at most one running stack owns; a lock says so, and dies with its owner."""

    def __init__(self, path: Path | str) -> None:
        """Use `path`, which is made when it is taken."""
        self.path = Path(path).resolve()
        self._lock: IO[bytes] | None = None

    def take(self, what: str, taken: str) -> None:
        """Become the owner of this folder; `taken` is the error text if another stack owns it.

        Raises:
            StackError: another stack owns it, or the folder cannot be made.
        """
        try:
            self.path.mkdir(0o700, parents=True, exist_ok=True)
            keep_private(self.path / "lock")
            lock = (self.path / "lock").open("ab")
        except OSError as error:
            raise StackError(f"the {what} folder {self.path} cannot be used: {error}") from None
        if not locked(lock):
            lock.close()
            raise StackError(taken)
        self._lock = lock

    @property
    def is_there(self) -> bool:
        """Return whether the folder that was taken is still there."""
        try:
            now = (self.path / "lock").stat()
        except OSError:
            return False
        return self._lock is not None and now.st_ino == os.fstat(self._lock.fileno()).st_ino

    def release(self) -> None:
        """Release it for another stack; its content stays."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


class StateFolder(OwnedFolder):
    """The folder with a stack's logs and the addresses of its endpoints."""

    def __init__(self, path: Path | str) -> None:
        """Use the folder at `path`, whether or not it exists."""
        super().__init__(path)
        self.stack_log = self.path / "stack.log"
        """The functions' output and the stack's own messages."""
        self.express_log = self.path / "express.jsonl"
        """The events of EXPRESS executions, one per line."""
        self.traces = self.path / "traces.jsonl"
        """Segments of traces, one a line."""
        self.policies = self.path / "policies.json"
        """The permissions of functions that run in processes of their own."""
        self.versions = self.path / "versions"
        """What is published of functions behind an alias, while a stack keeps no data."""
        self.fabric_log = self.path / "fabric.log"
        """The output of the AWS fabric."""
        self._stack_json = self.path / "stack.json"

    def acquire(self) -> None:
        """Become the owner.

        Raises:
            StackError: another stack owns it, or the folder cannot be made.
        """
        taken = f"a stack already runs on {self.path}: stop it, or name another --state"
        self.take("state", taken)
        for file in (
            *(self.stack_log, self.express_log, self.traces),
            *(self.policies, self.fabric_log),
        ):
            keep_private(file)
        self._stack_json.unlink(missing_ok=True)  # of a stack that was killed

    def begin_logs(self, *, keep: bool) -> None:
        """Begin the logs anew, or go on with those of the stack before unless they are long."""
        for log in (self.stack_log, self.express_log):
            if not keep or (log.exists() and log.stat().st_size > LOG_BYTES):
                log.write_bytes(b"")

    def release(self) -> None:
        """Give the folder up; its logs stay."""
        self._stack_json.unlink(missing_ok=True)
        super().release()

    def write(self, info: StackInfo) -> None:
        """Publish the endpoints; a reader sees all of them or no file."""
        document = asdict(info)
        document["lambda"] = document.pop("lambda_")
        draft = self._stack_json.with_suffix(".tmp")
        draft.touch(0o600)  # it has the password of PostgreSQL
        draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        draft.replace(self._stack_json)

    def read(self) -> StackInfo:
        """Return the endpoints of the stack that runs here.

        Raises:
            StackError: no stack runs here.
        """
        try:
            document: dict[str, Any] = json.loads(self._stack_json.read_text(encoding="utf-8"))
            if not self._has_owner():
                raise StackError(self._nothing())
            return StackInfo(lambda_=document.pop("lambda"), **document)
        except (FileNotFoundError, KeyError, TypeError, ValueError):
            raise StackError(self._nothing()) from None

    def _nothing(self) -> str:
        if self._has_owner():
            return f"the stack on {self.path} is just being deployed: try again in a moment"
        return f"no stack runs on {self.path}: start one with `sfn-cqrs up`, or name its --state"

    def _has_owner(self) -> bool:
        """Return whether a process holds the lock: its stack runs, or is about to."""
        try:
            with (self.path / "lock").open("rb") as lock:
                return not locked(lock)
        except FileNotFoundError:
            return False


def locked(file: IO[bytes]) -> bool:
    """Lock the file unless another process (or another file object) has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
