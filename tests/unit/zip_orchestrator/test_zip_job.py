from dataclasses import replace

import pytest

from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Cancel, Ending, JobStatus, RetryBy
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.job import Begin, End, KeepListed, Refuse, Restart, Settle
from sfn_cqrs_tools.testing.builders import a_zip

AT, LATER = "2026-11-25T12:00:00.000Z", "2026-11-25T13:00:00.000Z"
PROBLEM = Problem("not_a_zip", "no archive")
ENDING = Ending(JobStatus.FAILED, Counts(1, 2, 3, 4), 5, PROBLEM)
BEGUN = a_zip(status=JobStatus.PROCESSING, started_at=AT)
ENDED = a_zip(status=JobStatus.FAILED, ending=ENDING, finished_at=AT)


def test_only_its_attempt_begins_a_job_and_the_first_beginning_stays():
    assert Begin(1).on(a_zip(), AT) == BEGUN
    assert Begin(1).on(BEGUN, LATER) is BEGUN
    assert Begin(2).on(a_zip(), AT) is None


def test_what_is_found_out_about_an_archive_is_kept():
    assert KeepListed(2).on(BEGUN, AT) == replace(BEGUN, files=2)
    assert Refuse(PROBLEM).on(BEGUN, AT) == replace(BEGUN, files=0, problem=PROBLEM)
    assert Cancel().on(BEGUN, AT) == replace(BEGUN, is_cancelled=True)


def test_a_job_ends_once_and_by_its_attempt_alone():
    assert End(2, ENDING).on(a_zip(), AT) is None
    assert End(1, ENDING).on(a_zip(), AT) == ENDED
    assert End(1, Ending(JobStatus.COMPLETED)).on(ENDED, AT) is None


@pytest.mark.parametrize(
    "write",
    [Begin(1), KeepListed(2), Refuse(PROBLEM), Cancel(), End(1, ENDING)],
    ids=lambda write: type(write).__name__,
)
def test_nothing_but_its_hooks_changes_a_job_that_has_ended(write):
    assert write.on(ENDED, AT) is None


def test_a_job_that_was_cancelled_while_it_ended_ends_so():
    ended = End(1, ENDING).on(replace(BEGUN, is_cancelled=True), AT)

    assert ended.status is ended.ending.status is JobStatus.CANCELLED
    assert ended.ending.counts == ENDING.counts


def test_a_job_is_settled_once_and_after_its_end():
    settled = Settle({"tell": "ValueError: no"}).on(ENDED, AT)

    assert settled == replace(ENDED, hooks={"tell": "ValueError: no"}, settled=True)
    assert Settle({}).on(settled, AT) is None
    assert Settle({}).on(BEGUN, AT) is None


def test_the_next_attempt_is_opened_by_one():
    following = Restart(1).on(BEGUN, LATER)

    assert following == replace(BEGUN, attempt=2, opened_at=LATER)
    assert Restart(1).on(following, LATER) is None
    assert Begin(1).on(following, LATER) is None


def test_a_job_goes_on_until_its_hooks_have_run():
    assert Restart(1).on(ENDED, LATER).attempt == 2
    assert Restart(1).on(replace(ENDED, settled=True), LATER) is None


def test_a_job_is_retried_by_one_other_and_only_if_it_did_not_go_well():
    noted = RetryBy("z-first").on(ENDED, AT)

    assert noted.retried_by == "z-first"
    assert RetryBy("z-second").on(noted, AT) is noted
    assert RetryBy("z-first").on(BEGUN, AT) is None
    assert RetryBy("z-first").on(replace(ENDED, status=JobStatus.COMPLETED), AT) is None
