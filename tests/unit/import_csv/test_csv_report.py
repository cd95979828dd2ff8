import csv
import io

import pytest

from sfn_cqrs.machines.import_csv.csv.header import without_report
from sfn_cqrs.machines.import_csv.csv.report import report_lines
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.results import FailedRow


def test_a_report_has_the_files_columns_and_three_more():
    lines = report_lines(
        ("icao", "=name"),
        [
            FailedRow(Row(2, ["RJAA", '=cmd("x")']), Problem("invalid", "lat: no")),
            FailedRow(Row(5, ["RJTT"]), Problem("ragged", "the row has 1 cell, not 2")),
            FailedRow(Row(6, ["RJBB", "a", "b"]), Problem("ragged", "-")),
        ],
    )

    report = "".join(lines)
    assert report.startswith('\ufeff"icao","\'=name","row","code","reason"\r\n"RJAA",')
    assert list(csv.reader(io.StringIO(report[1:], newline=""))) == [
        ["icao", "'=name", "row", "code", "reason"],
        ["RJAA", '\'=cmd("x")', "2", "invalid", "lat: no"],
        ["RJTT", "", "5", "ragged", "the row has 1 cell, not 2"],
        ["RJBB", "a", "6", "ragged", "'-"],
    ]


@pytest.mark.parametrize(
    ("header", "columns", "own"),
    [
        (("icao", "Row", "code", "reason"), ("icao", None, None, None), ("icao",)),
        (("icao", "row", "code", "reason"), ("icao", "row", "code", "reason"), None),
        (("icao", "a", "b", "c"), ("icao", None, None, None), None),
        (("icao",), ("icao",), None),
    ],
)
def test_the_report_of_a_corrected_report_does_not_have_its_columns_twice(header, columns, own):
    assert without_report(header, columns) == (own or header)
