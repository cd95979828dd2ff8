from dataclasses import replace
from importlib import import_module

import pytest
from tests.unit.schedule.sweeping import IMPORT, OLD, Context, seed_import

from sfn_cqrs.domain.approval import Stage
from sfn_cqrs.domain.saga import SagaStatus
from sfn_cqrs.domain.task import TaskStatus
from sfn_cqrs_tools.testing.builders import (
    NRT,
    ORDERED,
    RELEASE,
    RESIZE,
    a_process,
    a_saga,
    a_task,
    an_approval,
)

KINDS = {
    "approval": (
        RELEASE,
        lambda world, key: world.seed_approvals(
            an_approval(key, stage=Stage.WAITING, round=1, due_at=OLD)
        ),
        "describe",
    ),
    "command": (NRT, lambda world, key: world.seed(a_process(key, opened_at=OLD)), "start"),
    "import": (IMPORT, lambda world, key: seed_import(world, key=key), "start"),
    "saga": (
        ORDERED,
        lambda world, key: world.seed_sagas(a_saga(key, status=SagaStatus.RUNNING, opened_at=OLD)),
        "describe",
    ),
    "task": (
        RESIZE,
        lambda world, key: world.seed_tasks(
            a_task(key, status=TaskStatus.PROCESSING, opened_at=OLD)
        ),
        "describe",
    ),
}
"""A key, how what was opened an hour ago is stored under it, and the call that its sweep makes."""


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_cannot_be_swept_does_not_stop_the_others(kind, sample, world, monkeypatch, log):
    key, seed, call = KINDS[kind]
    name = "code" if kind == "command" else "ulid"
    keys = [replace(key, **{name: f"01KAXK3V9Q0M3W8C5R6T7Y8Z0{number}"}) for number in range(3)]
    for each in keys:
        seed(world, each)
    executions = world.executions if kind == "command" else getattr(world, f"{kind}_executions")
    original = getattr(executions, call)

    def denied(ref, *trace):
        if getattr(ref, "key", ref) == keys[1]:
            raise PermissionError("AccessDenied")
        return original(ref, *trace)

    monkeypatch.setattr(executions, call, denied)
    sweep = import_module(f"functions.schedule.sweep_{kind}s.app").lambda_handler

    assert sweep(sample(f"schedule/sweep_{kind}s"), Context()) == {
        f"{kind}_started": 2,
        f"{kind}_error": 1,
    }

    assert "one could not be swept" in log.getvalue()
