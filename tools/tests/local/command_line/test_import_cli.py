import csv
import io
import re
import zipfile
from types import SimpleNamespace

import click
import pytest
from tests.support.command_line import line_of_orders
from tests.support.orders import REGION

from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs_tools.cli.imports import kinds_of
from sfn_cqrs_tools.client.api import Api
from sfn_cqrs_tools.client.upload import upload
from sfn_cqrs_tools.terminal.causes import code_at

pytestmark = pytest.mark.stack

HEADER = "icao,name,country,lat,lon,tz\n"


def row(icao, lat="35.7"):
    return f"{icao},Airport {icao},JP,{lat},140.3,Asia/Tokyo\n"


@pytest.fixture
def file(tmp_path):
    """Return a maker of files."""

    def write(text, name="airports.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def start(run, path, *more):
    return run("import", "start", path, "--table", "airports", "--mode", "direct", *more)


def test_a_file_is_uploaded_and_imported(run, file):
    path = file(HEADER + row("AAAA") + row("AAAB"))

    result = start(run, path, "--watch")

    lines = result.output.splitlines()
    size = path.stat().st_size
    assert (result.code, result.error) == (0, "")
    assert lines[:2] == [
        f"Uploaded {size} bytes of {size} bytes",
        "Imported 2 of 2: ok 2, skipped 0, failed 0",
    ]
    assert lines[2].endswith(
        " is COMPLETED: 2 rows, 2 created, 0 updated, 0 unchanged, 0 failed, 0 cancelled"
    )
    assert run("data", "get", "AIRPORT", "AAAB", "--json").json["name"] == "Airport AAAB"


def test_a_strategy_that_raises_shows_its_line(run, file, monkeypatch):
    broken = type(strategies.find("airports"))
    monkeypatch.setattr(broken, "validate", lambda _self, record: record.attributes["nothing"])

    started = start(run, file(HEADER + row("BBBC")))

    assert started.code == 2
    reason = started.output.splitlines()[-2]
    assert re.fullmatch(r"row 2: KeyError: 'nothing' \(test_import_cli\.py, line \d+\)", reason)


def test_a_short_place_is_shown_with_the_line_of_the_app():
    line = line_of_orders()

    assert code_at(f"KeyError: 'XX' (orders.py, line {line})") == [
        f'  File "app/shop/orders.py", line {line}',
        f"    {REGION}",
    ]
    assert code_at("KeyError: 'XX' (orders.py, line 1000)") == []
    assert code_at("lat: must be between -90 and 90") == []


def test_failed_rows_exit_2_and_come_back_in_errors_csv(run, file, tmp_path):
    started = start(run, file(HEADER + row("BBBA") + row("BBBB", lat="99")))
    id_ = started.output.splitlines()[1].split()[0]
    printed, kept = run("import", "errors", id_), tmp_path / "errors.csv"

    assert started.code == 2
    assert started.output.splitlines()[-2:] == [
        "row 3: lat: must be between -90 and 90, is 99",
        f"the failed rows: sfn-cqrs import errors {id_} > errors.csv",
    ]
    assert run("import", "show", id_).output == started.output.partition("\n")[2]
    rows = list(csv.reader(io.StringIO(printed.output.removeprefix("\ufeff"))))
    assert [each[0] for each in rows] == ["icao", "BBBB"]
    assert rows[1][-3:] == ["3", "invalid", "lat: must be between -90 and 90, is 99"]
    assert run("import", "errors", id_, "-o", kept).code == 0
    assert kept.read_bytes().decode() == printed.output


def test_rows_that_fail_alike_are_counted_by_their_reason(run, file):
    rows = row("BBBE", lat="99"), row("BBBF", lat="x"), row("BBBG", lat="91")
    started = start(run, file(HEADER + "".join(rows)))

    lines = started.output.splitlines()
    assert lines[-3] == "row 2 and 1 more: lat: must be between -90 and 90, is 99"
    assert lines[-2].startswith("row 3: lat: 'x' is not")


def test_a_report_that_is_cut_off_is_counted_as_far_as_it_goes():
    report = '"a","row","code","reason"\n"1","2","invalid","a: \'1\' is not a date"\n"9","3","inva'

    assert kinds_of(report) == [("2", "a: '1' is not a date", 1)]


def test_a_corrected_report_is_imported_again(run, file):
    id_ = start(run, file(HEADER + row("CCCA", lat="99")), "--json").json["id"]
    report = run("import", "errors", id_).output

    again = start(run, file(report.replace('"99"', '"9"'), "errors.csv"))

    assert (again.code, "1 created" in again.output) == (0, True)


def test_json_has_the_job_and_its_rows_and_nothing_else(run, file):
    result = start(run, file(HEADER + row("DDDA") + row("DDDA")), "--json")

    job = result.json
    assert (result.code, job["total"], job["created"], job["unchanged"]) == (0, 2, 1, 1)
    assert [each["result"] for each in job["rows"]] == ["unchanged", "created"]
    assert run("import", "status", job["id"], "--json").json == {
        name: value for name, value in job.items() if name != "rows"
    }


def test_a_dry_run_writes_nothing(run, file):
    path = file(HEADER + row("EEEA") + row("EEEB", lat="99"))

    result = run("import", "dry-run", path, "--table", "airports")

    assert result.code == 2
    assert ", a dry run: 2 rows, 1 created, 0 updated, 0 unchanged, 1 failed" in result.output
    assert run("data", "get", "AIRPORT", "EEEA").code == 1


def test_what_is_declared_is_believed(run, file):
    path = file(HEADER.replace(",", "|") + row("FFFA").replace(",", "|"), "a.txt", "cp932")

    result = start(run, path, "--encoding", "cp932", "--delimiter", "pipe")

    assert result.code == 0


def test_a_file_that_is_none_exits_1_and_says_what_it_is(run, file):
    result = start(run, file("<!doctype html><html>"))

    assert result.code == 1
    assert result.output.splitlines()[-1].startswith("not_csv: ")


def test_an_empty_file_has_no_rows(run, file):
    result = start(run, file(""))

    assert (result.code, "COMPLETED: 0 rows" in result.output) == (0, True)


def test_a_file_in_the_bucket_is_imported_as_it_lies(run, stack):
    bucket, key = stack.outputs["ImportBucketName"], "uploads/tenant1/mine/a.csv"
    body = (HEADER + row("GGGA")).encode()
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=body)

    assert start(run, f"s3://{bucket}/{key}").code == 0
    other = start(run, f"s3://elsewhere/{key}")
    assert (other.code, f"must be in the bucket {bucket}" in other.error) == (1, True)


def test_the_newest_import_is_listed_first(run, file):
    ids = [start(run, file(HEADER + row("HHHA")), "--json").json["id"] for _ in range(2)]

    listed = run("import", "list", "--limit", "2")

    assert [line.split()[0] for line in listed.output.splitlines()] == ["id", ids[1], ids[0]]


def test_a_dry_run_is_listed_as_one(run, file):
    run("import", "dry-run", file(HEADER + row("HHHB")), "--table", "airports")

    listed = run("import", "list", "--limit", "1")

    assert "COMPLETED, a dry run" in listed.output
    assert run("import", "list", "--limit", "1", "--json").json[0]["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("name", "table", "code", "says"),
    [
        ("none.csv", "airports", 64, "there is no file"),
        ("a.xlsx", "airports", 64, "a.xlsx does not look like a CSV file: save it as CSV"),
        ("a.csv", None, 64, "--table says whose rows they are"),
        (
            "a.csv",
            "airprots",
            1,
            "'airprots' has no strategy (did you mean airports?); known tables: airports",
        ),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(name, table, code, says, run, file, stack):
    path = file(HEADER + row("IIIA"), "a.csv").with_name(name)
    if name == "a.xlsx":
        file("PK", name)
    uploads = {"Bucket": stack.outputs["ImportBucketName"], "Prefix": "uploads/"}
    before = stack.client("s3").list_objects_v2(**uploads)["KeyCount"]

    result = run("import", "start", path, *(["--table", table] if table else []))

    assert (result.code, says in result.error) == (code, True), result.error
    assert stack.client("s3").list_objects_v2(**uploads)["KeyCount"] == before


def test_there_is_nothing_to_cancel_or_to_report_of_an_import_that_went_well(run, file, tmp_path):
    id_, kept = start(run, file(HEADER), "--json").json["id"], tmp_path / "errors.csv"
    cancelled = run("import", "cancel", id_)
    errors = run("import", "errors", id_, "-o", kept)

    assert (cancelled.code, errors.code) == (1, 1)
    assert cancelled.error == f"error: not_open: import {id_} has ended as COMPLETED\n"
    assert errors.error.startswith("error: not_found: ")
    assert not kept.exists()


def test_a_large_report_is_fetched_from_where_it_lies(run, file, stack):
    id_ = start(run, file(HEADER + row("JJJA", lat="99")), "--json").json["id"]
    large = b"x" * 4_200_000
    where = {"Bucket": stack.outputs["ImportBucketName"], "Key": f"jobs/tenant1/{id_}/errors.csv"}
    stack.client("s3").put_object(**where, Body=large)

    assert run("import", "errors", id_).output == large.decode()


def test_a_file_that_no_form_takes_is_not_sent(file):
    form = {"key": "k", "url": "http://127.0.0.1:1/", "fields": {}, "maxBytes": 3}
    api = SimpleNamespace(post=lambda *_: form)

    with pytest.raises(click.ClickException, match="has 29 bytes; an upload has at most 3"):
        upload(api, file(HEADER), "airports", lambda *_, **__: None)


def test_an_upload_that_s3_refuses_says_why(run, file, monkeypatch):
    post = Api.post

    def outdated(self, path, *arguments):
        form = post(self, path, *arguments)
        form["fields"]["policy"] = "e30="
        return form

    monkeypatch.setattr(Api, "post", outdated)
    result = start(run, file(HEADER))

    assert result.code == 1
    assert result.error.startswith("error: the upload was refused: InvalidPolicyDocument: ")


def test_what_failed_is_retried_by_the_machine(run, file):
    first = start(run, file(HEADER + row("KKKA") + row("KKKB", lat="99")), "--json").json

    result = run("import", "retry", first["id"], "--watch", "--json")

    job = result.json
    assert (result.code, job["retries"], job["processingMode"]) == (2, first["id"], "STEP_FUNCTION")
    assert [job[name] for name in ("total", "created", "failed")] == [1, 0, 1]
    assert "Imported 1 of 1: ok 0, skipped 0, failed 1" in result.error
    refused = run("import", "retry", start(run, file(HEADER), "--json").json["id"])
    assert (refused.code, refused.error.partition(": ")[2][:11]) == (1, "not_failed:")


def test_the_machine_imports_what_it_is_told_to(run, file):
    path = file(HEADER + row("LLLA"))
    result = run("import", "start", path, "--table", "airports", "--mode", "step-function")
    id_ = result.output.splitlines()[-1].split()[0]

    ended = run("import", "status", id_, "--watch")

    assert (result.code, " is CREATED: " in result.output) == (0, True)
    assert result.error == f"wait for its end: sfn-cqrs import show {id_} --watch\n"
    assert (ended.code, " is COMPLETED: 1 rows, 1 created" in ended.output) == (0, True)
    assert "wait for its end" not in ended.error


def archive(path, *files):
    """An archive of files, each a name and its text."""
    with zipfile.ZipFile(path, "w") as written:
        for name, text in files:
            written.writestr(name, text)
    return path


@pytest.mark.parametrize("name", ["exports.zip", "exports", "exports.csv"])
def test_an_archive_is_known_by_its_name_or_its_first_bytes(run, tmp_path, name):
    path = archive(
        tmp_path / name,
        ("20261125120000-airports.csv", HEADER + row("MMMA")),
        ("20261125120001-airports.csv", HEADER + row("MMMB", lat="99")),
        ("read.me", "hello"),
    )

    result = run("import", "start", path, "--watch", "--json")

    job = result.json
    assert (result.code, job["kind"], job["status"], job["total"]) == (2, "zip", "FAILED", 2)
    assert [(file["name"], file["status"]) for file in job["files"]] == [
        ("20261125120000-airports.csv", "COMPLETED"),
        ("20261125120001-airports.csv", "FAILED"),
        ("read.me", "SKIPPED"),
    ]
    report = run("import", "errors", job["files"][1]["id"])
    assert "lat: must be between -90 and 90, is 99" in report.output


def test_an_archive_is_told_of_file_by_file(run, tmp_path):
    path = archive(tmp_path / "a.zip", ("a.csv", HEADER + row("NNNA")), ("b.csv", "<html>"))

    started = run("import", "start", path, "--table", "airports", "--watch")

    lines = started.output.splitlines()
    id_ = next(line.split()[0] for line in lines if line.startswith("z-"))
    found = {line.split()[0]: line for line in lines if line.startswith(("a.csv", "b.csv"))}
    assert started.code == 2
    assert found["a.csv"].split()[1:4] == ["airports", "COMPLETED", "1"]
    assert found["b.csv"].split()[1:4] == ["airports", "FAILED", "0"]
    listed = run("import", "list", "--kind", "zip", "--limit", "1")
    assert listed.output.splitlines()[1].split()[:3] == [id_, "airports", "FAILED"]


def test_what_is_no_archive_exits_1(run, file):
    result = run("import", "start", file("nothing", "a.zip"), "--watch")

    assert result.code == 1
    assert "not_a_zip: " in result.output
