"""Retry and Catch.

Source: Step Functions Developer Guide, "Handling errors in Step Functions workflows".
"""

from typing import Any

import pytest
from engine.tests.conftest import Lab, Run

from sfn_local import FunctionError
from sfn_local.dataflow.recovery import Retrier

TASK = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"}
CAUGHT_ALL = [{"ErrorEquals": ["States.ALL"], "Next": "caught"}]


def failing(*errors: str) -> Any:
    """A function that fails with these errors, one a call, and then answers 'ok'."""
    left = list(errors)

    def function(_: Any) -> Any:
        if left:
            raise FunctionError(left.pop(0), "because")
        return "ok"

    return function


def retrier(*errors: str, **fields: Any) -> dict[str, Any]:
    return {"ErrorEquals": list(errors), **fields}


def run_task(lab: Lab, function: Any, **fields: Any) -> Run:
    lab.functions["f"] = function
    return lab.run_state({**TASK, **fields}, {"in": 1})


def test_a_failed_task_is_tried_again(lab: Lab) -> None:
    run = run_task(lab, failing("E", "E"), Retry=[retrier("E")])

    assert run.output == "ok"
    assert len(lab.calls) == 3


def test_the_pauses_grow_by_the_rate(lab: Lab) -> None:
    retry = [retrier("E", IntervalSeconds=3, BackoffRate=2.0, MaxAttempts=4)]
    run = run_task(lab, failing("E", "E", "E"), Retry=retry)

    assert lab.elapsed(run) == 3 + 6 + 12


def test_without_fields_there_are_three_retries_after_1_2_and_4_seconds(lab: Lab) -> None:
    run = run_task(lab, failing(*["E"] * 9), Retry=[retrier("E")])

    assert (run.status, len(lab.calls), lab.elapsed(run)) == ("FAILED", 4, 7)


def test_a_pause_is_at_most_the_longest_delay(lab: Lab) -> None:
    retry = [retrier("E", IntervalSeconds=5, BackoffRate=3, MaxDelaySeconds=20, MaxAttempts=4)]
    run = run_task(lab, failing(*["E"] * 9), Retry=retry)

    assert lab.elapsed(run) == 5 + 15 + 20 + 20


def test_full_jitter_pauses_for_a_part_of_the_delay() -> None:
    retry = [retrier("E", IntervalSeconds=100, MaxAttempts=1, JitterStrategy="FULL")]
    labs = [Lab(seed=seed) for seed in (1, 1, 2)]
    pauses = [lab.elapsed(run_task(lab, failing("E"), Retry=retry)) for lab in labs]

    assert pauses[0] == pauses[1] != pauses[2]
    assert all(0 <= pause < 100 for pause in pauses)


def test_full_jitter_is_a_part_of_the_longest_delay() -> None:
    entry = Retrier(("E",), 1.0, 20, 2.0, longest_delay=20.0, full_jitter=True)

    assert [entry.delay(attempts, 0.5) for attempts in (1, 4, 9)] == [1.0, 8.0, 10.0]


def test_no_attempts_means_no_retry(lab: Lab) -> None:
    run = run_task(lab, failing("E"), Retry=[retrier("E", MaxAttempts=0), retrier("States.ALL")])

    assert (run.status, len(lab.calls)) == ("FAILED", 1)


def test_each_retrier_counts_its_own_attempts(lab: Lab) -> None:
    retry = [retrier("A", MaxAttempts=2), retrier("B", MaxAttempts=2)]
    run = run_task(lab, failing("A", "B", "A", "B"), Retry=retry)

    assert run.output == "ok"


def test_the_first_retrier_that_names_the_error_decides(lab: Lab) -> None:
    retry = [retrier("A", MaxAttempts=1), retrier("States.ALL", MaxAttempts=9)]
    run = run_task(lab, failing("A", "A"), Retry=retry)

    assert (run.status, len(lab.calls)) == ("FAILED", 2)


def test_the_context_counts_the_retries(lab: Lab) -> None:
    fields = {"Parameters": {"retries.$": "$$.State.RetryCount"}, "Retry": [retrier("E")]}
    run_task(lab, failing("E", "E"), **fields)

    assert [given["retries"] for _, given in lab.calls] == [0, 1, 2]


def test_a_catch_goes_on_with_error_and_cause(lab: Lab) -> None:
    run = run_task(lab, failing("E"), Catch=CAUGHT_ALL)

    assert run.path == ["it", "caught"]
    assert run.output == {"Error": "E", "Cause": "because"}


def test_a_catch_may_keep_the_input(lab: Lab) -> None:
    run = run_task(lab, failing("E"), Catch=[{**CAUGHT_ALL[0], "ResultPath": "$.error"}])

    assert run.output == {"in": 1, "error": {"Error": "E", "Cause": "because"}}


def test_a_catch_may_drop_the_error(lab: Lab) -> None:
    run = run_task(lab, failing("E"), Catch=[{**CAUGHT_ALL[0], "ResultPath": None}])

    assert run.output == {"in": 1}


def test_a_catch_is_not_narrowed_by_the_states_output_path(lab: Lab) -> None:
    run = run_task(lab, failing("E"), Catch=CAUGHT_ALL, OutputPath="$.Payload")

    assert run.output == {"Error": "E", "Cause": "because"}


def test_the_first_catcher_that_names_the_error_decides(lab: Lab) -> None:
    catch = [{"ErrorEquals": ["A", "E"], "Next": "other"}, *CAUGHT_ALL]

    assert run_task(lab, failing("E"), Catch=catch).path == ["it", "other"]


def test_an_error_that_no_catcher_names_fails_the_execution(lab: Lab) -> None:
    run = run_task(lab, failing("E"), Catch=[{"ErrorEquals": ["F"], "Next": "caught"}])

    assert (run.status, run.error, run.cause) == ("FAILED", "E", "because")


def test_retries_come_before_the_catch(lab: Lab) -> None:
    retry = [retrier("E", MaxAttempts=2)]
    run = run_task(lab, failing(*["E"] * 9), Retry=retry, Catch=CAUGHT_ALL)

    assert run.path == ["it", "caught"]
    assert len(lab.calls) == 3


def runtime_error(_: Any) -> Any:
    return {"no": "payload"}


def too_large(_: Any) -> Any:
    return "x" * 300_000


@pytest.mark.parametrize(
    ("name", "error", "is_caught"),
    [
        ("States.ALL", "E", True),
        ("States.ALL", "Lambda.Unknown", True),
        ("States.TaskFailed", "E", True),
        ("States.TaskFailed", "Lambda.ServiceException", True),
        ("States.Timeout", "E", False),
        ("E", "e", False),
        ("E", "E.more", False),
    ],
)
def test_wildcards_catch_errors_of_functions(
    lab: Lab, name: str, error: str, is_caught: bool
) -> None:
    run = run_task(lab, failing(error), Catch=[{"ErrorEquals": [name], "Next": "caught"}])

    assert (run.status == "SUCCEEDED") is is_caught


@pytest.mark.parametrize(
    ("name", "is_caught"),
    [
        ("States.ALL", True),
        ("States.Timeout", True),
        ("States.TaskFailed", False),
        ("States.HeartbeatTimeout", False),
    ],
)
def test_a_time_out_is_caught_by_its_name_or_by_all(name: str, is_caught: bool) -> None:
    lab = Lab(hang={"f"})
    catch = [{"ErrorEquals": [name], "Next": "caught"}]
    run = lab.run_state({**TASK, "TimeoutSeconds": 1, "Catch": catch})

    assert (run.status == "SUCCEEDED") is is_caught


@pytest.mark.parametrize(
    ("name", "is_caught"),
    [("States.ALL", True), ("States.DataLimitExceeded", True), ("States.Timeout", False)],
)
def test_a_result_that_is_too_large_is_caught_by_all(lab: Lab, name: str, is_caught: bool) -> None:
    """Recorded on AWS: error_handling/test_states_errors, a Lambda task's, March 2024."""
    run = run_task(lab, too_large, Catch=[{"ErrorEquals": [name], "Next": "caught"}])

    assert (run.status == "SUCCEEDED") is is_caught


@pytest.mark.parametrize(
    ("name", "is_caught"),
    [("States.ALL", False), ("States.TaskFailed", False), ("States.DataLimitExceeded", True)],
)
def test_what_the_state_itself_makes_too_large_is_only_caught_by_its_name(
    name: str, is_caught: bool
) -> None:
    """Developer Guide, "Handling errors": States.ALL does not catch States.DataLimitExceeded."""
    large = "x" * 200_000
    selector = {"a.$": "$", "b.$": "$"}
    catch = [{"ErrorEquals": [name], "ResultPath": None, "Next": "caught"}]
    task = {**TASK, "ResultSelector": selector, "Catch": catch}
    run = Lab(functions={"f": lambda _: large}).run_state(task)

    assert (run.status == "SUCCEEDED") is is_caught


@pytest.mark.parametrize("name", ["States.ALL", "States.TaskFailed", "States.Runtime"])
def test_a_runtime_error_is_never_caught_and_never_retried(lab: Lab, name: str) -> None:
    run = run_task(
        lab,
        runtime_error,
        OutputPath="$.Payload",
        Retry=[retrier(name)],
        Catch=[{"ErrorEquals": [name], "Next": "caught"}],
    )

    assert (run.status, run.error, len(lab.calls)) == ("FAILED", "States.Runtime", 1)


def test_a_result_that_does_not_fit_is_caught(lab: Lab) -> None:
    catch = [{"ErrorEquals": ["States.ResultPathMatchFailure"], "Next": "caught"}]
    run = run_task(lab, failing(), ResultPath="$.in.deeper", Catch=catch)

    assert run.output["Error"] == "States.ResultPathMatchFailure"


def test_the_events_of_a_retried_and_caught_task(lab: Lab) -> None:
    run = run_task(lab, failing("E", "E"), Retry=[retrier("E", MaxAttempts=1)], Catch=CAUGHT_ALL)

    assert run.chain == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "TaskStateEntered"),
        (3, 2, "LambdaFunctionScheduled"),
        (4, 3, "LambdaFunctionStarted"),
        (5, 4, "LambdaFunctionFailed"),
        (6, 5, "LambdaFunctionScheduled"),
        (7, 6, "LambdaFunctionStarted"),
        (8, 7, "LambdaFunctionFailed"),
        (9, 8, "TaskStateExited"),
        (10, 9, "PassStateEntered"),
        (11, 10, "PassStateExited"),
        (12, 11, "ExecutionSucceeded"),
    ]
