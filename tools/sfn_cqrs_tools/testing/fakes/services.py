import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from threading import RLock
from typing import Any

from sfn_cqrs.care.live.channels import LiveEvent
from sfn_cqrs.kernel.aws.executions import Attempt
from sfn_cqrs.kernel.digest import Digest
from sfn_cqrs.kernel.errors import BusyError, LinksDisabledError
from sfn_cqrs.kernel.programs import Execution


@dataclass(slots=True)
class _Run:
    is_running: bool = True
    error: str | None = None
    cause: str | None = None


class Executions:
    """The command machine: the started executions, and how their waits were ended.

    A token may be used once; `gone` lists tokens whose wait has ended in another way.
    """

    def __init__(self, machine: str = "command", table: str = "Commands") -> None:
        self._lock = RLock()
        self._arn = f"arn:aws:states:us-east-1:000000000000:execution:sfn-cqrs-{machine}"
        self._table = f"sfn-cqrs-{table}Table"
        self._runs: dict[Attempt, _Run] = {}
        self.started: list[Attempt] = []
        self.succeeded: list[tuple[str, Any]] = []
        self.rejected: list[tuple[str, str, str]] = []
        self.gone: set[str] = set()
        self.traces: dict[Attempt, str] = {}

    def start(self, ref: Attempt, trace: str = "") -> bool:
        with self._lock:
            self.traces[ref] = trace
            if ref not in self._runs:
                self._runs[ref] = _Run()
                self.started.append(ref)
            return self._runs[ref].is_running

    def describe(self, ref: Attempt) -> Execution | None:
        with self._lock:
            run = self._runs.get(ref)
            return Execution(run.is_running, run.error, run.cause) if run else None

    def arn_of(self, ref: Attempt) -> str:
        return f"{self._arn}:{ref.execution_name(self._table)}"

    def end(self, ref: Attempt, error: str | None = None, cause: str | None = None) -> None:
        """End an execution without notice to the chain."""
        with self._lock:
            self._runs[ref] = _Run(is_running=False, error=error, cause=cause)

    def succeed(self, token: str, output: object) -> bool:
        with self._lock:
            if token in self.gone:
                return False
            self.gone.add(token)
            self.succeeded.append((token, json.loads(json.dumps(output))))
            return True

    def reject(self, token: str, error: str, cause: str) -> bool:
        with self._lock:
            if token in self.gone:
                return False
            self.gone.add(token)
            self.rejected.append((token, error, cause))
            return True


class ExpressExecutions(Executions):
    """The machine of the express lane; each start is a new run."""

    def start(self, ref: Attempt, trace: str = "") -> bool:
        with self._lock:
            self.traces[ref] = trace
            self.started.append(ref)
            return True


class AppSecrets:
    """The secrets of the user's code, by their paths."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        if path not in self.values:
            raise LookupError(f"Parameter Store has no {path}")
        return self.values[path]


class LinkSecret:
    """The secret of approval links; a test may switch them off."""

    def __init__(self) -> None:
        self.value: bytes | None = b"a secret of 64 characters"

    def read(self) -> bytes:
        if self.value is None:
            raise LinksDisabledError("approval links are off")
        return self.value


class Topic:
    """A topic that keeps its messages."""

    def __init__(self) -> None:
        self._lock = RLock()
        self.messages: list[dict[str, Any]] = []

    def publish(self, messages: Sequence[dict[str, Any]]) -> None:
        with self._lock:
            self.messages.extend(deepcopy(list(messages)))


class People:
    """The topic for people; it keeps their messages."""

    def __init__(self) -> None:
        self.told: list[Digest] = []

    def tell(self, digest: Digest) -> None:
        self.told.append(digest)


class LiveEvents:
    """Channels of live updates that keep what was published, or are busy."""

    def __init__(self) -> None:
        self.published: list[LiveEvent] = []
        self.is_busy = False

    def publish(self, events: Sequence[LiveEvent]) -> None:
        if self.is_busy:
            raise BusyError("AppSync answers 429")
        self.published += events


class Queue:
    """A queue that keeps the postponements of messages, by their receipts."""

    def __init__(self) -> None:
        self.postponed: dict[str, int] = {}

    def postpone(self, seconds: Mapping[str, int]) -> None:
        self.postponed.update(seconds)


class DeadLetters:
    """A queue that keeps records that cannot be processed, as pairs of keys and reason."""

    def __init__(self) -> None:
        self._lock = RLock()
        self.letters: list[tuple[dict[str, Any], str]] = []

    def put(self, keys: dict[str, Any], reason: str) -> None:
        with self._lock:
            self.letters.append((deepcopy(keys), reason))
