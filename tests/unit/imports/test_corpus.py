"""Every file of the corpus, imported: it ends as the corpus says."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.proof import sampled
from tests.unit.domain.csv_corpus import COLUMNS, CORPUS, LENIENT, Case
from tests.unit.imports.conftest import run_machine

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.csv_text import ENCODINGS
from sfn_cqrs.domain.import_job import JobStatus
from sfn_cqrs.domain.import_strategy import Column, ImportStrategy, Record
from sfn_cqrs.domain.imports import Counts
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.routes.schemas.imports import job_view
from sfn_cqrs.service import handlers
from sfn_cqrs.service.imports.service import Imported, ImportService, Progress, Request, strategies
from sfn_cqrs_tools.testing.fakes import World

KEY = "uploads/tenant1/1/a.csv"
FOR_A_JOB = ("CP932 after much ASCII", "one wrong byte far down")
SMALL = {name: case for name, case in CORPUS.items() if name not in FOR_A_JOB}


class Things(ImportStrategy):
    """The corpus's table."""

    type = "THING"
    columns = (
        Column("code", required=True),
        Column("name", required=True),
        Column("amount", aliases=("price",)),
    )

    def transform(self, cells):
        code, name = cells.pop("code"), cells.pop("name")
        return Record(code, code, {"name": name, **cells})


class LenientThings(Things):
    """The corpus's table that leaves unknown columns out."""

    columns = (Column("code", required=True), Column("name", required=True))
    refuses_unknown_columns = False


@pytest.fixture(autouse=True)
def _tables(monkeypatch):
    handlers.load()
    monkeypatch.setitem(handlers._sync_handlers, "THING", {})
    monkeypatch.setitem(strategies._strategies, "things", Things())
    monkeypatch.setitem(strategies._strategies, "lenient-things", LenientThings())


def request_of(world: World, case: Case) -> Request:
    world.import_bucket.put(KEY, case.data)
    return Request(
        table="lenient-things" if case.columns is LENIENT else "things",
        key=KEY,
        encoding=case.encoding,
        delimiter=case.delimiter,
    )


def imported(world: World, case: Case) -> Imported:
    return ImportService("tenant1").import_now(request_of(world, case))


def by_the_machine(world: World, case: Case) -> Progress:
    service = ImportService("tenant1")
    id_ = service.start(request_of(world, case)).job.key.id
    run_machine(id_, world)
    return service.get(id_)


def report_of(id_):
    text = b"".join(ImportService("tenant1").errors(id_)).decode("utf-8-sig")
    return [(int(row[-3]), row[-2]) for row in list(csv.reader(io.StringIO(text, newline="")))[1:]]


def test_the_tables_are_those_of_the_corpus():
    assert (Things.known_columns(), LenientThings.known_columns()) == (COLUMNS, LENIENT)


@pytest.mark.parametrize("name", sampled(SMALL, 12))
def test_every_file_ends_as_the_corpus_says(name, world):
    case = SMALL[name]

    assert_as_said(case, imported(world, case).progress)


@pytest.mark.parametrize("name", sampled(CORPUS, 12))
def test_every_file_ends_the_same_by_the_machine(name, world):
    case = CORPUS[name]

    assert_as_said(case, by_the_machine(world, case))


def assert_as_said(case: Case, job: Progress) -> None:
    view = job_view(job)

    counts = job.counts
    assert counts.total == view["total"] == len(case.rows)
    assert counts.failed == len(case.problems)
    assert counts.created + counts.unchanged == len(case.rows) - len(case.problems)
    if case.refused is not None:
        assert view["status"] == "FAILED"
        assert view["error"] == {"code": case.refused, "message": case.says}
    elif case.problems:
        assert view["status"] == "FAILED"
        assert report_of(view["id"]) == sorted(case.problems.items())
    else:
        assert view["status"] == "COMPLETED"
        assert "error" not in view


CODES = st.text(st.sampled_from("abcあ漢"), min_size=1, max_size=3)
NAMES = st.text(st.sampled_from("xyz,;|\"'\\ \tソ表能"), max_size=6)
TABLES = st.dictionaries(CODES, NAMES, max_size=8)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    table=TABLES,
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "cp932", "euc-jp", "utf-16le"]),
)
def test_any_table_in_any_dialect_is_imported_as_it_is(table, delimiter, line_end, encoding):
    world = World()
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end)
    writer.writerows([["code", "name"], *table.items()])
    data = buffer.getvalue().encode(ENCODINGS[encoding])

    with bootstrap.override(**world.parts()):
        job = by_the_machine(world, Case(data, encoding=encoding))
        again = imported(world, Case(data, encoding=encoding)).progress

    assert (job.job.status, job.counts) == (JobStatus.COMPLETED, Counts(created=len(table)))
    assert again.counts == Counts(unchanged=len(table))
    for code, name in table.items():
        row = world.data.find(ItemKey("tenant1", "THING", code))
        assert (row.attributes["name"], row.version) == (name.strip(), 1)
