"""A table of imports whose columns are the fields of its type's model."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from sfn_cqrs.kernel.models.fields import DataclassModel
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.import_csv.csv.cells import BOOLEANS, INTEGER, NUMBER
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record


class ModelStrategy(ImportStrategy):
    """Rows whose columns are the fields of a dataclass, which is the model of the type.

    The type of the field decides how a cell is read: a number, `true` or `false`, JSON for a list
    or an object, else text. An empty cell is left out. If a row does not fit the model, it fails,
    with the names of its columns.
    """

    attributes: ClassVar[type]
    """The same class as in `command_type(…, model=)`."""
    code: ClassVar[str]
    """The column with the item's code; it may be a field as well."""
    name: ClassVar[str] = ""
    """The column with the item's name; without one, the name is the code."""
    aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Other names that a header may give a column."""
    _json: ClassVar[Mapping[str, frozenset[str]]]

    def __init_subclass__(cls) -> None:
        """Make the columns of the fields.

        Raises:
            TypeError: the class is not a dataclass.
        """
        super().__init_subclass__()
        fields = DataclassModel(cls.attributes, keeps_unknown=False).structure.by_name
        own = {name: True for name in (cls.code, cls.name) if name}
        needed = {**{name: field.is_needed for name, field in fields.items()}, **own}
        cls._json = {name: field.field.json for name, field in fields.items()}
        cls.columns = tuple(
            Column(name, is_needed, cls.aliases.get(name, ())) for name, is_needed in needed.items()
        )

    def transform(self, cells: Any) -> Record:
        """Make an item of a row's cells."""
        given = {name: cells[name] for name in self._json if cells.get(name)}
        attributes = {name: _read(cell, self._json[name]) for name, cell in given.items()}
        return Record(cells[self.code], cells[self.name or self.code], attributes)


def _read(cell: str, kinds: frozenset[str]) -> Json:
    """Read a cell as one of the JSON types of its field; what is none of them stays text."""
    if "string" in kinds or "any" in kinds:
        return cell
    if "number" in kinds and INTEGER.fullmatch(cell):
        return int(cell)
    if "number" in kinds and NUMBER.fullmatch(cell):
        return float(cell)
    if "boolean" in kinds and cell.lower() in BOOLEANS:
        return BOOLEANS[cell.lower()]
    if kinds & {"array", "object"}:
        try:
            value: Json = json.loads(cell)
        except ValueError:
            return cell
        return value
    return cell
