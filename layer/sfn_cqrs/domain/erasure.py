"""The erasure of a person: who asked for it, how far it is, and what it does to a value.

The record of an erasure is also its tombstone: whatever is published about the person later is
stored without the personal fields. It names the person by a hash.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.errors import FourEyesError, NotOpenError
from sfn_cqrs.domain.keys import ErasureKey
from sfn_cqrs.domain.models import ERASED
from sfn_cqrs.domain.records import Record
from sfn_cqrs.domain.values import Json

SETTLED: Final = timedelta(minutes=20)
"""After that, nothing runs any more that began before: a function ends within 15 minutes."""
PASSES: Final = 2
"""The fewest."""
MOST_LEFT: Final = 100
"""Things that keep an erasure open, as far as it lists them."""
BACKUPS: Final = timedelta(days=35)
STREAMS: Final = timedelta(days=1)
EXECUTIONS: Final = timedelta(days=90)


class Status(StrEnum):
    """Where an erasure stands; it only moves down this list, or to REFUSED."""

    ASKED = "ASKED"
    READY = "READY"
    RUNNING = "RUNNING"
    DONE = "DONE"
    REFUSED = "REFUSED"

    @property
    def is_open(self) -> bool:
        """Whether there is work to do."""
        return self in (Status.READY, Status.RUNNING)

    @property
    def holds(self) -> bool:
        """Whether nothing personal is stored any more."""
        return self in (Status.RUNNING, Status.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure(Record):
    """An erasure as stored.

    `step` is how far the present pass is. `passes` are those that are over. Between two of them is
    time enough for every function to end; so whatever a function had read before one pass, and has
    written since, the next one finds. The last one is one that finds nothing. `changed` is how much
    the latest pass had to change, `counts` are what it found erased, by place, and `left` is what
    it could not erase yet. `kept_until` is until when a type's `keep=` forbids it.
    """

    key: ErasureKey
    reason: str
    created: Audit
    status: Status = Status.READY
    confirmed_by: str = ""
    confirmed_at: str = ""
    kept_until: str = ""
    step: int = 0
    passes: int = 0
    began_at: str = ""
    settles_at: str = ""
    finished_at: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    files: int = 0
    changed: int = 0
    left: tuple[str, ...] = ()

    @property
    def opened_at(self) -> str:
        """Since when the erasure has been asked for."""
        return self.created.at

    def is_due(self, at: str) -> bool:
        """Return whether there is something to do now."""
        return self.status.is_open and self.settles_at <= at


@dataclass(frozen=True, slots=True)
class Confirm:
    """A second person agrees."""

    by: str

    def on(self, erasure: Erasure, at: str) -> Erasure | None:
        """Refuse the one who asked.

        Raises:
            FourEyesError: it is the one who asked.
            NotOpenError: nobody has to agree.
        """
        if erasure.status is not Status.ASKED:
            raise NotOpenError(f"the erasure is {erasure.status}, so nobody has to confirm it")
        if erasure.created.by == self.by:
            raise FourEyesError("somebody other than the one who asked for it has to confirm it")
        return replace(erasure, status=Status.READY, confirmed_by=self.by, confirmed_at=at)


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The person is to be erased again: after a refusal, or after a restore."""

    reason: str
    created: Audit
    status: Status

    def on(self, erasure: Erasure, _at: str) -> Erasure | None:
        """Begin anew, but never let go of a tombstone."""
        if erasure.status in (Status.ASKED, Status.READY):
            return erasure
        status = Status.RUNNING if erasure.status.holds else self.status
        fresh = Erasure(key=erasure.key, reason=self.reason, created=self.created, status=status)
        return replace(fresh, stored=erasure.stored)


@dataclass(frozen=True, slots=True)
class Refuse:
    """A type's `keep=` forbids it until then."""

    kept_until: str

    def on(self, erasure: Erasure, at: str) -> Erasure | None:
        """Refuse what has not begun."""
        if erasure.status is not Status.READY:
            return None
        return replace(
            erasure, status=Status.REFUSED, kept_until=self.kept_until, finished_at=at, step=0
        )


@dataclass(frozen=True, slots=True)
class Begin:
    """Nothing forbids it: from now on nothing personal is stored."""

    def on(self, erasure: Erasure, at: str) -> Erasure | None:
        """Begin once."""
        if erasure.status is not Status.READY:
            return None
        return replace(erasure, status=Status.RUNNING, began_at=at, step=0)


@dataclass(frozen=True, slots=True)
class Reach:
    """Record the progress of the present pass; another function continues from there."""

    passes: int
    step: int
    counts: Mapping[str, int]
    left: tuple[str, ...]
    changed: int = 0
    kept_until: str = ""

    def on(self, erasure: Erasure, _at: str) -> Erasure | None:
        """Go on only in the same pass, and only forward."""
        if erasure.passes != self.passes or self.step <= erasure.step:
            return None
        return replace(
            erasure,
            step=self.step,
            counts=dict(self.counts),
            left=self.left[:MOST_LEFT],
            changed=self.changed,
            kept_until=self.kept_until,
        )


@dataclass(frozen=True, slots=True)
class EndPass:
    """A pass is over. One that had nothing to change ends the erasure, unless something is left."""

    passes: int
    counts: Mapping[str, int]
    left: tuple[str, ...]
    changed: int

    def on(self, erasure: Erasure, at: str) -> Erasure | None:
        """Count the pass, and say when the next one comes."""
        if erasure.status is not Status.RUNNING or erasure.passes != self.passes:
            return None
        after = replace(
            erasure,
            passes=erasure.passes + 1,
            step=0,
            counts=dict(self.counts),
            left=self.left[:MOST_LEFT],
            changed=self.changed,
            began_at=erasure.began_at or at,
        )
        if after.passes >= PASSES and not (after.changed or after.left):
            return replace(after, status=Status.DONE, finished_at=at, settles_at="")
        return replace(after, settles_at=iso(datetime.fromisoformat(at) + SETTLED))


@dataclass(frozen=True, slots=True)
class CountFiles:
    """So many versions of files are about to be deleted."""

    files: int

    def on(self, erasure: Erasure, _at: str) -> Erasure | None:
        """Add them."""
        return replace(erasure, files=erasure.files + self.files)


def certificate(erasure: Erasure) -> dict[str, Json]:
    """Return what an erasure has done, for a person to read and to keep."""
    began = erasure.began_at or erasure.created.at
    return {
        "id": erasure.key.id,
        "tenant": erasure.key.tenant,
        "status": str(erasure.status),
        "reason": erasure.reason,
        "askedBy": erasure.created.by,
        "askedAt": erasure.created.at,
        "confirmedBy": erasure.confirmed_by,
        "confirmedAt": erasure.confirmed_at,
        "beganAt": erasure.began_at,
        "finishedAt": erasure.finished_at,
        "passes": erasure.passes,
        "keptUntil": erasure.kept_until,
        "erased": {**erasure.counts, "files": erasure.files},
        "left": list(erasure.left),
        "notCovered": not_covered(began) if erasure.status.holds else [],
    }


def not_covered(began: str) -> list[Json]:
    """Return what an erasure that began at a moment leaves, and until when; empty: for ever."""

    def until(span: timedelta) -> str:
        return iso(datetime.fromisoformat(began) + span)

    return [
        {"what": "point-in-time recovery of the tables", "until": until(BACKUPS)},
        {"what": "streams of the tables", "until": until(STREAMS)},
        {"what": "input of import batches, kept by Step Functions", "until": until(EXECUTIONS)},
        {"what": "codes of items, who made a change, digests of versions", "until": ""},
        {"what": "exports and copies that were taken before", "until": ""},
    ]


_LEAF: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?', re.DOTALL)
"""A text or a number in JSON."""
Matches = Callable[[str], bool]


def leaves(value: Any) -> Iterator[str]:
    """Yield each text and number inside a value as text, also those of JSON inside a text."""
    held = [value]
    while held:
        each = held.pop()
        if isinstance(each, Mapping):
            held += each.values()
        elif isinstance(each, list | tuple):
            held += each
        elif isinstance(each, str):
            yield each
            held += _inside(each) if each[:1] in ("{", "[") else ()
        elif isinstance(each, int | float) and not isinstance(each, bool):
            yield str(each)


def _inside(text: str) -> list[Any]:
    """Return what JSON inside a text holds; of one too deep to be read, its texts and numbers."""
    try:
        return [json.loads(text)]
    except ValueError:
        return []
    except RecursionError:
        return [_read(found) for found in _LEAF.findall(text)]


def _read(leaf: str) -> Any:
    try:
        return json.loads(leaf)
    except ValueError:
        return leaf.strip('"')


def names(value: Any, matches: Matches) -> bool:
    """Return whether something inside a value names the person."""
    return any(map(matches, leaves(value)))


def blanked(value: Any, matches: Matches) -> Any:
    """Return a value without any text or number, but for the person's own name in the system."""
    if isinstance(value, Mapping):
        return {name: blanked(each, matches) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [blanked(each, matches) for each in value]
    if isinstance(value, bool) or value is None or matches(str(value)):
        return value
    return ERASED if isinstance(value, str) else 0
