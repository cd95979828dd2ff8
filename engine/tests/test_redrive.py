"""RedriveExecution, and the redrive of Map Runs.

Sources: Step Functions Developer Guide, "Restarting state machine executions with redrive"
(redrive-executions.html), "Redriving Map Runs" (redrive-map-run.html); API Reference,
RedriveExecution and DescribeExecution.
"""

import json
from typing import Any

import pytest
from engine.tests.conftest import Lab
from engine.tests.maps import CALL, MapLab, reader, writer

from sfn_local.errors import ApiError
from sfn_local.quotas import QUOTAS

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
DAY = 86_400


class OddError(Exception):
    pass


def task(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": FUNCTION + name, "End": True, **more}


def two_steps(**more: Any) -> dict[str, Any]:
    first = {**task("one", **more), "Next": "second"}
    del first["End"]
    return {"StartAt": "first", "States": {"first": first, "second": task("two")}}


def broken(_: Any) -> Any:
    raise ValueError("broken")


@pytest.fixture
def failed(lab: Lab) -> Any:
    """An execution whose second state failed; the function works again."""
    lab.functions = {"one": lambda _: {"n": 1}, "two": broken}
    run = lab.run(two_steps(Assign={"v.$": "$.n"}))
    lab.functions["two"] = lambda payload: {"got": payload}
    return run


def reason(call: Any, *arguments: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        call(*arguments)
    return caught.value.code, str(caught.value)


def test_a_redrive_goes_on_with_the_state_that_failed(lab: Lab, failed: Any) -> None:
    lab.engine.redrive_execution(failed.arn)
    running = failed.status
    lab.engine.run_until(failed.arn)

    assert (running, failed.status) == ("RUNNING", "SUCCEEDED")
    assert failed.output == {"got": {"n": 1}}
    assert [name for name, _ in lab.calls] == ["one", "two", "two"]


def test_the_history_goes_on_after_its_end(lab: Lab, failed: Any) -> None:
    before = len(failed.events)
    lab.engine.redrive_execution(failed.arn)
    lab.engine.run_until(failed.arn)

    assert failed.chain[before - 1 :] == [
        (before, before - 1, "ExecutionFailed"),
        (before + 1, before, "ExecutionRedriven"),
        (before + 2, before + 1, "LambdaFunctionScheduled"),
        (before + 3, before + 2, "LambdaFunctionStarted"),
        (before + 4, before + 3, "LambdaFunctionSucceeded"),
        (before + 5, before + 4, "TaskStateExited"),
        (before + 6, before + 5, "ExecutionSucceeded"),
    ]
    assert failed.events[before]["executionRedrivenEventDetails"] == {"redriveCount": 1}


def test_an_execution_says_how_often_it_was_redriven(lab: Lab, failed: Any) -> None:
    lab.functions["two"] = broken
    lab.clock.advance(60)
    when = lab.engine.redrive_execution(failed.arn)
    lab.engine.run_until(failed.arn)
    described = lab.engine.describe_execution(failed.arn)

    assert (described["redriveCount"], described["redriveDate"]) == (1, when)
    assert described["redriveStatus"] == "REDRIVABLE"


def test_variables_and_the_redrive_count_are_seen(lab: Lab) -> None:
    state = task("two", Parameters={"v.$": "$v", "n.$": "$$.Execution.RedriveCount"})
    definition = two_steps(Assign={"v.$": "$.n"})
    definition["States"]["second"] = state
    lab.functions = {"one": lambda _: {"n": 1}, "two": broken}
    run = lab.run(definition)
    lab.functions["two"] = lambda payload: payload
    lab.engine.redrive_execution(run.arn)
    lab.engine.run_until(run.arn)

    assert run.output == {"v": 1, "n": 1}


def test_retries_begin_anew(lab: Lab) -> None:
    lab.functions["one"] = broken
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}]
    run = lab.run(two_steps(Retry=retry))
    lab.engine.redrive_execution(run.arn)
    lab.engine.run_until(run.arn)

    assert len(lab.calls) == 6


@pytest.mark.parametrize("ending", ["stop", "time out"])
def test_what_was_stopped_or_timed_out_can_be_redriven(lab: Lab, ending: str) -> None:
    lab.hang.add("one")
    lab.functions["two"] = lambda payload: payload
    run = lab.start({**two_steps(), "TimeoutSeconds": 60})
    if ending == "stop":
        lab.engine.stop_execution(run.arn)
    else:
        lab.engine.run_until(run.arn)
    lab.hang.clear()
    lab.functions["one"] = lambda _: 1
    lab.engine.redrive_execution(run.arn)
    lab.engine.run_until(run.arn)

    assert run.output == 1


def test_what_runs_or_has_succeeded_cannot_be_redriven(lab: Lab, failed: Any) -> None:
    lab.engine.redrive_execution(failed.arn)
    running = reason(lab.engine.redrive_execution, failed.arn)
    lab.engine.run_until(failed.arn)
    succeeded = reason(lab.engine.redrive_execution, failed.arn)
    described = lab.engine.describe_execution(failed.arn)

    assert running == (
        "ExecutionNotRedrivable",
        "Execution is RUNNING and cannot be redriven",
    )
    assert succeeded[1] == "Execution is SUCCEEDED and cannot be redriven"
    assert described["redriveStatusReason"] == succeeded[1]


def test_fourteen_days_are_too_late(lab: Lab, failed: Any) -> None:
    lab.clock.advance(14 * DAY + 1)

    assert reason(lab.engine.redrive_execution, failed.arn) == (
        "ExecutionNotRedrivable",
        "Execution redrivable period exceeded",
    )


def test_an_unknown_execution_cannot_be_redriven(lab: Lab) -> None:
    arn = "arn:aws:states:us-east-1:000000000000:execution:m:none"

    assert reason(lab.engine.redrive_execution, arn)[0] == "ExecutionDoesNotExist"


@pytest.fixture
def maps() -> MapLab:
    return MapLab()


def refuse_odd(item: Any) -> Any:
    if item % 2:
        raise OddError("odd")
    return item


def redrive(maps: MapLab) -> None:
    maps.function = lambda item: item
    maps.payloads.clear()
    maps.engine.redrive_execution(maps.arn)
    maps.engine.run_until(maps.arn)


@pytest.mark.parametrize("execution_type", ["STANDARD", "EXPRESS"])
def test_a_map_run_is_redriven_with_what_did_not_succeed(maps: MapLab, execution_type: str) -> None:
    maps.function = refuse_odd
    maps.run(
        [0, 1, 2, 3, 4],
        processor=CALL,
        execution_type=execution_type,
        MaxConcurrency=1,
        ToleratedFailureCount=1,
    )
    before = maps.map_run["mapRunArn"]
    redrive(maps)

    assert maps.payloads == [1, 3, 4]
    assert json.loads(maps.execution["output"]) == [0, 1, 2, 3, 4]
    assert (maps.map_run["mapRunArn"], maps.map_run["redriveCount"]) == (before, 1)
    assert maps.map_run["itemCounts"] == {
        "pending": 0,
        "running": 0,
        "succeeded": 5,
        "failed": 0,
        "timedOut": 0,
        "aborted": 0,
        "total": 5,
        "resultsWritten": 5,
        "failuresNotRedrivable": 0,
        "pendingRedrive": 0,
    }


def test_a_redriven_map_run_leaves_awss_events(maps: MapLab) -> None:
    maps.function = refuse_odd
    maps.run([1], processor=CALL)
    before = len(maps.chain)
    redrive(maps)
    redriven = maps.engine.history(maps.arn)[before + 2]

    assert [kind for _, _, kind in maps.chain[before:]] == [
        "ExecutionRedriven",
        "MapStateStarted",
        "MapRunRedriven",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    assert redriven["mapRunRedrivenEventDetails"] == {
        "mapRunArn": maps.map_run["mapRunArn"],
        "redriveCount": 1,
    }


def test_a_file_is_read_again_from_where_it_was_left(maps: MapLab) -> None:
    maps.s3.objects["file"] = b"0\n1\n2\n3\n4\n5\n6\n"
    maps.function = lambda batch: {"Items": [refuse_odd(sum(batch["Items"]))]}
    maps.run(
        processor=CALL,
        ItemReader=reader(InputType="JSONL"),
        ItemBatcher={"MaxItemsPerBatch": 2},
        ResultWriter=writer(WriterConfig={"Transformation": "COMPACT"}),
        MaxConcurrency=1,
        ToleratedFailureCount=3,
    )
    failed = maps.execution["status"]
    redrive(maps)
    manifest = json.loads(
        maps.s3.objects[json.loads(maps.execution["output"])["ResultWriterDetails"]["Key"]]
    )

    assert failed == "FAILED"
    assert [batch["Items"] for batch in maps.payloads] == [[0, 1], [2, 3], [4, 5], [6]]
    assert manifest["ResultFiles"]["FAILED"] == []


def test_a_redrive_writes_its_results_into_a_folder_of_its_own(maps: MapLab) -> None:
    """As in aws-samples/reinvent2023-api312-ml-workloads-with-aws-step-functions, README, v5."""
    maps.function = refuse_odd
    maps.run(
        [0, 1, 2],
        processor=CALL,
        ResultWriter=writer(WriterConfig={"Transformation": "COMPACT"}),
        MaxConcurrency=1,
    )
    folder = f"out/{maps.map_run['mapRunArn'].rpartition(':')[2]}"
    before = {key: maps.s3.objects[key] for key in maps.s3.objects}
    redrive(maps)
    added = {key: maps.s3.objects[key] for key in maps.s3.objects if key not in before}
    details = json.loads(maps.execution["output"])["ResultWriterDetails"]

    assert before[f"{folder}/SUCCEEDED_0.json"] == b"[0]"
    assert sorted(added) == [
        f"{folder}/Redrive-1/SUCCEEDED_0.json",
        f"{folder}/Redrive-1/manifest.json",
    ]
    assert added[f"{folder}/Redrive-1/SUCCEEDED_0.json"] == b"[1,2]"
    assert details["Key"] == f"{folder}/Redrive-1/manifest.json"
    assert before == {key: maps.s3.objects[key] for key in before}


def test_a_standard_child_is_redriven_from_the_state_that_failed(maps: MapLab) -> None:
    """Developer Guide, "Redriving Map Runs": as RedriveExecution does it."""
    first = {"Type": "Pass", "Parameters": {"twice.$": "States.MathAdd($, $)"}, "Next": "call"}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    states = {"first": first, "call": CALL}
    processor = {"ProcessorConfig": config, "StartAt": "first", "States": states}
    maps.function = lambda item: refuse_odd(item["twice"] + 1)
    maps.run([1], ItemProcessor=processor)
    (failed,) = maps.engine.list_children(maps.map_run["mapRunArn"])
    redrive(maps)
    (child,) = maps.engine.list_children(maps.map_run["mapRunArn"])
    history = maps.engine.history(child["executionArn"])

    assert child["executionArn"] == failed["executionArn"]
    assert (child["status"], child["redriveCount"]) == ("SUCCEEDED", 1)
    assert [event["type"] for event in history if event["type"].startswith("PassState")] == [
        "PassStateEntered",
        "PassStateExited",
    ]
    assert [event["type"] for event in history].count("ExecutionRedriven") == 1


def test_a_failed_child_awaits_its_redrive(maps: MapLab) -> None:
    """API Reference, MapRunExecutionCounts: pendingRedrive."""
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    maps.start([1, 2, 3], processor=wait, MaxConcurrency=2)
    maps.engine.stop_execution(maps.arn)
    maps.engine.run_until_idle()
    stopped = maps.map_run["executionCounts"]
    maps.engine.redrive_execution(maps.arn)
    maps.engine.run_until_idle()
    redriven = maps.map_run["executionCounts"]

    assert (stopped["aborted"], stopped["pending"], stopped["total"]) == (2, 1, 3)
    assert (redriven["running"], redriven["pendingRedrive"]) == (2, 0)
    assert (redriven["pending"], redriven["aborted"], redriven["total"]) == (1, 0, 3)


def test_a_child_that_cannot_be_redriven_stays_failed(
    maps: MapLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """API Reference, MapRunExecutionCounts: failuresNotRedrivable."""
    passes = {f"p{number}": {"Type": "Pass", "Next": f"p{number + 1}"} for number in range(9)}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {"ProcessorConfig": config, "StartAt": "p0", "States": {**passes, "p9": CALL}}
    maps.function = refuse_odd
    maps.run([1, 2], ItemProcessor=processor, MaxConcurrency=1)
    (child,) = maps.engine.list_children(maps.map_run["mapRunArn"])
    full = len(maps.engine.history(child["executionArn"])) + 1
    monkeypatch.setattr(QUOTAS, "history_events", full)
    redrive(maps)
    counts = maps.map_run["executionCounts"]

    assert maps.execution["status"] == "FAILED"
    assert (counts["failed"], counts["failuresNotRedrivable"]) == (1, 1)
    assert (counts["pendingRedrive"], counts["total"]) == (0, 2)


def test_a_map_run_is_redriven_a_thousand_times_at_most(maps: MapLab) -> None:
    """Developer Guide, "Redriving Map Runs": a hard limit, beyond which it is States.Runtime."""
    maps.function = refuse_odd
    maps.run([1], processor=CALL)
    (run,) = maps.engine.list_map_runs(maps.arn)
    kept = maps.engine._map_run(run["mapRunArn"])
    kept.redrive_count = 1000
    redrive(maps)

    assert maps.failure[0] == "States.Runtime"
    assert "redriven 1000 times" in str(maps.failure[1])


def test_a_redrive_that_fails_again_keeps_what_is_left(maps: MapLab) -> None:
    maps.function = refuse_odd
    maps.run([1, 0, 3], processor=CALL, MaxConcurrency=1)
    maps.engine.redrive_execution(maps.arn)
    maps.engine.run_until(maps.arn)
    again = maps.execution["status"]
    redrive(maps)

    assert again == "FAILED"
    assert json.loads(maps.execution["output"]) == [1, 0, 3]
    assert maps.map_run["redriveCount"] == 2


def test_an_aborted_map_run_is_redriven_too(maps: MapLab) -> None:
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    maps.start([1, 2], processor=wait, MaxConcurrency=1)
    maps.engine.stop_execution(maps.arn)
    redrive(maps)

    assert json.loads(maps.execution["output"]) == [1, 2]


def test_a_map_run_that_tolerates_all_failures_does_not_repeat_them(maps: MapLab) -> None:
    """It goes on with the items that were never started."""
    wait = {"Type": "Wait", "Seconds": 60, "Next": "call"}
    graph = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "which",
        "States": {
            "which": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericLessThan": 2, "Next": "call"}],
                "Default": "wait",
            },
            "wait": wait,
            "call": CALL,
        },
    }
    state = {
        "Type": "Map",
        "ItemProcessor": graph,
        "MaxConcurrency": 1,
        "ToleratedFailurePercentage": 100,
        "End": True,
    }
    maps.function = refuse_odd
    maps.start_machine({"StartAt": "it", "States": {"it": state}}, [1, 0, 2, 4])
    maps.engine.stop_execution(maps.arn)
    redrive(maps)

    assert 1 not in maps.payloads
    assert maps.execution["status"] == "SUCCEEDED"


def test_children_are_redriven_by_their_map_run_only(maps: MapLab) -> None:
    maps.function = refuse_odd
    maps.run([1], processor=CALL)
    (child,) = maps.engine.list_children(maps.map_run["mapRunArn"])
    described = maps.engine.describe_execution(child["executionArn"])

    assert described["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
    assert reason(maps.engine.redrive_execution, child["executionArn"]) == (
        "ExecutionNotRedrivable",
        "Execution is redriven by its Map Run",
    )
