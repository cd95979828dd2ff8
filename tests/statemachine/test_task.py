"""task.asl.json: every path and catch, on stand-in functions."""

from typing import Any

import pytest
from tests.statemachine.errors import fails_at

from sfn_local.pytest_plugin import NEVER, MachineRun, RunMachine

KEYS = {
    "tenant": "acme",
    "type": "RESIZE",
    "id": "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A",
    "attempt": 1,
    "items": [4, 7, 9],
    "concurrency": 2,
}
STUBS: dict[str, Any] = {
    "iterator": lambda payload: {"index": payload["input"], "ok": True},
    "finalize_task": {"result": "COMPLETED", "attempt": 1},
}


def run_task(run_machine: RunMachine, keys: dict[str, Any] = KEYS, **stubs: Any) -> MachineRun:
    run: MachineRun = run_machine("task", input=keys, stubs={**STUBS, **stubs})
    return run


def test_a_task_runs_each_item_and_ends(run_machine: RunMachine) -> None:
    run = run_task(run_machine)

    assert run.path == ["map_state", "iterator", "iterator", "iterator", "finalize_task", "success"]
    assert run.status == "SUCCEEDED"
    assert run.output == {"result": "COMPLETED", "attempt": 1}


def test_a_task_of_ten_items_takes_thirteen_transitions(run_machine: RunMachine) -> None:
    run = run_task(run_machine, {**KEYS, "items": list(range(10))})

    assert len(run.path) == 13


def test_each_item_is_worked_on_once_by_its_index(run_machine: RunMachine) -> None:
    run = run_task(run_machine)

    assert sorted(payload["input"] for payload in run.payloads["iterator"]) == [4, 7, 9]
    assert run.payloads["finalize_task"][0]["input"] == [
        {"index": 4, "ok": True},
        {"index": 7, "ok": True},
        {"index": 9, "ok": True},
    ]


@pytest.mark.parametrize("concurrency", [1, 2, 3])
def test_so_many_items_are_worked_on_at_a_time(run_machine: RunMachine, concurrency: int) -> None:
    run = run_task(run_machine, {**KEYS, "concurrency": concurrency}, iterator=NEVER)

    assert len(run.payloads["iterator"]) == concurrency


def test_an_item_whose_function_dies_at_every_try_is_named_and_the_others_go_on(
    run_machine: RunMachine,
) -> None:
    run = run_task(run_machine, iterator=fails_at(7))

    assert sorted(run.path) == sorted(
        ["map_state", "iterator", "iterator", "iterator", "gave_up", "finalize_task", "success"]
    )
    assert run.payloads["finalize_task"][0]["input"] == [
        {"index": 4, "ok": True},
        {"index": 7, "error": "SupersededError"},
        {"index": 9, "ok": True},
    ]


ITEMS = ["iterator", "iterator", "iterator"]
MOCKED = {
    "HappyPath": ["map_state", *ITEMS, "finalize_task", "success"],
    "EverythingIsTriedAgain": ["map_state", *ITEMS, "finalize_task", "success"],
    "OneItemFails": ["map_state", *ITEMS, "finalize_task", "success"],
    "OneFunctionGivesUp": ["map_state", *ITEMS, "gave_up", "finalize_task", "success"],
    "GoesOnInTheNextAttempt": ["map_state", *ITEMS, "finalize_task", "success"],
    "EndCannotBeRecorded": ["map_state", *ITEMS, "finalize_task", "not_recorded"],
}


@pytest.mark.parametrize("case", MOCKED)
def test_a_mocked_case_takes_its_path(run_machine: RunMachine, case: str) -> None:
    run = run_machine("task", input=KEYS, mock=case)

    assert sorted(run.path) == sorted(MOCKED[case])
