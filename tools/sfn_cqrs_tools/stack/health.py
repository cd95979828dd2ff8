"""Finds the troubles of a running stack, and restarts PostgreSQL."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Protocol

from sfn_cqrs_tools.runtime.data_folder import DataFolder
from sfn_cqrs_tools.runtime.fabric import Fabric, FabricError
from sfn_cqrs_tools.runtime.postgres import LocalPostgres, PostgresError
from sfn_cqrs_tools.runtime.state import StateFolder
from sfn_local import Engine

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
CLOSE_SECONDS: Final = 2.0
"""How long a server that is just being started is waited for: it ends with its owner."""
LONGEST_PAUSE_SECONDS: Final = 30.0
LEAST_FREE_BYTES: Final = 64 * 1024 * 1024


class Watched(Protocol):
    """A stack that is watched."""

    state: StateFolder
    data: DataFolder | None
    fabric: Fabric
    engine: Engine

    @property
    def postgres(self) -> LocalPostgres | None:
        """Return its own PostgreSQL, if it has one."""


class Health:
    """Looks at a stack that keeps its data, once a second."""

    def __init__(self, stack: Watched) -> None:
        """Take the stack; look at nothing yet."""
        self._stack = stack
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="health")
        self._postgres = Revival(stack.postgres) if stack.postgres is not None else None
        self.troubles: tuple[str, ...] = ()
        """The present troubles, each as a sentence."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._is_closing.set()
        self._thread.join(CLOSE_SECONDS)

    def look(self) -> None:
        """Find the present troubles."""
        self.troubles = tuple(self._found())

    def _run(self) -> None:
        while not self._is_closing.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception:
                logger.exception("the stack's health is unknown")

    def _found(self) -> Iterator[str]:
        stack = self._stack
        for folder in (stack.state, stack.data):
            if folder is not None and not folder.is_there:
                yield (
                    f"{folder.path} was removed while the stack runs: what it does now is lost when"
                    " it ends; end it, and start it again"
                )
        if self._postgres is not None and (said := self._postgres.look()):
            yield said
        if stack.data is not None and stack.data.path.exists():
            yield from self._disk(str(stack.data.path))

    def _disk(self, folder: str) -> Iterator[str]:
        reason = self._stack.engine.trouble
        with suppress(FabricError):  # it has ended, which ends the stack
            reason = reason or self._stack.fabric.trouble
        if reason:
            yield (
                f"nothing can be written to {folder} ({reason}): requests are answered 503, and"
                " nothing is lost; it continues once there is room"
            )
        elif (free := shutil.disk_usage(folder).free) < LEAST_FREE_BYTES:
            yield f"the disk of {folder} is nearly full: {free // 1024**2} MiB are left"


class Revival:
    """Restarts a server that has died, with growing pauses while the restart fails."""

    def __init__(self, server: LocalPostgres) -> None:
        """Take the server."""
        self._server = server
        self._tries = 0
        self._next = 0.0
        self._why = ""

    def look(self) -> str:
        """Start the server if it has died and it is time to; return the trouble, or nothing."""
        if self._server.is_running:
            self._tries, self._why = 0, ""
            return ""
        if not self._tries:  # report it before the restart takes time
            self._tries = 1
            return self._said()
        if time.monotonic() < self._next:
            return self._said()
        self._tries += 1
        try:
            self._server.restart()
        except (PostgresError, OSError) as error:
            self._next = time.monotonic() + min(2.0**self._tries, LONGEST_PAUSE_SECONDS)
            last_line = str(error).strip().rpartition("\n")[2]
            self._why = f" ({last_line})"
            return self._said()
        logger.warning("PostgreSQL had died, and runs again")
        return ""

    def _said(self) -> str:
        down = f"PostgreSQL has died and is started again{self._why}"
        return f"{down}: SQL read models wait, and nothing is lost"
