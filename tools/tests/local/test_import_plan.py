import zipfile

import click
import pytest
from click.testing import CliRunner
from tests.support.typed import forgetting

from sfn_cqrs.kernel.errors import InvalidFileError
from sfn_cqrs_tools.cli.imports import _print_job, import_
from sfn_cqrs_tools.client.plan import plan_of
from sfn_cqrs_tools.project import CHECKOUT

ROWS = 'icao,name\nRJAA,"Narita\nTokyo"\n\nRJTT,Haneda\nragged\n'


def planned(path, kind="csv", mode="SYNC", **declared):
    return plan_of(path, kind, mode, **{"encoding": None, "delimiter": None, **declared})


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "airports.csv"
    found.write_text(ROWS, encoding="utf-8")
    return found


def test_rows_are_counted_as_the_import_counts_them(path) -> None:
    assert planned(path).files == {"airports.csv": 3}  # a line break in a cell, a blank row


def test_of_an_archive_every_csv_counts(tmp_path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.csv", "folder/B.CSV", "readme.txt"):
            archive.writestr(name, ROWS)

    plan = planned(path, "zip")

    assert (plan.files, plan.rows) == ({"a.csv": 3, "folder/B.CSV": 3}, 6)


def test_a_row_that_runs_through_the_machine_of_commands_costs_fifty_times_as_much(path) -> None:
    sync, through = planned(path), planned(path, mode="ASYNC")

    assert sync.dollars * 1_000_000 / sync.rows == pytest.approx(4.8, abs=0.1)
    assert through.dollars / sync.dollars == pytest.approx(55, abs=5)
    assert planned(path).seconds == 3 / 2_500


def test_in_the_express_lane_it_costs_a_fifteenth_of_that(path) -> None:
    sync, through = planned(path), planned(path, mode="ASYNC")

    assert through.express_dollars / through.dollars == pytest.approx(1 / 15, rel=0.1)
    assert sync.express_dollars is None


def test_a_file_that_cannot_be_read_is_refused(path) -> None:
    path.write_text('icao,name\n"RJAA,Narita\n', encoding="utf-8")

    with pytest.raises(InvalidFileError):
        planned(path)


@pytest.fixture
def sent(monkeypatch):
    """What is sent to the API, which then refuses."""
    sent = []

    class Api:
        def post(self, *given):
            sent.append(given)
            raise click.ClickException("refused")

    monkeypatch.setattr("sfn_cqrs_tools.client.api.connect", lambda *_: Api())
    return sent


def start(path, limit):
    given = ["start", str(path), "--table", "airports", "--max-cost", limit]
    return CliRunner().invoke(import_, given)


def test_what_costs_more_than_one_allows_is_not_sent(path, sent) -> None:
    result = start(path, "0.00001")

    assert (result.exit_code, sent) == (1, [])
    assert result.output == (
        "Error: 3 rows, SYNC, cost at most $0.000014, which is more than $0.000010:"
        " nothing was sent\n"
    )


def test_what_costs_no_more_is_sent(path, sent) -> None:
    start(path, "0.00002")

    assert len(sent) == 1


def test_what_lies_in_s3_cannot_be_counted_here(sent) -> None:
    result = start("s3://bucket/a.csv", "5")

    assert (result.exit_code, sent) == (2, [])
    assert "give the file itself" in result.output


def test_a_plan_is_printed_and_nothing_runs(path) -> None:
    result = CliRunner().invoke(import_, ["plan", str(path), "--publish-mode", "async"])

    assert result.output == (
        "3 rows, ASYNC: at most $0.000797 ($0.000053 in the express lane), and at least 0 s\n"
    )


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("airports", "each row runs airports_by_icao by itself: with @up_many, a hundred rows"),
        ("nowhere", "Error: "),
    ],
)
def test_handlers_that_each_row_runs_alone_are_named(path, table, told, monkeypatch) -> None:
    monkeypatch.chdir(CHECKOUT / "examples/shop")

    with forgetting():
        result = CliRunner().invoke(import_, ["plan", str(path), "--table", table])

    assert told in result.output
    assert "airports_by_country" not in result.output


@pytest.mark.parametrize(
    ("percent", "dry_run", "told"),
    [
        (
            {"weight_by_route": 71, "depots": 21},
            False,
            "handlers took 92 % of its time: weight_by_route 71 %, depots 21 %;"
            " @up_many does a batch at once\n",
        ),
        ({"weight_by_route": 49}, False, ""),
        ({"weight_by_route": 71}, True, ""),
    ],
)
def test_an_import_that_waits_for_handlers_names_them(percent, dry_run, told, capsys) -> None:
    counts = dict.fromkeys(("failed", "cancelled", "created", "updated", "unchanged"), 0)
    job = {"id": "c-1", "status": "COMPLETED", "dryRun": dry_run, "total": 2, **counts}

    _print_job({**job, "handlerPercent": percent})

    assert capsys.readouterr().out.partition("\n")[2] == told
