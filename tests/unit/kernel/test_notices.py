import json

from sfn_cqrs.kernel.notices import failure_alarm
from sfn_cqrs.machines.command.process import Outcome, command_status, place_of
from sfn_cqrs.machines.task.notices import task_status
from sfn_cqrs.machines.task.rules import Counts, TaskStatus
from sfn_cqrs_tools.testing.builders import RESIZE, a_process, a_task

FAILED = a_process(
    version=2,
    outcome=Outcome.FAILED,
    status="sync_data:FAILED",
    token="secret token",
    error="SyncHandlerError",
    cause="airports_by_country: KeyError: 'country'\n  File app.py, secret cause",
)
VERSION = {
    "id": "NRT-2",
    "table": "CommandsTable",
    "pk": "TENANT#tenant1#AIRPORT#NRT",
    "sk": "AIRPORT#NRT@00000002",
    "tenantCode": "tenant1",
}


def test_a_notice_tells_how_a_version_has_closed():
    assert command_status(FAILED, "CommandsTable") == {
        "action": "command-status",
        **VERSION,
        "content": {
            "status": "sync_data:FAILED",
            "source": "api",
            "outcome": "FAILED",
            "type": "AIRPORT",
            "code": "NRT",
            "version": 2,
            "attempt": 1,
            "lane": "STANDARD",
            "error": "SyncHandlerError",
        },
    }


def test_a_notice_has_neither_token_nor_cause():
    assert "secret" not in json.dumps(command_status(FAILED, "CommandsTable"))


def test_an_alarm_has_the_originals_shape_and_the_first_line_of_the_cause():
    assert failure_alarm(FAILED, place_of(FAILED), "CommandsTable", "c-abc-v2-a1") == {
        "action": "sfn-alarm",
        **VERSION,
        "content": {
            "errorMessage": "SyncHandlerError: airports_by_country: KeyError: 'country'",
            "sfnId": "c-abc-v2-a1",
        },
    }


def test_an_alarms_message_is_short_and_there_is_one_without_a_cause():
    long_one = a_process(error="Error", cause="c" * 5_000)
    without = a_process(error="Error")

    assert (
        len(failure_alarm(long_one, place_of(long_one), "table", "x")["content"]["errorMessage"])
        == 1_000
    )
    assert (
        failure_alarm(without, place_of(without), "table", "x")["content"]["errorMessage"]
        == "Error: "
    )


def test_a_notice_tells_how_the_items_of_a_task_have_ended():
    counts = Counts(completed=5, failed=2, cancelled=1)
    task = a_task(RESIZE, status=TaskStatus.CANCELLED, total=8, counts=counts)

    content = task_status(task, "TasksTable")["content"]

    told = ("status", "total", "completed", "failed", "cancelled")
    assert [content[name] for name in told] == ["CANCELLED", 8, 5, 2, 1]
