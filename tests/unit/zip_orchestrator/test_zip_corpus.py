"""Every archive of the corpus is listed and extracted as the corpus says, by its bytes alone."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.zip_orchestrator.zip_corpus import (
    CORPUS,
    CSV,
    NAME,
    TABLES,
    TWO,
    Case,
    Refused,
    Skipped,
    zipped,
)

from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs.machines.zip_orchestrator import job as zip_job
from sfn_cqrs.machines.zip_orchestrator.directory import (
    LOCAL_HEADER_BYTES,
    MAX_DIRECTORY_BYTES,
    TAIL_BYTES,
    data_offset,
    directory_start,
    entries_of,
)
from sfn_cqrs.machines.zip_orchestrator.inflate import PIECE, extracted
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus, files_of
from sfn_cqrs.machines.zip_orchestrator.names import decoded_name, table_in


def listed(data, table="airports"):
    """The files of an archive, as a reader of ranges finds them."""
    size = len(data)
    start = directory_start(data[-TAIL_BYTES:], size)
    first = min(start, max(0, size - TAIL_BYTES))
    return files_of(entries_of(data[first:], size), table, TABLES)


def content(data, place, chunk=1_000_000):
    header = data[place.offset :][:LOCAL_HEADER_BYTES]
    start = data_offset(header, place)
    packed = data[start : start + place.compressed]
    chunks = (packed[at : at + chunk] for at in range(0, len(packed), chunk))
    return b"".join(extracted(chunks, place))


def outcome(data, file):
    if file.status is FileStatus.SKIPPED:
        return Skipped(file.problem.code)
    if file.status is FileStatus.FAILED:
        return Refused(file.problem.code)
    try:
        return content(data, file.place)
    except InvalidFileError as error:
        return Refused(error.problem)


def test_the_corpus_has_at_least_thirty_archives():
    assert len(CORPUS) >= 30


@pytest.mark.parametrize("name", CORPUS)
def test_every_archive_is_read_as_the_corpus_says(name):
    case: Case = CORPUS[name]
    if case.refused is not None:
        with pytest.raises(InvalidFileError) as refusal:
            listed(case.data, case.table)
        assert refusal.value.problem == case.refused
        assert str(refusal.value).startswith(case.says)
        return

    files = listed(case.data, case.table)

    assert [file.index for file in files] == list(range(len(files)))
    assert [(file.name, outcome(case.data, file)) for file in files] == case.files


def test_the_table_of_a_file_is_the_given_one_or_in_its_name():
    tables = [file.table for file in listed(zipped((NAME, b""), ("a.csv", b"")), "orders")]

    assert tables == ["orders", "orders"]
    assert [file.table for file in listed(zipped((NAME, b"")), None)] == ["airports"]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("20261125120000-airports.csv", "airports"),
        ("a/b\\20261125120000-order-lines.CSV", "order-lines"),
        ("2026-airports.csv", None),
        ("20261125120000-airports.csv.bak", None),
        ("20261125120000-.csv", None),
    ],
)
def test_a_table_in_a_name_follows_fourteen_digits(name, table):
    assert table_in(name) == table


def test_files_that_are_too_large_together_are_refused(monkeypatch):
    monkeypatch.setattr(zip_job, "MAX_TOTAL_BYTES", 2 * len(CSV) - 1)

    with pytest.raises(InvalidFileError, match="have 28 bytes, and at most 27"):
        listed(TWO)


def test_what_is_not_imported_does_not_count_as_large(monkeypatch):
    monkeypatch.setattr(zip_job, "MAX_TOTAL_BYTES", len(CSV))

    assert len(listed(zipped(("a.csv", CSV), ("film.mp4", b"x" * 10_000)))) == 2


def test_a_directory_that_is_out_of_all_proportion_is_not_read():
    data = zipped(*[(f"{'x' * 60_000}{n}.csv", b"") for n in range(80)])

    assert len(data) > 2 * MAX_DIRECTORY_BYTES
    with pytest.raises(InvalidFileError, match="damaged"):
        directory_start(data[-TAIL_BYTES:], len(data))


def test_a_directory_before_the_first_bytes_that_are_read_is_read_too():
    data = zipped(*[(f"{'x' * 60_000}{n:02d}.csv", b"1") for n in range(30)])

    assert directory_start(data[-TAIL_BYTES:], len(data)) < len(data) - TAIL_BYTES
    assert [outcome(data, file) for file in listed(data)] == [b"1"] * 30


def test_a_window_that_lacks_the_directory_is_no_archive():
    with pytest.raises(InvalidFileError, match="damaged"):
        entries_of(TWO[-30:], len(TWO))


def test_what_comes_out_is_cut_into_pieces_whatever_goes_in():
    data = zipped(("a.csv", b"0" * 10 * PIECE + b"1" * 40_000))
    (file,) = files_of(entries_of(data, len(data)), "airports", TABLES)
    start = data_offset(data[file.place.offset :], file.place)
    packed = data[start : start + file.place.compressed]

    pieces = list(extracted([packed], file.place))

    assert max(map(len, pieces)) <= PIECE
    assert sum(map(len, pieces)) == 10 * PIECE + 40_000


@pytest.mark.parametrize("chunk", [1, 2, 7, 1_000])
def test_chunks_of_any_size_give_the_same(chunk):
    text = b"".join(b"%d,%d\n" % (n, n * n) for n in range(500))
    data = zipped(("a.csv", text))
    (file,) = listed(data)

    assert content(data, file.place, chunk) == text


@given(st.data())
def test_no_bytes_make_the_reader_fail_otherwise_than_with_a_sentence(data):
    """An archive with bytes changed, cut out or put in."""
    base = data.draw(st.sampled_from([case.data for case in SMALL]))
    raw = bytearray(base)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        raw[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))

    try:
        files = listed(bytes(raw))
    except InvalidFileError:
        return
    for file in files:
        outcome(bytes(raw), file)


SMALL = [case for case in CORPUS.values() if len(case.data) < 2_000]


@given(st.dictionaries(st.text(max_size=8), st.binary(max_size=2_000), min_size=1, max_size=5))
def test_any_archive_gives_back_what_was_put_in(contents):
    entries = {f"{n}.csv": value for n, value in enumerate(contents.values())}
    data = zipped(*entries.items())

    files = listed(data)

    assert {file.name: outcome(data, file) for file in files} == entries


@given(st.binary(max_size=300), st.sampled_from([0, 0x800]), st.binary(max_size=40))
def test_any_name_is_shown_as_something_that_can_be_printed(raw, flags, extra):
    name = decoded_name(raw, flags, extra)

    assert len(name) <= 255
    assert not any(ord(character) < 32 for character in name)
    name.encode()


def test_names_are_read_in_the_order_of_what_is_likeliest():
    assert decoded_name("é".encode(), 0, b"") == "é"
    assert decoded_name("é".encode("cp437"), 0, b"") == "é"
    assert decoded_name("東京".encode("cp932"), 0, b"") == "東京"
    assert decoded_name(b"\xff", 0x800, b"") == "\xa0"


def test_a_random_file_is_no_archive():
    with pytest.raises(InvalidFileError, match="not a ZIP archive"):
        listed(random.Random(1).randbytes(100_000))
