"""What other systems get of a notice is what its published schema says, and nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from tests.support.orders import a_saga, an_approval

from sfn_cqrs.kernel.notices import event_of
from sfn_cqrs.machines.approval.notices import approval_status
from sfn_cqrs.machines.command.process import Outcome, command_status
from sfn_cqrs.machines.import_csv.job import Ending, JobStatus
from sfn_cqrs.machines.import_csv.notices import import_status
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.saga.notices import saga_status
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs.machines.task.notices import task_status
from sfn_cqrs.machines.task.rules import Counts as TaskCounts
from sfn_cqrs.machines.task.rules import TaskStatus
from sfn_cqrs.machines.zip_orchestrator.notices import zip_status
from sfn_cqrs_tools.testing.builders import a_job, a_process, a_task, a_zip

SCHEMAS = Path("examples/event-schemas")
ENDED = Ending(JobStatus.COMPLETED, Counts(created=2))
TASK = a_task(status=TaskStatus.FAILED, counts=TaskCounts(1, 1, 1))
CALLED = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"
NOTICES = [
    command_status(a_process(outcome=Outcome.APPLIED, trace=CALLED), "t"),
    command_status(a_process(outcome=Outcome.FAILED, error="ValueError"), "t"),
    task_status(replace(TASK, trace=CALLED), "t"),
    import_status(replace(a_job(), trace=CALLED), Counts(), "t"),
    import_status(replace(a_job(), status=JobStatus.COMPLETED, ending=ENDED), ENDED.counts, "t"),
    zip_status(replace(a_zip(), trace=CALLED), "t"),
    zip_status(a_zip(files=2, status=JobStatus.COMPLETED, ending=ENDED), "t"),
    approval_status(an_approval(trace=CALLED), "t"),
    saga_status(a_saga(status=SagaStatus.PARKED, error="x", trace=CALLED), "t"),
]


def validator(action):
    schema = json.loads((SCHEMAS / f"{action}.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice["action"])
def test_an_event_is_as_its_schema_says(notice):
    event = json.loads(json.dumps(event_of(notice)))

    assert list(validator(notice["action"]).iter_errors(event)) == []


def test_an_event_of_each_kind_says_where_its_trace_goes_on():
    traced = {
        notice["action"]: event_of(notice)["traceparent"]
        for notice in NOTICES
        if "traceparent" in notice
    }

    place = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert traced == dict.fromkeys((notice["action"] for notice in NOTICES), place)


def test_there_is_a_schema_for_each_notice_that_is_put_on_the_bus():
    template = Path("template.yaml").read_text(encoding="utf-8")
    line = template.split("  NotificationSubscription:")[1].split("FilterPolicy: { action: [")[1]
    actions = line.split("]")[0].split(", ")

    assert sorted(path.stem for path in SCHEMAS.iterdir()) == sorted(actions)
    assert {notice["action"] for notice in NOTICES} == set(actions)


def test_a_schema_refuses_what_is_not_said():
    event = event_of(NOTICES[0])

    assert not validator("command-status").is_valid({**event, "pk": "x"})
    assert not validator("command-status").is_valid({**event, "content": {}})
