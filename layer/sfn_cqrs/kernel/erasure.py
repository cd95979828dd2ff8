"""The erasure of a person: who asked for it, how far it is, and what it does to a value.

The record of an erasure is also its tombstone: whatever is published about the person later is
stored without the personal fields. It names the person by a hash.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import FourEyesError, NotOpenError
from sfn_cqrs.kernel.keys import ErasureKey
from sfn_cqrs.kernel.models.models import ERASED
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.values import Json

SETTLED: Final = timedelta(minutes=20)
"""After that, nothing runs any more that began before: a function ends within 15 minutes."""
PASSES: Final = 2
"""The fewest."""
LONGEST: Final = timedelta(days=1)
"""Between two passes of an erasure that something keeps open; at first it is `SETTLED`."""
MOST_OPEN: Final = 100
"""Erasures of a tenant that have work left."""
MOST_AT_ONCE: Final = 100
"""Erasures that share a pass."""
MOST_REQUESTS: Final = 50
_OF_A_RUN: Final = (
    *("status", "reason", "askedBy", "askedAt", "confirmedBy", "confirmedAt", "beganAt"),
    *("finishedAt", "passes", "keptUntil", "kept", "notKept", "erased", "left"),
)
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
    it could not erase yet. `kept_until` is until when a type's `keep=` forbids it, `kept` are the
    items that do, and `not_kept` those of which two operators have said that no law keeps them.
    `requests` are the other times that somebody has asked, each with what came of it.
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
    kept: tuple[str, ...] = ()
    not_kept: tuple[str, ...] = ()
    requests: tuple[dict[str, Json], ...] = ()

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
    """The person is to be erased again: after a refusal, or because something has come back."""

    reason: str
    created: Audit
    status: Status
    not_kept: tuple[str, ...] = ()

    def on(self, erasure: Erasure, _at: str) -> Erasure | None:
        """Note the request; begin anew what has ended, but never let go of a tombstone."""
        is_waiting = erasure.status in (Status.ASKED, Status.READY)
        if is_waiting and self.not_kept in ((), erasure.not_kept):
            return erasure
        if erasure.status is Status.RUNNING:
            asked: dict[str, Json] = {
                "reason": self.reason,
                "askedBy": self.created.by,
                "askedAt": self.created.at,
            }
            return replace(erasure, requests=_with(erasure.requests, asked))
        fresh = Erasure(
            key=erasure.key,
            reason=self.reason,
            created=self.created,
            status=Status.RUNNING if erasure.status.holds else self.status,
            not_kept=self.not_kept,
            requests=_with(erasure.requests, _run(erasure)),
        )
        return replace(fresh, stored=erasure.stored)


@dataclass(frozen=True, slots=True)
class DoAgain:
    """The tables may have what was erased: go through everything from the beginning."""

    def on(self, erasure: Erasure, _at: str) -> Erasure | None:
        """Begin anew; who has asked and confirmed stays."""
        fresh = Erasure(
            key=erasure.key,
            reason=erasure.reason,
            created=erasure.created,
            status=Status.RUNNING,
            confirmed_by=erasure.confirmed_by,
            confirmed_at=erasure.confirmed_at,
            requests=_with(erasure.requests, _run(erasure)),
        )
        return replace(fresh, stored=erasure.stored)


def _run(erasure: Erasure) -> dict[str, Json]:
    """Return what the latest request has come to."""
    shown = certificate(erasure)
    return {name: shown[name] for name in _OF_A_RUN if shown[name]}


def _with(requests: tuple[dict[str, Json], ...], one: dict[str, Json]) -> tuple[Any, ...]:
    """Return the requests with another one: the first stays, and the latest."""
    return (*requests, one) if len(requests) < MOST_REQUESTS else (requests[0], *requests[2:], one)


@dataclass(frozen=True, slots=True)
class Refuse:
    """A type's `keep=` forbids it until then, because of these items."""

    kept_until: str
    kept: tuple[str, ...] = ()

    def on(self, erasure: Erasure, at: str) -> Erasure | None:
        """Refuse what has not begun."""
        if erasure.status is not Status.READY:
            return None
        return replace(
            erasure,
            status=Status.REFUSED,
            kept_until=self.kept_until,
            kept=self.kept[:MOST_LEFT],
            finished_at=at,
            step=0,
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
    kept: tuple[str, ...] = ()

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
            kept=self.kept[:MOST_LEFT],
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
        wait = min(SETTLED * 2 ** max(0, after.passes - PASSES), LONGEST)
        return replace(after, settles_at=iso(datetime.fromisoformat(at) + wait))


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
        "kept": list(erasure.kept),
        "notKept": list(erasure.not_kept),
        "requests": list(erasure.requests),
        "erased": {**erasure.counts, "files": erasure.files},
        "left": list(erasure.left),
        "notCovered": not_covered(began) if erasure.status.holds else [],
    }


def in_turns(due: Iterable[Erasure], most: int = MOST_AT_ONCE) -> list[Erasure]:
    """Return which erasures share the next pass: tenants take turns, each with its oldest first.

    A pass that another function has begun goes on, and what came later waits for the next one.
    """
    all_due = list(due)
    begun = [one for one in all_due if one.step]
    places = Counter[str]()
    placed: list[tuple[int, int, Erasure]] = []
    for number, one in enumerate(begun or all_due):
        placed.append((places[one.key.tenant], number, one))
        places[one.key.tenant] += 1
    return [one for _, _, one in sorted(placed, key=lambda each: each[:2])][:most]


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
