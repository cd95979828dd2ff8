import json
from typing import ClassVar

import pytest
from tests.support.import_states import list_zip
from tests.unit.import_csv.conftest import key_of
from tests.unit.zip_orchestrator.zip_corpus import zipped

from sfn_cqrs import bootstrap
from sfn_cqrs.api.imports_routes import MAX_INLINE_BYTES
from sfn_cqrs.kernel.keys import ImportKey, ZipKey, ZipRef
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService

NOON = "2026-11-25T12:00:00.000Z"
KEY = "uploads/tenant1/1/airports.csv"
HEADER = "icao,name,country,lat,lon,tz\n"
NARITA = "RJAA,Narita,JP,35.7,140.3,Asia/Tokyo\n"
WRONG = "RJTT,Haneda,JP,135.7,139.8,Asia/Tokyo\n"
START = {"key": KEY, "tableName": "airports"}
CELLS = dict(zip(HEADER.strip().split(","), NARITA.strip().split(","), strict=True))
ROW = {"tableName": "airports", "cells": CELLS}
ONCE = {"Idempotency-Key": "k-1"}


@pytest.fixture
def upload(world):
    """Return a way to put a file where tenant1's files lie."""
    return lambda text, key=KEY: world.import_bucket.put(key, text.encode())


@pytest.fixture
def job(upload):
    """A job that nobody has begun yet."""
    upload(HEADER + NARITA)
    return ImportService("tenant1").start(Request(table="airports", key=KEY)).job


class TestUpload:
    def test_a_form_is_for_one_key_of_the_tenant_and_keeps_the_end_of_the_name(self, call):
        answer = call("POST", "/imports/uploads", {"name": "../../etc/空港 2026.csv"})

        key = answer.body["key"]
        tenant, ulid, name = key.removeprefix("uploads/").split("/")
        assert (answer.status, tenant, len(ulid), name) == (200, "tenant1", 26, "空港 2026.csv")
        assert answer.body["fields"]["key"] == key
        assert answer.body["url"] == "https://imports.s3.eu-west-1.amazonaws.com/"
        assert (answer.body["maxBytes"], answer.body["expiresInSeconds"]) == (1024**3, 900)

    @pytest.mark.parametrize(
        ("body", "field"),
        [({}, "name"), ({"name": ""}, "name"), ({"name": 1}, "name"), ({"nmae": "a"}, "nmae")],
    )
    def test_a_form_needs_the_name_of_a_file(self, body, field, call):
        answer = call("POST", "/imports/uploads", body)

        assert (answer.status, answer.body["code"]) == (400, "invalid_input")
        assert answer.body["field"] == field

    def test_a_form_for_a_table_that_nobody_knows_is_refused(self, call):
        body = {"name": "a.csv", "tableName": "airprots"}

        assert call("POST", "/imports/uploads", body).body["code"] == "unknown_table"
        assert call("POST", "/imports/uploads", {**body, "tableName": "airports"}).status == 200


class TestStart:
    def test_a_small_file_is_imported_at_once_with_what_became_of_each_row(
        self, call, upload, world
    ):
        upload(HEADER + NARITA + WRONG + "\n" + NARITA)

        answer = call("POST", "/imports", {**START, "processingMode": "DIRECT"})

        assert answer.status == 200
        assert answer.body["rows"] == [
            {"row": 2, "result": "unchanged", "reason": "superseded"},
            {
                "row": 3,
                "result": "failed",
                "code": "invalid",
                "reason": "lat: must be between -90 and 90, is 135.7",
            },
            {"row": 5, "result": "created", "version": 1},
        ]
        assert world.data.find(key_of("RJAA")).name == "Narita"

    def test_a_job_is_shown_as_it_is_promised(self, call, upload):
        upload(HEADER + NARITA)

        answer = call("POST", "/imports", {**START, "processingMode": "DIRECT"})

        job = {name: value for name, value in answer.body.items() if name != "rows"}
        assert job == {
            "id": job["id"],
            "kind": "csv",
            "table": "airports",
            "status": "COMPLETED",
            "processingMode": "DIRECT",
            "publishMode": "SYNC",
            "dryRun": False,
            "total": 1,
            "created": 1,
            "updated": 0,
            "unchanged": 0,
            "failed": 0,
            "cancelled": 0,
            "createdAt": NOON,
            "startedAt": NOON,
            "finishedAt": NOON,
            "file": "airports.csv",
        }

    def test_a_file_of_any_size_is_left_to_the_machine(self, call, upload, world):
        upload(HEADER + NARITA)

        answer = call("POST", "/imports", {**START, "processingMode": "STEP_FUNCTION"})

        assert (answer.status, answer.body["status"]) == (202, "CREATED")
        assert answer.body["startedAt"] is None
        assert "rows" not in answer.body
        assert world.data.find(key_of("RJAA")) is None

    @pytest.mark.parametrize("mode", ["DIRECT", "STEP_FUNCTION"])
    def test_a_request_that_is_sent_again_with_its_key_is_the_same_import(
        self, mode, call, upload, world
    ):
        """Its file may have been deleted meanwhile."""
        upload(HEADER + NARITA)
        body = {**START, "processingMode": mode}
        first = call("POST", "/imports", body, headers=ONCE)
        world.import_bucket.objects.clear()

        again = call("POST", "/imports", body, headers=ONCE)

        assert again.status == first.status
        assert again.body == {name: first.body[name] for name in first.body if name != "rows"}
        assert len(call("GET", "/imports").body["items"]) == 1

    def test_a_key_may_be_given_as_s3_names_it(self, call, upload):
        upload(HEADER)

        body = {**START, "key": f"s3://imports/{KEY}", "processingMode": "DIRECT"}
        assert call("POST", "/imports", body).status == 200

    @pytest.mark.parametrize(
        ("change", "code", "field"),
        [
            ({"tableName": "nothing"}, "unknown_table", "tableName"),
            ({"key": "uploads/tenant2/1/a.csv"}, "foreign_file", "key"),
            ({"key": "uploads/tenant1/none.csv"}, "no_such_file", "key"),
            ({"kind": "xlsx"}, "invalid_input", "kind"),
            ({"processingMode": "direct"}, "invalid_input", "processingMode"),
            ({"table": "airports"}, "invalid_input", "table"),
        ],
    )
    def test_what_cannot_be_served_says_which_field_and_creates_no_job(
        self, change, code, field, call, upload
    ):
        upload(HEADER + NARITA)

        answer = call("POST", "/imports", {**START, **change})

        assert (answer.status, answer.body["code"], answer.body["field"]) == (400, code, field)
        assert call("GET", "/imports").body["items"] == []


class TestLook:
    def test_jobs_are_listed_page_by_page_the_newest_first(self, call, upload, world):
        upload(HEADER)
        ids = []
        for _ in range(3):
            body = {**START, "processingMode": "DIRECT"}
            ids.append(call("POST", "/imports", body).body["id"])
            world.clock.advance(seconds=1)

        first = call("GET", "/imports", query={"limit": "2"}).body
        second = call("GET", "/imports", query={"cursor": first["nextCursor"]}).body

        assert [each["id"] for each in first["items"]] == [ids[2], ids[1]]
        assert [each["id"] for each in second["items"]] == [ids[0]]
        assert "nextCursor" not in second


class TestErrors:
    def test_the_failed_rows_are_answered_as_a_file(self, call, upload):
        upload(HEADER + NARITA + WRONG)
        body = {**START, "processingMode": "DIRECT"}
        id_ = call("POST", "/imports", body).body["id"]

        answer = call("GET", f"/imports/{id_}/errors.csv")

        assert (answer.status, answer.content_type) == (200, "text/csv; charset=utf-8")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{id_}-errors.csv"'
        assert answer.text == (
            '\ufeff"icao","name","country","lat","lon","tz","row","code","reason"\r\n'
            '"RJTT","Haneda","JP","135.7","139.8","Asia/Tokyo","3","invalid",'
            '"lat: must be between -90 and 90, is 135.7"\r\n'
        )

    def test_what_lambda_cannot_answer_is_linked_to(self, call, job, world):
        world.import_bucket.reports[job.key] = b"x" * (MAX_INLINE_BYTES + 1)

        answer = call("GET", f"/imports/{job.key.id}/errors.csv")

        assert (answer.status, answer.text) == (303, "")
        assert answer.headers["Location"] == (
            f"https://imports.s3.eu-west-1.amazonaws.com/jobs/tenant1/{job.key.id}/errors.csv"
            "?X-Amz-Signature=s"
        )

    def test_what_is_answered_at_most_fits_into_lambdas_answer(self, event_of, job, world):
        from functions.api.handle_request.app import lambda_handler  # noqa: PLC0415

        world.import_bucket.reports[job.key] = b"\xff" * MAX_INLINE_BYTES
        raw = lambda_handler(event_of("GET", f"/imports/{job.key.id}/errors.csv"), None)

        assert raw["statusCode"] == 200
        assert len(json.dumps(raw)) < 6 * 1024 * 1024

    def test_a_job_without_failed_rows_has_no_such_file(self, call, job):
        answer = call("GET", f"/imports/{job.key.id}/errors.csv")

        assert (answer.status, answer.body["code"]) == (404, "not_found")


class TestCancel:
    def test_an_open_job_is_cancelled(self, call, job):
        answer = call("POST", f"/imports/{job.key.id}/cancel")

        assert (answer.status, answer.body["id"]) == (202, job.key.id)
        assert bootstrap.import_jobs().find(job.key).is_cancelled is True

    def test_a_job_that_has_ended_is_not(self, call, upload):
        upload(HEADER + NARITA)
        body = {**START, "processingMode": "DIRECT"}
        id_ = call("POST", "/imports", body).body["id"]

        answer = call("POST", f"/imports/{id_}/cancel")

        assert (answer.status, answer.body["code"]) == (409, "not_open")
        assert answer.body["detail"] == f"import {id_} has ended as COMPLETED"
        key = ImportKey("tenant1", id_.removeprefix("c-"))
        assert bootstrap.imports().counts(key) == Counts(created=1)


class TestRetry:
    def test_what_failed_is_an_import_of_its_own(self, call, upload):
        upload(HEADER + NARITA + WRONG)
        first = call("POST", "/imports", {**START, "processingMode": "DIRECT"}).body

        answer = call("POST", f"/imports/{first['id']}/retry")
        again = call("POST", f"/imports/{first['id']}/retry")

        assert (answer.status, answer.body["retries"]) == (202, first["id"])
        assert answer.body["status"] == "CREATED"
        assert again.body["id"] == answer.body["id"] != first["id"]
        assert call("GET", f"/imports/{first['id']}").body["retriedBy"] == answer.body["id"]

    def test_its_errors_csv_imported_again_repairs_it(self, call, upload):
        upload(HEADER + NARITA + WRONG)
        first = call("POST", "/imports", {**START, "processingMode": "DIRECT"}).body
        upload(HEADER + WRONG.replace("135.7", "35.7"))
        body = {**START, "processingMode": "DIRECT", "repairs": first["id"]}

        trial = call("POST", "/imports", {**body, "dryRun": True}).body
        before = call("GET", f"/imports/{first['id']}").body
        again = call("POST", "/imports", body, headers=ONCE).body
        repeated = call("POST", "/imports", body, headers=ONCE).body
        after = call("GET", f"/imports/{first['id']}").body

        assert (trial["failed"], again["failed"]) == (0, 0)
        assert (again["created"], repeated["id"]) == (1, again["id"])
        assert "retriedBy" not in before
        assert (after["status"], after["retriedBy"]) == ("FAILED", again["id"])

    def test_only_a_failed_import_into_the_same_table_is_repaired(self, call, upload):
        upload(HEADER + NARITA)
        done = call("POST", "/imports", {**START, "processingMode": "DIRECT"}).body

        well = call("POST", "/imports", {**START, "repairs": done["id"]})
        unknown = call("POST", "/imports", {**START, "repairs": "c-01KAXK3V9Q0M3W8C5R6T7Y8Z9A"})
        archive = call("POST", "/imports", {**START, "kind": "zip", "repairs": done["id"]})

        assert (well.status, well.body["code"]) == (409, "not_failed")
        assert (unknown.status, unknown.body["code"]) == (404, "not_found")
        assert (archive.status, archive.body["field"]) == (400, "repairs")


class TestPreview:
    def test_a_dry_run_shows_the_cells_that_it_would_change(self, call, upload):
        upload(HEADER + NARITA)
        body = {**START, "processingMode": "DIRECT", "dryRun": True, "mapping": {"Code": "icao"}}
        trial = call("POST", "/imports", body).body

        (row,) = call("GET", f"/imports/{trial['id']}/preview").body["items"]

        assert (row["row"], row["item"], row["result"]) == (2, "RJAA", "created")
        assert {"field": "name", "before": None, "after": "Narita"} in row["cells"]


class TestUndo:
    def test_an_undo_is_an_import_that_names_the_other(self, call, upload):
        upload(HEADER + NARITA)
        first = call("POST", "/imports", {**START, "processingMode": "DIRECT"}).body

        answer = call("POST", f"/imports/{first['id']}/undo")
        again = call("POST", f"/imports/{first['id']}/undo", {"dryRun": False})

        assert (answer.status, answer.body["undoes"]) == (202, first["id"])
        assert again.body["id"] == answer.body["id"] != first["id"]
        assert call("GET", f"/imports/{first['id']}").body["undoneBy"] == answer.body["id"]


class TestRow:
    def test_a_row_is_imported_in_the_background(self, call, world):
        answer = call("POST", "/imports/rows", {**ROW, "publishMode": "ASYNC"})

        row = answer.body
        assert (answer.status, row["kind"], row["total"]) == (202, "row", 1)
        assert (row["status"], row["publishMode"]) == ("CREATED", "ASYNC")
        assert row["id"].startswith("r-")
        assert world.data.find(key_of("RJAA")) is None
        assert call("GET", f"/imports/{row['id']}").body == row
        assert call("GET", "/imports", query={"kind": "row"}).body["items"] == [row]
        assert call("GET", "/imports").body["items"] == []


def test_a_kind_that_is_no_list_is_refused(call):
    answer = call("GET", "/imports", query={"kind": "xlsx"})

    assert (answer.status, answer.body["field"]) == (400, "kind")


class TestArchive:
    KEY = "uploads/tenant1/1/exports.zip"
    BODY: ClassVar = {"kind": "zip", "key": KEY}

    @pytest.fixture
    def archive(self, world):
        """An archive of one file that says for which table it is."""
        world.import_bucket.put(
            self.KEY, zipped(("20261125120000-airports.csv", (HEADER + NARITA).encode()))
        )

    @pytest.fixture
    def listed(self, archive, call):  # noqa: ARG002 - it must lie there
        """The job of the archive, whose files are known."""
        id_ = call("POST", "/imports", self.BODY).body["id"]
        list_zip(ZipRef(ZipKey("tenant1", id_.removeprefix("z-")), 1))
        return id_

    @pytest.mark.usefixtures("archive")
    def test_an_archive_is_left_to_the_machine(self, call):
        answer = call("POST", "/imports", {**self.BODY, "tableName": "airports"})

        job = answer.body
        assert (answer.status, job["kind"], job["table"]) == (202, "zip", "airports")
        assert (job["status"], job["files"]) == ("CREATED", [])
        assert job["id"].startswith("z-")

    def test_an_archive_is_shown_file_by_file(self, call, listed):
        job = call("GET", f"/imports/{listed}").body

        (file,) = job["files"]
        assert (file["name"], file["table"]) == ("20261125120000-airports.csv", "airports")
        assert (file["status"], file["id"], file["total"]) == ("CREATED", None, 0)
        assert job["fileStatuses"] == {"created": 1}

    def test_archives_have_a_list_of_their_own_without_files(self, call, listed):
        items = call("GET", "/imports", query={"kind": "zip"}).body["items"]

        assert [(job["id"], "files" in job) for job in items] == [(listed, False)]
        assert call("GET", "/imports").body["items"] == []

    def test_an_archive_is_cancelled(self, call, listed):
        assert call("POST", f"/imports/{listed}/cancel").status == 202

    def test_each_file_of_an_archive_has_a_report_of_its_own(self, call, listed):
        answer = call("GET", f"/imports/{listed}/errors.csv")

        assert (answer.status, answer.body["code"]) == (404, "not_found")
        assert answer.body["detail"].startswith("each file of an archive has its own")

    @pytest.mark.usefixtures("archive")
    @pytest.mark.parametrize(
        ("change", "code", "field"),
        [
            ({"processingMode": "DIRECT"}, "invalid_input", "processingMode"),
            ({"tableName": "nothing"}, "unknown_table", "tableName"),
            ({"key": "uploads/tenant2/1/a.zip"}, "foreign_file", "key"),
            ({"key": "uploads/tenant1/none.zip"}, "no_such_file", "key"),
            ({"encoding": "ebcdic"}, "invalid_input", "encoding"),
        ],
    )
    def test_what_cannot_be_served_says_which_field(self, change, code, field, call):
        answer = call("POST", "/imports", {**self.BODY, **change})

        assert (answer.status, answer.body["code"], answer.body["field"]) == (400, code, field)
        assert call("GET", "/imports", query={"kind": "zip"}).body["items"] == []
