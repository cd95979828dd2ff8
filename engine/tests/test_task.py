"""Task states that call Lambda.

Source: Step Functions Developer Guide, "Task workflow state", "Invoke an AWS Lambda function with
Step Functions" and "Wait for a Callback with Task Token"; events as AWS recorded them in
localstack's tests/aws/services/stepfunctions/v2/{services,callback,timeouts,error_handling}.
"""

import json
from typing import Any

import pytest
from engine.tests.conftest import Lab, Run

from sfn_local import FunctionError, invocation_headers
from sfn_local.calls.functions import Done
from sfn_local.errors import InvalidToken, TaskDoesNotExist, TaskTimedOut

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
INVOKE = "arn:aws:states:::lambda:invoke"
DIRECT = {"Type": "Task", "Resource": FUNCTION}
OPTIMIZED = {
    "Type": "Task",
    "Resource": INVOKE,
    "Parameters": {"FunctionName": "f", "Payload.$": "$"},
}
CALLBACK = {
    "Type": "Task",
    "Resource": f"{INVOKE}.waitForTaskToken",
    "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}},
}


def boom(_: Any) -> Any:
    raise FunctionError("OrderError", '{"errorType":"OrderError","errorMessage":"no"}')


def state(fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"StartAt": "it", "States": {"it": {**fields, **more, "End": True}}}


def details(run: Run, event_type: str) -> dict[str, Any]:
    event = next(event for event in run.events if event["type"] == event_type)
    return next(value for name, value in event.items() if name.endswith("EventDetails"))


def parked(lab: Lab, **more: Any) -> tuple[Run, str]:
    lab.functions["f"] = lambda _: None
    run = lab.start(state(CALLBACK, **more))
    return run, lab.calls[-1][1]["token"]


def test_a_function_named_by_arn_receives_the_input_and_gives_the_result(lab: Lab) -> None:
    lab.functions["f"] = lambda given: {"got": given}
    run = lab.run_state(DIRECT, {"a": 1})

    assert run.output == {"got": {"a": 1}}
    assert details(run, "LambdaFunctionScheduled") == {
        "input": '{"a": 1}',
        "inputDetails": {"truncated": False},
        "resource": FUNCTION,
    }


def test_an_invocation_gives_the_response_of_the_invoke_api(lab: Lab) -> None:
    lab.functions["f"] = lambda given: {"got": given}
    output = lab.run_state(OPTIMIZED, {"a": 1}).output

    assert output["Payload"] == {"got": {"a": 1}}
    assert (output["StatusCode"], output["ExecutedVersion"]) == (200, "$LATEST")
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert sorted(output) == [
        "ExecutedVersion",
        "Payload",
        "SdkHttpMetadata",
        "SdkResponseMetadata",
        "StatusCode",
    ]


def test_an_invocation_without_a_payload_sends_an_empty_object(lab: Lab) -> None:
    lab.functions["f"] = lambda given: given
    state_without = {**OPTIMIZED, "Parameters": {"FunctionName": "f"}}

    assert lab.run_state(state_without, {"a": 1}).output["Payload"] == {}


def test_the_function_may_come_from_the_input_and_have_a_qualifier(lab: Lab) -> None:
    lab.functions["f"] = lambda given: given
    parameters = {"FunctionName.$": "$.name", "Qualifier": "live", "Payload": 1}
    run = lab.run_state({**OPTIMIZED, "Parameters": parameters}, {"name": FUNCTION})

    assert run.output["Payload"] == 1


def test_an_asynchronous_invocation_does_not_wait_for_the_function(lab: Lab) -> None:
    lab.functions["f"] = boom
    parameters = {"FunctionName": "f", "Payload": 1, "InvocationType": "Event"}
    run = lab.run_state({**OPTIMIZED, "Parameters": parameters})

    assert (run.status, run.output["StatusCode"], run.output["Payload"]) == ("SUCCEEDED", 202, "")
    assert lab.calls == [("f", 1)]


def test_a_missing_function_name_is_a_runtime_error(lab: Lab) -> None:
    run = lab.run_state({**OPTIMIZED, "Parameters": {"FunctionName.$": "$.name"}}, {"name": None})

    assert run.error == "States.Runtime"
    assert "The field 'FunctionName' is required but was missing" in str(run.cause)


@pytest.mark.parametrize("task", [DIRECT, OPTIMIZED, CALLBACK])
def test_a_functions_failure_is_its_error_type_and_its_report(
    lab: Lab, task: dict[str, Any]
) -> None:
    lab.functions["f"] = boom
    run = lab.run_state(task)

    assert (run.status, run.error) == ("FAILED", "OrderError")
    assert run.cause == '{"errorType":"OrderError","errorMessage":"no"}'


@pytest.mark.parametrize("task", [DIRECT, OPTIMIZED])
def test_a_function_that_does_not_exist_is_named_as_aws_names_it(
    lab: Lab, task: dict[str, Any]
) -> None:
    run = lab.run_state(task)

    assert run.error == "Lambda.ResourceNotFoundException"
    assert str(run.cause).startswith("Function not found: ")


@pytest.mark.parametrize(
    ("task", "events"),
    [
        (DIRECT, ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded"]),
        (OPTIMIZED, ["TaskScheduled", "TaskStarted", "TaskSucceeded"]),
    ],
)
def test_the_events_of_a_task_form_a_chain(
    lab: Lab, task: dict[str, Any], events: list[str]
) -> None:
    lab.functions["f"] = lambda given: given
    names = ["ExecutionStarted", "TaskStateEntered", *events, "TaskStateExited"]
    names.append("ExecutionSucceeded")
    expected = [
        (number, 0 if number == 2 else number - 1, name) for number, name in enumerate(names, 1)
    ]

    assert lab.run_state(task, 1).chain == expected


def test_a_scheduled_task_shows_its_parameters_and_limits(lab: Lab) -> None:
    lab.functions["f"] = lambda given: given
    run = lab.run_state({**OPTIMIZED, "TimeoutSeconds": 9, "HeartbeatSeconds": 3}, {"a": 1})

    assert details(run, "TaskScheduled") == {
        "resourceType": "lambda",
        "resource": "invoke",
        "region": "us-east-1",
        "parameters": '{"FunctionName":"f","Payload":{"a":1}}',
        "timeoutInSeconds": 9,
        "heartbeatInSeconds": 3,
    }


def test_a_callback_waits_for_its_token(lab: Lab) -> None:
    run, token = parked(lab)
    waiting = run.status
    lab.clock.advance(3600)
    lab.engine.send_task_success(token, '{"done": 1}')
    lab.engine.run_until(run.arn)

    assert waiting == "RUNNING"
    assert run.output == {"done": 1}
    assert [event["type"] for event in run.events][2:7] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
    ]


def test_a_token_that_waits_tells_its_machine_and_no_other_does(lab: Lab) -> None:
    run, token = parked(lab)

    assert lab.engine.machine_of(token) == lab.engine.describe_execution(run.arn)["stateMachineArn"]
    assert lab.engine.machine_of(f"{token}x") is None


def test_a_callback_fails_with_what_its_token_brings(lab: Lab) -> None:
    run, token = parked(lab)
    lab.engine.send_task_failure(token, "E", "C")
    lab.engine.run_until(run.arn)

    assert (run.status, run.error, run.cause) == ("FAILED", "E", "C")
    assert details(run, "TaskFailed") == {
        "error": "E",
        "cause": "C",
        "resourceType": "lambda",
        "resource": "invoke.waitForTaskToken",
    }


def test_a_failure_without_error_and_cause_is_caught_as_nulls(lab: Lab) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "caught", "ResultPath": "$.e"}]
    machine = state(CALLBACK, Catch=catch)
    machine["States"]["caught"] = {"Type": "Pass", "End": True}
    lab.functions["f"] = lambda _: None
    run = lab.start(machine, {})
    lab.engine.send_task_failure(lab.calls[-1][1]["token"])
    lab.engine.run_until(run.arn)

    assert run.output == {"e": {"Error": None, "Cause": None}}


def test_a_token_may_come_back_before_its_function_has_returned(lab: Lab) -> None:
    def answer_at_once(given: Any) -> Any:
        lab.engine.send_task_success(given["token"], '"early"')
        return "late"

    lab.functions["f"] = answer_at_once
    run = lab.run(state(CALLBACK))

    assert run.output == "early"
    assert [event["type"] for event in run.events] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_a_function_that_fails_after_its_token_came_back_does_not_matter(lab: Lab) -> None:
    def answer_and_fail(given: Any) -> Any:
        lab.engine.send_task_success(given["token"], '"early"')
        raise ValueError("too late")

    lab.functions["f"] = answer_and_fail

    assert lab.run(state(CALLBACK)).output == "early"


def test_only_the_first_of_two_answers_counts(lab: Lab) -> None:
    run, token = parked(lab)
    lab.engine.send_task_success(token, "1")
    with pytest.raises(TaskTimedOut):
        lab.engine.send_task_failure(token, "E", "C")
    lab.engine.run_until(run.arn)

    assert run.output == 1


def test_a_token_that_was_never_handed_out_does_not_exist(lab: Lab) -> None:
    _, token = parked(lab)
    other = Lab({"f": lambda _: None}, seed=2)
    with pytest.raises(TaskDoesNotExist):
        other.engine.send_task_success(token, "1")


@pytest.mark.parametrize("token", ["", "x", "AAAA", "é" * 64, "=" * 64])
def test_a_text_that_is_no_token_is_invalid(lab: Lab, token: str) -> None:
    with pytest.raises(InvalidToken):
        lab.engine.send_task_heartbeat(token)


def test_the_message_about_a_token_does_not_repeat_it(lab: Lab) -> None:
    _, token = parked(lab)
    lab.engine.send_task_success(token, "1")
    with pytest.raises(TaskTimedOut) as caught:
        lab.engine.send_task_success(token, "1")

    assert token not in str(caught.value)


@pytest.mark.parametrize("task", [DIRECT, OPTIMIZED, CALLBACK])
@pytest.mark.parametrize("limit", [{"TimeoutSeconds": 60}, {"TimeoutSecondsPath": "$.limit"}])
def test_a_task_that_takes_too_long_times_out(task: dict[str, Any], limit: dict[str, Any]) -> None:
    lab = Lab(hang={"f"})
    run = lab.run(state(task, **limit), {"limit": 60})

    assert (run.status, run.error, run.cause) == ("FAILED", "States.Timeout", None)
    assert lab.elapsed(run) == 60


def test_a_token_is_over_when_its_task_has_timed_out(lab: Lab) -> None:
    run, token = parked(lab, TimeoutSeconds=86_400)
    lab.engine.run_until(run.arn)

    assert lab.elapsed(run) == 86_400
    assert [event["type"] for event in run.events][-3:-1] == ["TaskSubmitted", "TaskTimedOut"]
    with pytest.raises(TaskTimedOut):
        lab.engine.send_task_success(token, "1")


@pytest.mark.parametrize("limit", [{"HeartbeatSeconds": 10}, {"HeartbeatSecondsPath": "$.limit"}])
def test_a_task_without_heartbeats_times_out(lab: Lab, limit: dict[str, Any]) -> None:
    lab.functions["f"] = lambda _: None
    run = lab.run(state(CALLBACK, TimeoutSeconds=600, **limit), {"limit": 10})

    assert (run.status, run.error) == ("FAILED", "States.Timeout")
    assert lab.elapsed(run) == 10


def test_heartbeats_keep_a_task_alive(lab: Lab) -> None:
    run, token = parked(lab, HeartbeatSeconds=10)
    for _ in range(5):
        lab.engine.run_for(9)
        lab.engine.send_task_heartbeat(token)
    alive = run.status
    lab.engine.run_for(9)
    still = run.status
    lab.engine.run_for(1)

    assert (alive, still, run.status) == ("RUNNING", "RUNNING", "FAILED")


def test_a_missed_heartbeat_is_caught_by_its_own_name(lab: Lab) -> None:
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "caught"}]
    lab.functions["f"] = lambda _: None
    run = lab.run_state({**CALLBACK, "HeartbeatSeconds": 10, "Catch": catch})

    assert run.output == {"Error": "States.Timeout", "Cause": ""}


@pytest.mark.parametrize("value", [0, -1, 1.5, "60", None, True])
def test_a_limit_that_is_no_positive_integer_is_a_runtime_error(lab: Lab, value: Any) -> None:
    run = lab.run_state({**DIRECT, "TimeoutSecondsPath": "$.limit"}, {"limit": value})

    assert run.error == "States.Runtime"


def test_an_answer_after_the_time_limit_is_ignored() -> None:
    held = Lab(hold={"f"})
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "caught"}]
    machine = state(DIRECT, TimeoutSeconds=5, Catch=catch)
    machine["States"]["caught"] = {"Type": "Wait", "Seconds": 60, "End": True}
    run = held.start(machine)
    held.engine.run_for(10)
    held.release("f", 1)
    held.engine.run_until(run.arn)

    assert run.output == {"Error": "States.Timeout", "Cause": ""}


@pytest.mark.parametrize(
    ("task", "what"), [(DIRECT, FUNCTION), (OPTIMIZED, "lambda"), (CALLBACK, "lambda")]
)
def test_a_result_over_256_kib_is_a_data_limit_error(
    lab: Lab, task: dict[str, Any], what: str
) -> None:
    lab.functions["f"] = lambda _: "日" * 90_000
    run = lab.run_state(task)

    assert run.error == "States.DataLimitExceeded"
    assert run.cause == (
        f"The state/task '{what}' returned a result with a size exceeding the maximum number of "
        "bytes service limit."
    )


def test_text_that_is_no_json_is_a_string(lab: Lab) -> None:
    lab.raw["f"] = b"plain text"

    assert lab.run_state(DIRECT).output == "plain text"


def test_no_text_at_all_is_null(lab: Lab) -> None:
    lab.raw["f"] = b""

    assert lab.run_state(OPTIMIZED).output["Payload"] is None


def test_a_token_is_in_the_payload_and_in_the_context(lab: Lab) -> None:
    lab.functions["f"] = lambda _: None
    payload = {"context.$": "$$", "token.$": "$$.Task.Token"}
    lab.start(state({**CALLBACK, "Parameters": {"FunctionName": "f", "Payload": payload}}))
    given = lab.calls[0][1]

    assert given["context"]["Task"] == {"Token": given["token"]}


def test_a_task_without_a_callback_has_no_token(lab: Lab) -> None:
    lab.functions["f"] = lambda given: given
    parameters = {"FunctionName": "f", "Payload.$": "$$"}
    output = lab.run_state({**OPTIMIZED, "Parameters": parameters}).output

    assert sorted(output["Payload"]) == ["Execution", "State", "StateMachine"]
    assert json.dumps(output).count("Token") == 0


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_an_invocation_carries_its_options(lab: Lab, kind: str) -> None:
    seen: list[dict[str, str]] = []
    submit = lab.submit

    def noting(function: str, payload: bytes, done: Done) -> None:
        seen.append(dict(invocation_headers.get()))
        submit(function, payload, done)

    lab.submit = noting  # type: ignore[method-assign]
    lab.functions["f"] = lambda _: 1
    options = {"TenantId": "blue", "DurableExecutionName": "order-1", "ClientContext": "e30="}
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "f", "InvocationType": kind, **options},
    }
    lab.run_state(task)

    assert seen == [
        {
            "X-Amz-Tenant-Id": "blue",
            "X-Amz-Durable-Execution-Name": "order-1",
            "X-Amz-Client-Context": "e30=",
        }
    ]
