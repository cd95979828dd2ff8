"""Distributed Map: items, batches, children, tolerance, results, Map Runs.

Sources: Step Functions Developer Guide, "Using Map state in Distributed mode"
(state-map-distributed.html), "ItemBatcher (Map)" (input-output-itembatcher.html), "ResultWriter
(Map)" (input-output-resultwriter.html), "Setting failure thresholds for Distributed Map states"
(state-map-distributed.html#maprun-fail-threshold), "Viewing a Distributed Map Run execution"
(concepts-examine-map-run.html); API Reference of DescribeMapRun, ListMapRuns, UpdateMapRun.
Cases marked AWS were recorded on AWS in localstack's tests/aws/services/stepfunctions/v2.
"""

import json
import re
from typing import Any

import pytest
from engine.tests.maps import CALL, ECHO, MapLab, distributed, reader, writer
from engine.tests.s3 import BUCKET

from sfn_local.errors import ApiError, StateFailure

FIRST_ROW = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
NO_COUNTS = {
    "pending": 0,
    "running": 0,
    "succeeded": 0,
    "failed": 0,
    "timedOut": 0,
    "aborted": 0,
    "total": 0,
    "resultsWritten": 0,
    "failuresNotRedrivable": 0,
    "pendingRedrive": 0,
}
THRESHOLD = (
    "States.ExceedToleratedFailureThreshold",
    "The specified tolerated failure threshold was exceeded",
)
WAIT = {"Type": "Wait", "Seconds": 60, "End": True}


class OddError(Exception):
    pass


@pytest.fixture
def maps() -> MapLab:
    return MapLab()


def refuse_negative(batch: Any) -> Any:
    if min(batch["Items"]) < 0:
        raise OddError("negative")
    return batch


def refuse_odd(item: Any) -> Any:
    if item % 2:
        raise OddError("odd")
    return item


def test_each_element_of_the_input_becomes_a_child(maps: MapLab) -> None:
    assert maps.run([1, "a", {"b": 2}]) == [1, "a", {"b": 2}]
    assert maps.map_run["executionCounts"] == {
        **NO_COUNTS,
        "succeeded": 3,
        "total": 3,
        "resultsWritten": 3,
    }


def test_the_events_are_awss(maps: MapLab) -> None:
    """AWS: neither items nor children leave events, and the exit follows MapRunStarted."""
    maps.run(["Hello", "World"], Label="TestMap")
    events = maps.engine.history(maps.arn)

    assert maps.chain == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapRunStarted"),
        (5, 4, "MapRunSucceeded"),
        (6, 5, "MapStateSucceeded"),
        (7, 4, "MapStateExited"),
        (8, 7, "ExecutionSucceeded"),
    ]
    assert events[2]["mapStateStartedEventDetails"] == {"length": 2}
    assert events[3]["mapRunStartedEventDetails"] == {"mapRunArn": maps.map_run["mapRunArn"]}


def test_a_reader_starts_the_state_with_length_zero(maps: MapLab) -> None:
    """AWS."""
    maps.read("a\n1\n", **FIRST_ROW)

    assert maps.engine.history(maps.arn)[2]["mapStateStartedEventDetails"] == {"length": 0}


def test_an_empty_list_starts_no_child(maps: MapLab) -> None:
    assert maps.run([]) == []
    assert maps.map_run["itemCounts"] == NO_COUNTS


def test_items_path_and_selector_shape_the_items(maps: MapLab) -> None:
    """Pages "ItemsPath (Map)", "ItemSelector (Map)", "Accessing data from the Context object"."""
    output = maps.run(
        {"list": ["a"], "more": 1},
        ItemsPath="$.list",
        ItemSelector={
            "index.$": "$$.Map.Item.Index",
            "value.$": "$$.Map.Item.Value",
            "source.$": "$$.Map.Item.Source",
            "more.$": "$.more",
            "fixed": 2,
        },
    )

    assert output == [{"index": 0, "value": "a", "source": "STATE_DATA", "more": 1, "fixed": 2}]


def test_the_values_of_an_object_are_items_with_keys(maps: MapLab) -> None:
    output = maps.run(
        {"a": 1, "b": 2},
        ItemSelector={"key.$": "$$.Map.Item.Key", "value.$": "$$.Map.Item.Value"},
    )

    assert output == [{"key": "a", "value": 1}, {"key": "b", "value": 2}]


@pytest.mark.parametrize("data", [1, "text", None, True])
def test_what_is_neither_list_nor_object_is_a_runtime_error(maps: MapLab, data: Any) -> None:
    maps.run(data)

    assert maps.failure[0] == "States.Runtime"


def test_the_old_names_iterator_and_parameters_still_work(maps: MapLab) -> None:
    """AWS: legacy configurations run distributed."""
    state = distributed(Parameters={"n.$": "$$.Map.Item.Value"})
    state["Iterator"] = state.pop("ItemProcessor")
    maps.start_machine({"StartAt": "it", "States": {"it": {**state, "End": True}}}, [1])

    assert json.loads(maps.execution["output"]) == [{"n": 1}]


def test_outputs_stand_in_the_order_of_the_items(maps: MapLab) -> None:
    wait = {"Type": "Wait", "SecondsPath": "$", "End": True}

    assert maps.run([3, 1, 2], processor=wait) == [3, 1, 2]


def test_children_run_in_an_execution_of_their_own(maps: MapLab) -> None:
    """Page "Using Map state in Distributed mode": a child has its own ARN and context."""
    call = {**CALL, "Parameters": {"context.$": "$$"}}
    maps.run(["item"], processor=call, Label="Lab")
    (child,) = maps.engine.list_children(maps.map_run["mapRunArn"])
    context = maps.payloads[0]["context"]

    assert context["Execution"]["Id"] == child["executionArn"]
    assert context["Execution"]["Input"] == "item"
    assert context["StateMachine"] == {"Id": f"{maps.machine}/Lab", "Name": "m/Lab"}
    assert "Map" not in context


def test_a_standard_child_can_be_described_listed_and_stopped(maps: MapLab) -> None:
    maps.start([1, 2], processor=WAIT)
    arn = maps.map_run["mapRunArn"]
    second, first = maps.engine.list_children(arn)
    maps.engine.stop_execution(first["executionArn"], "E", "C")
    maps.engine.run_until(maps.arn)

    assert re.fullmatch(
        r"arn:aws:states:us-east-1:0+:execution:m/[^:]+:[0-9a-f-]{36}", first["executionArn"]
    )
    assert (second["mapRunArn"], second["itemCount"]) == (arn, 1)
    assert maps.engine.describe_execution(second["executionArn"])["status"] == "SUCCEEDED"
    assert [child["status"] for child in maps.engine.list_children(arn)] == ["SUCCEEDED", "ABORTED"]
    assert [child["name"] for child in maps.engine.list_children(arn, "ABORTED")] == [first["name"]]
    history = maps.engine.history(second["executionArn"])
    assert [event["type"] for event in history] == [
        "ExecutionStarted",
        "WaitStateEntered",
        "WaitStateExited",
        "ExecutionSucceeded",
    ]


def test_an_express_child_has_the_arn_of_an_express_execution(maps: MapLab) -> None:
    call = {**CALL, "Parameters": {"id.$": "$$.Execution.Id"}}
    maps.run([1], processor=call, execution_type="EXPRESS")

    assert re.fullmatch(
        r"arn:aws:states:us-east-1:0+:express:m/[^:]+:[0-9a-f-]{36}:[0-9a-f-]{36}",
        maps.payloads[0]["id"],
    )


def test_an_express_child_ends_after_five_minutes(maps: MapLab) -> None:
    """Page "Choosing workflow type": an EXPRESS workflow runs at most five minutes."""
    long = {"Type": "Wait", "Seconds": 301, "End": True}
    maps.run([1], processor=long, execution_type="EXPRESS", ToleratedFailurePercentage=100)

    assert maps.map_run["executionCounts"]["timedOut"] == 1


def test_no_more_children_run_than_max_concurrency_says(maps: MapLab) -> None:
    maps.start(list(range(5)), processor=WAIT, MaxConcurrency=2)

    assert maps.map_run["executionCounts"] == {
        **NO_COUNTS,
        "pending": 3,
        "running": 2,
        "total": 5,
    }
    maps.engine.run_until(maps.arn)
    assert maps.clock.now().timestamp() - maps.map_run["startDate"].timestamp() == 180


def test_concurrency_may_come_from_the_data(maps: MapLab) -> None:
    maps.start(
        {"n": 3, "list": [1, 2, 3, 4]},
        processor=WAIT,
        ItemsPath="$.list",
        MaxConcurrencyPath="$.n",
    )

    assert maps.map_run["executionCounts"]["running"] == 3


def test_without_max_concurrency_ten_thousand_may_run(maps: MapLab) -> None:
    maps.s3.objects["file"] = b"a\n" + b"1\n" * 10_001
    maps.start(processor=WAIT, execution_type="EXPRESS", ItemReader=reader(**FIRST_ROW))

    assert maps.map_run["executionCounts"]["running"] == 10_000


def test_a_batch_has_at_most_so_many_items(maps: MapLab) -> None:
    """AWS: without BatchInput the envelope is {"Items": […]}."""
    output = maps.run([1, 2, 3], ItemBatcher={"MaxItemsPerBatch": 2})

    assert output == [{"Items": [1, 2]}, {"Items": [3]}]
    assert maps.map_run["itemCounts"]["succeeded"] == 3
    assert maps.map_run["executionCounts"]["succeeded"] == 2


def test_batch_input_comes_first_and_may_use_the_data(maps: MapLab) -> None:
    output = maps.run(
        {"list": [1], "who": "ada"},
        ItemsPath="$.list",
        ItemBatcher={
            "MaxItemsPerBatch": 10,
            "BatchInput": {"factCheck": "December 2022", "who.$": "$.who"},
        },
    )

    assert output == [{"BatchInput": {"factCheck": "December 2022", "who": "ada"}, "Items": [1]}]


def test_a_selector_shapes_items_before_they_are_batched(maps: MapLab) -> None:
    output = maps.run(
        ["a", "b"],
        ItemSelector={"v.$": "$$.Map.Item.Value"},
        ItemBatcher={"MaxItemsPerBatch": 2},
    )

    assert output == [{"Items": [{"v": "a"}, {"v": "b"}]}]


def test_a_batch_has_at_most_so_many_bytes(maps: MapLab) -> None:
    """The envelope counts: {"Items":["aaaa","bbbb"]} has 25 bytes."""
    output = maps.run(["aaaa", "bbbb", "cccc"], ItemBatcher={"MaxInputBytesPerBatch": 25})

    assert output == [{"Items": ["aaaa", "bbbb"]}, {"Items": ["cccc"]}]


def test_bytes_are_counted_in_utf_8_and_batch_input_counts(maps: MapLab) -> None:
    batcher = {"MaxInputBytesPerBatch": 40, "BatchInput": {"é": 1}}
    exactly = '{"BatchInput":{"é":1},"Items":["éé",1,2]}'
    output = maps.run(["éé", 1, 2, 3], ItemBatcher={**batcher, "MaxInputBytesPerBatch": 44})

    assert len(exactly.encode()) == 44
    assert [batch["Items"] for batch in output] == [["éé", 1, 2], [3]]


def test_an_item_larger_than_the_limit_is_a_batch_alone(maps: MapLab) -> None:
    output = maps.run(["aaaa", "bbbb"], ItemBatcher={"MaxInputBytesPerBatch": 10})

    assert output == [{"Items": ["aaaa"]}, {"Items": ["bbbb"]}]


def test_both_limits_hold_and_may_come_from_the_data(maps: MapLab) -> None:
    """AWS: a number may be a text there."""
    output = maps.run(
        {"list": [1, 2, 3, "x" * 50], "items": "2", "bytes": 60},
        ItemsPath="$.list",
        ItemBatcher={
            "MaxItemsPerBatchPath": "$.items",
            "MaxInputBytesPerBatchPath": "$.bytes",
        },
    )

    assert [len(batch["Items"]) for batch in output] == [2, 1, 1]


def test_a_batch_never_exceeds_the_largest_payload(maps: MapLab) -> None:
    """Quotas: 256 KiB for an input."""
    maps.s3.objects["file"] = json.dumps(["x" * 100_000] * 5).encode()
    maps.run(
        processor={**CALL, "ResultSelector": {}},
        ItemReader=reader(InputType="JSON"),
        ItemBatcher={"MaxItemsPerBatch": 10},
    )

    assert [len(batch["Items"]) for batch in maps.payloads] == [2, 2, 1]


def test_an_item_that_no_child_can_take_fails_the_map(maps: MapLab) -> None:
    maps.s3.objects["file"] = json.dumps(["x" * 262_144]).encode()
    maps.run(ItemReader=reader(InputType="JSON"))

    assert maps.failure[0] == "States.DataLimitExceeded"
    assert maps.map_run["status"] == "FAILED"


def test_a_large_item_may_be_cut_down_by_a_selector(maps: MapLab) -> None:
    """ItemReader page: items of up to 8 MB, if ItemSelector reduces them."""
    maps.s3.objects["file"] = json.dumps([{"id": 1, "text": "x" * 400_000}]).encode()
    selector = {"id.$": "$$.Map.Item.Value.id"}

    assert maps.run(ItemReader=reader(InputType="JSON"), ItemSelector=selector) == [{"id": 1}]


def test_one_failure_fails_the_map_by_default(maps: MapLab) -> None:
    maps.function = refuse_odd
    maps.run([0, 1, 2], processor=CALL, MaxConcurrency=1)

    assert maps.failure == THRESHOLD
    assert maps.chain[4:] == [
        (5, 4, "MapRunFailed"),
        (6, 5, "MapStateFailed"),
        (7, 6, "ExecutionFailed"),
    ]
    assert maps.map_run["itemCounts"] == {
        **NO_COUNTS,
        "pending": 1,
        "succeeded": 1,
        "failed": 1,
        "total": 3,
        "resultsWritten": 2,
    }


@pytest.mark.parametrize(
    ("tolerance", "failed_items", "is_failed"),
    [
        ({"ToleratedFailureCount": 2}, 2, False),
        ({"ToleratedFailureCount": 2}, 3, True),
        ({"ToleratedFailureCount": 0}, 1, True),
        ({"ToleratedFailurePercentage": 30}, 3, False),
        ({"ToleratedFailurePercentage": 30}, 4, True),
        ({"ToleratedFailurePercentage": 0}, 1, True),
        ({"ToleratedFailurePercentage": 100}, 10, False),
        ({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 100}, 2, True),
        ({"ToleratedFailureCount": 10, "ToleratedFailurePercentage": 10}, 2, True),
    ],
)
def test_the_tolerance_counts_items(
    maps: MapLab, tolerance: dict[str, int], failed_items: int, is_failed: bool
) -> None:
    """Either threshold fails the Map Run; 10 items."""
    maps.function = refuse_odd
    items = [1] * failed_items + [0] * (10 - failed_items)
    maps.run(items, processor=CALL, **tolerance)

    assert maps.execution["status"] == ("FAILED" if is_failed else "SUCCEEDED")
    assert maps.failure[0] == (THRESHOLD[0] if is_failed else None)


@pytest.mark.parametrize(("tolerated", "status"), [(0, "FAILED"), (1, "FAILED"), (2, "SUCCEEDED")])
def test_children_that_time_out_count_against_the_tolerance(
    maps: MapLab, tolerated: int, status: str
) -> None:
    """An EXPRESS child has five minutes."""
    wait = {"Type": "Wait", "SecondsPath": "$", "End": True}
    maps.run(
        [400, 1, 400], processor=wait, execution_type="EXPRESS", ToleratedFailureCount=tolerated
    )

    assert maps.execution["status"] == status
    assert maps.map_run["itemCounts"]["timedOut"] == 2


def test_all_items_of_a_failed_batch_have_failed(maps: MapLab) -> None:
    maps.function = lambda _: refuse_odd(1)
    maps.run(
        list(range(4)),
        processor=CALL,
        ItemBatcher={"MaxItemsPerBatch": 2},
        ToleratedFailureCount=3,
        MaxConcurrency=1,
    )

    assert maps.failure == THRESHOLD
    assert maps.map_run["itemCounts"]["failed"] == 4


def test_a_share_of_a_file_is_judged_when_all_of_it_is_read(maps: MapLab) -> None:
    maps.s3.objects["file"] = b"1\n" + b"0\n" * 1999
    maps.function = refuse_odd
    maps.run(
        processor={**CALL, "ResultSelector": {}},
        ItemReader=reader(InputType="JSONL"),
        ToleratedFailurePercentage=1,
        MaxConcurrency=1,
    )

    assert maps.execution["status"] == "SUCCEEDED"
    assert maps.map_run["itemCounts"]["failed"] == 1


@pytest.mark.parametrize(
    ("field", "value", "cause"),
    [
        ("ToleratedFailureCount", -1, "ToleratedFailureCount cannot be negative."),
        (
            "ToleratedFailureCount",
            {},
            'The ToleratedFailureCountPath field refers to value "{}" which is not a valid '
            "integer: $.value",
        ),
        (
            "ToleratedFailureCount",
            "NoNumber",
            'The ToleratedFailureCountPath field refers to value "NoNumber" which is not a valid '
            "integer: $.value",
        ),
        (
            "ToleratedFailurePercentage",
            -1.1,
            "ToleratedFailurePercentage must be between 0 and 100.",
        ),
        (
            "ToleratedFailurePercentage",
            100.1,
            "ToleratedFailurePercentage must be between 0 and 100.",
        ),
        (
            "ToleratedFailurePercentage",
            "NoNumber",
            'The ToleratedFailurePercentagePath field refers to value "NoNumber" which is not a '
            "valid float: $.value",
        ),
    ],
)
def test_a_tolerance_that_is_none_is_a_runtime_error(
    maps: MapLab, field: str, value: Any, cause: str
) -> None:
    """AWS: after MapStateStarted, without a Map Run."""
    fields = {f"{field}Path": "$.value", "ItemsPath": "$.list"}
    maps.run({"value": value, "list": [0]}, **fields)

    assert maps.failure == (
        "States.Runtime",
        "An error occurred while executing the state 'it' (entered at the event id #2). " + cause,
    )
    assert maps.chain[2:] == [(3, 2, "MapStateStarted"), (4, 3, "ExecutionFailed")]


@pytest.mark.parametrize("value", [0, 1, 1.1, 100])
def test_a_tolerated_share_may_come_from_the_data(maps: MapLab, value: float) -> None:
    """AWS."""
    fields = {"ToleratedFailurePercentagePath": "$.value", "ItemsPath": "$.list"}

    assert maps.run({"value": value, "list": [0]}, **fields) == [0]
    assert maps.map_run["toleratedFailurePercentage"] == value


def test_a_concurrency_that_is_none_fails_before_the_state_starts(maps: MapLab) -> None:
    """AWS."""
    maps.run({"n": "NoNumber", "list": []}, MaxConcurrencyPath="$.n", ItemsPath="$.list")

    assert maps.failure[0] == "States.Runtime"
    assert maps.chain[1:] == [(2, 0, "MapStateEntered"), (3, 2, "ExecutionFailed")]


def test_children_that_still_run_are_stopped_when_the_map_run_fails(maps: MapLab) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "fail"}],
        "Default": "wait",
    }
    state = distributed()
    state["ItemProcessor"] |= {
        "StartAt": "choice",
        "States": {"choice": choice, "fail": {"Type": "Fail", "Error": "E"}, "wait": WAIT},
    }
    maps.start_machine({"StartAt": "it", "States": {"it": {**state, "End": True}}}, [1, 2, 0])
    statuses = [c["status"] for c in maps.engine.list_children(maps.map_run["mapRunArn"])]

    assert maps.failure == THRESHOLD
    assert statuses == ["FAILED", "ABORTED", "ABORTED"]


def test_a_tolerated_failure_is_shown_whole_among_the_outputs(maps: MapLab) -> None:
    """ResultWriter page: a failed child's result is as with the transformation NONE."""
    maps.function = refuse_odd
    output = maps.run([0, 1], processor=CALL, ToleratedFailureCount=1)

    assert output[0] == 0
    assert {name: output[1][name] for name in ("Input", "Status", "Error")} == {
        "Input": "1",
        "Status": "FAILED",
        "Error": "OddError",
    }


def test_a_retry_starts_another_map_run(maps: MapLab) -> None:
    """Page "Handling errors", Retry on Map states."""
    answers = iter([1, 0])
    maps.function = lambda _: refuse_odd(next(answers))
    states = {
        "it": {
            **distributed(CALL),
            "Retry": [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"]}],
            "End": True,
        }
    }
    maps.start_machine({"StartAt": "it", "States": states}, [0])
    maps.engine.run_until(maps.arn)
    runs = maps.engine.list_map_runs(maps.arn)
    statuses = [maps.engine.describe_map_run(run["mapRunArn"])["status"] for run in runs]

    assert maps.execution["status"] == "SUCCEEDED"
    assert statuses == ["SUCCEEDED", "FAILED"]


def test_results_that_are_too_large_fail_the_state(maps: MapLab) -> None:
    """Page "Handling errors": States.DataLimitExceeded; ResultPath null does not help."""
    maps.run(
        ["x" * 100_000, 1, 2],
        processor={**ECHO, "Result": "x" * 100_000},
        ResultPath=None,
    )

    assert maps.failure == (
        "States.DataLimitExceeded",
        "The state/task 'it' returned a result with a size exceeding the maximum number of bytes "
        "service limit.",
    )


def test_the_execution_takes_its_children_with_it_when_it_is_stopped(maps: MapLab) -> None:
    maps.start([1, 2], processor=WAIT)
    maps.engine.stop_execution(maps.arn)
    children = maps.engine.list_children(maps.map_run["mapRunArn"])

    assert [child["status"] for child in children] == ["ABORTED", "ABORTED"]
    assert maps.map_run["status"] == "ABORTED"
    assert [event for _, _, event in maps.chain][-2:] == ["MapRunAborted", "ExecutionAborted"]


def test_a_child_that_breaks_the_engine_fails_alone(
    maps: MapLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("sfn_local.states.pass_through.PassState.execute", broken)
    maps.run([1], ToleratedFailureCount=1)

    assert maps.execution["status"] == "SUCCEEDED"
    assert maps.map_run["itemCounts"]["failed"] == 1


def test_a_map_may_be_distributed_within_a_distributed_one(maps: MapLab) -> None:
    """AWS: nested distributed Map states."""
    inner = {**distributed(), "End": True}
    inner["ItemProcessor"] |= {"StartAt": "deep", "States": {"deep": ECHO}}

    assert maps.run([[1, 2], [3]], processor=inner) == [[1, 2], [3]]


def test_a_child_waits_for_its_token(maps: MapLab) -> None:
    callback = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}},
        "End": True,
    }
    maps.start([1, 2], processor=callback)
    for number, payload in enumerate(maps.payloads):
        maps.engine.send_task_success(payload["token"], json.dumps(number))
    maps.engine.run_until(maps.arn)

    assert json.loads(maps.execution["output"]) == [0, 1]


def test_results_are_written_with_a_manifest(maps: MapLab) -> None:
    """ResultWriter page, "Exporting to Amazon S3"; the state's output is AWS's."""
    maps.function = refuse_odd
    output = maps.run(
        [0, 1], processor=CALL, Label="Lab", ResultWriter=writer(), ToleratedFailureCount=1
    )
    arn = maps.map_run["mapRunArn"]
    folder = f"out/{arn.rpartition(':')[2]}"
    sizes = {key: len(content) for key, content in maps.s3.objects.items()}

    assert output == {
        "MapRunArn": arn,
        "ResultWriterDetails": {"Bucket": BUCKET, "Key": f"{folder}/manifest.json"},
    }
    assert json.loads(maps.s3.objects[f"{folder}/manifest.json"]) == {
        "DestinationBucket": BUCKET,
        "MapRunArn": arn,
        "ResultFiles": {
            "FAILED": [
                {"Key": f"{folder}/FAILED_0.json", "Size": sizes[f"{folder}/FAILED_0.json"]}
            ],
            "PENDING": [],
            "SUCCEEDED": [
                {"Key": f"{folder}/SUCCEEDED_0.json", "Size": sizes[f"{folder}/SUCCEEDED_0.json"]}
            ],
        },
    }


def test_result_files_have_what_describe_execution_has(maps: MapLab) -> None:
    maps.function = refuse_odd
    maps.run([0, 1], processor=CALL, ResultWriter=writer(), ToleratedFailureCount=1)
    (succeeded,) = json.loads(maps.results("SUCCEEDED"))
    (failed,) = json.loads(maps.results("FAILED"))
    children = maps.engine.list_children(maps.map_run["mapRunArn"])

    assert succeeded == {
        "ExecutionArn": children[1]["executionArn"],
        "Input": "0",
        "InputDetails": {"Included": True},
        "Name": children[1]["name"],
        "Output": "0",
        "OutputDetails": {"Included": True},
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE",
        "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
        "StartDate": "2026-01-01T00:00:00.000Z",
        "StateMachineArn": children[1]["stateMachineArn"],
        "Status": "SUCCEEDED",
        "StopDate": "2026-01-01T00:00:00.000Z",
    }
    assert (failed["Error"], failed["Status"], failed["Input"]) == ("OddError", "FAILED", "1")
    assert json.loads(failed["Cause"])["errorMessage"] == "odd"
    assert failed["RedriveStatus"] == "REDRIVABLE_BY_MAP_RUN"


@pytest.mark.parametrize(
    ("config", "content"),
    [
        ({"Transformation": "COMPACT"}, "[[1,2],[3]]"),
        ({"Transformation": "FLATTEN"}, "[1,2,3]"),
        ({"Transformation": "COMPACT", "OutputType": "JSON"}, "[[1,2],[3]]"),
        ({"Transformation": "COMPACT", "OutputType": "JSONL"}, "[1,2]\n[3]\n"),
        ({"Transformation": "FLATTEN", "OutputType": "JSONL"}, "1\n2\n3\n"),
    ],
)
def test_writer_config_shapes_the_files(maps: MapLab, config: dict[str, str], content: str) -> None:
    maps.run([[1, 2], [3]], ResultWriter=writer(WriterConfig=config), MaxConcurrency=1)

    assert maps.results("SUCCEEDED", config.get("OutputType", "JSON").lower()) == content


@pytest.mark.parametrize(("transformation", "output"), [("COMPACT", [[1], 2]), ("FLATTEN", [1, 2])])
def test_writer_config_alone_shapes_the_output(
    maps: MapLab, transformation: str, output: Any
) -> None:
    config = {"Transformation": transformation, "OutputType": "JSON"}

    assert maps.run([[1], 2], ResultWriter={"WriterConfig": config}) == output


def test_the_transformation_none_shows_metadata(maps: MapLab) -> None:
    (shown,) = maps.run([1], ResultWriter={"WriterConfig": {"Transformation": "NONE"}})

    assert (shown["Input"], shown["Output"], shown["Status"]) == ("1", "1", "SUCCEEDED")


def test_what_was_never_started_is_pending(maps: MapLab) -> None:
    maps.function = refuse_odd
    maps.run([1, 2, 3], processor=CALL, ResultWriter=writer(), MaxConcurrency=1)
    pending = json.loads(maps.results("PENDING"))

    assert maps.failure == THRESHOLD
    assert [each["Input"] for each in pending] == ["2", "3"]
    assert [each["Status"] for each in pending] == ["PENDING", "PENDING"]
    assert len(json.loads(maps.results("FAILED"))) == 1


def test_an_aborted_map_run_writes_its_results_too(maps: MapLab) -> None:
    maps.start([1, 2], processor=WAIT, ResultWriter=writer(), MaxConcurrency=1)
    maps.engine.stop_execution(maps.arn)
    maps.engine.run_until_idle()
    (aborted,) = json.loads(maps.results("FAILED"))
    (pending,) = json.loads(maps.results("PENDING"))

    assert aborted["Status"] == "ABORTED"
    assert (pending["Status"], pending["Input"]) == ("PENDING", "2")


@pytest.mark.parametrize("exports", [True, False])
def test_what_a_failed_map_run_never_started_is_pending_and_counts(
    maps: MapLab, exports: bool
) -> None:
    """AWS counts all items and all children: MapRunItemCounts and MapRunExecutionCounts.

    Measured on AWS by floci-io/floci, pull request 2694: of five items FAILED with 3 succeeded,
    1 failed, 1 pending; ABORTED with 1 aborted, 2 pending.
    """
    maps.s3.objects["file"] = b"1\n" * 3 + b"-1\n" + b"1\n" * 5
    maps.function = refuse_negative
    maps.run(
        processor=CALL,
        ItemReader=reader(InputType="JSONL"),
        ItemBatcher={"MaxItemsPerBatch": 2},
        MaxConcurrency=1,
        **({"ResultWriter": writer()} if exports else {}),
    )
    ended = {**NO_COUNTS, "resultsWritten": 2, "succeeded": 1, "failed": 1}

    assert maps.map_run["status"] == "FAILED"
    assert maps.map_run["executionCounts"] == {**ended, "pending": 3, "total": 5}
    assert maps.map_run["itemCounts"] == {
        **NO_COUNTS,
        "resultsWritten": 4,
        "succeeded": 2,
        "failed": 2,
        "pending": 5,
        "total": 9,
    }


def test_what_an_aborted_map_run_never_started_is_pending_and_counts(maps: MapLab) -> None:
    """As measured on AWS: see the test above."""
    maps.s3.objects["file"] = b"1\n" * 5
    maps.start(
        processor={"Type": "Wait", "SecondsPath": "$", "End": True},
        ItemReader=reader(InputType="JSONL"),
        MaxConcurrency=2,
    )
    maps.engine.stop_execution(maps.arn)
    maps.engine.run_until_idle()
    counts = {**NO_COUNTS, "aborted": 2, "pending": 3, "total": 5, "resultsWritten": 2}

    assert maps.map_run["status"] == "ABORTED"
    assert maps.map_run["itemCounts"] == counts
    assert maps.map_run["executionCounts"] == counts


def test_no_limit_is_shown_as_the_largest_integer(maps: MapLab) -> None:
    """Measured on AWS by floci-io/floci, StepFunctionsDescribeMapRunIntegrationTest."""
    maps.run([1])

    assert maps.map_run["maxConcurrency"] == 2_147_483_647


def test_a_missing_bucket_fails_the_state_before_any_child(maps: MapLab) -> None:
    missing = {**writer(), "Parameters": {"Bucket": "nowhere", "Prefix": "out"}}
    maps.run([1], processor=CALL, ResultWriter=missing)

    assert maps.failure[0] == "States.ResultWriterFailed"
    assert maps.payloads == []


def test_results_without_a_prefix_lie_in_the_map_runs_folder(maps: MapLab) -> None:
    maps.run([1], ResultWriter={**writer(), "Parameters": {"Bucket": BUCKET}})

    folder = maps.map_run["mapRunArn"].rpartition(":")[2]
    assert f"{folder}/manifest.json" in maps.s3.objects


def test_a_map_run_is_described_and_listed(maps: MapLab) -> None:
    """AWS: resultsWritten counts without a ResultWriter too."""
    maps.run([0, 1], MaxConcurrency=1, Label="Lab")
    (listed,) = maps.engine.list_map_runs(maps.arn)
    described = maps.map_run
    counts = {**NO_COUNTS, "succeeded": 2, "total": 2, "resultsWritten": 2}

    assert re.fullmatch(
        r"arn:aws:states:us-east-1:0+:mapRun:m/Lab:[0-9a-f-]{36}", listed["mapRunArn"]
    )
    assert listed["stateMachineArn"] == f"{maps.machine}/Lab"
    assert described == {
        "mapRunArn": listed["mapRunArn"],
        "executionArn": maps.arn,
        "status": "SUCCEEDED",
        "startDate": maps.clock.now(),
        "stopDate": maps.clock.now(),
        "maxConcurrency": 1,
        "toleratedFailurePercentage": 0.0,
        "toleratedFailureCount": 0,
        "itemCounts": counts,
        "executionCounts": counts,
        "redriveCount": 0,
    }


def test_a_map_run_on_its_way_takes_another_concurrency(maps: MapLab) -> None:
    maps.start([1, 2, 3], processor=WAIT, MaxConcurrency=1)
    maps.engine.update_map_run(maps.map_run["mapRunArn"], most_at_once=3)
    maps.engine.run_until_idle()

    assert maps.map_run["executionCounts"]["running"] == 3
    assert maps.map_run["maxConcurrency"] == 3


def test_a_map_run_on_its_way_takes_another_tolerance(maps: MapLab) -> None:
    maps.start(
        [1, 2],
        processor={"Type": "Wait", "Seconds": 400, "End": True},
        execution_type="EXPRESS",
        MaxConcurrency=1,
    )
    maps.engine.update_map_run(maps.map_run["mapRunArn"], tolerated_percentage=100.0)
    maps.engine.run_until(maps.arn)

    assert maps.execution["status"] == "SUCCEEDED"
    assert maps.map_run["executionCounts"]["timedOut"] == 2


def test_a_map_run_that_has_ended_takes_nothing(maps: MapLab) -> None:
    maps.run([1])

    with pytest.raises(ApiError, match="cannot be updated") as caught:
        maps.engine.update_map_run(maps.map_run["mapRunArn"], most_at_once=3)
    assert caught.value.code == "ValidationException"


def test_an_unknown_map_run_is_refused(maps: MapLab) -> None:
    unknown = "arn:aws:states:us-east-1:000000000000:mapRun:m/Lab:unknown"

    for call in (maps.engine.describe_map_run, maps.engine.list_children):
        with pytest.raises(ApiError) as caught:
            call(unknown)
        assert caught.value.code == "ResourceNotFound"
    with pytest.raises(ApiError) as caught:
        maps.engine.describe_map_run("arn")
    assert caught.value.code == "InvalidArn"


@pytest.mark.parametrize(
    "label", ["", "x" * 41, *(f"label_{one}" for one in '?*<>{}[]:;,|^~$#%&`"\\/')]
)
def test_a_label_has_awss_rules(maps: MapLab, label: str) -> None:
    """AWS, test_sfn_api_map_run."""
    with pytest.raises(ApiError, match="Label") as caught:
        maps.start([1], Label=label)

    assert caught.value.code == "InvalidDefinition"


@pytest.mark.parametrize(
    "fields",
    [
        {"ItemBatcher": {}},
        {"ItemBatcher": {"MaxItemsPerBatch": 0}},
        {"ItemBatcher": {"MaxItemsPerBatch": "2"}},
        {"ItemBatcher": {"MaxItemsPerBatch": 1, "MaxItemsPerBatchPath": "$.n"}},
        {"ResultWriter": {}},
        {"ResultWriter": writer(Resource="arn:aws:states:::s3:getObject")},
        {"ResultWriter": writer(WriterConfig={"Transformation": "ZIP"})},
        {"ResultWriter": writer(WriterConfig={"OutputType": "CSV"})},
        {"ToleratedFailureCount": -1},
        {"ToleratedFailurePercentage": 101},
        {"MaxConcurrency": -1},
        {"execution_type": "FAST"},
    ],
)
def test_a_field_that_is_not_well_formed_is_refused(maps: MapLab, fields: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        maps.start([1], **fields)

    assert caught.value.code == "InvalidDefinition"


def test_an_engine_without_services_says_what_to_give_it() -> None:
    maps = MapLab()
    maps.services.client = _nothing  # type: ignore[method-assign,assignment]
    maps.run(ItemReader=reader(**FIRST_ROW))

    assert maps.failure[0] == "States.ItemReaderFailed"
    assert (
        maps.failure[1]
        == "this engine has no client for s3; give it services=BotoServices(), or mock the state"
    )


def _nothing(service: str) -> Any:
    from sfn_local.calls.services import NoServices  # noqa: PLC0415

    return NoServices().client(service)


def test_a_state_failure_shows_only_what_it_has() -> None:
    assert StateFailure("E", None).reasons() == {"error": "E"}
