"""Waiting for a version to close: bounded, and looking ever less often.

Whoever waits holds a function. So nothing here waits longer than it is told, and a look is one
or two reads by key.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.transient import is_transient
from sfn_cqrs.domain.errors import NotAppliedError, NotAppliedYetError, NotFoundError
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.domain.process import Outcome, Process

T = TypeVar("T")
_FIRST: Final = 0.1
_LONGEST: Final = 1.0


@dataclass(frozen=True, slots=True)
class Settled:
    """What was seen of a version last; one that closed long ago has no process."""

    is_closed: bool
    process: Process | None = None

    @property
    def outcome(self) -> Outcome | None:
        """How it closed; None if it has not."""
        if not self.is_closed:
            return None
        return self.process.outcome if self.process else Outcome.APPLIED


def wait_until_closed(key: ItemKey, version: int, seconds: float) -> Settled:
    """Wait for a version that is stored to be APPLIED, FAILED, BLOCKED or SKIPPED."""

    def look() -> Settled | None:
        process = bootstrap.processes().find(key, version)
        is_open = process is not None and process.outcome.is_open
        return None if is_open else Settled(is_closed=True, process=process)

    return _awaited(look, seconds) or Settled(is_closed=False)


def wait_until_applied(key: ItemKey, version: int, seconds: float) -> None:
    """Wait for an item to be at a version, or at a later one.

    Raises:
        NotAppliedYetError: it is not, and the version is on its way.
        NotAppliedError: the version has closed in another way; waiting cannot help.
        NotFoundError: nobody has published that version.
    """

    def look() -> bool | None:
        if bootstrap.data().version_of(key).version >= version:
            return True
        process = bootstrap.processes().find(key, version)
        if process is None and bootstrap.commands().find(key, version) is None:
            raise NotFoundError(f"{key.type} {key.code} has no version {version}")
        on_its_way = {Outcome.OPEN, Outcome.WAITING, Outcome.APPLIED}  # applied since that read
        if process is not None and process.outcome not in on_its_way:
            raise NotAppliedError(version, str(process.outcome))
        return None

    if not _awaited(look, seconds):
        raise NotAppliedYetError(version, "not applied yet")


def _awaited(look: Callable[[], T | None], seconds: float) -> T | None:
    """Look until there is an answer, at once and then after each pause; None if none came.

    AWS's bad day is no answer: it may have passed by the next look.
    """
    until = bootstrap.now() + timedelta(seconds=seconds)
    for pause in (0.0, *_pauses(seconds)):
        time.sleep(pause)
        try:
            found = look()
        except Exception as error:
            if not is_transient(error):
                raise
            found = None
        if found is not None or bootstrap.now() > until:
            return found
    return None


def _pauses(seconds: float) -> Iterator[float]:
    pause = _FIRST
    while seconds > 0:
        yield min(pause, seconds)
        seconds -= pause
        pause = min(2 * pause, _LONGEST)
