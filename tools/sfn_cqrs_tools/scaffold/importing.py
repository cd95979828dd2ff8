"""A new table of imports, as the sample of its files suggests it, with its test."""

from __future__ import annotations

import json
import re

from sfn_cqrs_tools.scaffold.app_package import (
    AppPackage,
    Fields,
    call,
    check_type,
    import_lines,
)
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.names import pascal
from sfn_cqrs_tools.scaffold.sample import READERS, WIDEST, Sample, SampleColumn, width
from sfn_cqrs_tools.stack.framework import FOLDER
from sfn_local import Json

LONGEST = 32
BATCH_EVENT = "events/import_csv/csv_rows_handler.json"
_TABLE = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


class Table:
    """A table: its name, the type of its items, and which columns are their code and name."""

    def __init__(self, name: str, type_: str, sample: Sample, code: str, title: str) -> None:
        """Take what the user has chosen; what is empty is inferred.

        Raises:
            ScaffoldError: a name is invalid, or there is no such column.
        """
        if not _TABLE.fullmatch(name) or len(name) > LONGEST:
            raise ScaffoldError(
                f"{name!r} is not a table: small letters, digits and single '_' or '-', a letter"
                f" first, at most {LONGEST} characters, such as customers"
            )
        self.name = name
        self.type = type_ or singular(name).upper()
        check_type(self.type)
        self.sample = sample
        self.code = sample.column(code) if code else sample.code()
        self.title = sample.column(title) if title else sample.title(self.code)
        self.others = [
            each for each in sample.columns if each.name not in (self.code.name, self.title.name)
        ]

    @property
    def module(self) -> str:
        """Return the module's name."""
        return f"{self.name.replace('-', '_')}_import"

    @property
    def event(self) -> str:
        """Return the sample event of a batch of its rows."""
        return f"import_csv/csv_rows_handler_{self.name.replace('-', '_')}"

    @property
    def filled(self) -> list[SampleColumn]:
        """Return the columns that no row of the sample leaves empty."""
        keys = (self.code, self.title)
        return [each for each in self.sample.columns if each.is_filled or each in keys]

    @property
    def read(self) -> list[SampleColumn]:
        """Return the columns that are more than text."""
        return [each for each in self.others if each.kind in READERS]

    def fits(self, model: Fields) -> bool:
        """Return whether the columns are the fields of the type's class.

        Raises:
            ScaffoldError: every row would be refused.
        """
        columns = [each.name for each in self.sample.columns]
        missing = [name for name, needed in model.needed.items() if needed and name not in columns]
        others = [each.name for each in self.others if each.name not in model.needed]
        if missing:
            raise ScaffoldError(
                f"the sample has no column {missing[0]!r}, which {model.name} of {self.type} needs"
            )
        if others and not model.keeps_unknown:
            raise ScaffoldError(
                f"{others[0]!r} is not a field of {model.name}, the class of {self.type}: add it"
                " there, or leave the column out"
            )
        return not others

    @property
    def row(self) -> dict[str, str]:
        """Return a row as the test has it: the shortest cells of each column."""
        return {each.name: _example(each) for each in self.sample.columns}


def singular(table: str) -> str:
    """Return the type that a table's name suggests: `order-lines` are ORDER_LINE."""
    name = table.replace("-", "_")
    for ending, one in (("ies", "y"), ("sses", "ss"), ("ss", "ss"), ("s", "")):
        if name.endswith(ending) and len(name) > len(ending) + 1:
            return name.removesuffix(ending) + one
    return name


def add_import(changes: Changes, package: AppPackage, table: Table, audience: Audience) -> None:
    """Add the strategy of a table, its test, and the event of a batch of the sample's rows.

    A type that the package does not declare yet is, for those who may import.

    Raises:
        ScaffoldError: the table has a strategy, the module exists, or the sample's columns are not
            the fields of the type's class.
    """
    taken = package.registered("import_strategy").get(table.name)
    if taken is not None:
        raise ScaffoldError(f"{table.name} has a strategy in {taken} already")
    types = {*package.registered("sync_handler"), *package.registered("command_type")}
    model = package.model_of(table.type)
    if model is not None and table.fits(model):
        strategy, test = _of_model(table, model, audience), _test_of_model(table)
    else:
        strategy = _strategy(table, table.type in types, audience)
        test = _test(package.name, table)
    changes.create(package.module(table.module), strategy)
    changes.create(package.test(table.module), test)
    changes.create(f"events/{table.event}.json", _event(_batch_event(changes), table))


def _strategy(table: Table, is_known: bool, audience: Audience) -> str:
    kinds = sorted({each.kind for each in table.read})
    readers = ["Reader", *sorted([*kinds, "filled", "text"])] if kinds else ["filled"]
    imports = import_lines(
        f"from sfn_cqrs.domain.cells import {', '.join(readers)}",
        "from sfn_cqrs.domain.import_strategy import Column, ImportStrategy, Record",
        audience.import_line,
        *([] if is_known else ["from sfn_cqrs.service.handlers import command_type"]),
        "from sfn_cqrs.domain.values import Json",
        "from sfn_cqrs.service.imports.strategies import import_strategy",
    )
    code, title = _literal(table.code.name), _literal(table.title.name)
    reader = "READERS.get(column, text)(column, cell)" if kinds else "cell"
    return f'''\
"""The table `{table.name}`, as a sample of its rows suggests it."""

{imports}

CODE_COLUMN, NAME_COLUMN = {code}, {title}
FILLED = {_exploded([_literal(each.name) for each in table.filled], "()")}
{_readers(table)}{"" if is_known else f"{_declared(table, audience)}"}

{call("@import_strategy", f'"{table.name}"', f"publish={audience.code}", *_machine(audience))}
class {pascal(table.name)}Import(ImportStrategy):
    """One row is one item; an empty cell is left out."""

    type = "{table.type}"
    columns = {_exploded([_column(table, each) for each in table.sample.columns], "()", "    ")}

    def transform(self, cells: dict[str, str]) -> Record:
        """Read each cell as what its column holds."""
        for column in FILLED:
            filled(column, cells[column])
        attributes: dict[str, Json] = {{}}
        for column, cell in cells.items():
            if cell and column not in (CODE_COLUMN, NAME_COLUMN):
                attributes[column] = {reader}
        return Record(cells[CODE_COLUMN], cells[NAME_COLUMN], attributes)
'''


def _of_model(table: Table, model: Fields, audience: Audience) -> str:
    imports = import_lines(
        f"from {model.module} import {model.name}",
        "from sfn_cqrs.domain.model_strategy import ModelStrategy",
        audience.import_line,
        "from sfn_cqrs.service.imports.strategies import import_strategy",
    )
    code, title = _literal(table.code.name), _literal(table.title.name)
    return f'''\
"""The table `{table.name}`: its columns are the fields of {model.name}."""

{imports}


{call("@import_strategy", f'"{table.name}"', f"publish={audience.code}", *_machine(audience))}
class {pascal(table.name)}Import(ModelStrategy):
    """One row is one item; an empty cell is left out."""

    type = "{table.type}"
    attributes = {model.name}
    code = {code}
    name = {title}
'''


def _machine(audience: Audience) -> list[str]:
    """Clients that may import at all may send files of any size; code may always."""
    return [] if audience.name == "CODE" else ["step_function=True"]


def _declared(table: Table, audience: Audience) -> str:
    return f"\n{audience.declaration(table.type)}\n"


def _readers(table: Table) -> str:
    if not table.read:
        return ""
    lines = [f"{_literal(each.name)}: {each.kind}" for each in table.read]
    return f"READERS: dict[str, Reader] = {_exploded(lines, '{}')}\n"


def _column(table: Table, column: SampleColumn) -> str:
    required = ", required=True" if column in table.filled else ""
    return f"Column({_literal(column.name)}{required})"


def _test(package: str, table: Table) -> str:
    imports = import_lines(
        f"from {package}.{table.module} import FILLED",
        "from sfn_cqrs.domain.csv_rows import Problem",
        "from sfn_cqrs.domain.import_strategy import Wanted",
        "from sfn_cqrs.service.imports import strategies",
    )
    row = [f"{_literal(name)}: {_literal(cell)}" for name, cell in table.row.items()]
    attributes = [
        f"{_literal(each.name)}: {_literal(_value(each, table.row[each.name]))}"
        for each in table.others
        if table.row[each.name]
    ]
    return f'''\
import pytest

{imports}

ROW = {_exploded(row, "{}")}
{_read(table)}

@pytest.fixture
def table():
    return strategies.find("{table.name}")


def test_a_row_becomes_an_item(table):
    wanted = strategies.wanted_by(table, "tenant1", ROW)

    assert wanted.key.type == "{table.type}"
    assert wanted.key.code == {_literal(table.row[table.code.name])}
    assert wanted.record.name == {_literal(table.row[table.title.name])}
    assert wanted.record.attributes == {_exploded(attributes, "{}", "    ")}


def test_the_rows_of_the_sample_event_are_taken(table, sample):
    event = sample("{table.event}")

    wanted = [strategies.wanted_by(table, "tenant1", item["value"]) for item in event["input"]]

    assert {{type(one) for one in wanted}} == {{Wanted}}


def test_the_header_of_the_sample_is_taken(table):
    assert table.known_columns().assigned(list(ROW)) == tuple(ROW)


@pytest.mark.parametrize("column", FILLED)
def test_a_cell_that_must_not_be_empty_is_named(column, table):
    problem = strategies.wanted_by(table, "tenant1", {{**ROW, column: ""}})

    assert problem == Problem("invalid", f"{{column}}: must not be empty")
{_KINDS_TEST if table.read else ""}'''


def _test_of_model(table: Table) -> str:
    imports = import_lines(
        "from sfn_cqrs.domain.import_strategy import Wanted",
        "from sfn_cqrs.service.imports import strategies",
    )
    row = [f"{_literal(name)}: {_literal(cell)}" for name, cell in table.row.items()]
    return f'''\
import pytest

{imports}

ROW = {_exploded(row, "{}")}


@pytest.fixture
def table():
    return strategies.find("{table.name}")


def test_a_row_becomes_an_item(table):
    wanted = strategies.wanted_by(table, "tenant1", ROW)

    assert wanted.key.type == "{table.type}"
    assert wanted.key.code == {_literal(table.row[table.code.name])}
    assert wanted.record.name == {_literal(table.row[table.title.name])}


def test_the_rows_of_the_sample_event_are_taken(table, sample):
    event = sample("{table.event}")

    wanted = [strategies.wanted_by(table, "tenant1", item["value"]) for item in event["input"]]

    assert {{type(one) for one in wanted}} == {{Wanted}}


def test_the_header_of_the_sample_is_taken(table):
    assert table.known_columns().assigned(list(ROW)) == tuple(ROW)
'''


def _batch_event(changes: Changes) -> str:
    """Return the application's own sample of a batch."""
    nested = f"{FOLDER}/{BATCH_EVENT}"
    return changes.read(nested if (changes.root / nested).is_file() else BATCH_EVENT)


def _event(batch: str, table: Table) -> str:
    """Return the machine's event for the first rows of the sample."""
    items = [{"index": index, "value": row} for index, row in enumerate(table.sample.first)]
    return json.dumps({**json.loads(batch), "input": items}, ensure_ascii=False, indent=2) + "\n"


def _read(table: Table) -> str:
    if not table.read:
        return ""
    names = [_literal(each.name) for each in table.read]
    listed = f"({names[0]},)" if len(names) == 1 else _exploded(names, "()")
    return f"READ = {listed}\n"


_KINDS_TEST = """

@pytest.mark.parametrize("column", READ)
def test_a_cell_of_another_kind_is_named(column, table):
    problem = strategies.wanted_by(table, "tenant1", {**ROW, column: "?"})

    assert problem.code == "invalid"
    assert problem.reason.startswith(f"{column}: '?' is ")
"""


def _example(column: SampleColumn) -> str:
    text = column.example
    if column.kind == "text":
        while width(text) > WIDEST:
            text = text[:-1]
    return text.strip()


def _value(column: SampleColumn, cell: str) -> Json:
    reader = READERS.get(column.kind)
    return cell if reader is None else reader(column.name, cell)


def _exploded(lines: list[str], brackets: str, margin: str = "") -> str:
    """Return a literal of one entry a line, which a formatter leaves so."""
    if not lines:
        return brackets
    inner = "".join(f"{margin}    {line},\n" for line in lines)
    return f"{brackets[0]}\n{inner}{margin}{brackets[1]}"


def _literal(value: Json) -> str:
    """Return a string, number or boolean as Python code, with the formatter's quotes."""
    if not isinstance(value, str):
        return repr(value)
    if '"' in value and "'" not in value:
        return "'" + json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"') + "'"
    return json.dumps(value, ensure_ascii=False)
