"""errors.csv: no formula in any spreadsheet, and the same cells when it is imported again."""

import csv
import io
import re
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfn_cqrs.machines.import_csv.csv import formulas
from sfn_cqrs.machines.import_csv.csv.formulas import plain, safe
from sfn_cqrs.machines.import_csv.csv.header import Columns
from sfn_cqrs.machines.import_csv.csv.report import report_lines
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row, open_csv
from sfn_cqrs.machines.import_csv.results import FailedRow

STARTS = "=+-@＝＋－＠﹦﹢﹣﹫"
NASTY = st.text(st.sampled_from(f"{STARTS};|,\t\r\n\0 \"'\u200b\ufeffA1!5.%"), max_size=12)
CELLS = st.one_of(NASTY, st.text())
READABLE = st.text(
    st.one_of(
        st.sampled_from(f"{STARTS};|,\t\r\n \"'\u200b\ufeffA1!5.%"),
        st.characters(exclude_categories=("Cc", "Cs")),
    ),
    max_size=12,
)
"""Of characters that a text has; a file with others is refused as a binary one."""
INVISIBLE = (
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x180E, 0x202A, 0x202E, 0x2063, 0x2066, 0x3164, 0xFE0F),
    *(0xFFA0, 0xE0020),
)
NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?%?")
COLUMNS = Columns(("icao", "name"), frozenset(("icao", "name")))


def report(*cells: str) -> str:
    rows = [FailedRow(Row(2, list(cells)), Problem("invalid", cells[0]))]
    return "".join(report_lines(("icao", "name"), rows)).removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        (" =1", "' =1"),
        ('"=1', "'\"=1"),
        ("＝1+1", "'＝1+1"),
        ("﹦1", "'﹦1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("'=1", "''=1"),
        ("-", "'-"),
        ("+81 3 1234", "'+81 3 1234"),
        ("x;=1+1", "x;'=1+1"),
        ("x; =1;@a", "x;' =1;'@a"),
        ('x;"=1"', 'x;\'"=1"'),
        ("x\t=1", "x\t'=1"),
        ("x\n=1", "x\n'=1"),
        ("x|-cmd", "x|'-cmd"),
        ("\t=1", "'\t'=1"),
        ("\r", "'\r"),
        ("\0=1", "'\0=1"),
        ("-1\t*cmd|x!A1", "'-1\t*cmd|x!A1"),
        ("a;-1;b", "a;'-1;b"),
        *((f"{chr(code)}=1", f"'{chr(code)}=1") for code in INVISIBLE),
    ],
)
def test_what_a_spreadsheet_would_calculate_is_made_text(cell: str, shown: str) -> None:
    assert safe(cell) == shown


@pytest.mark.parametrize(
    "cell",
    ["-35.7", "+81312345678", "1e5", "-1,5", "", "a=b", "成田", "-5%", "a;-5", "o'clock", "a, =b"],
)
def test_numbers_and_plain_text_stay_as_they_are(cell: str) -> None:
    assert safe(cell) == cell


@given(CELLS)
@example(" " * 20 + "=")
@example("x" + "'" * 20)
def test_a_formula_is_found_where_a_search_of_every_place_finds_it(cell: str) -> None:
    """A search of every place takes the square of a run's length; only short cells afford it."""
    shown = safe(cell)

    with mock.patch.object(formulas, "_SIGN", formulas._FORMULA):
        assert safe(cell) == shown


@given(CELLS)
@example("''\t'=1")
@example("'\n")
@example("'-1;'-1")
def test_what_was_made_text_is_read_back_as_it_was(cell: str) -> None:
    assert plain(safe(cell)) == cell


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, or one that text in quotes follows.

    Where the file is opened with another separator, a cell's own closing quote may follow the
    number, and then the next cell in its quotes, or the line's end. No formula continues so.
    """
    return NUMBER.fullmatch(re.split('"?,"|"$', cell, maxsplit=1)[0]) is not None


@given(CELLS, CELLS)
@example("-1", "")
@example("-1;", "")
@example("-1\t*A1", "")
@example("", ";-1")
@example("x", "a;+5")
@example(";-1", "")
@example("|+5", "+")
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_cell_is_a_formula_wherever_the_file_is_opened(
    separator: str, first: str, second: str
) -> None:
    text = report(first, second)

    found = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=separator)
    shown = [cell for row in found for cell in row]

    begun = [cell.lstrip(' "\u200b\ufeff') for cell in shown]
    assert [cell for cell in begun if cell[:1] in tuple(STARTS) and not is_number(cell)] == []


def test_every_cell_is_quoted() -> None:
    lines = report("RJAA", "5").splitlines()

    assert lines == ['"icao","name","row","code","reason"', '"RJAA","5","2","invalid","RJAA"']


@given(READABLE, READABLE)
def test_a_report_is_imported_again_with_the_cells_of_its_file(first: str, second: str) -> None:
    text = report(f"x{first}", second).encode()

    file = open_csv(iter([text]), COLUMNS)

    assert file.columns == ("icao", "name", None, None, None)
    assert not file.may_be_plain
    assert [row.cells[:2] for row in file.rows()] == [[f"x{first}", second]]


def test_another_files_apostrophes_are_its_own() -> None:
    file = open_csv(iter([b"icao,name\nRJAA,'=1\n"]), COLUMNS)

    assert file.may_be_plain
    assert [row.cells for row in file.rows()] == [["RJAA", "'=1"]]
