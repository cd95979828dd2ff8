"""A file that is called plain is read by the Map's own reader as by ours, rows and numbers."""

import csv
import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.import_csv.csv_corpus import COLUMNS, CORPUS

from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.machines.import_csv.csv.rows import CsvFile, open_csv
from sfn_cqrs.machines.import_csv.job import Loaded, Reader, Source
from sfn_local.distributed.items import CsvFormat, read_csv, read_json_lines

MIB = 1024 * 1024
PLAIN = {name: case for name, case in CORPUS.items() if not case.obstacle and case.rows}
OTHERS = {name: case for name, case in CORPUS.items() if case.obstacle and case.rows}
SOURCE = Source("imports", "a.csv", "1")


def opened(case) -> CsvFile:
    chunks = (case.data[start : start + MIB] for start in range(0, len(case.data), MIB))
    return open_csv(chunks, case.columns, encoding=case.encoding, delimiter=case.delimiter)


def loaded(file: CsvFile, reader: Reader) -> Loaded:
    return Loaded(0, tuple(file.header), file.columns, reader, SOURCE)


def items_of(values):
    """What a Map's ItemSelector makes of its reader's items."""
    return [{"index": index, "value": value} for index, value in enumerate(values)]


@pytest.mark.parametrize("name", PLAIN)
def test_the_maps_reader_gives_the_rows_of_a_plain_file(name):
    case = PLAIN[name]
    file = opened(case)

    items = items_of(read_csv(io.BytesIO(case.data), CsvFormat()))
    rows = loaded(file, Reader.NATIVE).rows_of(items)

    assert [(row.number, row.cells) for row in rows] == case.rows


@pytest.mark.parametrize("name", OTHERS)
def test_the_maps_reader_gives_the_rewritten_rows_of_any_other_file(name):
    case = OTHERS[name]
    file = opened(case)
    body = "".join(f"{row.as_json_line()}\n" for row in file.rows())

    items = items_of(read_json_lines(io.BytesIO(body.encode())))
    rows = loaded(file, Reader.JSONL).rows_of(items)

    fitting = list(_fitting(case))
    assert rows == fitting
    assert {row.number: row.problem.code for row in rows if row.problem} == case.problems


def _fitting(case):
    return [row.fitting() for row in opened(case).rows()]


LINES = st.text(st.sampled_from('ab,"\\\n\r \té;|'), max_size=40)


@settings(deadline=None, max_examples=500)
@given(LINES)
@example(',,;""')
@example('"a ""b""",,')
def test_whatever_is_called_plain_reads_the_same(text):
    data = b"code,name,amount\n" + text.encode()
    try:
        plain = open_csv(iter([data]), COLUMNS)
        scan = plain.scan()
    except InvalidFileError:
        return
    if scan.obstacle is None and scan.rows:
        ours = [(row.number, row.cells) for row in open_csv(iter([data]), COLUMNS).rows()]
        items = items_of(read_csv(io.BytesIO(data), CsvFormat()))
        theirs = loaded(plain, Reader.NATIVE).rows_of(items)
        assert [(row.number, row.cells) for row in theirs] == ours
        assert scan.rows == len(ours)


LETTERS = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\r\n\t")


@given(st.lists(st.text(LETTERS, max_size=5), min_size=3, max_size=3))
def test_json_lines_keep_any_cell(cells):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([["code", "name", "amount"], cells])
    data = buffer.getvalue().encode()

    rows = list(open_csv(iter([data]), COLUMNS).rows())

    for row in rows:
        (line,) = read_json_lines(io.BytesIO(f"{row.as_json_line()}\n".encode()))
        assert line["cells"] == json.loads(json.dumps(row.cells))
