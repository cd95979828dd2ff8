"""A new table of imports, as the sample of its files suggests it, with its test."""

from __future__ import annotations

import json
import re

from sfn_cqrs_tools.project import NESTED
from sfn_cqrs_tools.scaffold.app_package import AppPackage, Fields, call, check_type
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.sample import READERS, WIDEST, Sample, SampleColumn, width
from sfn_cqrs_tools.scaffold.texts import text
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
    def filled(self) -> tuple[str, ...]:
        """Return the columns that no row of the sample leaves empty."""
        keys = (self.code, self.title)
        return tuple(each.name for each in self.sample.columns if each.is_filled or each in keys)

    @property
    def read(self) -> list[SampleColumn]:
        """Return the columns that are more than text."""
        return [each for each in self.others if each.kind in READERS]

    @property
    def attributes(self) -> dict[str, Json]:
        """Return the attributes that the row of the test becomes."""
        row = self.row
        return {each.name: _value(each, row[each.name]) for each in self.others if row[each.name]}

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
        template = "model_import"
    else:
        template, model = "import", None
    settings = (f'"{table.name}"', f"publish={audience.code}", *_machine(audience))
    kinds = sorted({each.kind for each in table.read})
    values = {
        "table": table,
        "model": model,
        "audience": audience,
        "is_known": table.type in types,
        "decorator": call("@import_strategy", *settings),
        "readers": ["Reader", *sorted([*kinds, "filled", "text"])] if kinds else ["filled"],
        "package": package.name,
    }
    changes.create(package.module(table.module), text(f"app/{template}.py", **values))
    changes.create(package.test(table.module), text("app/test_import.py", **values))
    changes.create(f"events/{table.event}.json", _event(_batch_event(changes), table))


def _machine(audience: Audience) -> list[str]:
    """Clients that may import at all may send files of any size; code may always."""
    return [] if audience.name == "CODE" else ["step_function=True"]


def _batch_event(changes: Changes) -> str:
    """Return the application's own sample of a batch."""
    nested = f"{NESTED}/{BATCH_EVENT}"
    return changes.read(nested if (changes.root / nested).is_file() else BATCH_EVENT)


def _event(batch: str, table: Table) -> str:
    """Return the machine's event for the first rows of the sample."""
    items = [{"index": index, "value": row} for index, row in enumerate(table.sample.first)]
    return json.dumps({**json.loads(batch), "input": items}, ensure_ascii=False, indent=2) + "\n"


def _example(column: SampleColumn) -> str:
    text = column.example
    if column.kind == "text":
        while width(text) > WIDEST:
            text = text[:-1]
    return text.strip()


def _value(column: SampleColumn, cell: str) -> Json:
    reader = READERS.get(column.kind)
    return cell if reader is None else reader(column.name, cell)
