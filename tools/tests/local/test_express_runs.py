"""What can be known of a run of the express lane: its machine's log, or else its item."""

import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.command.items import process_item
from sfn_cqrs.machines.command.process import Lane, Outcome
from sfn_cqrs_tools.cli import main
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.executions import Executions
from sfn_cqrs_tools.client.express_runs import runs_in_file
from sfn_cqrs_tools.testing.builders import a_process

ARN = "arn:aws:states:us-east-1:123456789012:{}:dev-command-express"
PROCESS = a_process(lane=Lane.EXPRESS, run="a-run", status="finish:FINISHED", version=1)
NAME = PROCESS.ref.execution_name("commands")
NOW = datetime.now(UTC).replace(microsecond=0)


def logged(number, type_, execution=f"{NAME}:1", **details):
    moment = NOW + timedelta(seconds=number)
    return {
        "id": str(number),
        "type": type_,
        "details": details,
        "previous_event_id": str(number - 1),
        "event_timestamp": str(round(moment.timestamp() * 1000)),
        "execution_arn": f"{ARN.format('express')}:{execution}",
        "redrive_count": "0",
    }


FAILED = [
    logged(7, "TaskFailed", error="SyncHandlerError", cause="{}"),
    logged(11, "FailStateEntered", name="fail"),
    logged(12, "ExecutionFailed", error="SyncHandlerError", cause="orders: KeyError: 'customer'"),
]


class Aws:
    """Step Functions that has no execution, a table with one item, and a log."""

    def __init__(self, events, process):
        self.events, self.process, self.asked = events, process, []

    def get_paginator(self, _operation):
        return self

    def paginate(self, **given):
        self.asked.append(given)
        return [{"events": [{"message": json.dumps(event)} for event in self.events]}]

    def list_executions(self, **_):
        return {"executions": []}

    def query(self, **_):
        item = process_item(self.process, 0) | {"run": self.process.run}
        return {"Items": [marshal(item)]}


@pytest.fixture
def aws(monkeypatch):
    """Return what makes a stack on AWS of events and a process item."""

    def made(events, process=PROCESS):
        fake = Aws(events, process)
        outputs = {
            "CommandStateMachineArn": "arn:command",
            "CommandExpressStateMachineArn": ARN.format("stateMachine"),
            "CommandsTableName": "commands",
        }
        target = Target(outputs, {}, "dev")
        monkeypatch.setattr(Target, "client", lambda _self, _name: fake)
        monkeypatch.setattr(Target, "physical_id", lambda _self, logical_id: f"of {logical_id}")
        monkeypatch.setattr("sfn_cqrs_tools.cli.executions.find_target", lambda *_: target)
        fake.executions = Executions(target, PROCESS.key.tenant)
        return fake

    return made


@pytest.fixture
def typed(monkeypatch, capsys):
    """Return what types a command about the item."""

    def run(*arguments):
        tenant = ("--tenant", PROCESS.key.tenant)
        monkeypatch.setattr(sys, "argv", ["sfn-cqrs", "execution", *arguments, *tenant])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    return run


ITEM = f"{PROCESS.key.type}/{PROCESS.key.code}"


def test_of_a_run_that_failed_on_aws_the_log_of_errors_has_the_error(aws, typed):
    stack = aws(FAILED, a_process(lane=Lane.EXPRESS, outcome=Outcome.FAILED))
    shown = typed("show", ITEM)

    assert shown.startswith(f"{NAME} of command-express\n")
    assert "SyncHandlerError: orders: KeyError: 'customer'" in shown
    assert [line.split()[0] for line in shown.splitlines()[2:3]] == ["fail"]
    pattern = stack.asked[-1]["filterPattern"]
    assert pattern == f'{{ ($.execution_arn = "*:{NAME}:*") }}'
    assert stack.asked[-1]["logGroupName"] == "of CommandExpressStateMachineLogGroup"


def test_of_a_run_that_logged_nothing_the_item_is_shown(aws, typed):
    aws([], a_process(lane=Lane.EXPRESS, run="r", outcome=Outcome.APPLIED, status="finish:DONE"))
    shown = typed("show", ITEM)
    as_json = json.loads(typed("show", ITEM, "--json"))

    assert f"version 1 of {ITEM}, attempt 1 of command-express: a run has claimed it" in shown
    assert "APPLIED by finish:DONE" in shown
    assert shown.endswith(f"sfn-cqrs logs --item {ITEM}\n")
    assert (as_json["outcome"], as_json["attempt"]) == ("APPLIED", 1)


def test_an_item_whose_version_has_left_the_lane_is_not_told_of_as_if_it_were_there(aws):
    stack = aws([], a_process(lane=Lane.EXPRESS, attempt=2))

    assert stack.executions.unlogged(ITEM) is None


def test_what_aws_has_logged_is_listed_with_the_executions_of_the_other_machines(aws):
    stack = aws(FAILED)

    assert [(one.name, one.status) for one in stack.executions.latest(None, None, 9)] == [
        (NAME, "FAILED")
    ]
    assert stack.executions.latest("command-express", "SUCCEEDED", 9) == []


def test_of_runs_of_one_name_the_one_that_did_most_is_shown(tmp_path):
    again = f"{NAME}:2"
    duplicate = [logged(1, "ExecutionStarted", again), logged(2, "ExecutionSucceeded", again)]
    log = tmp_path / "express.jsonl"
    old, new = [*FAILED, *duplicate], [logged(1, "ExecutionStarted", "other:3")]
    for path, events in ((log.with_suffix(".old"), old), (log, new)):
        path.write_text("".join(f"{json.dumps(event)}\n" for event in events))

    runs = runs_in_file(log)

    assert {(run.name, run.described["status"]) for run in runs} == {
        (NAME, "FAILED"),
        ("other", "UNKNOWN"),
    }
