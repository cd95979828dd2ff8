"""Jobs: begun, run at each occurrence, paused, asked for, declared otherwise."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.typed import declaring

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import (
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    RuleRefusedError,
    SyncHandlerError,
)
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import MEMBERS, Client, group
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.projection import replaying, run_handler
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.schedule import declared_jobs
from sfn_cqrs.machines.schedule.job_service import JobService
from sfn_cqrs_tools.testing.advancing import advance

NOON = datetime(2026, 11, 25, 11, tzinfo=UTC)  # in Berlin
SERVICE, JOBS = CommandService("tenant1"), JobService("tenant1")
NIGHTLY = {"cron": "0 2 * * *", "zone": "Europe/Berlin", "tenants": ("tenant1",)}
ADA = Client(frozenset({"sales"}), user="ada")


@pytest.fixture
def ran():
    return []


@pytest.fixture
def declare(ran):
    """Declare the job, anew if it was declared before."""

    def again(**given):
        @declared_jobs.job("CLOSE_DAY", **NIGHTLY | given)
        def close_day(run):
            ran.append(run.occurrence.strftime("%d %H:%M"))
            run.publish("NOTE", str(run.day), name="a day", attributes={"n": len(ran)})

    with declaring():
        command_type("NOTE", publish=MEMBERS)
        yield again


@pytest.fixture
def passes(world):
    world.clock.advance(hours=-1)

    def time(**given):
        advance(world, world.clock, timedelta(**given))

    return time


def versions():
    return SERVICE.latest("CLOSE_DAY", "calendar").version


def test_a_job_runs_at_each_occurrence(declare, passes, ran):
    declare()

    passes(days=3)

    assert ran == ["26 02:00", "27 02:00", "28 02:00"]
    assert versions() == 4
    assert SERVICE.latest("NOTE", "2026-11-28").attributes == {"n": 3}


def test_a_job_without_tenants_begins_when_somebody_resumes_it(declare, passes, ran):
    declare(tenants=())
    passes(days=1)
    assert JOBS.get("CLOSE_DAY").status == "NEW"

    JOBS.resume("CLOSE_DAY")
    passes(days=1)

    assert ran == ["27 02:00"]


def test_tenants_may_come_from_a_function(declare, passes, ran):
    declare(tenants=lambda: ["tenant1", "tenant2"])

    passes(days=1)

    assert ran == ["26 02:00"] * 2
    assert CommandService("tenant2").latest("NOTE", "2026-11-26") is not None


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("last", ["02 02:00", "03 02:00"]),
        ("all", [*("26 02:00", "27 02:00", "28 02:00", "29 02:00", "30 02:00", "01 02:00")]),
        ("none", ["03 02:00"]),
    ],
)
def test_what_was_missed_in_a_week_comes_by_its_rule(declare, passes, world, ran, missed, expected):
    declare(missed=missed)
    passes(minutes=1)
    world.clock.advance(days=7)

    passes(days=1)

    assert ran[: len(expected)] == expected
    assert ran[-1] == "03 02:00"
    assert len(ran) == {"last": 2, "all": 8, "none": 1}[missed]


def test_a_job_that_is_paused_misses_what_would_have_come(declare, passes, ran):
    declare()
    passes(days=1)
    assert JOBS.pause("CLOSE_DAY").upcoming == ()
    passes(days=3)

    resumed = JOBS.resume("CLOSE_DAY")
    passes(days=1)

    assert resumed.status == "RUNNING"
    assert ran == ["26 02:00", "30 02:00"]


def test_to_pause_a_job_twice_changes_nothing(declare, passes):
    declare()
    passes(minutes=1)
    JOBS.pause("CLOSE_DAY")
    JOBS.pause("CLOSE_DAY")
    assert versions() == 2

    JOBS.resume("CLOSE_DAY")
    JOBS.resume("CLOSE_DAY")

    assert versions() == 3


def test_a_job_that_somebody_runs_keeps_its_calendar(declare, passes, ran):
    declare()
    passes(minutes=1)

    JOBS.run("CLOSE_DAY", caller=Caller("ada", client=ADA))
    passes(days=1)

    assert ran == ["25 12:01", "26 02:00"]
    assert JOBS.get("CLOSE_DAY").last == "2026-11-26T01:00:00.000Z"


def test_a_job_runs_for_a_range_of_the_past_again_if_it_is_asked_again(declare, passes, ran):
    declare()
    passes(minutes=1)
    week = {"since": NOON - timedelta(days=2), "until": NOON - timedelta(days=0)}

    JOBS.run("CLOSE_DAY", **week)
    passes(minutes=1)
    JOBS.run("CLOSE_DAY", **week)
    passes(minutes=1)

    assert ran == ["24 02:00", "25 02:00"] * 2
    assert SERVICE.latest("NOTE", "2026-11-25").attributes == {"n": 4}


@pytest.mark.parametrize(
    ("since", "until", "problem"),
    [
        (timedelta(days=1), None, "must be after `from`"),
        (timedelta(days=1), timedelta(days=-1), "must be after `from`"),
        (timedelta(days=1), timedelta(days=2), "must be after `from`"),
        (timedelta(days=200), timedelta(0), "leaves more than 100 occurrences"),
        (timedelta(hours=2), timedelta(hours=1), "leaves no occurrence"),
    ],
)
def test_a_range_that_no_job_runs_for_is_refused(declare, passes, since, until, problem):
    declare()
    passes(minutes=1)

    with pytest.raises(InvalidInputError) as refused:
        JOBS.run("CLOSE_DAY", since=NOON - since, until=None if until is None else NOON - until)

    assert refused.value.field == "until"
    assert problem in refused.value.problem


def test_a_job_that_is_declared_otherwise_comes_by_its_new_calendar(declare, passes, ran):
    declare()
    passes(days=1)
    declare(cron="0 14 * * *")

    passes(minutes=10)
    passes(days=2)

    assert ran == ["26 02:00", "26 14:00", "27 14:00"]


def test_a_new_calendar_says_what_was_missed(declare, passes, world, ran):
    declare(missed="all")
    passes(days=1)
    world.clock.advance(days=1)
    declare(missed="all", cron="0 8,20 * * *")

    passes(minutes=1)

    assert ran[0] == "26 02:00"
    assert ran[1:] == ["26 08:00", "26 20:00", "27 08:00"]


def test_a_run_that_is_tried_again_publishes_once(declare, passes, ran):
    declare()
    passes(days=1)

    run_handler(SERVICE.latest("CLOSE_DAY", "calendar"), "close_day")

    assert len(ran) == 2
    assert SERVICE.latest("NOTE", "2026-11-26").version == 1


def test_a_rebuild_runs_nothing(declare, passes, ran):
    declare()
    passes(days=1)

    with replaying():
        for handler in ("close_day", "calendar_of_close_day"):
            run_handler(SERVICE.latest("CLOSE_DAY", "calendar"), handler)

    assert len(ran) == 1


def test_a_run_that_fails_holds_the_later_ones(declare, passes, monkeypatch):
    declare()
    passes(minutes=1)
    monkeypatch.setattr(declared_jobs.Run, "publish", _raising)

    with pytest.raises(SyncHandlerError, match="a defect"):
        passes(days=1)

    assert versions() == 2
    assert JOBS.get("CLOSE_DAY").upcoming[0] == "2026-11-27T01:00:00.000Z"


def _raising(*_args, **_more):
    raise ValueError("a defect")


def test_a_client_may_do_what_the_declaration_says(declare, passes):
    declare(publish=group("sales"), read=MEMBERS)
    passes(minutes=1)
    ours, others = JobService("tenant1", ADA), JobService("tenant1", Client(user="eve"))

    assert ours.pause("CLOSE_DAY", caller=Caller("ada", client=ADA)).status == "PAUSED"
    assert "CLOSE_DAY" in [one.job.type for one in others.list()]
    assert SERVICE.latest("CLOSE_DAY", "calendar").updated.by == "ada"
    for change in (others.run, others.pause, others.resume):
        with pytest.raises(NotPermittedError):
            change("CLOSE_DAY")
    with pytest.raises(RuleRefusedError):
        SERVICE.publish_partial(
            "CLOSE_DAY", "calendar", attributes={"paused": False}, caller=Caller(client=ADA)
        )


def test_a_client_sees_only_the_jobs_that_it_may_read(declare, passes):
    declare(read=group("sales"))
    passes(minutes=1)
    others = JobService("tenant1", Client(user="eve"))

    assert "CLOSE_DAY" not in [one.job.type for one in others.list()]
    with pytest.raises(NotPermittedError):
        others.get("CLOSE_DAY")


@pytest.mark.usefixtures("world")
def test_a_job_that_nobody_declares_is_not_found(declare):
    declare(tenants=())
    with pytest.raises(NotFoundError, match="there are: CLOSE_DAY, "):
        JOBS.get("CLOSE_YEAR")
    for change in (JOBS.run, JOBS.pause):
        with pytest.raises(NotFoundError, match="has not begun"):
            change("CLOSE_DAY")


def test_a_job_that_is_deleted_begins_again_when_it_is_resumed(declare, passes, ran):
    declare()
    passes(minutes=1)
    SERVICE.delete("CLOSE_DAY", "calendar")
    passes(days=1)
    assert JOBS.get("CLOSE_DAY").status == "NEW"

    JOBS.resume("CLOSE_DAY")
    passes(days=1)

    assert ran == ["27 02:00"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"cron": "0 0 31 2 *"}, "cron"),
        ({"missed": "some"}, "missed"),
        ({"tenants": "tenant1"}, "tenants"),
        ({"tenants": ("#",)}, "tenant"),
    ],
)
def test_a_job_that_never_comes_is_not_declared(declare, given, field):
    with pytest.raises(InvalidInputError) as refused:
        declare(**given)

    assert refused.value.field == field


def test_two_modules_declare_no_job_of_one_name(declare):
    declare()

    with pytest.raises(ValueError, match="is a job of"):
        declared_jobs.job("CLOSE_DAY", **NIGHTLY)(print)


def test_versions_of_other_tenants_stay_theirs(declare, passes, world):
    declare(tenants=("tenant1", "tenant2"))
    passes(minutes=1)

    JOBS.pause("CLOSE_DAY")

    assert JobService("tenant2").get("CLOSE_DAY").status == "RUNNING"
    assert world.commands.latest(ItemKey("tenant2", "CLOSE_DAY", "calendar")).version == 1
