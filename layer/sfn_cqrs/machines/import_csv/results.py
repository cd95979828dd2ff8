"""Imports: the result of each row, and how rows are counted."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from sfn_cqrs.kernel.tally import Tally
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row

SUPERSEDED = "superseded"
KEPT = frozenset(
    {"changed_since", "history_expired", "not_written", "not_yours", "skipped", SUPERSEDED}
)
"""Why an undo leaves a row's item unchanged; a retry does the same."""


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
class FailedRow:
    """A row as the file has it, and why it was not imported."""

    row: Row
    problem: Problem


@dataclass(frozen=True, slots=True)
class Spent:
    """How many milliseconds batches took, and how many of these in each handler."""

    total: int = 0
    handlers: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, total: timedelta, handlers: Mapping[str, timedelta]) -> "Spent":
        """Return what was measured."""
        one = timedelta(milliseconds=1)
        taken = {name: round(took / one) for name, took in handlers.items()}
        return cls(round(total / one), taken)

    def __add__(self, other: "Spent") -> "Spent":
        """Both together."""
        handlers = Counter(self.handlers)
        handlers.update(other.handlers)
        return Spent(self.total + other.total, handlers)

    @property
    def percent(self) -> dict[str, int]:
        """Return the percents of each handler that has at least one, the largest first."""
        by_share = sorted(self.handlers.items(), key=lambda one: (-one[1], one[0]))
        shares = {name: round(100 * spent / self.total) for name, spent in by_share if self.total}
        return {name: share for name, share in shares.items() if share}


@dataclass(frozen=True, slots=True)
class Marker:
    """That a batch is counted, and how; `first` and `last` are its rows.

    The marker is not stored with what it `spent`: only the sum of all batches is.
    """

    first: int
    last: int
    counts: Counts = field(default_factory=Counts)
    has_errors: bool = False
    spent: Spent = field(default_factory=Spent, compare=False)
