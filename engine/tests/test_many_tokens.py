"""Many task tokens of one state: iterations of a Map that wait, each for its own.

Source: Step Functions Developer Guide, "Wait for a Callback with Task Token"; "Using Map state in
Inline mode" (at most 40 iterations at a time); "Restarting state machine executions with redrive".
"""

import json
from pathlib import Path
from typing import Any

import pytest
from engine.tests.conftest import Lab, Run
from engine.tests.maps import MapLab

from sfn_local import Engine, VirtualClock
from sfn_local.calls.functions import Done
from sfn_local.errors import InvalidToken, TaskTimedOut
from sfn_local.mocks import MockConfig

ITEMS = list(range(12))
AT_A_TIME = 40
CALLBACK: dict[str, Any] = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {
        "FunctionName": "park",
        "Payload": {
            "item.$": "$",
            "token.$": "$$.Task.Token",
            "retry.$": "$$.State.RetryCount",
        },
    },
    "End": True,
}


def mapped(state: dict[str, Any] = CALLBACK, **fields: Any) -> dict[str, Any]:
    inner = {"StartAt": "wait", "States": {"wait": state}}
    return {"Type": "Map", "ItemProcessor": inner, **fields}


def tokens(calls: list[tuple[str, Any]]) -> dict[int, str]:
    """The newest token of each item."""
    return {given["item"]: given["token"] for _, given in calls}


def answer(engine: Engine, by_item: dict[int, str], items: list[int]) -> None:
    for item in items:
        engine.send_task_success(by_item[item], json.dumps({"done": item}))
    engine.run_until_idle()


def test_each_token_ends_its_own_iteration(lab: Lab) -> None:
    lab.hang.add("park")
    run = lab.start(machine_of(mapped()), ITEMS)
    by_item = tokens(lab.calls)

    assert len(set(by_item.values())) == len(ITEMS)
    answer(lab.engine, by_item, ITEMS[::-1])
    assert run.output == [{"done": item} for item in ITEMS]


def machine_of(state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "it", "States": {"it": {**state, "End": True}}}


def test_an_inline_map_lets_forty_wait_and_starts_the_next_as_one_ends(lab: Lab) -> None:
    lab.hang.add("park")
    items = list(range(AT_A_TIME + 5))
    run = lab.start(machine_of(mapped()), items)

    assert len(lab.calls) == AT_A_TIME
    answer(lab.engine, tokens(lab.calls), [17, 3])
    assert [given["item"] for _, given in lab.calls[AT_A_TIME:]] == [40, 41]
    answer(lab.engine, tokens(lab.calls), [item for item in items[:42] if item not in (3, 17)])
    answer(lab.engine, tokens(lab.calls), items[42:])
    assert run.output == [{"done": item} for item in items]


def test_a_used_token_is_one_iterations_alone(lab: Lab) -> None:
    lab.hang.add("park")
    run = lab.start(machine_of(mapped()), [0, 1])
    by_item = tokens(lab.calls)
    answer(lab.engine, by_item, [0])

    with pytest.raises(TaskTimedOut):
        lab.engine.send_task_success(by_item[0], "1")
    with pytest.raises(InvalidToken):
        lab.engine.send_task_success(by_item[1][:-1], "1")
    assert run.status == "RUNNING"
    answer(lab.engine, by_item, [1])
    assert run.output == [{"done": 0}, {"done": 1}]


def test_a_heartbeat_keeps_one_iteration_alive(lab: Lab) -> None:
    lab.hang.add("park")
    inner = {**CALLBACK, "HeartbeatSeconds": 10, "TimeoutSeconds": 100}
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "late"}]
    graph = {
        "StartAt": "wait",
        "States": {
            "wait": {**inner, "Catch": catch},
            "late": {"Type": "Pass", "Result": "late", "End": True},
        },
    }
    run = lab.start(machine_of({"Type": "Map", "ItemProcessor": graph}), [0, 1, 2])
    by_item = tokens(lab.calls)
    lab.engine.run_for(8)
    lab.engine.send_task_heartbeat(by_item[1])
    lab.engine.run_for(4)
    lab.engine.send_task_success(by_item[1], '"alive"')
    lab.engine.run_until_idle()

    assert run.output == ["late", "alive", "late"]


def test_a_retry_has_a_token_of_its_own(lab: Lab) -> None:
    lab.hang.add("park")
    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1}]
    run = lab.start(machine_of(mapped({**CALLBACK, "Retry": retry})), [0, 1])
    before = tokens(lab.calls)
    lab.engine.send_task_failure(before[0], "Again", "")
    lab.engine.run_for(1)
    after = tokens(lab.calls)

    assert (before[0] != after[0], before[1] == after[1]) == (True, True)
    assert [(given["item"], given["retry"]) for _, given in lab.calls] == [(0, 0), (1, 0), (0, 1)]
    answer(lab.engine, after, [1, 0])
    assert run.output == [{"done": 0}, {"done": 1}]


def test_a_redrive_waits_again_for_the_iterations_that_did_not_succeed(lab: Lab) -> None:
    lab.hang.add("park")
    run = lab.start(machine_of(mapped()), [0, 1, 2, 3])
    before = tokens(lab.calls)
    answer(lab.engine, before, [2])
    lab.engine.send_task_failure(before[1], "Broken", "why")
    lab.engine.run_until_idle()
    lab.calls.clear()
    lab.engine.redrive_execution(run.arn)
    lab.engine.run_until_idle()
    again = tokens(lab.calls)

    assert sorted(again) == [0, 1, 3]
    assert not set(again.values()) & set(before.values())
    with pytest.raises(TaskTimedOut):
        lab.engine.send_task_success(before[0], "1")
    answer(lab.engine, again, [3, 1, 0])
    assert run.output == [{"done": item} for item in range(4)]


class Parked:
    """A function that takes tokens, over restarts of the engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[tuple[str, Any]] = []
        self.engine = self.open()

    def open(self) -> Engine:
        return Engine(functions=self, clock=VirtualClock(), data_dir=self.folder)

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        self.calls.append((function, json.loads(payload)))
        done(b"null")

    def restart(self) -> None:
        self.engine.close()
        self.engine = self.open()
        self.engine.run_until_idle()


def test_tokens_from_before_a_restart_end_their_iterations(tmp_path: Path) -> None:
    parked = Parked(tmp_path / "data")
    machine = parked.engine.create_state_machine("m", machine_of(mapped()))
    arn = parked.engine.start_execution(machine, "e", json.dumps(ITEMS))
    parked.engine.run_until_idle()
    by_item = tokens(parked.calls)
    answer(parked.engine, by_item, ITEMS[::2])
    parked.restart()
    asked = len(parked.calls)
    answer(parked.engine, by_item, ITEMS[1::2])
    run = Run(parked.engine, arn)
    parked.engine.close()

    assert asked == len(ITEMS)
    assert run.output == [{"done": item} for item in ITEMS]


def test_children_of_a_distributed_map_wait_each_for_its_own() -> None:
    maps = MapLab()
    sent: dict[int, str] = {}

    def park(given: Any) -> Any:
        sent[given["item"]] = given["token"]

    maps.function = park
    maps.start(ITEMS, processor=CALLBACK)

    assert sorted(sent) == ITEMS
    answer(maps.engine, sent, ITEMS[::-1])
    assert json.loads(maps.execution["output"]) == [{"done": item} for item in ITEMS]


def test_mocked_answers_go_to_the_iterations_in_turn() -> None:
    answers = {
        "0": {"Return": "a"},
        "1": {"Throw": {"Error": "Odd", "Cause": ""}},
        "2": {"Return": "c"},
    }
    machines = {"m": {"TestCases": {"Case": {"wait": "Answers"}}}}
    mocks = MockConfig(
        json.dumps({"StateMachines": machines, "MockedResponses": {"Answers": answers}})
    )
    engine = Engine(functions=Unreached(), clock=VirtualClock(), mocks=mocks)
    catch = [{"ErrorEquals": ["Odd"], "Next": "odd"}]
    graph = {
        "StartAt": "wait",
        "States": {
            "wait": {**CALLBACK, "Catch": catch},
            "odd": {"Type": "Pass", "Result": "odd", "End": True},
        },
    }
    state = {"Type": "Map", "ItemProcessor": graph, "MaxConcurrency": 1}
    machine = engine.create_state_machine("m", machine_of(state))
    arn = engine.start_execution(f"{machine}#Case", "e", "[0, 1, 2]")
    engine.run_until(arn)

    assert Run(engine, arn).output == ["a", "odd", "c"]


class Unreached:
    def submit(self, function: str, payload: bytes, done: Done) -> None:
        raise AssertionError((function, payload, done))
