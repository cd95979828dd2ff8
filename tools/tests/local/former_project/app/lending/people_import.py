"""The table `people`, as a sample of its rows suggests it."""

from sfn_cqrs.domain.cells import Reader, filled, integer, text
from sfn_cqrs.domain.import_strategy import Column, ImportStrategy, Record
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.domain.values import Json
from sfn_cqrs.service.handlers import command_type
from sfn_cqrs.service.imports.strategies import import_strategy

CODE_COLUMN, NAME_COLUMN = "id", "name"
FILLED = (
    "id",
    "name",
    "age",
)
READERS: dict[str, Reader] = {
    "age": integer,
}

command_type("PEOPLE", publish=MEMBERS)


@import_strategy("people", publish=MEMBERS, step_function=True)
class PeopleImport(ImportStrategy):
    """One row is one item; an empty cell is left out."""

    type = "PEOPLE"
    columns = (
        Column("id", required=True),
        Column("name", required=True),
        Column("age", required=True),
        Column("note"),
    )

    def transform(self, cells: dict[str, str]) -> Record:
        """Read each cell as what its column holds."""
        for column in FILLED:
            filled(column, cells[column])
        attributes: dict[str, Json] = {}
        for column, cell in cells.items():
            if cell and column not in (CODE_COLUMN, NAME_COLUMN):
                attributes[column] = READERS.get(column, text)(column, cell)
        return Record(cells[CODE_COLUMN], cells[NAME_COLUMN], attributes)
