"""Every archive of the corpus through the machine's functions: it ends as the corpus says."""

import pytest
from functions.zip_orchestrator.extract_file.app import lambda_handler as extract_file
from functions.zip_orchestrator.finalize_zip_job.app import lambda_handler as finalize_zip_job
from functions.zip_orchestrator.list_zip.app import lambda_handler as list_zip
from functions.zip_orchestrator.trigger_single_csv_and_wait.app import lambda_handler as trigger
from tests.unit.domain.zip_corpus import CORPUS, TABLES, Refused, Skipped

from sfn_cqrs.domain import import_job
from sfn_cqrs.domain.import_job import Ending, JobStatus
from sfn_cqrs.domain.imports import Counts
from sfn_cqrs.routes.schemas.imports import zip_view
from sfn_cqrs.service import handlers
from sfn_cqrs.service.imports import strategies
from sfn_cqrs.service.zips.service import ZipImports

HEAVY = "as many entries as may be"


@pytest.fixture(autouse=True)
def _tables(monkeypatch):
    handlers.load()
    monkeypatch.setattr(strategies, "_strategies", dict.fromkeys(TABLES, object()))


@pytest.fixture
def run(world, key, sample, lambda_context):
    """Return what takes the job through its states; each import creates a row."""

    def state(function, name, given=None):
        event = sample(f"zip_orchestrator/{name}")
        return function(event if given is None else {**event, "input": given}, lambda_context)

    def machine():
        indexes = state(list_zip, "list_zip")["result"]
        extracted = [state(extract_file, "extract_file", index) for index in indexes]
        for one in extracted:
            state(trigger, "trigger_single_csv_and_wait", one)
            if one["ok"]:
                child = key.child(one["index"])
                world.import_jobs.change(
                    child, import_job.End(Ending(JobStatus.COMPLETED, Counts(created=1)))
                )
        return state(finalize_zip_job, "finalize_zip_job", [])["result"]

    return machine


def expected(outcome):
    if isinstance(outcome, Skipped):
        return "SKIPPED", outcome.code, None
    if isinstance(outcome, Refused):
        return "FAILED", outcome.code, None
    return "COMPLETED", None, outcome


@pytest.mark.parametrize("name", [name for name in CORPUS if name != HEAVY])
def test_every_archive_ends_as_the_corpus_says(name, world, key, upload, run):
    case = CORPUS[name]
    upload(case.data, table=case.table)

    status = run()

    view = zip_view(ZipImports("tenant1").get(key.id))
    files = world.zip_jobs.files(key)
    good = [outcome for _, outcome in case.files if isinstance(outcome, bytes)]
    bad = [outcome for _, outcome in case.files if isinstance(outcome, Refused)]
    if case.refused is not None:
        assert (status, view["files"], view["total"]) == ("FAILED", [], 0)
        assert view["error"]["code"] == case.refused
        assert view["error"]["message"].startswith(case.says)
        return
    assert status == view["status"] == ("FAILED" if bad else "COMPLETED")
    assert (view["total"], view["created"]) == (len(good), len(good))
    assert [(file["name"], file["status"]) for file in view["files"]] == [
        (name, expected(outcome)[0]) for name, outcome in case.files
    ]
    assert [file.problem and file.problem.code for file in files] == [
        expected(outcome)[1] for _, outcome in case.files
    ]
    written = [
        b"".join(world.import_bucket.chunks(file.source)) if file.source else None for file in files
    ]
    assert written == [expected(outcome)[2] for _, outcome in case.files]
    own = f"jobs/tenant1/{key.id}/files/"
    assert all(one.startswith((own, "uploads/tenant1/")) for one in world.import_bucket.objects)
