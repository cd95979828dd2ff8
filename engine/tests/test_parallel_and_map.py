"""Parallel and inline Map.

Source: Step Functions Developer Guide, "Parallel workflow state" and "Using Map state in Inline
mode"; events as AWS recorded them in localstack's
tests/aws/services/stepfunctions/v2/{scenarios,timeouts}.
"""

from typing import Any

import pytest
from engine.tests.conftest import Lab

from sfn_local import FunctionError

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
PASS = {"Type": "Pass", "End": True}
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "caught", "ResultPath": "$.error"}]


def graph(state: dict[str, Any], name: str = "inner") -> dict[str, Any]:
    return {"StartAt": name, "States": {name: state}}


def task(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": FUNCTION + name, "End": True, **more}


def fail(error: str = "E") -> dict[str, Any]:
    return {"Type": "Fail", "Error": error, "Cause": "C"}


def parallel(*branches: dict[str, Any], **more: Any) -> dict[str, Any]:
    graphs = [graph(branch, f"branch-{number}") for number, branch in enumerate(branches)]
    return {"Type": "Parallel", "Branches": graphs, **more}


def mapped(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": graph(state), **more}


def test_branches_receive_the_input_and_give_a_list_in_their_order(lab: Lab) -> None:
    wait = {"Type": "Wait", "Seconds": 5, "End": True}
    run = lab.run_state(parallel(wait, PASS, {**PASS, "Result": 1}), {"a": 1})

    assert run.output == [{"a": 1}, {"a": 1}, 1]
    assert lab.elapsed(run) == 5


def test_a_parallel_state_shapes_input_and_result(lab: Lab) -> None:
    state = parallel(
        PASS,
        PASS,
        Parameters={"x.$": "$.a"},
        ResultSelector={"first.$": "$[0].x"},
        ResultPath="$.result",
    )

    assert lab.run_state(state, {"a": 1}).output == {"a": 1, "result": {"first": 1}}


def test_one_failed_branch_ends_the_others(lab: Lab) -> None:
    lab.hang.add("slow")
    run = lab.run_state(parallel(fail(), task("slow"), {"Type": "Wait", "Seconds": 9, "End": True}))

    assert (run.status, run.error, run.cause) == ("FAILED", "E", "C")
    assert lab.elapsed(run) == 0


def test_a_parallel_state_is_retried_as_a_whole(lab: Lab) -> None:
    lab.functions["f"] = lambda _: 1
    answers = iter([True, True, False])

    def unsteady(_: Any) -> Any:
        if next(answers):
            raise FunctionError("E", "C")
        return 2

    lab.functions["g"] = unsteady
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 1}]
    run = lab.run_state(parallel(task("f"), task("g"), Retry=retry))

    assert run.output == [1, 2]
    assert [name for name, _ in lab.calls] == ["f", "g"] * 3


def test_a_parallel_state_catches_what_its_branches_fail_with(lab: Lab) -> None:
    run = lab.run_state(parallel(fail(), PASS, Catch=CATCH), {"a": 1})

    assert run.output == {"a": 1, "error": {"Error": "E", "Cause": "C"}}


def test_the_events_of_a_caught_parallel_state(lab: Lab) -> None:
    run = lab.run_state(parallel(fail(), Catch=CATCH), {})

    assert run.chain == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "ParallelStateEntered"),
        (3, 2, "ParallelStateStarted"),
        (4, 3, "FailStateEntered"),
        (5, 4, "ParallelStateFailed"),
        (6, 5, "ParallelStateExited"),
        (7, 6, "PassStateEntered"),
        (8, 7, "PassStateExited"),
        (9, 8, "ExecutionSucceeded"),
    ]


def test_what_nothing_handles_in_a_branch_ends_the_execution_at_once(lab: Lab) -> None:
    """The events that AWS answered in floci-io/floci 2868; a Map's iterations alike."""
    broken = {**PASS, "Parameters": {"m.$": "$.nope"}}
    run = lab.run_state(parallel(broken, Catch=CATCH, Retry=[{"ErrorEquals": ["States.ALL"]}]), {})
    of_map = lab.run_state(mapped(broken, Catch=CATCH), [{}])

    assert run.chain == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "ParallelStateEntered"),
        (3, 2, "ParallelStateStarted"),
        (4, 3, "PassStateEntered"),
        (5, 4, "ExecutionFailed"),
    ]
    assert of_map.chain[3:] == [
        (4, 3, "MapIterationStarted"),
        (5, 4, "PassStateEntered"),
        (6, 5, "ExecutionFailed"),
    ]
    assert {run.error, of_map.error} == {"States.Runtime"}


def test_a_succeed_state_ends_its_branch_only(lab: Lab) -> None:
    assert lab.run_state(parallel({"Type": "Succeed"}, PASS), 1).output == [1, 1]


def test_an_iteration_receives_its_item_and_gives_its_place_in_the_list(lab: Lab) -> None:
    lab.functions["f"] = lambda item: item * 10

    assert lab.run_state(mapped(task("f")), [1, 2, 3]).output == [10, 20, 30]


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({"ItemsPath": "$.items"}, [1, 2]),
        ({"ItemsPath": "$$.Execution.Input.items"}, [1, 2]),
        ({"InputPath": "$.deep", "ItemsPath": "$.items"}, [3]),
        ({"ItemsPath": "$.none"}, []),
        ({"ItemsPath": "$.items[1:]"}, [2]),
        (
            {
                "ItemsPath": "$.items",
                "ItemSelector": {
                    "i.$": "$$.Map.Item.Index",
                    "v.$": "$$.Map.Item.Value",
                    "all.$": "$.items",
                },
            },
            [{"i": 0, "v": 1, "all": [1, 2]}, {"i": 1, "v": 2, "all": [1, 2]}],
        ),
        (
            {"ItemsPath": "$.items", "Parameters": {"v.$": "$$.Map.Item.Value"}},
            [{"v": 1}, {"v": 2}],
        ),
        ({"ItemsPath": "$.items", "ResultSelector": {"n.$": "States.ArrayLength($)"}}, {"n": 2}),
        ({"ItemsPath": "$.items", "ResultPath": "$.none"}, None),
    ],
)
def test_a_map_selects_its_items(lab: Lab, fields: dict[str, Any], output: Any) -> None:
    data = {"items": [1, 2], "deep": {"items": [3]}, "none": []}
    expected = {**data, "none": [1, 2]} if output is None else output

    assert lab.run_state(mapped(PASS, **fields), data).output == expected


def test_the_old_name_of_an_item_processor_works(lab: Lab) -> None:
    assert lab.run_state({"Type": "Map", "Iterator": graph(PASS)}, [1]).output == [1]


def test_the_item_is_in_the_context_of_every_state_inside(lab: Lab) -> None:
    inner = {**PASS, "Parameters": {"index.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value"}}
    outer = mapped(parallel(inner, End=True))

    assert lab.run_state(outer, ["a", "b"]).output == [
        [{"index": 0, "value": "a"}],
        [{"index": 1, "value": "b"}],
    ]


def test_maps_may_be_nested(lab: Lab) -> None:
    inner = {
        "Type": "Map",
        "ItemProcessor": graph({**PASS, "Parameters": {"v.$": "$$.Map.Item.Value"}}, "innermost"),
        "End": True,
    }

    assert lab.run_state(mapped(inner), [[1], [2, 3]]).output == [[{"v": 1}], [{"v": 2}, {"v": 3}]]


@pytest.mark.parametrize(
    ("fields", "at_once"),
    [
        ({}, 40),
        ({"MaxConcurrency": 0}, 40),
        ({"MaxConcurrency": 1}, 1),
        ({"MaxConcurrency": 7}, 7),
        ({"MaxConcurrency": 100}, 40),
        ({"MaxConcurrencyPath": "$.most", "ItemsPath": "$.items"}, 3),
    ],
)
def test_at_most_so_many_iterations_run_at_once(fields: dict[str, Any], at_once: int) -> None:
    lab = Lab(hold={"f"})
    items = list(range(50))
    machine = {"StartAt": "it", "States": {"it": mapped(task("f"), End=True, **fields)}}
    run = lab.start(machine, {"items": items, "most": 3} if "ItemsPath" in fields else items)
    first = len(lab.calls)
    for number in range(50):
        lab.release("f", number)
        lab.engine.run_until_idle()

    assert first == at_once
    assert run.output == items


def test_the_next_item_starts_when_one_has_ended() -> None:
    lab = Lab(hold={"f"})
    machine = {"StartAt": "it", "States": {"it": mapped(task("f"), MaxConcurrency=2, End=True)}}
    lab.start(machine, ["a", "b", "c", "d"])
    before = [item for _, item in lab.calls]
    lab.release("f", 0)
    lab.engine.run_until_idle()

    assert before == ["a", "b"]
    assert [item for _, item in lab.calls] == ["a", "b", "c"]


def test_one_failed_iteration_ends_the_map(lab: Lab) -> None:
    lab.hang.add("f")
    choose = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "fail"}],
        "Default": "call",
    }
    processor = {
        "StartAt": "choose",
        "States": {"choose": choose, "fail": fail(), "call": task("f")},
    }
    run = lab.run_state({"Type": "Map", "ItemProcessor": processor}, [1, 2, 3])

    assert (run.status, run.error) == ("FAILED", "E")


def test_a_map_catches_what_an_iteration_fails_with(lab: Lab) -> None:
    run = lab.run_state(mapped(fail(), ItemsPath="$.items", Catch=CATCH), {"items": [1]})

    assert run.output["error"] == {"Error": "E", "Cause": "C"}


def test_a_runtime_error_inside_is_not_caught_outside(lab: Lab) -> None:
    broken = {**PASS, "InputPath": "$.missing"}
    run = lab.run_state(mapped(broken, ItemsPath="$.items", Catch=CATCH), {"items": [{}]})

    assert (run.status, run.error) == ("FAILED", "States.Runtime")


@pytest.mark.parametrize("items", ["text", {"a": 1}, None, 5, True])
def test_items_that_are_no_list_are_a_runtime_error(lab: Lab, items: Any) -> None:
    run = lab.run_state(mapped(PASS, ItemsPath="$.items"), {"items": items})

    assert run.error == "States.Runtime"
    assert str(run.cause).endswith('Reference path "$.items" must point to array.')


@pytest.mark.parametrize("most", ["NoNumber", -1, 1.5, None])
def test_a_concurrency_that_is_none_is_a_runtime_error(lab: Lab, most: Any) -> None:
    state = mapped(PASS, ItemsPath="$.items", MaxConcurrencyPath="$.most")

    assert lab.run_state(state, {"items": [1], "most": most}).error == "States.Runtime"


def test_the_events_of_a_map_with_one_item(lab: Lab) -> None:
    run = lab.run_state(mapped(PASS), ["HelloWorld"])

    assert run.chain == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"),
        (5, 4, "PassStateEntered"),
        (6, 5, "PassStateExited"),
        (7, 6, "MapIterationSucceeded"),
        (8, 7, "MapStateSucceeded"),
        (9, 7, "MapStateExited"),
        (10, 9, "ExecutionSucceeded"),
    ]


def test_the_events_of_an_empty_map(lab: Lab) -> None:
    run = lab.run_state(mapped(PASS), [])

    assert run.chain == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapStateSucceeded"),
        (5, 3, "MapStateExited"),
        (6, 5, "ExecutionSucceeded"),
    ]


def test_the_events_of_a_retried_map(lab: Lab) -> None:
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    run = lab.run_state(mapped(fail(), Retry=retry), [1])

    assert run.chain == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "MapStateEntered"),
        (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"),
        (5, 4, "FailStateEntered"),
        (6, 5, "MapIterationFailed"),
        (7, 5, "MapStateStarted"),
        (8, 7, "MapIterationStarted"),
        (9, 8, "FailStateEntered"),
        (10, 9, "MapIterationFailed"),
        (11, 9, "MapStateFailed"),
        (12, 11, "ExecutionFailed"),
    ]


def test_the_events_of_iterations_that_are_aborted() -> None:
    lab = Lab(hang={"f"})
    run = lab.run_state(mapped(task("f", TimeoutSeconds=5)), [1, 2])

    assert run.chain[2:] == [
        (3, 2, "MapStateStarted"),
        (4, 3, "MapIterationStarted"),
        (5, 3, "MapIterationStarted"),
        (6, 4, "TaskStateEntered"),
        (7, 6, "LambdaFunctionScheduled"),
        (8, 7, "LambdaFunctionStarted"),
        (9, 5, "TaskStateEntered"),
        (10, 9, "LambdaFunctionScheduled"),
        (11, 10, "LambdaFunctionStarted"),
        (12, 8, "LambdaFunctionTimedOut"),
        (13, 11, "LambdaFunctionTimedOut"),
        (14, 12, "MapIterationFailed"),
        (15, 12, "TaskStateAborted"),
        (16, 12, "TaskStateAborted"),
        (17, 12, "MapIterationAborted"),
        (18, 12, "MapStateFailed"),
        (19, 18, "ExecutionFailed"),
    ]
