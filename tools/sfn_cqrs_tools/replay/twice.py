"""Brings what is published to its handlers again; finds rows that a repeated version changes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.replay.process import NotReplayedError, replayed
from sfn_cqrs_tools.stack.local_stack import LocalStack

QUIET_SECONDS: Final = 1.0
"""It looks once no function has run for so long, so that versions are applied by then."""
MOST_ITEMS: Final = 200


class Twice:
    """Looks at the items that have changed since it looked last, in another process.

    The handlers write to tables in memory, so the stack's rows stay as they are.
    """

    def __init__(self, stack: LocalStack) -> None:
        """Listen to a stack that runs."""
        self._stack = stack
        self._since = datetime.now(UTC)
        self._invoked: float | None = None
        self._told: set[tuple[str, str]] = set()
        self._looking: Future[dict[str, Any]] | None = None
        self._thread = ThreadPoolExecutor(1, "twice")
        stack.functions.listeners.append(lambda _invocation: self._hear())

    def look(self) -> Iterator[str]:
        """Yield what was found since the last time; call it often."""
        if self._looking is not None:
            if self._looking.done():
                done, self._looking = self._looking, None
                yield from self._found(done)
        elif self._invoked is not None and time.monotonic() - self._invoked >= QUIET_SECONDS:
            self._invoked = None
            since, self._since = self._since, datetime.now(UTC)
            self._looking = self._thread.submit(self._replayed, iso(since))

    def close(self) -> None:
        """Look no more."""
        self._thread.shutdown(cancel_futures=True)

    def _hear(self) -> None:
        self._invoked = time.monotonic()

    def _replayed(self, since: str) -> dict[str, Any]:
        target = find_target(self._stack.state.path, None)
        wanted = {"since": since, "limit": MOST_ITEMS, "twice": True}
        return replayed(target, self._stack.template, wanted)

    def _found(self, done: Future[dict[str, Any]]) -> Iterator[str]:
        try:
            report = done.result()
        except NotReplayedError as error:
            yield f"nothing was brought twice: {error}"
            return
        for row in report["rows"]:
            told = row["model"], row["item"]
            if told not in self._told:
                self._told.add(told)
                yield _in_words(row)


def _in_words(row: Mapping[str, Any]) -> str:
    item, _, version = row["item"].partition("@")
    cells = "; ".join(f"{name}: {was!r} -> {now!r}" for name, (was, now) in row["cells"].items())
    return (
        f"version {version} of {item} came again and changed {row['model']}"
        f" {row['partition']} {row['sort']}: {cells}"
    )
