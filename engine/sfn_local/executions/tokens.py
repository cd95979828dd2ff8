"""Task tokens: handed out once, known again without being kept.

A token is its serial number with a keyed hash of it. One that carries the right hash was handed
out by this engine; if no task waits for it any more, its task is over.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Protocol

from sfn_local.document import Document
from sfn_local.errors import InvalidToken, StateFailure, TaskDoesNotExist, TaskTimedOut

SERIAL_BYTES = 8
HASH_BYTES = 40


class OpenTask(Protocol):
    """A task that waits, as workers and whoever has its token see it; the lock guards it."""

    @property
    def machine(self) -> str:
        """The ARN of the state machine that it is a task of."""

    @property
    def is_over(self) -> bool:
        """Whether the task has its end."""

    def take(self, worker: str | None) -> dict[str, str]:
        """A worker takes the task: its token and its input."""

    def report(self, outcome: Document | StateFailure) -> None:
        """End the task.

        Raises:
            TaskTimedOut: somebody else was first.
        """

    def beat(self) -> None:
        """Show that the task is alive.

        Raises:
            TaskTimedOut: the task is over.
        """


class Tokens:
    """The tokens of the tasks that wait."""

    def __init__(self, key: bytes, issued: int = 0) -> None:
        """Tokens of another key are unknown here; so many were handed out before."""
        self.key = key
        self.issued = issued
        self._waiting: dict[str, OpenTask] = {}

    def __len__(self) -> int:
        """The number of tasks that wait."""
        return len(self._waiting)

    def issue(self, task: OpenTask, known: str | None = None) -> str:
        """A token for a task that waits; one that it has from before a restart stays known."""
        token = known or self._new()
        self._waiting[token] = task
        return token

    def find(self, token: str) -> OpenTask:
        """The task that waits with this token.

        Raises:
            InvalidToken: the text is not a token.
            TaskDoesNotExist: it was never handed out here.
            TaskTimedOut: its task is over.
        """
        task = self._waiting.get(token)
        if task is not None:
            return task
        raw = self._decode(token)
        serial, tag = raw[:SERIAL_BYTES], raw[SERIAL_BYTES:]
        raise TaskTimedOut if hmac.compare_digest(tag, self._hash(serial)) else TaskDoesNotExist

    def machine_of(self, token: str) -> str | None:
        """The ARN of the state machine whose task waits with this token, if one does."""
        task = self._waiting.get(token)
        return None if task is None else task.machine

    def close(self, token: str) -> None:
        """The task is over."""
        self._waiting.pop(token, None)

    def _new(self) -> str:
        self.issued += 1
        serial = self.issued.to_bytes(SERIAL_BYTES)
        return base64.urlsafe_b64encode(serial + self._hash(serial)).decode()

    def _decode(self, token: str) -> bytes:
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise InvalidToken from None
        if len(raw) != SERIAL_BYTES + HASH_BYTES:
            raise InvalidToken
        return raw

    def _hash(self, serial: bytes) -> bytes:
        return hashlib.blake2b(serial, key=self.key, digest_size=HASH_BYTES).digest()
