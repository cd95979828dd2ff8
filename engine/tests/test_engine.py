"""The engine as a library: executions, the context object, limits, listeners.

Source: Step Functions API Reference; Developer Guide, "Accessing execution data from the Context
object" and "Step Functions service quotas".
"""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from engine.tests.conftest import Lab, Run

from sfn_local import Engine, InlineFunctions, ManualScheduler, ThreadedFunctions, VirtualClock
from sfn_local.errors import ExecutionAlreadyExists, InvalidDefinition, ValidationException

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
TASK = {"Type": "Task", "Resource": FUNCTION, "End": True}
PASS: dict[str, Any] = {"Type": "Pass", "End": True}
WAIT: dict[str, Any] = {"Type": "Wait", "Seconds": 60, "End": True}


def machine(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"StartAt": "it", "States": {"it": state}, **more}


def test_the_context_object_tells_of_execution_machine_and_state(lab: Lab) -> None:
    lab.clock.advance(0.123)
    arn = lab.engine.create_state_machine("orders", machine({**PASS, "InputPath": "$$"}))
    execution = lab.engine.start_execution(arn, "e-1", '{"a":1}')
    lab.engine.run_until(execution)

    assert Run(lab.engine, execution).output == {
        "Execution": {
            "Id": "arn:aws:states:us-east-1:000000000000:execution:orders:e-1",
            "Input": {"a": 1},
            "Name": "e-1",
            "RedriveCount": 0,
            "RoleArn": "arn:aws:iam::000000000000:role/local",
            "StartTime": "2026-01-01T00:00:00.123Z",
        },
        "State": {"EnteredTime": "2026-01-01T00:00:00.123Z", "Name": "it"},
        "StateMachine": {
            "Id": "arn:aws:states:us-east-1:000000000000:stateMachine:orders",
            "Name": "orders",
        },
    }


def test_an_execution_without_a_name_gets_a_uuid(lab: Lab) -> None:
    run = lab.run(machine(PASS))

    assert len(run.arn.rpartition(":")[2]) == 36


def test_the_same_name_and_input_return_the_running_execution(lab: Lab) -> None:
    arn = lab.engine.create_state_machine("m", machine(WAIT))
    first = lab.engine.start_execution(arn, "e", '{"a":1}')

    assert lab.engine.start_execution(arn, "e", '{"a":1}') == first
    with pytest.raises(ExecutionAlreadyExists):
        lab.engine.start_execution(arn, "e", '{"a":2}')
    lab.engine.run_until(first)
    with pytest.raises(ExecutionAlreadyExists):
        lab.engine.start_execution(arn, "e", '{"a":1}')


def test_a_machines_time_limit_ends_its_execution(lab: Lab) -> None:
    run = lab.run(machine(WAIT, TimeoutSeconds=30))
    last = run.events[-1]

    assert (run.status, run.error, lab.elapsed(run)) == ("TIMED_OUT", None, 30)
    assert (last["type"], last["previousEventId"]) == ("ExecutionTimedOut", 0)


def test_a_time_limit_ends_waiting_branches_too(lab: Lab) -> None:
    branches = [{"StartAt": name, "States": {name: WAIT}} for name in ("a", "b")]
    state = {"Type": "Parallel", "Branches": branches, "End": True}

    assert lab.run(machine(state, TimeoutSeconds=30)).status == "TIMED_OUT"


def test_a_stopped_execution_stays_stopped(lab: Lab) -> None:
    run = lab.start(machine(WAIT))
    lab.engine.stop_execution(run.arn, "E", "C")
    lab.engine.run_for(100)

    assert (run.status, run.error, run.cause) == ("ABORTED", "E", "C")
    assert [event["type"] for event in run.events][-1] == "ExecutionAborted"


def test_an_output_over_256_kib_is_a_data_limit_error(lab: Lab) -> None:
    doubled = {**PASS, "Parameters": {"a.$": "$", "b.$": "$"}}
    run = lab.run(machine(doubled), "x" * 200_000)

    assert run.error == "States.DataLimitExceeded"
    assert run.cause == (
        "The state/task 'it' returned a result with a size exceeding the maximum number of bytes "
        "service limit."
    )


def test_the_limit_counts_bytes_not_characters(lab: Lab) -> None:
    arn = lab.engine.create_state_machine("m", machine(PASS))
    with pytest.raises(ValidationException):
        lab.engine.start_execution(arn, input=json.dumps("日" * 90_000, ensure_ascii=False))


def test_an_execution_ends_at_25_000_events(lab: Lab) -> None:
    loop = {
        "StartAt": "a",
        "States": {
            "a": {"Type": "Pass", "Next": "b"},
            "b": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.stop", "IsPresent": True, "Next": "end"}],
                "Default": "a",
            },
            "end": {"Type": "Succeed"},
        },
    }
    run = lab.run(loop, {})

    assert (run.status, run.error) == ("FAILED", "States.Runtime")
    assert run.cause == "The execution reached the maximum number of history events (25000)."
    assert [event["id"] for event in run.events][-1] == 25_000


def test_history_events_are_numbered_and_follow_earlier_ones(lab: Lab) -> None:
    lab.functions["f"] = lambda item: item
    processor = {"StartAt": "call", "States": {"call": TASK}}
    run = lab.run(machine({"Type": "Map", "ItemProcessor": processor, "End": True}), [1, 2, 3])

    assert [event["id"] for event in run.events] == list(range(1, len(run.events) + 1))
    assert all(event["previousEventId"] < event["id"] for event in run.events)
    assert all(isinstance(event["timestamp"], datetime) for event in run.events)


def test_listeners_learn_of_every_status(lab: Lab) -> None:
    heard: list[tuple[str, str]] = []
    lab.engine.on_status_change.append(
        lambda described: heard.append((described["name"], described["status"]))
    )
    arn = lab.engine.create_state_machine("m", machine({"Type": "Fail"}))
    lab.engine.run_until(lab.engine.start_execution(arn, "e"))
    lab.engine.run_until_idle()

    assert heard == [("e", "RUNNING"), ("e", "FAILED")]


def test_a_listener_that_fails_does_not_keep_the_others_from_hearing(lab: Lab) -> None:
    heard: list[str] = []

    def broken(_: dict[str, Any]) -> None:
        raise ValueError("deaf")

    lab.engine.on_status_change += [broken, lambda described: heard.append(described["status"])]
    lab.run(machine(PASS))
    lab.engine.run_until_idle()

    assert heard == ["RUNNING", "SUCCEEDED"]


def test_an_updated_machine_does_not_change_what_runs(lab: Lab) -> None:
    arn = lab.engine.create_state_machine("m", machine(WAIT))
    old = lab.engine.start_execution(arn)
    lab.engine.run_until_idle()
    lab.engine.update_state_machine(arn, machine({**PASS, "Result": "new"}))
    new = lab.engine.start_execution(arn)
    lab.engine.run_until(old)
    lab.engine.run_until(new)

    assert (Run(lab.engine, old).output, Run(lab.engine, new).output) == ({}, "new")


def test_executions_of_a_deleted_machine_go_on(lab: Lab) -> None:
    arn = lab.engine.create_state_machine("m", machine(WAIT))
    run = Run(lab.engine, lab.engine.start_execution(arn))
    lab.engine.delete_state_machine(arn)
    lab.engine.run_until(run.arn)

    assert run.status == "SUCCEEDED"


def test_a_function_that_breaks_its_invoker_does_not_hang_the_execution() -> None:
    class Broken:
        def submit(self, *_: Any) -> None:
            raise RuntimeError("no functions today")

    engine = Engine(functions=Broken(), clock=VirtualClock())
    arn = engine.create_state_machine("m", machine(TASK))
    run = Run(engine, engine.start_execution(arn))
    engine.run_until_idle()

    assert (run.status, run.error) == ("FAILED", "Lambda.Unknown")


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("{", "INVALID_JSON_DESCRIPTION: Expecting property name"),
        ("[]", "SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object"),
        (
            machine({"Type": "Pass", "Next": "b"}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: b at /States/it/Next",
        ),
        (
            machine({"Type": "Pass"}),
            "This object should have only one of the following fields: [Next, End] at /States/it",
        ),
        (
            machine({**PASS, "Typo": 1}),
            "SCHEMA_VALIDATION_FAILED: Field 'Typo' is not supported at /States/it",
        ),
    ],
)
def test_a_definition_that_cannot_run_is_refused(lab: Lab, definition: Any, message: str) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        lab.engine.create_state_machine("m", definition)

    assert message in str(caught.value)


def test_an_engine_runs_by_itself_on_real_time() -> None:
    engine = Engine(functions=ThreadedFunctions(lambda _, payload: payload))
    arn = engine.create_state_machine("m", machine(TASK))
    executions = [engine.start_execution(arn, input=str(number)) for number in range(50)]
    ended = [engine.run_until(execution, 10) for execution in executions]
    outputs = [Run(engine, execution).output for execution in executions]
    engine.close()

    assert all(ended)
    assert outputs == list(range(50))


def test_an_engine_wakes_up_for_its_timers() -> None:
    engine = Engine(functions=InlineFunctions(lambda _, payload: payload))
    soon = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()
    until = {"Type": "Wait", "Timestamp": soon, "End": True}
    arn = engine.create_state_machine("m", machine(until))
    execution = engine.start_execution(arn)

    assert engine.run_until(execution, 10)
    engine.close()


def test_waiting_executions_hold_no_threads() -> None:
    engine = Engine(functions=InlineFunctions(lambda _, payload: payload))
    arn = engine.create_state_machine("m", machine(WAIT))
    before = threading.active_count()
    for _ in range(500):
        engine.start_execution(arn)
    engine.run_until(lambda: len(engine.list_executions(arn, "RUNNING")) == 500, 5)

    assert threading.active_count() <= before + 1
    engine.close()


def test_calls_from_many_threads_do_not_lose_anything() -> None:
    engine = Engine(functions=ThreadedFunctions(lambda _, payload: payload))
    arn = engine.create_state_machine("m", machine(TASK))

    def start() -> None:
        for _ in range(50):
            engine.start_execution(arn)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert engine.run_until(lambda: len(engine.list_executions(arn, "SUCCEEDED")) == 400, 10)
    engine.close()


def order_of_calls(seed: int | None) -> list[Any]:
    lab = Lab({"f": lambda given: given}, seed=seed)
    arn = lab.engine.create_state_machine("m", machine(TASK))
    for number in range(8):
        lab.engine.start_execution(arn, input=str(number))
    lab.engine.run_until_idle()
    return [given for _, given in lab.calls]


def test_without_a_seed_the_first_is_the_first() -> None:
    assert order_of_calls(None) == list(range(8))


def test_a_seed_decides_the_order_and_always_in_the_same_way() -> None:
    orders = [order_of_calls(seed) for seed in (1, 1, 2, 3)]

    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) == 3
    assert [sorted(order) for order in orders] == [list(range(8))] * 4


def test_running_until_waiting_passes_sleeps_and_no_limits() -> None:
    lab = Lab(hang={"f"})
    states = {
        "pause": {"Type": "Wait", "Seconds": 50, "Next": "call"},
        "call": {**TASK, "TimeoutSeconds": 10},
    }
    run = lab.start({"StartAt": "pause", "States": states})
    lab.engine.run_until_waiting()

    assert run.path == ["pause", "call"]
    assert run.status == "RUNNING"
    assert lab.clock.now() == datetime(2026, 1, 1, 0, 0, 50, tzinfo=UTC)


def test_running_until_a_limit_stops_there(lab: Lab) -> None:
    run = lab.start(machine(WAIT))

    assert not lab.engine.run_until(run.arn, 59)
    assert lab.clock.now() == datetime(2026, 1, 1, 0, 0, 59, tzinfo=UTC)
    assert lab.engine.run_until(run.arn, 1)


def test_a_manual_engine_may_wait_for_functions_of_other_threads() -> None:
    functions = ThreadedFunctions(lambda _, payload: payload)
    scheduler = ManualScheduler(patience=5)
    engine = Engine(functions=functions, clock=VirtualClock(), scheduler=scheduler)
    arn = engine.create_state_machine("m", machine({**TASK, "TimeoutSeconds": 60}))
    execution = engine.start_execution(arn)

    assert engine.run_until(execution)
    assert Run(engine, execution).status == "SUCCEEDED"


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        VirtualClock().advance(-1)
