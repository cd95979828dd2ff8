import json
from dataclasses import dataclass, replace

import pytest
from functions.schedule.sweep.app import lambda_handler
from tests.fakes.builders import (
    NRT,
    RELEASE,
    RESIZE,
    a_command,
    a_process,
    a_task,
    an_approval,
    an_item,
)

from sfn_cqrs.domain import import_job
from sfn_cqrs.domain.approval import Happened, Stage, Status
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.errors import SupersededError
from sfn_cqrs.domain.import_job import (
    Ending,
    Job,
    JobStatus,
    Loaded,
    Parent,
    ProcessingMode,
    Reader,
    Source,
)
from sfn_cqrs.domain.imports import Counts as RowCounts
from sfn_cqrs.domain.imports import Marker
from sfn_cqrs.domain.keys import (
    ApprovalRef,
    CommandRef,
    ImportKey,
    ImportKind,
    ItemKey,
    TaskKind,
    TaskRef,
)
from sfn_cqrs.domain.process import Mode, Outcome
from sfn_cqrs.domain.task import Counts, TaskStatus
from sfn_cqrs.service.sweep import COMMANDS, KINDS

OLD = "2026-11-25T11:00:00.000Z"  # an hour ago
EARLIER = "2026-11-25T10:00:00.000Z"
NOW = "2026-11-25T12:00:00.000Z"
NOON = 1795608000
IMPORT = ImportKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A")
SOURCE = Source("imports", "uploads/tenant1/1/a.csv", "1")
COLUMNS = ("icao", "name", "country", "lat", "lon", "tz")
LOADED = Loaded(3, COLUMNS, COLUMNS, Reader.NATIVE, SOURCE)
SINGLE = replace(RESIZE, kind=TaskKind.SINGLE)


@dataclass
class Context:
    """A Lambda context whose time runs out after some questions."""

    questions: int = 1_000

    def get_remaining_time_in_millis(self):
        self.questions -= 1
        return 60_000 if self.questions >= 0 else 4_999


@pytest.fixture(autouse=True)
def _metrics(monkeypatch):
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "sfn-cqrs")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "sfn-cqrs")


@pytest.fixture
def _three_at_once(monkeypatch):
    """A sweep looks at three versions of each shard."""
    few = replace(COMMANDS, per_shard=3)
    monkeypatch.setattr("functions.schedule.sweep.app.KINDS", (few, *KINDS[1:]))


@pytest.fixture
def sweep(sample):
    """Sweep all that has been open for long."""
    return lambda context=None: lambda_handler(sample("schedule/sweep"), context or Context())


@pytest.fixture
def swept_one(sample):
    """Sweep version 2, whose execution has ended other than well."""
    return lambda: lambda_handler(sample("schedule/sweep_execution_ended"), Context())


def item(number):
    return ItemKey("tenant1", "AIRPORT", f"{number:03d}")


@pytest.mark.usefixtures("world")
def test_where_nothing_is_open_nothing_is_done(sweep):
    assert sweep() == {}


def test_a_lost_start_is_made_again(sweep, world):
    world.seed(a_process(opened_at=OLD))

    assert sweep() == {"command_started": 1}

    assert world.executions.started == [CommandRef(NRT, 1, 1)]


def test_what_was_opened_lately_is_left_to_its_start(sweep, world):
    world.seed(a_process(opened_at="2026-11-25T11:58:30.000Z"))

    assert sweep() == {}


def test_a_version_whose_execution_runs_is_left_alone(sweep, world):
    world.seed(a_process(opened_at=OLD))
    world.executions.start(CommandRef(NRT, 1, 1))

    assert sweep() == {"command_running": 1}

    assert world.processes.find(NRT, 1) == a_process(opened_at=OLD)


def test_a_version_whose_execution_died_fails_with_its_error(sweep, world):
    world.seed(a_process(opened_at=OLD))
    world.executions.end(CommandRef(NRT, 1, 1), "States.Timeout", "the execution took too long")

    assert sweep() == {"command_failed": 1}

    assert world.processes.find(NRT, 1) == a_process(
        opened_at=OLD,
        outcome=Outcome.FAILED,
        status="sweep:FAILED",
        error="States.Timeout",
        cause="the execution took too long",
        updated_at=NOW,
    )


def test_a_publisher_that_died_hands_its_version_over(sweep, world):
    world.seed(a_process(mode=Mode.SYNC, status="publish_sync:STARTED", opened_at=OLD))

    assert sweep() == {"command_restarted": 1}

    process = world.processes.find(NRT, 1)
    assert (process.attempt, process.status, process.opened_at) == (2, "start", NOW)


def test_a_lost_wake_is_made_again(sweep, world):
    world.seed(
        a_process(version=1, outcome=Outcome.APPLIED),
        a_process(version=2, outcome=Outcome.WAITING, token="token", opened_at=OLD),
    )
    world.store.rows.put(NRT, a_command(version=1).as_row())
    world.executions.start(CommandRef(NRT, 2, 1))

    assert sweep() == {"command_woken": 1}

    assert [token for token, _ in world.executions.succeeded] == ["token"]


def test_a_version_that_only_queues_is_never_failed(sweep, world):
    world.seed(
        a_process(version=1, opened_at=NOW),
        a_process(
            version=2, outcome=Outcome.WAITING, token="token", opened_at="2026-01-01T00:00:00.000Z"
        ),
    )
    world.executions.start(CommandRef(NRT, 2, 1))

    assert sweep() == {"command_woken": 1}

    assert world.processes.find(NRT, 2).outcome is Outcome.WAITING
    assert (world.executions.succeeded, world.executions.rejected) == ([], [])


def test_a_blocked_version_goes_on_once_its_predecessor_is_repaired(sweep, world):
    world.seed(
        a_process(version=1, outcome=Outcome.APPLIED),
        a_process(version=2, outcome=Outcome.BLOCKED, opened_at=OLD),
    )
    world.store.rows.put(NRT, a_command(version=1).as_row())

    assert sweep() == {"command_woken": 1}

    assert world.processes.find(NRT, 2).ref == CommandRef(NRT, 2, 2)


def test_a_version_that_cannot_be_swept_does_not_stop_the_others(sweep, world, monkeypatch, log):
    world.seed(*[a_process(item(number), opened_at=OLD) for number in range(3)])
    describe = world.executions.describe
    monkeypatch.setattr(
        world.executions,
        "describe",
        lambda ref: describe(ref) if ref.key != item(1) else _denied(),
    )

    assert sweep() == {"command_started": 2, "command_error": 1}

    assert "one could not be swept" in log.getvalue()


def test_the_age_of_the_oldest_open_version_is_a_metric(sweep, world, capsys):
    world.seed(
        a_process(item(1), opened_at="2026-11-25T11:50:00.000Z"),
        a_process(item(2), opened_at=OLD),
        a_process(item(3), opened_at="2026-11-24T12:00:00.000Z", outcome=Outcome.BLOCKED),
    )

    sweep()

    assert _ages(capsys) == [3600.0]


@pytest.mark.usefixtures("_three_at_once")
def test_a_sweep_that_goes_on_from_a_cursor_still_tells_the_age_of_the_oldest(sweep, world, capsys):
    many = [item(number) for number in range(100)]
    world.seed(a_process(many[0], opened_at="2026-11-24T12:00:00.000Z"))
    world.seed(*[a_process(key, opened_at=OLD) for key in many[1:]])

    sweep()
    sweep()

    assert _ages(capsys) == [86400.0, 86400.0]


@pytest.mark.usefixtures("world")
def test_where_nothing_is_open_the_age_is_zero(sweep, capsys):
    sweep()

    assert _ages(capsys) == [0.0]


@pytest.mark.usefixtures("_three_at_once")
def test_a_sweep_goes_on_where_the_last_one_ended_until_all_have_been_seen(sweep, world):
    many = [item(number) for number in range(100)]
    world.seed(*[a_process(key, opened_at=OLD) for key in many])

    started = []
    for _ in range(5):
        sweep()
        started.append(len(world.executions.started))

    assert started[0] <= 16 * 3
    assert started[-1] == len(many)


@pytest.mark.usefixtures("_three_at_once")
def test_a_sweep_that_has_come_to_the_end_begins_anew(sweep, world):
    many = [item(number) for number in range(100)]
    world.seed(*[a_process(key, opened_at=OLD) for key in many])
    for _ in range(5):
        sweep()

    world.seed(*[a_process(key, opened_at=EARLIER) for key in map(item, range(100, 116))])
    sweep()
    sweep()

    assert {ref.key for ref in world.executions.started} == set(map(item, range(116)))


def test_a_sweep_stops_when_the_time_is_nearly_over_and_the_next_one_goes_on(sweep, world):
    world.seed(*[a_process(item(number), opened_at=OLD) for number in range(100)])

    sweep(Context(questions=4))
    first = len(world.executions.started)
    sweep()

    assert 0 < first < 100
    assert len(world.executions.started) == 100


def test_a_version_whose_execution_ended_without_a_word_fails_at_once(swept_one, world):
    world.seed(a_process(version=1, outcome=Outcome.APPLIED), a_process(version=2))
    world.executions.end(CommandRef(NRT, 2, 1), "ABORTED")

    assert swept_one() == {"failed": 1}

    failed = world.processes.find(NRT, 2)
    assert (failed.outcome, failed.error) == (Outcome.FAILED, "ABORTED")


def test_an_execution_that_recorded_its_failure_itself_needs_nothing(swept_one, world):
    world.seed(a_process(version=2, outcome=Outcome.FAILED, error="Error"))

    assert swept_one() == {"closed": 1}

    assert world.processes.find(NRT, 2).error == "Error"


def test_the_end_of_an_attempt_before_does_not_harm_the_present_one(swept_one, world):
    world.seed(a_process(version=2, attempt=2))
    world.executions.end(CommandRef(NRT, 2, 1), "ABORTED")
    world.executions.start(CommandRef(NRT, 2, 2))

    assert swept_one() == {"running": 1}

    assert world.processes.find(NRT, 2).outcome is Outcome.OPEN


class TestTasks:
    def test_a_message_that_is_lost_is_sent_again_after_a_quarter_of_an_hour(self, sweep, world):
        world.seed_tasks(a_task(opened_at=OLD, updated_at="2026-11-25T11:44:59.999Z"))

        assert sweep() == {"task_queued": 1}

        assert [message["action"] for message in world.events.messages] == ["task-execute"]
        assert world.tasks.find(RESIZE).status is TaskStatus.QUEUED

    def test_a_task_that_only_queues_is_left_to_its_message(self, sweep, world):
        world.seed_tasks(
            a_task(status=TaskStatus.QUEUED, opened_at=OLD, updated_at="2026-11-25T11:45:00.000Z")
        )

        assert sweep() == {"task_waiting": 1}

        assert world.events.messages == []

    def test_a_lost_start_is_made_again_with_the_items_of_the_attempt(self, sweep, world):
        world.seed_tasks(processing(attempt=2, pending=(1, 2)))

        assert sweep() == {"task_started": 1}

        (ref,) = world.task_executions.started
        assert (ref, ref.items) == (TaskRef(RESIZE, 2), (1, 2))

    def test_a_task_whose_execution_runs_is_left_alone(self, sweep, world):
        world.seed_tasks(processing())
        world.task_executions.start(TaskRef(RESIZE, 1))

        assert sweep() == {"task_running": 1}

        assert world.tasks.find(RESIZE) == processing()

    def test_a_task_whose_execution_died_goes_on_with_what_is_left(self, sweep, world):
        world.seed_tasks(processing())
        world.seed_items(
            an_item(index=0, status=TaskStatus.COMPLETED, attempt=1),
            an_item(index=1, status=TaskStatus.FAILED, attempt=1),
            an_item(index=2, status=TaskStatus.PROCESSING, attempt=1, lease_until=NOON),
        )
        world.task_executions.end(TaskRef(RESIZE, 1), "TIMED_OUT")

        assert sweep() == {"task_restarted": 1}

        task = world.tasks.find(RESIZE)
        assert (task.attempt, task.status, task.pending) == (2, TaskStatus.CREATED, (2,))

    def test_what_a_function_may_still_be_at_work_on_is_waited_for(self, sweep, world):
        world.seed_tasks(processing())
        world.seed_items(
            an_item(index=0, status=TaskStatus.PROCESSING, attempt=1, lease_until=NOON + 1)
        )
        world.task_executions.end(TaskRef(RESIZE, 1), "TIMED_OUT")

        assert sweep() == {"task_running": 1}

        assert world.tasks.find(RESIZE) == processing()

    def test_a_task_that_gets_nowhere_ends_and_says_so(self, sweep, world):
        world.seed_tasks(processing(attempt=3, left=3))
        world.seed_items(*[an_item(index=index) for index in range(3)])
        world.task_executions.end(TaskRef(RESIZE, 3), "TIMED_OUT")

        assert sweep() == {"task_closed": 1}

        task = world.tasks.find(RESIZE)
        assert (task.status, task.counts) == (TaskStatus.FAILED, Counts(0, 3, 0))
        assert {item.error for item in world.tasks.items(RESIZE)} == {"ItemAbandonedError"}

    def test_a_task_whose_end_could_not_be_recorded_is_ended(self, sweep, world):
        world.seed_tasks(processing())
        world.seed_items(
            *[an_item(index=index, status=TaskStatus.COMPLETED, attempt=1) for index in range(3)]
        )
        world.task_executions.end(TaskRef(RESIZE, 1), "NotRecorded")

        assert sweep() == {"task_closed": 1}

        assert world.tasks.find(RESIZE).counts == Counts(completed=3)

    @pytest.mark.parametrize(
        ("begun", "done", "attempt"),
        [("2026-11-25T11:58:00.000Z", "running", 1), ("2026-11-25T11:57:59.999Z", "restarted", 2)],
    )
    def test_a_single_task_whose_consumer_died_goes_on(self, begun, done, attempt, sweep, world):
        world.seed_tasks(
            processing(SINGLE, items=1, updated_at=begun, opened_at="2026-11-25T11:57:00.000Z")
        )
        world.seed_items(an_item(SINGLE, status=TaskStatus.PROCESSING, attempt=1, lease_until=NOON))

        assert sweep() == {f"task_{done}": 1}

        assert world.tasks.find(SINGLE).attempt == attempt

    def test_a_task_that_cannot_be_swept_does_not_stop_the_others(
        self, sweep, world, monkeypatch, log
    ):
        keys = [replace(RESIZE, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z0{number}") for number in range(3)]
        world.seed_tasks(*[processing(key) for key in keys])
        describe = world.task_executions.describe
        monkeypatch.setattr(
            world.task_executions,
            "describe",
            lambda ref: describe(ref) if ref.key != keys[1] else _denied(),
        )

        assert sweep() == {"task_started": 2, "task_error": 1}

        assert "one could not be swept" in log.getvalue()

    def test_the_age_of_the_oldest_open_task_is_a_metric(self, sweep, world, capsys):
        world.seed_tasks(processing())

        sweep()

        assert _ages(capsys, "OldestOpenTaskAge") == [3600.0]

    def test_the_end_of_an_execution_is_looked_at_at_once(self, sample, world):
        ref = TaskRef.from_input(sample("task/start_execution"))
        world.seed_tasks(processing(ref.key))
        world.seed_items(an_item(ref.key, index=0), an_item(ref.key, index=1))
        world.task_executions.end(ref, "TIMED_OUT")

        done = lambda_handler(sample("schedule/sweep_task_ended"), Context())

        assert done == {"restarted": 1}
        assert world.tasks.find(ref.key).pending == (0, 1)

    def test_the_end_of_an_attempt_before_does_not_harm_the_present_one(self, sample, world):
        ref = TaskRef.from_input(sample("task/start_execution"))
        world.seed_tasks(processing(ref.key, attempt=2))

        done = lambda_handler(sample("schedule/sweep_task_ended"), Context())

        assert done == {"superseded": 1}
        assert world.task_executions.started == []


class TestApprovals:
    def test_an_approval_whose_start_is_lost_is_started(self, sweep, world):
        world.seed_approvals(an_approval(due_at=OLD))

        assert sweep() == {"approval_started": 1}

        assert world.approval_executions.started == [ApprovalRef(RELEASE, 1)]

    def test_one_that_waits_for_people_in_time_is_not_looked_at(self, sweep, world):
        world.seed_approvals(
            waiting(due_at="2026-11-25T11:58:00.000Z"),
            waiting(replace(RELEASE, ulid="01KAXK3V9Q0M3W8C5R6T7Y8Z01"), due_at=NOW),
        )

        assert sweep() == {}

    def test_a_decision_whose_token_was_never_sent_is_sent(self, sweep, world):
        world.seed_approvals(waiting(status=Status.GRANTED, token="token", token_seq=100))
        world.approval_executions.start(ApprovalRef(RELEASE, 1))

        assert sweep() == {"approval_woken": 1}

        ((token, _),) = world.approval_executions.succeeded
        assert token == "token"

    def test_a_decision_whose_token_is_used_is_left_to_the_machine(self, sweep, world):
        world.seed_approvals(waiting(status=Status.GRANTED, token="token", token_seq=100))
        world.approval_executions.start(ApprovalRef(RELEASE, 1))
        world.approval_executions.gone.add("token")

        assert sweep() == {"approval_running": 1}

    def test_one_that_is_late_and_not_decided_is_left_to_the_machine(self, sweep, world):
        world.seed_approvals(waiting(token="token", token_seq=100))
        world.approval_executions.start(ApprovalRef(RELEASE, 1))

        assert sweep() == {"approval_running": 1}

        assert world.approval_executions.succeeded == []

    @pytest.mark.parametrize("status", Status)
    def test_one_whose_execution_died_goes_on_as_the_next_attempt(self, status, sweep, world):
        world.seed_approvals(waiting(status=status, token="token", token_seq=100))
        world.approval_executions.end(ApprovalRef(RELEASE, 1), "ABORTED")

        assert sweep() == {"approval_restarted": 1}

        approval = world.approvals.find(RELEASE)
        assert (approval.attempt, approval.restarts, approval.stage) == (2, 1, Stage.CREATED)
        assert (approval.status, approval.happened) == (status, Happened.RESTARTED)
        assert (approval.token, approval.token_seq, approval.due_at) == (None, None, NOW)

    def test_one_that_dies_again_and_again_fails_and_says_so(self, sweep, world):
        world.seed_approvals(waiting(status=Status.GRANTED, attempt=4, restarts=3))
        world.approval_executions.end(ApprovalRef(RELEASE, 4), "NotRecorded", "no access")

        assert sweep() == {"approval_failed": 1}

        approval = world.approvals.find(RELEASE)
        assert (approval.stage, approval.error, approval.cause) == (
            Stage.FAILED,
            "NotRecorded",
            "no access",
        )
        assert approval.status is Status.GRANTED

    def test_one_that_cannot_be_swept_does_not_stop_the_others(
        self, sweep, world, monkeypatch, log
    ):
        keys = [replace(RELEASE, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z0{number}") for number in range(3)]
        world.seed_approvals(*[waiting(key) for key in keys])
        describe = world.approval_executions.describe
        monkeypatch.setattr(
            world.approval_executions,
            "describe",
            lambda ref: describe(ref) if ref.key != keys[1] else _denied(),
        )

        assert sweep() == {"approval_started": 2, "approval_error": 1}

        assert "one could not be swept" in log.getvalue()

    def test_how_late_the_latest_is_is_a_metric(self, sweep, world, capsys):
        world.seed_approvals(
            waiting(), an_approval(replace(RELEASE, ulid="01KAXK3V9Q0M3W8C5R6T7Y8Z01"), due_at=NOW)
        )

        sweep()

        assert _ages(capsys, "OldestOpenApprovalAge") == [3600.0]

    def test_the_end_of_an_execution_is_looked_at_at_once(self, sample, world):
        ref = ApprovalRef.from_input(sample("approval/start_execution"))
        world.seed_approvals(an_approval(ref.key, stage=Stage.WAITING, due_at="2026-12-01"))
        world.approval_executions.end(ref, "ABORTED")

        done = lambda_handler(sample("schedule/sweep_approval_ended"), Context())

        assert done == {"restarted": 1}
        assert world.approvals.find(ref.key).attempt == 2

    @pytest.mark.parametrize(
        ("changes", "done"),
        [({"attempt": 2}, "superseded"), ({"stage": Stage.FAILED}, "closed")],
    )
    def test_the_end_of_an_attempt_before_does_not_harm_the_present_one(
        self, changes, done, sample, world
    ):
        ref = ApprovalRef.from_input(sample("approval/start_execution"))
        before = an_approval(ref.key, **changes)
        world.seed_approvals(before)

        assert lambda_handler(sample("schedule/sweep_approval_ended"), Context()) == {done: 1}

        assert world.approvals.find(ref.key) == before


def waiting(key=RELEASE, **changes):
    """An approval to which something should have happened an hour ago."""
    return an_approval(key, **{"stage": Stage.WAITING, "round": 1, "due_at": OLD, **changes})


class TestImports:
    """Jobs of files and of single rows that nothing moves any more."""

    def test_a_start_that_was_lost_is_made_again(self, sweep, world):
        seed_import(world)

        assert sweep() == {"import_started": 1}
        assert world.import_executions.started == [IMPORT]

    def test_a_job_that_was_made_lately_is_left_to_its_start(self, sweep, world):
        seed_import(world, by=Audit("2026-11-25T11:58:30.000Z"))

        assert sweep() == {}

    def test_a_direct_import_whose_process_died_is_taken_up(self, sweep, world):
        seed_import(world, status=JobStatus.PROCESSING, mode=ProcessingMode.DIRECT)

        assert sweep() == {"import_started": 1}

    def test_a_job_whose_execution_runs_is_left_alone(self, sweep, world):
        seed_import(world)
        world.import_executions.start(IMPORT)

        assert sweep() == {"import_running": 1}
        assert world.import_jobs.find(IMPORT).status is JobStatus.CREATED

    def test_a_job_whose_execution_died_ends_by_what_was_counted(self, sweep, world):
        seed_import(world, status=JobStatus.PROCESSING, loaded=LOADED)
        world.imports.count(IMPORT, Marker(2, 3, RowCounts(created=2)))
        world.import_executions.end(IMPORT, "States.Timeout")

        assert sweep() == {"import_closed": 1}

        problem = Problem("execution_ended", "its execution ended: States.Timeout")
        ending = Ending(JobStatus.FAILED, RowCounts(created=2, failed=1), problem=problem)
        assert world.import_jobs.find(IMPORT).ending == ending
        with pytest.raises(SupersededError):
            world.imports.count(IMPORT, Marker(4, 4, RowCounts(created=1)))

    def test_a_job_that_only_lacked_its_end_is_completed(self, sweep, world):
        seed_import(world, status=JobStatus.PROCESSING, loaded=LOADED)
        world.imports.count(IMPORT, Marker(2, 4, RowCounts(created=3)))
        world.import_executions.end(IMPORT, "NotRecorded")

        sweep()

        assert world.import_jobs.find(IMPORT).ending == Ending(JobStatus.COMPLETED, RowCounts(3))

    def test_a_file_that_was_refused_keeps_its_reason(self, sweep, world):
        refusal = Problem("encoding", "row 3: no UTF-8")
        seed_import(world, status=JobStatus.PROCESSING, refusal=refusal)
        world.import_executions.end(IMPORT, "NotRecorded")

        sweep()

        assert world.import_jobs.find(IMPORT).ending.problem == refusal

    @pytest.mark.parametrize(
        ("made", "done", "sent"),
        [
            ("2026-11-25T11:45:00.000Z", {"import_waiting": 1}, 0),
            ("2026-11-25T11:44:59.999Z", {"import_queued": 1}, 1),
        ],
    )
    def test_a_message_of_a_row_that_is_lost_is_sent_again(self, sweep, world, made, done, sent):
        key = replace(IMPORT, kind=ImportKind.ROW)
        loaded = replace(LOADED, rows=1, reader=Reader.NONE)
        seed_import(world, key=key, by=Audit(made), cells={"icao": "RJAA"}, loaded=loaded)

        assert sweep() == done

        assert [one["id"] for one in world.events.messages] == [key.id] * sent
        assert world.import_executions.started == []

    def test_who_waits_for_a_job_that_has_ended_is_answered(self, sweep, world):
        """finalize_parent_job died between the two."""
        seed_import(world, parent=Parent("z-1", 3, "token"))
        ending = Ending(JobStatus.COMPLETED, RowCounts(created=1))
        world.import_jobs.change(IMPORT, import_job.End(ending))

        assert sweep() == {"import_closed": 1}

        ((token, output),) = world.import_executions.succeeded
        assert (token, output["Payload"]["index"]) == ("token", 3)
        assert sweep() == {}

    def test_a_job_that_cannot_be_swept_does_not_stop_the_others(
        self, sweep, world, monkeypatch, log
    ):
        keys = [replace(IMPORT, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z0{number}") for number in range(3)]
        for key in keys:
            seed_import(world, key=key)
        describe = world.import_executions.describe
        monkeypatch.setattr(
            world.import_executions,
            "describe",
            lambda key: describe(key) if key != keys[1] else _denied(),
        )

        assert sweep() == {"import_started": 2, "import_error": 1}
        assert "one could not be swept" in log.getvalue()

    def test_the_age_of_the_oldest_open_job_is_a_metric(self, sweep, world, capsys):
        seed_import(world)

        sweep()

        assert _ages(capsys, "OldestOpenImportAge") == [3600.0]

    def test_the_end_of_an_execution_is_looked_at_at_once(self, sample, world):
        seed_import(world, status=JobStatus.PROCESSING, loaded=LOADED)
        world.imports.count(IMPORT, Marker(2, 4, RowCounts(created=3)))
        world.import_executions.end(IMPORT, "ABORTED")

        assert lambda_handler(sample("schedule/sweep_import_ended"), Context()) == {"closed": 1}
        assert world.import_jobs.find(IMPORT).status is JobStatus.COMPLETED

    def test_a_job_that_failed_as_it_should_is_not_touched_again(self, sample, world):
        seed_import(world)
        ended = world.import_jobs.change(
            IMPORT, import_job.End(Ending(JobStatus.FAILED, RowCounts(failed=1)))
        ).record

        assert lambda_handler(sample("schedule/sweep_import_ended"), Context()) == {"closed": 1}
        assert world.import_jobs.find(IMPORT) == ended


def seed_import(world, **changes):
    """A job that was made an hour ago."""
    fields = {"key": IMPORT, "table": "airports", "source": SOURCE, "by": Audit(OLD)}
    world.import_jobs.create(Job(**{**fields, **changes}))
    world.import_bucket.put(SOURCE.key, b"icao,name,country,lat,lon,tz\nA\nB\nC\n")


def processing(key=RESIZE, **changes):
    """A task that has been worked on for an hour."""
    fields = {"status": TaskStatus.PROCESSING, "input": None, "opened_at": OLD, "updated_at": OLD}
    return a_task(key, **{**fields, **changes})


def _denied():
    raise PermissionError("AccessDenied")


def _ages(capsys, metric="OldestOpenCommandAge"):
    """The values that the embedded metric format prints."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    return [line[metric][0] for line in lines if metric in line]
