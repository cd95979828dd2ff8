"""Read models that are rebuilt: their generations, and who may change which of them is read.

A write carries its rule, which the model explores and production runs: see `records`.
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import BUCKETS, ExecutionRef, InOnePartition, hashed, integer_of
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.tally import Tally

PATIENCE = 60
"""Seconds: twice as long as a function may not know of another generation, or that one is gone."""
FIRST_GENERATION = 1
SCANNED_IN = 16
QUERIED_IN = 2
"""A table of PostgreSQL is read by its key: the one generation, and what only the other has."""
GONE = "_gone"
"""The attribute of what a deleted row leaves behind in DynamoDB: its version, for no reader."""
PLACES = "\x1f"
"""Before an item in the name of the partition that says where its row is; no client can send it."""
KEPT = timedelta(days=90)
"""How long it is kept how a rebuild went, and which items failed."""
_VIEW = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True, slots=True)
class ViewKey(InOnePartition):
    """One read model of one tenant."""

    tenant: str
    view: str

    @classmethod
    def checked(cls, tenant: str, view: object) -> "ViewKey":
        """Make a key from a user's input.

        Raises:
            InvalidInputError: it is not a name of a read model.
        """
        if not isinstance(view, str) or not _VIEW.fullmatch(view):
            raise InvalidInputError(
                "view", "must be 1 to 128 letters, digits or '_', a letter first"
            )
        return cls(tenant, view)

    @property
    def pk(self) -> str:
        """The partition of the tenant's read models; no view's name begins so."""
        return f"#generations#{self.tenant}"

    @property
    def sk(self) -> str:
        """The sort key."""
        return self.view

    def rows_prefix(self, generation: int) -> str:
        """Return the prefix of the partitions of a generation's rows."""
        of = self.view if generation == FIRST_GENERATION else f"{self.view}@{generation}"
        return f"{of}#{self.tenant}#"


class Place(StrEnum):
    """Where the rows of a read model are."""

    DYNAMODB = "dynamodb"
    POSTGRES = "postgres"


class Stage(StrEnum):
    """Where a read model stands with its other generation."""

    SERVING = "SERVING"
    REPLAYING = "REPLAYING"
    COMPARING = "COMPARING"
    READY = "READY"
    SWITCHED = "SWITCHED"
    CANCELLED = "CANCELLED"
    DROPPING = "DROPPING"

    @property
    def is_work(self) -> bool:
        """An execution works on segments."""
        return self in (Stage.REPLAYING, Stage.COMPARING, Stage.DROPPING)


@dataclass(frozen=True, slots=True)
class Counts(Tally):
    """How many items or rows were worked on, and how that ended."""

    done: int = 0
    skipped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Record):
    """A read model as stored: the generation that serves, and the other one, if there is one.

    `since` is the moment when the stage was entered that functions have to know of. `replayed`
    and `compared` are counted once their work has ended; a comparison's are rows that are equal
    (done), that one generation lacks (skipped), and that differ (failed).
    """

    key: ViewKey
    types: tuple[str, ...]
    created: Audit
    since: str
    place: Place = Place.DYNAMODB
    is_every_version: bool = False
    patience: int = PATIENCE
    serving: int = FIRST_GENERATION
    other: int | None = None
    latest: int = FIRST_GENERATION
    stage: Stage = Stage.SERVING
    attempt: int = 0
    round: int = 0
    replayed: Counts = field(default_factory=Counts)
    compared: Counts = field(default_factory=Counts)

    @property
    def doubled(self) -> int | None:
        """The generation that handlers write besides the one that serves."""
        return None if self.stage is Stage.DROPPING else self.other

    @property
    def ref(self) -> "ViewRef":
        """The attempt that works on it now."""
        return ViewRef(self.key, self.attempt, self.begins_at)

    @property
    def begins_at(self) -> str:
        """From when on every function knows of the stage."""
        return iso(datetime.fromisoformat(self.since) + timedelta(seconds=self.patience))

    def is_at(self, attempt: int, stage: Stage) -> bool:
        """Whether an attempt owns the work of a stage."""
        return (self.attempt, self.stage) == (attempt, stage)

    def segments(self) -> list[str]:
        """The segments of the stage's work."""
        if self.stage is Stage.REPLAYING:
            return [f"{type_}#{bucket:02d}" for type_ in self.types for bucket in range(BUCKETS)]
        count = SCANNED_IN if self.place is Place.DYNAMODB else QUERIED_IN
        return [f"{number:02d}" for number in range(count)]

    def segment_key(self, name: str, stage: Stage | None = None) -> "SegmentKey":
        """Where the progress of a segment lies, of this stage or another; each comparison's own."""
        stage = stage or self.stage
        turn = self.round if stage is Stage.COMPARING else 0
        return SegmentKey(self.parts_pk, f"{stage}#{turn:04d}#{name}", name)

    @property
    def parts_pk(self) -> str:
        """The partition of what is known of the rebuild that made the latest generation."""
        return f"{self.key.pk}#{self.key.view}#{self.latest}"


@dataclass(frozen=True, slots=True)
class ViewRef(ExecutionRef):
    """One attempt to work on a read model: all that an execution carries."""

    key: ViewKey
    attempt: int
    begins_at: str = field(default="", compare=False)

    def as_input(self) -> dict[str, object]:
        """The execution's input; the same attempt gives the same text, whoever starts it."""
        return {
            "attempt": self.attempt,
            "beginsAt": self.begins_at,
            "tenant": self.key.tenant,
            "view": self.key.view,
        }

    @classmethod
    def _read(cls, given: dict[str, object]) -> Self:
        key = ViewKey.checked(str(given["tenant"]), given["view"])
        return cls(key, integer_of(given, "attempt"))

    def execution_name(self, table: str) -> str:
        """The execution's name: one per attempt, the same for ever."""
        return f"v-{hashed(table, self.key.pk, self.key.sk)}-a{self.attempt}"


@dataclass(frozen=True, slots=True)
class Begin:
    """Make handlers also write the next generation; its number was never used before."""

    types: tuple[str, ...]
    place: Place = Place.DYNAMODB
    is_every_version: bool = False
    patience: int = PATIENCE

    def on(self, view: View, at: str) -> View | None:
        if view.stage is not Stage.SERVING:
            return None
        return replace(
            view,
            types=self.types,
            place=self.place,
            is_every_version=self.is_every_version,
            patience=self.patience,
            stage=Stage.REPLAYING,
            other=view.latest + 1,
            latest=view.latest + 1,
            attempt=view.attempt + 1,
            since=at,
            replayed=Counts(),
            compared=Counts(),
        )


@dataclass(frozen=True, slots=True)
class Resume:
    """The next attempt goes on with the segments that have not ended, and with what failed."""

    attempt: int

    def on(self, view: View, _at: str) -> View | None:
        if view.attempt != self.attempt:
            return None
        if view.stage in (Stage.REPLAYING, Stage.COMPARING, Stage.CANCELLED, Stage.READY):
            return replace(view, stage=Stage.REPLAYING, attempt=view.attempt + 1)
        if view.stage is Stage.DROPPING:
            return replace(view, attempt=view.attempt + 1)
        return None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody replays any more; handlers go on writing both, so that it can be resumed."""

    def on(self, view: View, _at: str) -> View | None:
        if view.stage not in (Stage.REPLAYING, Stage.COMPARING):
            return None
        return replace(view, stage=Stage.CANCELLED, attempt=view.attempt + 1)


@dataclass(frozen=True, slots=True)
class Compare:
    """Compare the two generations, or once more."""

    def on(self, view: View, _at: str) -> View | None:
        if view.stage is not Stage.READY:
            return None
        return replace(view, stage=Stage.COMPARING, attempt=view.attempt + 1, round=view.round + 1)


@dataclass(frozen=True, slots=True)
class EndStage:
    """Every segment of a stage has ended."""

    attempt: int
    stage: Stage
    counts: Counts

    def on(self, view: View, _at: str) -> View | None:
        if not view.is_at(self.attempt, self.stage):
            return None
        if self.stage is Stage.REPLAYING:
            later = {"stage": Stage.COMPARING, "replayed": self.counts, "round": view.round + 1}
            return replace(view, **later)  # type: ignore[arg-type]
        if self.stage is Stage.COMPARING:
            return replace(view, stage=Stage.READY, compared=self.counts)
        return replace(view, stage=Stage.SERVING, other=None)


@dataclass(frozen=True, slots=True)
class Switch:
    """The next generation serves; the old one is written as before."""

    with_failed: bool = False

    def on(self, view: View, at: str) -> View | None:
        if view.stage is not Stage.READY or view.other is None:
            return None
        if view.replayed.failed and not self.with_failed:
            return None
        return replace(view, stage=Stage.SWITCHED, serving=view.other, other=view.serving, since=at)


@dataclass(frozen=True, slots=True)
class Rollback:
    """The old generation serves again; the next one is written as before."""

    def on(self, view: View, at: str) -> View | None:
        if view.stage is not Stage.SWITCHED or view.other is None:
            return None
        return replace(view, stage=Stage.READY, serving=view.other, other=view.serving, since=at)


@dataclass(frozen=True, slots=True)
class Drop:
    """Nobody writes the generation that does not serve; its rows are deleted.

    Not before every function knows which one serves: until then some read what is to go.
    """

    def on(self, view: View, at: str) -> View | None:
        if view.other is None or view.stage is Stage.DROPPING:
            return None
        if view.stage in (Stage.READY, Stage.SWITCHED) and at < view.begins_at:
            return None
        return replace(view, stage=Stage.DROPPING, attempt=view.attempt + 1, since=at)


@dataclass(frozen=True, slots=True)
class Discard:
    """No handler writes the read model any more: what it has is deleted, and nothing serves.

    A generation without rows takes its place, so that rows of a handler that comes back with this
    name are none of those that are deleted.
    """

    patience: int = PATIENCE

    def on(self, view: View, at: str) -> View | None:
        if view.stage is not Stage.SERVING:
            return None
        return replace(
            view,
            types=(),
            patience=self.patience,
            stage=Stage.DROPPING,
            other=view.serving,
            serving=view.latest + 1,
            latest=view.latest + 1,
            attempt=view.attempt + 1,
            since=at,
            replayed=Counts(),
            compared=Counts(),
        )


ViewWrite = Begin | Resume | Cancel | Compare | EndStage | Switch | Rollback | Drop | Discard


@dataclass(frozen=True, slots=True)
class SegmentKey(InOnePartition):
    """Where the progress of a segment lies."""

    pk: str
    sk: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment(Record):
    """How far the work on a part is; `cursor` names the last that is counted."""

    key: SegmentKey
    attempt: int
    cursor: str | None = None
    is_done: bool = False
    counts: Counts = field(default_factory=Counts)
    expected: int | None = field(default=None, compare=False)
    """About how many items there are; None: nobody has counted."""
    opened_at: str = field(default="", compare=False)
    before: int = field(default=0, compare=False)
    """How many were counted when the attempt began with it, at `opened_at`."""

    @property
    def problems_pk(self) -> str:
        """Where lies what went wrong in this attempt."""
        return f"{self.key.pk}#{self.key.sk}#a{self.attempt}"


@dataclass(frozen=True, slots=True)
class ProblemKey(InOnePartition):
    """Where it lies why an item failed, or how a row differs."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Record):
    """An item that failed, or a row that only one generation has or that differs."""

    key: ProblemKey
    what: str
    error: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class GenerationRow:
    """A row: which generation has it, where in it, what it says, and whether a handler wrote it.

    What a view keeps beside its rows, such as their places, is no handler's.
    """

    generation: int
    place: str
    row: dict[str, Any]
    is_beside: bool = False


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """Take a segment for an attempt: from where it is, or from its beginning if some failed."""

    key: SegmentKey
    attempt: int
    redoes_failed: bool = False

    def on(self, segment: Segment, at: str) -> Segment | None:
        if segment.attempt > self.attempt:
            return None
        if segment.attempt == self.attempt:
            return segment
        if self.redoes_failed and segment.counts.failed:
            segment = replace(segment, cursor=None, is_done=False, counts=Counts())
        return replace(segment, attempt=self.attempt, opened_at=at, before=segment.counts.total)


@dataclass(frozen=True, slots=True)
class Advance:
    """Count a page and move past it, in one write; an overtaken function counts nothing."""

    key: SegmentKey
    attempt: int
    before: str | None
    cursor: str | None
    counts: Counts

    def on(self, segment: Segment, _at: str) -> Segment | None:
        if segment.is_done or (segment.attempt, segment.cursor) != (self.attempt, self.before):
            return None
        return replace(
            segment,
            cursor=self.cursor,
            is_done=self.cursor is None,
            counts=segment.counts + self.counts,
        )


@dataclass(frozen=True, slots=True)
class FindServing:
    """The read models that a handler writes, as known for at most 30 seconds: list of View."""


@dataclass(frozen=True, slots=True)
class Run:
    """Run the handler on the version, with these generations: by the read model's name."""

    generations: Mapping[str, int]


Call = FindServing | Run


def bring() -> Generator[Call, Any, None]:
    """Bring a version to a handler's read models: to those that serve, then to the next ones.

    A failure of either is the version's own, which is tried again for both.
    """
    views: list[View] = yield FindServing()
    yield Run({view.key.view: view.serving for view in views})
    doubled = {view.key.view: view.doubled for view in views if view.doubled is not None}
    if doubled:
        yield Run({view.key.view: view.serving for view in views} | doubled)
