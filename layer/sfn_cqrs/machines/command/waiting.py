"""Waiting for a version to close: for a limited time, with ever longer pauses.

A waiting request occupies a function. So nothing here waits longer than its limit, and each look is
one or two reads by key. A client's tenant pays for it: a token to begin, and one for each further
second.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.errors import (
    NotAppliedError,
    NotAppliedYetError,
    NotFoundError,
    TooManyRequestsError,
)
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.machines.command.process import Outcome, Process

T = TypeVar("T")
_FIRST: Final = 0.1
_LONGEST: Final = 1.0


@dataclass(frozen=True, slots=True)
class Settled:
    """The last state that was read of a version; one that closed long ago has no process."""

    is_closed: bool
    process: Process | None = None

    @property
    def outcome(self) -> Outcome | None:
        """Return how the version closed, or None if it has not."""
        if not self.is_closed:
            return None
        return self.process.outcome if self.process else Outcome.APPLIED


def wait_until_closed(
    key: ItemKey, version: int, seconds: float, client: Client | None = None
) -> Settled:
    """Wait until a stored version is APPLIED, FAILED, BLOCKED or SKIPPED; return its state."""

    def look() -> Settled | None:
        process = bootstrap.processes().find(key, version)
        is_open = process is not None and process.outcome.is_open
        return None if is_open else Settled(is_closed=True, process=process)

    return _await(look, _pauses(key, seconds, client)) or Settled(is_closed=False)


def wait_until_applied(
    key: ItemKey, version: int, seconds: float, client: Client | None = None
) -> None:
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

    if not _await(look, _pauses(key, seconds, client)):
        raise NotAppliedYetError(version, "not applied yet")


def _await(look: Callable[[], T | None], pauses: Iterator[float]) -> T | None:
    """Look at once and after each pause until there is an answer; return it, or None if none came.

    A failure of AWS is not an answer: it may have passed by the next look.
    """
    for pause in pauses:
        time.sleep(pause)
        try:
            found = look()
        except Exception as error:
            if not is_transient(error):
                raise
            found = None
        if found is not None:
            return found
    return None


def _pauses(key: ItemKey, seconds: float, client: Client | None) -> Iterator[float]:
    """Yield no pause before the first look, then ever longer ones while time and tokens last."""
    until = bootstrap.now() + timedelta(seconds=seconds)
    yield 0.0
    pause = _FIRST
    while seconds > 0 and bootstrap.now() <= until:
        if client is not None and pause in (_FIRST, _LONGEST) and not _pays(key.tenant):
            return
        yield min(pause, seconds)
        seconds -= pause
        pause = min(2 * pause, _LONGEST)


def _pays(tenant: str) -> bool:
    """Take a token of the tenant's; return False if there is none."""
    try:
        bootstrap.write_budget().spend(tenant)
    except TooManyRequestsError:
        return False
    return True
