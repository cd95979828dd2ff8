import csv
import json
import re
from pathlib import Path

import airportsdata
import pytest
from pydantic import BaseModel

from sfn_cqrs.errors import InvalidInputError, TransientError
from sfn_cqrs.imports import (
    Column,
    Comparison,
    ImportStrategy,
    Problem,
    Record,
    Wanted,
    find,
    import_strategy,
    wanted_by,
)
from sfn_cqrs.types import Audit, Content, DataRow, ItemKey

NARITA = {
    "icao": "RJAA",
    "iata": "NRT",
    "name": "Narita International Airport",
    "city": "Tokyo",
    "subd": "Chiba",
    "country": "JP",
    "elevation": "141",
    "lat": "35.764702",
    "lon": "140.386002",
    "tz": "Asia/Tokyo",
    "lid": "",
}
AUDIT = Audit("2026-11-25T12:00:00.000Z")


@pytest.fixture
def airports():
    return find("airports")


def test_a_row_becomes_an_airport(airports):
    wanted = wanted_by(airports, "tenant1", NARITA)

    assert wanted == Wanted(
        ItemKey("tenant1", "AIRPORT", "RJAA"),
        Record(
            "RJAA",
            "Narita International Airport",
            {
                "iata": "NRT",
                "city": "Tokyo",
                "subd": "Chiba",
                "country": "JP",
                "tz": "Asia/Tokyo",
                "lid": "",
                "elevation": 141,
                "lat": 35.764702,
                "lon": 140.386002,
            },
        ),
    )


def test_every_airport_of_the_world_is_taken(airports):
    with (Path(airportsdata.__file__).parent / "airports.csv").open(encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = airports.known_columns().assigned(list(reader.fieldnames or []))
        problems = [
            problem
            for row in reader
            if isinstance(problem := wanted_by(airports, "tenant1", row), Problem)
        ]

    assert columns == tuple(NARITA)
    assert problems == []


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("lat", "abc", "lat: 'abc' is not a number"),
        ("lat", "", "lat: must not be empty"),
        ("lat", "90.5", "lat: must be between -90 and 90, is 90.5"),
        ("lon", "-181", "lon: must be between -180 and 180, is -181"),
        ("lon", "nan", "lon: must be between -180 and 180, is nan"),
        ("elevation", "99999", "elevation: must be between -1500 and 30000, is 99999"),
        ("tz", "Mars/Base", "tz: 'Mars/Base' is not a time zone, such as Asia/Tokyo"),
        ("country", "", "country: must not be empty"),
        ("icao", "", "code: must not be empty"),
        ("name", "x" * 1025, "name: must be a string of at most 1024 characters"),
    ],
)
def test_a_bad_cell_is_named(column, text, reason, airports):
    problem = wanted_by(airports, "tenant1", {**NARITA, column: text})

    assert problem == Problem("invalid", reason)


def test_an_airport_may_lack_its_elevation(airports):
    wanted = wanted_by(airports, "tenant1", {**NARITA, "elevation": ""})

    assert "elevation" not in wanted.record.attributes


def row_of(wanted, **changes):
    fields = {"key": wanted.key, "version": 1, "command_id": "1", "created": AUDIT}
    return DataRow(**{**fields, "updated": AUDIT, "content": wanted.content, **changes})


def test_a_row_is_compared_with_the_item_as_it_is(airports):
    wanted = wanted_by(airports, "tenant1", NARITA)
    other = wanted_by(airports, "tenant1", {**NARITA, "elevation": "142"})
    deleted = Content(wanted.record.name, wanted.record.attributes, is_deleted=True)

    assert airports.compare(wanted.record, None) is Comparison.NOT_EXIST
    assert airports.compare(wanted.record, row_of(wanted)) is Comparison.EQUAL
    assert airports.compare(other.record, row_of(wanted)) is Comparison.CHANGED
    assert airports.compare(wanted.record, row_of(wanted, content=deleted)) is Comparison.CHANGED


class Row(BaseModel):
    code: str
    amount: int


class Modelled(ImportStrategy):
    type = "ORDER"
    columns = (Column("code", required=True), Column("amount", required=True))
    model = Row

    def transform(self, cells):
        if cells.amount == 0:
            raise TransientError("the rates are unreachable")
        return Record(cells.code, cells.code, {"amount": 100 // (cells.amount - 1)})


def test_a_row_may_be_a_pydantic_model():
    wanted = wanted_by(Modelled(), "tenant1", {"code": "a", "amount": "3"})

    assert wanted.record == Record("a", "a", {"amount": 50})


def test_a_model_says_all_that_is_wrong_with_a_row():
    problem = wanted_by(Modelled(), "tenant1", {"amount": "x"})

    assert problem == Problem(
        "invalid",
        "code: Field required;"
        " amount: Input should be a valid integer, unable to parse string as an integer",
    )


def test_a_fault_of_the_strategy_is_its_rows_problem():
    problem = wanted_by(Modelled(), "tenant1", {"code": "a", "amount": "1"})

    reason = r"ZeroDivisionError: integer division or modulo by zero"
    assert re.fullmatch(rf"{reason} \(test_airport_import\.py, line \d+\)", problem.reason)
    assert problem.code == "strategy"


class Faulty(Modelled):
    def transform(self, cells):
        return Record(cells.code, cells.code, {"amount": 1 // 0})  # each line is logged once


def test_where_a_strategy_raises_is_logged_once_and_names_no_cell(log):
    for _ in range(3):
        wanted_by(Faulty(), "tenant1", {"code": "ada@example.com", "amount": "1"})

    (line,) = map(json.loads, log.getvalue().splitlines())
    assert line["message"] == "a strategy failed: ZeroDivisionError"
    assert re.search(r'test_airport_import\.py", line \d+, in transform', line["stackTrace"][0])
    assert "ada@" not in str(line)


def test_what_may_pass_is_no_problem_of_the_row():
    with pytest.raises(TransientError):
        wanted_by(Modelled(), "tenant1", {"code": "a", "amount": "0"})


def test_an_unknown_table_is_refused_with_those_that_are_known():
    with pytest.raises(InvalidInputError) as refusal:
        find("airprots")

    refused, _, known = str(refusal.value).partition("; known tables: ")
    assert refused == "tableName: 'airprots' has no strategy (did you mean airports?)"
    assert "airports" in known.split(", ")


def test_a_table_has_one_strategy(airports):
    assert airports.type == "AIRPORT"
    with pytest.raises(ValueError, match=r"has a strategy in shop\.airport_import already"):
        import_strategy("airports")(Modelled)


@pytest.mark.parametrize("table", ["", "Airports", "a b", "a#b", "1a"])
def test_a_tables_name_fits_into_a_path_and_a_key(table):
    with pytest.raises(ValueError, match="is not a table"):
        import_strategy(table)
