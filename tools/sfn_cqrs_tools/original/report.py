"""The counts of a migration by type, and the rows that it has not taken, with the reasons."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

MOST_SHOWN: Final = 1_000
Tell = Callable[["Problem"], None]


class Fate(StrEnum):
    """How it went with an item or a task."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that is not taken: `left` are versions or tasks that do not belong here."""

    what: str
    pk: str
    sk: str
    reason: str
    is_left: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the problem as the file of problems has it."""
        fate = "left" if self.is_left else "refused"
        where = {"pk": self.pk, "sk": self.sk}
        return {"what": self.what, **where, "fate": fate, "reason": self.reason}


@dataclass(slots=True)
class Report:
    """The counts, and the first problems; `tell` gets every problem."""

    tell: Tell = lambda _problem: None
    types: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    refused: int = 0
    left: int = 0
    problems: list[Problem] = field(default_factory=list)

    def create(self, type_: str, versions: int) -> None:
        """Count a new item with its versions, or a task with its items."""
        self.count(type_, Fate.CREATED)
        self.types[type_]["versions"] += versions

    def count(self, type_: str, fate: Fate) -> None:
        """Count an item or a task."""
        self.types[type_][fate] += 1

    def refuse(self, what: str, pk: str, sk: str, reason: str) -> None:
        """Count an item or a task that cannot be taken."""
        self.refused += 1
        self._add(Problem(what, pk, sk, reason))

    def leave(self, what: str, pk: str, sk: str, reason: str) -> None:
        """Count a part of an item, or an open task, that stays there."""
        self.left += 1
        self._add(Problem(what, pk, sk, reason, is_left=True))

    def _add(self, problem: Problem) -> None:
        self.tell(problem)
        if len(self.problems) < MOST_SHOWN:
            self.problems.append(problem)

    def as_json(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        names = (*Fate, "versions")
        return {
            "types": {
                type_: {str(name): counts[name] for name in names}
                for type_, counts in sorted(self.types.items())
            },
            "refused": self.refused,
            "left": self.left,
            "problems": [problem.as_json() for problem in self.problems],
        }
