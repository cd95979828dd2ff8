from dataclasses import replace

import pytest

from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import (
    Advance,
    Answer,
    AwaitBy,
    Begin,
    Cancel,
    End,
    Ending,
    HandOver,
    JobStatus,
    Load,
    Loaded,
    Parent,
    ProcessingMode,
    Reader,
    Refuse,
    RetryBy,
)
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs_tools.testing.builders import UPLOADED, a_job

AT, LATER = "2026-11-25T12:00:00.000Z", "2026-11-25T12:01:00.000Z"
LOADED = Loaded(3, ("icao", "row"), ("icao", None), Reader.JSONL, UPLOADED)
PROBLEM = Problem("encoding", "row 3: no UTF-8")
ENDING = Ending(JobStatus.FAILED, Counts(1, 2, 3, 4), 5, PROBLEM)
BEGUN = a_job(status=JobStatus.PROCESSING, started_at=AT)
ENDED = a_job(status=JobStatus.FAILED, ending=ENDING, finished_at=AT)


def test_a_job_begins_once_however_often_it_is_begun():
    assert Begin().on(a_job(), AT) == BEGUN
    assert Begin().on(BEGUN, LATER) is BEGUN


def test_a_job_that_was_handed_over_began_when_it_was_begun_directly():
    handed_over = HandOver().on(replace(BEGUN, mode=ProcessingMode.DIRECT), LATER)

    assert handed_over == a_job(started_at=AT)
    assert Begin().on(handed_over, LATER) == BEGUN


def test_a_job_is_handed_over_once():
    assert HandOver().on(BEGUN, AT) is None


@pytest.mark.parametrize(
    "write",
    [Begin(), Load(LOADED), Refuse(PROBLEM), Advance(1), Cancel(), HandOver(), End(ENDING)],
    ids=lambda write: type(write).__name__,
)
def test_nothing_changes_a_job_that_has_ended(write):
    assert write.on(replace(ENDED, step=0, mode=ProcessingMode.DIRECT), AT) is None


def test_what_is_found_out_about_a_file_is_kept():
    assert Load(LOADED).on(BEGUN, AT) == replace(BEGUN, loaded=LOADED, step=0)
    assert Refuse(PROBLEM).on(BEGUN, AT) == replace(BEGUN, refusal=PROBLEM)
    assert Cancel().on(BEGUN, AT) == replace(BEGUN, is_cancelled=True)


def test_progress_only_moves_on():
    loaded = Load(LOADED).on(BEGUN, AT)

    assert Advance(1).on(BEGUN, AT) is None  # the file is not read yet
    third = Advance(3).on(loaded, AT)
    assert third.step == 3
    assert Advance(3).on(third, AT) is None
    assert Advance(2).on(third, AT) is None
    assert Load(LOADED).on(third, AT).step == 3


@pytest.mark.parametrize(("at", "step"), [("00.999Z", 3), ("01.000Z", 4), ("02.500Z", 4)])
def test_progress_is_told_once_a_second_at_most(at, step):
    told = replace(BEGUN, loaded=LOADED, step=3, updated_at="2026-11-25T12:00:00.000Z")

    assert (Advance(4).on(told, f"2026-11-25T12:00:{at}") or told).step == step


def test_a_job_ends_once():
    assert End(ENDING).on(a_job(), AT) == ENDED
    assert End(Ending(JobStatus.COMPLETED)).on(ENDED, AT) is None


def test_a_job_that_was_cancelled_while_it_ended_ends_so():
    ended = End(ENDING).on(a_job(is_cancelled=True), AT)

    assert ended.status is ended.ending.status is JobStatus.CANCELLED
    assert ended.ending.counts == ENDING.counts


def test_a_job_is_retried_by_the_first_that_is_noted():
    noted = RetryBy("c-1").on(ENDED, AT)

    assert noted.retried_by == "c-1"
    assert RetryBy("c-2").on(noted, AT) is noted


@pytest.mark.parametrize("job", [BEGUN, replace(ENDED, status=JobStatus.COMPLETED)])
def test_a_job_that_is_open_or_went_well_is_not_retried(job):
    assert RetryBy("c-1").on(job, AT) is None


def test_a_later_wait_takes_an_earlier_ones_place_and_not_the_other_way():
    first, second = Parent("z-1", 0, "one"), Parent("z-1", 0, "two", 1)
    waited_for = AwaitBy(second).on(a_job(parent=first), AT)

    assert waited_for.parent == second
    assert AwaitBy(first).on(waited_for, AT) is None
    assert AwaitBy(second).on(waited_for, AT) is waited_for


def test_a_job_that_is_no_file_of_an_archive_is_not_waited_for():
    assert AwaitBy(Parent("z-1", 0, "one")).on(a_job(), AT) is None
    assert Answer("one").on(a_job(), AT) is None


def test_a_wait_is_answered_once_and_may_begin_anew():
    parent = Parent("z-1", 0, "one")
    answered = Answer("one").on(replace(ENDED, parent=parent), AT)

    assert (answered.parent.token, answered.is_awaited) == (None, False)
    assert Answer("one").on(answered, AT) is None
    assert Answer("two").on(replace(ENDED, parent=parent), AT) is None
    assert AwaitBy(parent).on(answered, AT).is_awaited
