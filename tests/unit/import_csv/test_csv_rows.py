import codecs
import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.import_csv.csv_corpus import COLUMNS, CORPUS, HEADER, TWO

from sfn_cqrs.kernel.errors import InvalidFileError, InvalidInputError
from sfn_cqrs.machines.import_csv.csv.header import Columns, letters
from sfn_cqrs.machines.import_csv.csv.rows import (
    MAX_ROW_BYTES,
    Problem,
    Row,
    checked_delimiter,
    open_csv,
)
from sfn_cqrs.machines.import_csv.csv.text import ENCODINGS, checked_encoding

ACCEPTED = {name: case for name, case in CORPUS.items() if case.refused is None}
REFUSED = {name: case for name, case in CORPUS.items() if case.refused is not None}
MIB = 1024 * 1024


def chunks(data, size=MIB):
    return (data[start : start + size] for start in range(0, len(data), size))


def opened(case, size=MIB):
    return open_csv(
        chunks(case.data, size), case.columns, encoding=case.encoding, delimiter=case.delimiter
    )


def read(case, size=MIB):
    """The rows by number, and the problems of those that have one, as the machine reads them."""
    lines = [json.loads(row.as_json_line()) for row in opened(case, size).rows()]
    rows = [(line["row"], line["cells"]) for line in lines]
    return rows, {line["row"]: line["problem"][0] for line in lines if "problem" in line}


def test_the_corpus_is_large():
    assert len(CORPUS) >= 60


@pytest.mark.parametrize("name", ACCEPTED)
def test_every_row_has_its_number_its_cells_and_its_problem(name):
    case = ACCEPTED[name]

    rows, problems = read(case)

    shown = [(n, [cell[:200] for cell in cells]) for n, cells in case.rows if n in problems]
    kept = [row for row in case.rows if row[0] not in problems]
    assert problems == case.problems
    assert [row for row in rows if row[0] not in problems] == kept
    assert [row for row in rows if row[0] in problems] == shown


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_scan_counts_the_rows_and_names_what_is_not_plain(name):
    case = ACCEPTED[name]

    file = opened(case)
    scan = file.scan()

    assert (scan.rows, scan.obstacle) == (len(case.rows), case.obstacle)
    if case.found_in:
        assert file.text.encoding == case.found_in


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_imported_says_why(name):
    case = REFUSED[name]

    for go_through in (lambda file: file.scan(), lambda file: list(file.rows())):
        with pytest.raises(InvalidFileError) as refusal:
            go_through(opened(case))
        assert (refusal.value.problem, str(refusal.value)) == (case.refused, case.says)


@pytest.mark.parametrize("size", [1, 7, 70_001])
@pytest.mark.parametrize(
    "name",
    [
        name
        for name, case in ACCEPTED.items()
        if len(case.data) < 5_000  # byte by byte, that is enough
    ],
)
def test_the_borders_of_chunks_change_nothing(name, size):
    case = ACCEPTED[name]

    assert read(case, size) == read(case)


def test_plain_is_what_has_no_obstacle():
    plain, marked = CORPUS["plain, LF"], CORPUS["byte order mark"]

    assert opened(plain).may_be_plain
    assert not opened(marked).may_be_plain


def test_the_columns_are_those_of_the_table_in_the_order_of_the_file():
    file = opened(CORPUS["plain, an alias"])

    assert (file.header, file.columns) == (["code", "name", "price"], ("code", "name", "amount"))


def test_the_last_three_columns_of_a_report_are_left_out():
    file = opened(CORPUS["a corrected errors.csv"])

    assert file.columns == ("code", "name", "amount", None, None, None)


def test_a_table_may_have_these_columns_itself():
    columns = Columns(("row", "code", "reason"), frozenset({"code"}))

    file = open_csv(chunks(b"row,code,reason\n2,a,no\n"), columns)

    assert file.columns == ("row", "code", "reason")


def test_a_row_that_is_too_large_is_cut():
    row = Row(5, ["1", "あ" * 40_000, "x" * 300])

    line = json.loads(row.as_json_line())

    assert line == {
        "row": 5,
        "cells": ["1", "あ" * 200, "x" * 200],
        "problem": ["too_large", f"the row has more than {MAX_ROW_BYTES} bytes"],
    }


def test_a_row_of_very_many_cells_is_cut_too():
    line = Row(5, ["x" * 300] * 400).as_json_line()

    assert len(line.encode()) < MAX_ROW_BYTES


def test_a_row_says_its_problem():
    line = Row(2, ["1"], Problem("ragged", "the row has 1 cell, the header 3 cells")).as_json_line()

    assert line == (
        '{"row":2,"cells":["1"],"problem":["ragged","the row has 1 cell, the header 3 cells"]}'
    )


@pytest.mark.parametrize(
    ("name", "spelt"),
    [("UTF8", "utf-8"), ("Shift_JIS", "cp932"), ("windows-31j", "cp932"), ("EUC_JP", "euc-jp")],
)
def test_encodings_have_many_names(name, spelt):
    assert checked_encoding(name) == spelt


def test_an_unknown_encoding_is_refused_with_those_that_are_known():
    with pytest.raises(InvalidInputError) as refusal:
        checked_encoding("ebcdic")

    assert str(refusal.value) == f"encoding: must be one of {', '.join(ENCODINGS)}"


@pytest.mark.parametrize(("text", "delimiter"), [(";", ";"), ("tab", "\t"), ("Comma", ",")])
def test_delimiters_have_names(text, delimiter):
    assert checked_delimiter(text) == delimiter


def test_another_delimiter_is_refused():
    with pytest.raises(InvalidInputError) as refusal:
        checked_delimiter("#")

    assert str(refusal.value) == "delimiter: must be one of , ; | and tab"


@pytest.mark.parametrize(("place", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ")])
def test_columns_are_named_as_in_a_spreadsheet(place, name):
    assert letters(place) == name


def test_every_codec_exists():
    assert all(codecs.lookup(codec) for codec in ENCODINGS.values())


LETTERS = st.sampled_from("abc xyz,;|\t\"'\n\r\\0123ァカソ表能漢字かなａ")
CELLS = st.text(LETTERS, max_size=8)
TABLES = st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6)


def written(rows, delimiter, line_end, encoding, quoting, has_bom):
    if any(mark in cell for cells in rows for cell in cells for mark in "\r\n"):
        quoting = csv.QUOTE_ALL  # before Python 3.13 the writer leaves some of them bare
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerows([HEADER, *rows])
    mark = {"utf-8": b"\xef\xbb\xbf", "utf-16le": b"\xff\xfe", "utf-16be": b"\xfe\xff"}
    return mark.get(encoding, b"") * has_bom + buffer.getvalue().encode(ENCODINGS[encoding])


@settings(deadline=None)
@given(
    rows=TABLES,
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "cp932", "euc-jp", "utf-16le", "utf-16be"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    has_bom=st.booleans(),
    size=st.sampled_from([1, 3, 64, MIB]),
)
def test_any_table_in_any_dialect_comes_back(
    rows, delimiter, line_end, encoding, quoting, has_bom, size
):
    data = written(rows, delimiter, line_end, encoding, quoting, has_bom)

    file = open_csv(chunks(data, size), COLUMNS, encoding=encoding)

    kept = [(n, cells) for n, cells in enumerate(rows, 2) if any(map(str.strip, cells))]
    assert [(row.number, row.cells) for row in file.rows()] == kept


@settings(deadline=None)
@given(rows=TABLES, line_end=st.sampled_from(["\n", "\r\n"]))
def test_a_plain_file_is_one_that_any_reader_of_lines_understands(rows, line_end):
    data = written(rows, ",", line_end, "utf-8", csv.QUOTE_MINIMAL, has_bom=False)

    scan = open_csv(chunks(data), COLUMNS).scan()

    if scan.obstacle is None:
        lines = data.decode().removesuffix(line_end).split(line_end)
        assert [next(csv.reader([line])) for line in lines[1:]] == rows
        assert scan.rows == len(rows)


def test_a_scan_reads_no_more_than_it_needs():
    data = b"code,name,amount\n" + b"1,a,10\n" * 300_000
    pulled = []

    def counted():
        for chunk in chunks(data, 64 * 1024):
            pulled.append(len(chunk))
            yield chunk

    file = open_csv(counted(), COLUMNS)
    before = sum(pulled)
    scan = file.scan()

    assert before < 200_000
    assert (scan.rows, sum(pulled)) == (300_000, len(data))
    assert TWO[0][1] == ["1", "a", "10"]
