"""What a simulation begins with: changes of items, plans, tasks, sagas and imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an item: its next version has these attributes, or is a deletion.

    `Change("BOOK", "b-1", {"title": "Emma"})`, `Change("BOOK", "b-1", is_deleted=True)`. With
    `after=timedelta(days=1)` it is planned, as by `publish_at`.
    """

    type: str
    code: str
    attributes: dict[str, Json] | None = None
    name: str = ""
    is_deleted: bool = False
    after: timedelta | None = None

    def __str__(self) -> str:
        """Return the change as a story tells it."""
        item = f"{self.type} {self.code}"
        what = "is deleted" if self.is_deleted else f"becomes {self.attributes or {}}"
        return f"{item} {what}" if self.after is None else f"{item} {what}, planned in {self.after}"


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task with these inputs, one for each item: `NewTask("REMINDER", [{"order": "o-1"}])`."""

    type: str
    items: Sequence[Json]

    def __str__(self) -> str:
        """Return the task as a story tells it."""
        return f"task {self.type} of {', '.join(map(str, self.items))}"


@dataclass(frozen=True, slots=True)
class NewSaga:
    """A saga with this input: `NewSaga("courier", {"code": "p-1"})`."""

    saga: str
    input: dict[str, Json]

    def __str__(self) -> str:
        """Return the saga as a story tells it."""
        return f"saga {self.saga} with {self.input}"


@dataclass(frozen=True, slots=True)
class NewImport:
    """An import of these rows, each with its cells: `NewImport("books", [{"code": "b-1"}])`."""

    table: str
    rows: Sequence[Mapping[str, str]]

    def __str__(self) -> str:
        """Return the import as a story tells it."""
        return f"import into {self.table} of {', '.join(str(dict(row)) for row in self.rows)}"


Wish = Change | NewTask | NewSaga | NewImport
