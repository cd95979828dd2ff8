"""How many ended executions an engine keeps.

AWS keeps them for 90 days, and their names with them (API Reference, StartExecution).
"""

import json
from pathlib import Path
from typing import Any

import pytest
from engine.tests.maps import distributed
from engine.tests.s3 import FakeServices

from sfn_local import Engine, InlineFunctions, ManualScheduler, VirtualClock
from sfn_local.errors import ApiError
from sfn_local.registry.retention import Retention

PASS = {"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}
EVENTS_OF_PASS = 4


def engine_that_keeps(most: int, events: int = 10_000, **more: Any) -> Engine:
    return Engine(
        functions=InlineFunctions(lambda _name, payload: payload),
        clock=VirtualClock(),
        scheduler=ManualScheduler(),
        services=FakeServices(),
        retention=Retention(most, events),
        **more,
    )


def run(engine: Engine, machine: str, name: str, data: Any = None) -> str:
    arn = engine.start_execution(machine, name, json.dumps(data))
    engine.run_until(arn)
    return arn


def listed(engine: Engine, machine: str) -> list[str]:
    return [each["name"] for each in engine.list_executions(machine)]


def test_the_newest_ended_executions_are_kept() -> None:
    engine = engine_that_keeps(2)
    machine = engine.create_state_machine("m", PASS)
    arns = [run(engine, machine, name) for name in ("a", "b", "c")]

    assert listed(engine, machine) == ["c", "b"]
    with pytest.raises(ApiError) as caught:
        engine.describe_execution(arns[0])
    assert caught.value.code == "ExecutionDoesNotExist"
    assert engine.run_until(arns[0], 0)


def test_what_runs_is_kept_however_many_there_are() -> None:
    engine = engine_that_keeps(1)
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    waiting = engine.create_state_machine("w", {"StartAt": "w", "States": {"w": wait}})
    for name in ("a", "b", "c"):
        engine.start_execution(waiting, name)
    engine.run_until_idle()

    assert listed(engine, waiting) == ["c", "b", "a"]


def test_a_name_stays_taken() -> None:
    engine = engine_that_keeps(1)
    machine = engine.create_state_machine("m", PASS)
    for name in ("a", "b"):
        run(engine, machine, name)

    with pytest.raises(ApiError) as caught:
        engine.start_execution(machine, "a")
    assert caught.value.code == "ExecutionAlreadyExists"


def test_events_are_bounded_too() -> None:
    engine = engine_that_keeps(100, events=3 * EVENTS_OF_PASS)
    machine = engine.create_state_machine("m", PASS)
    for name in ("a", "b", "c", "d"):
        run(engine, machine, name)

    assert listed(engine, machine) == ["d", "c", "b"]


def test_the_last_one_is_kept_however_long_it_is() -> None:
    engine = engine_that_keeps(100, events=1)
    machine = engine.create_state_machine("m", PASS)
    for name in ("a", "b"):
        run(engine, machine, name)

    assert listed(engine, machine) == ["b"]


def test_map_runs_and_children_go_with_their_execution() -> None:
    engine = engine_that_keeps(1)
    machine = engine.create_state_machine(
        "m", {"StartAt": "it", "States": {"it": {**distributed(), "End": True}}}
    )
    arn = run(engine, machine, "a", [1, 2])
    (map_run,) = engine.list_map_runs(arn)
    (child, _) = engine.list_children(map_run["mapRunArn"])
    run(engine, machine, "b", [])

    for call, gone in (
        (engine.describe_map_run, map_run["mapRunArn"]),
        (engine.describe_execution, child["executionArn"]),
    ):
        with pytest.raises(ApiError):
            call(gone)


def test_a_redriven_execution_counts_as_running() -> None:
    engine = engine_that_keeps(1)
    failing = engine.create_state_machine("f", {"StartAt": "f", "States": {"f": {"Type": "Fail"}}})
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    states = {"w": {**wait, "End": False, "Next": "f"}, "f": {"Type": "Fail"}}
    slow = engine.create_state_machine("s", {"StartAt": "w", "States": states})
    redriven = run(engine, slow, "s")
    engine.redrive_execution(redriven)
    for name in ("a", "b"):
        run(engine, failing, name)

    assert listed(engine, failing) == ["b"]


def test_pages_stay_where_they_are_while_executions_go() -> None:
    engine = engine_that_keeps(4)
    machine = engine.create_state_machine("m", PASS)
    for name in ("a", "b", "c", "d"):
        run(engine, machine, name)
    first, following = engine.page_executions(machine, None, 2)
    run(engine, machine, "e")
    second, _ = engine.page_executions(machine, None, 2, following)

    assert [each["name"] for each in first] == ["d", "c"]
    assert [each["name"] for each in second] == ["b"]


def test_the_journal_lets_go_of_them_too(tmp_path: Path) -> None:
    engine = engine_that_keeps(1, data_dir=tmp_path)
    machine = engine.create_state_machine("m", PASS)
    for name in ("a", "b", "c"):
        run(engine, machine, name)
    engine.close()
    again = engine_that_keeps(1, data_dir=tmp_path)
    listed_again = listed(again, machine)
    with pytest.raises(ApiError) as caught:
        again.start_execution(machine, "a")
    again.close()

    assert listed_again == ["c"]
    assert caught.value.code == "ExecutionAlreadyExists"
