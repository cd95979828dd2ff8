"""A table of imports: its columns, and how a row becomes an item."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from sfn_cqrs.kernel.command import Content, DataRow
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.import_csv.csv.header import Columns


class Comparison(StrEnum):
    """How a row compares with the current item."""

    EQUAL = "EQUAL"
    NOT_EXIST = "NOT_EXIST"
    CHANGED = "CHANGED"


class Duplicates(StrEnum):
    """The treatment of earlier rows with the same key, if a later row of the file replaces them.

    An earlier row that was applied before the later one was read stays applied.
    """

    LAST_WINS = "last_wins"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `aliases` are other names that a header may give it."""

    name: str
    required: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """The item that a row asks for."""

    code: str
    name: str
    attributes: dict[str, Json] = field(default_factory=dict)
    is_deleted: bool = False


class ImportStrategy:
    """How the rows of a table become items of a type; subclass it and give it a table's name.

    To refuse a row, raise `InvalidInputError` with the column and the problem.
    After a `TransientError` the batch is tried again. Each method may run more than once for a row.
    """

    type: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    duplicates: ClassVar[Duplicates] = Duplicates.LAST_WINS
    refuses_unknown_columns: ClassVar[bool] = True
    model: ClassVar[Any] = None
    """A pydantic model of a row, if there is one; `transform` is then given its instance."""

    def transform(self, cells: Any) -> Record:
        """Make an item of a row's cells by column, each a string without blanks around it."""
        raise NotImplementedError

    def validate(self, record: Record) -> None:
        """Refuse an item that must not be stored."""

    def compare(self, record: Record, current: DataRow | None) -> Comparison:
        """Say whether the row changes the current item; a row of a deleted item revives it."""
        if current is None:
            return Comparison.NOT_EXIST
        wanted = Content(record.name, record.attributes, record.is_deleted)
        is_equal = wanted.digest(current.key) == current.converted.digest(current.key)
        return Comparison.EQUAL if is_equal else Comparison.CHANGED

    @classmethod
    def known_columns(cls) -> Columns:
        """The columns as the reader of the header knows them."""
        return Columns(
            tuple(column.name for column in cls.columns),
            frozenset(column.name for column in cls.columns if column.required),
            {alias: column.name for column in cls.columns for alias in column.aliases},
            cls.refuses_unknown_columns,
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """The item that a good row asks for."""

    key: ItemKey
    record: Record

    @property
    def content(self) -> Content:
        """The content that is published."""
        return Content(self.record.name, self.record.attributes, self.record.is_deleted)
