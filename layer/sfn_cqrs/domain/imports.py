"""Imports: the result of each row, and how rows are counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.command import Audit, Command, DataRow
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs.domain.policy import Client
from sfn_cqrs.domain.tally import Tally

SUPERSEDED = "superseded"
KEPT = frozenset({"changed_since", "history_expired", "not_written", "skipped", SUPERSEDED})
"""Why an undo leaves a row's item unchanged; a retry does the same."""
CLOCK_SKEW = timedelta(minutes=1)


class PublishMode(StrEnum):
    """SYNC: a row has succeeded when it is applied; ASYNC: when its command is accepted."""

    SYNC = "SYNC"
    ASYNC = "ASYNC"


class Fate(StrEnum):
    """The result of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Counts(Tally):
    """How many rows had which fate."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0

    @classmethod
    def of(cls, fates: Iterable[Fate]) -> "Counts":
        """Count fates."""
        return cls(**{str(fate): count for fate, count in Counter(fates).items()})

    @property
    def accepted(self) -> int:
        """The rows that have not failed."""
        return self.created + self.updated + self.unchanged


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan of a row: `version` is the one that it is published as (0: none).

    A failed one has a problem; an unchanged one may have a reason, such as `superseded`. One with
    a version has the item's code, so that an undo finds the item. A row that an undo keeps is
    unchanged, and its problem says why.
    """

    fate: Fate
    version: int = 0
    reason: str = ""
    problem: Problem | None = None
    code: str = ""

    @classmethod
    def writing(cls, version: int, code: str) -> "Planned":
        """Plan a row that is published as this version."""
        return cls(Fate.CREATED if version == 1 else Fate.UPDATED, version, code=code)

    @classmethod
    def failing(cls, code: str, reason: str) -> "Planned":
        """A row that cannot be published."""
        return cls(Fate.FAILED, problem=Problem(code, reason))


Plan = dict[int, Planned]
"""The plan for the good rows of a batch, by row; written before anything else."""


@dataclass(frozen=True, slots=True)
class InputRow:
    """A row as a batch brings it; `problem` is what the loader found."""

    number: int
    cells: list[str]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row as the file has it, and why it was not imported."""

    row: InputRow
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The part of a job that its batches need.

    The rows of a `client` change no guarded attribute.

    `columns` has one entry for each cell of a row. `by` is who the versions are written for;
    a `dry_run` goes through all rows and writes none. `earlier` are the jobs that went through
    the same file before, the first one since `since`. `undoes` is the import that the job takes
    back.
    """

    key: ImportKey
    table: str
    columns: tuple[str | None, ...]
    by: Audit
    client: Client | None = None
    publish_mode: PublishMode = PublishMode.SYNC
    dry_run: bool = False
    earlier: tuple[str, ...] = ()
    since: str = ""
    undoes: str = ""

    def cells_of(self, row: InputRow) -> dict[str, str]:
        """A row's cells by the table's columns, without blanks around them."""
        pairs = zip(self.columns, row.cells, strict=True)
        return {column: cell.strip() for column, cell in pairs if column is not None}

    def supersedes(self, row: int, version: DataRow | Command) -> bool:
        """Whether a version was written by a later row of the same file."""
        is_later = version.source_row is not None and version.source_row > row
        return self._is_ours(version) and is_later

    def may_hide_ours(self, version: DataRow | Command) -> bool:
        """Whether another writer's version may be later than this job's."""
        return not self._is_ours(version) and version.updated.at >= self._since

    def _is_ours(self, version: DataRow | Command) -> bool:
        return version.source in (self.key.id, *self.earlier)

    @property
    def _since(self) -> str:
        """A little before the first job was made: clocks differ."""
        since = self.since or self.by.at
        return iso(datetime.fromisoformat(since) - CLOCK_SKEW) if since else ""

    def has_applied(self, row: int, current: DataRow | None) -> bool:
        """Whether this very row wrote the item as it is."""
        is_ours = current is not None and current.source == self.key.id
        return is_ours and current is not None and current.source_row == row


@dataclass(frozen=True, slots=True)
class Marker:
    """That a batch is counted, and how; `first` and `last` are its rows."""

    first: int
    last: int
    counts: Counts = field(default_factory=Counts)
    has_errors: bool = False
