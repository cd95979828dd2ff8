"""The faults of archives by their numbers in the fault model, Z1 to Z10.

Z11 to Z13, of an archive and the imports of its files, are in tests/simulation/test_zip_repairs.py.
"""

import pytest
from tests.support.import_states import extract_file, list_zip
from tests.unit.domain.zip_corpus import CORPUS

from sfn_cqrs.domain.import_job import JobStatus


@pytest.fixture
def become(world, key, upload):
    """Return what lists and extracts an archive of the corpus: its files as they are then."""

    def run(name, **fields):
        case = CORPUS[name]
        for index in list_zip(upload(case.data, **{"table": case.table, **fields}).ref):
            extract_file(key, index, 300_000)
        return world.zip_jobs.files(key)

    return run


def told(files):
    return [(file.name, str(file.status), file.problem and file.problem.code) for file in files]


def test_z1_a_name_that_climbs_out_is_no_key(key, become):
    files = become("names that climb out")

    assert [file.source.key for file in files] == [
        f"jobs/tenant1/{key.id}/files/{index:04d}.csv" for index in range(4)
    ]


def test_z1_a_link_is_not_followed(world, become):
    assert told(become("a link")) == [
        ("a.csv", "EXTRACTED", None),
        ("link.csv", "SKIPPED", "link"),
    ]
    assert not any(b"passwd" in body for body in world.import_bucket.objects.values())


def test_z2_a_bomb_is_not_extracted(become):
    assert told(become("a bomb"))[1] == ("bomb.csv", "FAILED", "ratio")


def test_z2_a_bomb_that_lies_is_cut_off_where_it_says_that_it_ends(become):
    (file,) = become("a bomb that says it is small")

    assert (file.problem.code, file.source) == ("wrong_size", None)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("an entry larger than it says", "wrong_size"),
        ("an entry smaller than it says", "wrong_size"),
        ("a checksum that is wrong", "damaged"),
        ("two entries with the same data", "overlapping"),
        ("an entry whose data is the next entry", "overlapping"),
    ],
)
def test_z3_an_entry_that_lies_is_failed(become, name, code):
    assert told(become(name))[0] == ("a.csv", "FAILED", code)


def test_z4_an_archive_in_the_archive_is_not_opened(become):
    assert told(become("an archive in the archive"))[1] == ("b.zip", "FAILED", "nested")


@pytest.mark.parametrize("name", ["an encrypted entry", "an entry encrypted by AES"])
def test_z5_an_encrypted_entry_is_failed_and_says_so(become, name):
    assert told(become(name))[0] == ("a.csv", "FAILED", "encrypted")


@pytest.mark.parametrize(
    "name", ["what macOS adds", "a file of another kind", "in folders", "a device"]
)
def test_z6_what_is_no_csv_is_passed_over_and_listed(become, name):
    statuses = {status for _, status, _ in told(become(name))}

    assert statuses == {"EXTRACTED", "SKIPPED"}


@pytest.mark.parametrize("name", ["the same name twice", "the same name in another case"])
def test_z7_files_of_the_same_name_are_two(world, become, name):
    files = become(name)

    contents = [b"".join(world.import_bucket.chunks(file.source)) for file in files]
    assert sorted(contents) == [b"1", b"2"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a name flagged as UTF-8", "売上.csv"),
        ("a name in Info-ZIP's own field", "売上.csv"),
        ("a name in UTF-8, decomposed, as macOS writes it", "ガ.csv"),
        ("a name in CP932, as Japanese Windows writes it", "売上.csv"),
        ("a name in CP437", "café.csv"),
    ],
)
def test_z8_a_name_is_readable(become, name, shown):
    assert told(become(name)) == [(shown, "EXTRACTED", None)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("no entry", "no_files"),
        ("only folders", "no_files"),
        ("nothing at all", "not_a_zip"),
        ("a CSV", "not_a_zip"),
        ("cut off", "not_a_zip"),
        ("a part of several", "split"),
    ],
)
def test_z9_an_archive_that_is_none_says_why(world, key, become, name, code):
    assert become(name) == []
    job = world.zip_jobs.find(key)
    assert (job.status, job.problem.code) == (JobStatus.PROCESSING, code)


@pytest.mark.parametrize("name", ["one entry too many", "more entries than it says"])
def test_z10_a_huge_count_is_refused_before_anything_is_stored(world, key, become, name):
    assert become(name) == []
    assert world.zip_jobs.find(key).problem.code == "too_many_entries"


def test_z10_as_many_entries_as_may_be_are_a_small_answer(upload):
    indexes = list_zip(upload(CORPUS["as many entries as may be"].data).ref)

    assert len(str({"result": indexes})) < 6_000
