import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfn_cqrs.domain.csv_report import safe, write_report
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.imports import FailedRow, InputRow


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+SUM(A1)",
        "-2+3",
        "@cmd",
        " =1",
        '"=1',
        "\t=1",
        "\r",
        "＝1+1",
        "'=1",
        "-",
        "+81 3 1234",
    ],
)
def test_what_a_spreadsheet_would_calculate_is_made_text(cell):
    assert safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-35.7", "+81312345678", "1e5", "-1,5", "", "a=b", "成田", "-5%"])
def test_numbers_and_plain_text_stay_as_they_are(cell):
    assert safe(cell) == cell


@given(st.text())
def test_no_cell_begins_as_a_formula(cell):
    shown = safe(cell)

    assert shown in (cell, f"'{cell}")
    assert shown.lstrip()[:1] not in ("=", "@")


def test_a_report_has_the_files_columns_and_three_more():
    file = io.StringIO(newline="")

    count = write_report(
        file,
        ("icao", "=name"),
        [
            FailedRow(InputRow(2, ["RJAA", '=cmd("x")']), Problem("invalid", "lat: no")),
            FailedRow(InputRow(5, ["RJTT"]), Problem("ragged", "the row has 1 cell, not 2")),
            FailedRow(InputRow(6, ["RJBB", "a", "b"]), Problem("ragged", "-")),
        ],
    )

    assert count == 3
    assert list(csv.reader(io.StringIO(file.getvalue(), newline=""))) == [
        ["icao", "'=name", "row", "code", "reason"],
        ["RJAA", '\'=cmd("x")', "2", "invalid", "lat: no"],
        ["RJTT", "", "5", "ragged", "the row has 1 cell, not 2"],
        ["RJBB", "a", "6", "ragged", "'-"],
    ]
