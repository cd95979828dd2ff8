import pytest

from lending.people_import import FILLED
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.import_strategy import Wanted
from sfn_cqrs.service.imports import strategies

ROW = {
    "id": "1",
    "name": "Ada",
    "age": "36",
    "note": "hello",
}
READ = ("age",)


@pytest.fixture
def table():
    return strategies.find("people")


def test_a_row_becomes_an_item(table):
    wanted = strategies.wanted_by(table, "tenant1", ROW)

    assert wanted.key.type == "PEOPLE"
    assert wanted.key.code == "1"
    assert wanted.record.name == "Ada"
    assert wanted.record.attributes == {
        "age": 36,
        "note": "hello",
    }


def test_the_rows_of_the_sample_event_are_taken(table, sample):
    event = sample("import_csv/csv_rows_handler_people")

    wanted = [strategies.wanted_by(table, "tenant1", item["value"]) for item in event["input"]]

    assert {type(one) for one in wanted} == {Wanted}


def test_the_header_of_the_sample_is_taken(table):
    assert table.known_columns().assigned(list(ROW)) == tuple(ROW)


@pytest.mark.parametrize("column", FILLED)
def test_a_cell_that_must_not_be_empty_is_named(column, table):
    problem = strategies.wanted_by(table, "tenant1", {**ROW, column: ""})

    assert problem == Problem("invalid", f"{column}: must not be empty")


@pytest.mark.parametrize("column", READ)
def test_a_cell_of_another_kind_is_named(column, table):
    problem = strategies.wanted_by(table, "tenant1", {**ROW, column: "?"})

    assert problem.code == "invalid"
    assert problem.reason.startswith(f"{column}: '?' is ")
