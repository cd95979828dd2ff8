from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple

import pytest
from tests.support.orders import a_saga, an_approval
from tests.unit.schedule.sweeping import IMPORT, OLD, Context, ages, seed_import

from sfn_cqrs.kernel.keys import ApprovalRef, SagaRef, TaskRef
from sfn_cqrs.machines.approval.rules import Stage
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs.machines.task.rules import TaskStatus
from sfn_cqrs_tools.testing.builders import (
    NRT,
    ORDERED,
    RELEASE,
    RESIZE,
    a_process,
    a_task,
    an_item,
)


class Kind(NamedTuple):
    """A key, how what was opened an hour ago is stored under it, and what its sweep does."""

    key: Any
    put: Callable[..., None]
    call: str
    metric: str


def put_approval(world, key, **changes):
    late = {"stage": Stage.WAITING, "round": 1, "due_at": OLD}
    world.seed_approvals(an_approval(key, **{**late, **changes}))


def put_saga(world, key, **changes):
    world.seed_sagas(a_saga(key, **{"status": SagaStatus.RUNNING, "opened_at": OLD, **changes}))


def put_task(world, key, **changes):
    world.seed_tasks(a_task(key, **{"status": TaskStatus.PROCESSING, "opened_at": OLD, **changes}))
    world.seed_items(an_item(key))


KINDS = {
    "approval": Kind(RELEASE, put_approval, "describe", "OldestOpenApprovalAge"),
    "command": Kind(
        NRT,
        lambda world, key: world.seed(a_process(key, opened_at=OLD)),
        "start",
        "OldestUnappliedSeconds",
    ),
    "import": Kind(
        IMPORT, lambda world, key: seed_import(world, key=key), "start", "OldestOpenImportAge"
    ),
    "saga": Kind(ORDERED, put_saga, "describe", "OldestOpenSagaAge"),
    "task": Kind(RESIZE, put_task, "describe", "OldestOpenTaskAge"),
}


@pytest.fixture
def sweep(sample):
    """Return what sweeps a kind, or what an event of an execution's end names of it."""

    def run(kind, event=""):
        handler = import_module(f"functions.schedule.sweep_{kind}s.app").lambda_handler
        return handler(sample(f"schedule/sweep_{kind}s{event}"), Context())

    return run


def executions_of(world, kind):
    return world.executions if kind == "command" else getattr(world, f"{kind}_executions")


@pytest.mark.parametrize("kind", KINDS)
def test_lost_starts_are_made_again_and_one_that_cannot_be_swept_does_not_stop_the_others(
    kind, sweep, world, monkeypatch, log
):
    key, put, call, _ = KINDS[kind]
    name = "code" if kind == "command" else "ulid"
    keys = [replace(key, **{name: f"01KAXK3V9Q0M3W8C5R6T7Y8Z0{number}"}) for number in range(3)]
    for each in keys:
        put(world, each)
    executions = executions_of(world, kind)
    original = getattr(executions, call)

    def denied(ref, *trace):
        if getattr(ref, "key", ref) == keys[1]:
            raise PermissionError("AccessDenied")
        return original(ref, *trace)

    monkeypatch.setattr(executions, call, denied)

    assert sweep(kind) == {f"{kind}_started": 2, f"{kind}_error": 1}

    assert {getattr(ref, "key", ref) for ref in executions.started} == {keys[0], keys[2]}
    assert "one could not be swept" in log.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_the_age_of_the_oldest_is_a_metric(kind, sweep, world, capsys):
    KINDS[kind].put(world, KINDS[kind].key)

    sweep(kind)

    assert ages(capsys, KINDS[kind].metric) == [3600.0]


@pytest.mark.parametrize(
    ("kind", "changes", "done"),
    [
        ("approval", {}, "restarted"),
        ("approval", {"attempt": 2}, "superseded"),
        ("approval", {"stage": Stage.FAILED}, "closed"),
        ("saga", {}, "restarted"),
        ("saga", {"attempt": 2}, "superseded"),
        ("saga", {"status": SagaStatus.PARKED}, "closed"),
        ("task", {}, "restarted"),
        ("task", {"attempt": 2}, "superseded"),
    ],
)
def test_the_end_of_an_execution_is_looked_at_at_once_and_harms_no_later_attempt(
    kind, changes, done, sweep, sample, world
):
    refs = {
        "approval": ApprovalRef.from_input(sample("approval/start_execution")),
        "saga": SagaRef(ORDERED, 1, "order-saga"),
        "task": TaskRef.from_input(sample("task/start_execution")),
    }
    records, ref = getattr(world, f"{kind}s"), refs[kind]
    KINDS[kind].put(world, ref.key, **changes)
    executions_of(world, kind).end(ref, "ABORTED")
    before = records.find(ref.key)

    assert sweep(kind, "_ended") == {done: 1}

    after = records.find(ref.key)
    assert after.attempt == 2 if done == "restarted" else after == before
    assert executions_of(world, kind).started == []
