"""Test cases of a MockConfigFile.json.

Source: Step Functions Developer Guide, "Testing state machines with Step Functions Local", "Using
mocked service integrations" and "Configuration file for mocked service integrations". One counter
for each state and execution: observed of Step Functions Local 2.0.0 in localstack issue 12846 and
floci issue 3254.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from engine.tests.conftest import Run

from sfn_local import Engine, FunctionError, InlineFunctions, VirtualClock
from sfn_local.errors import ValidationException
from sfn_local.mock_skeleton import mock_skeleton
from sfn_local.mocks import MockConfig, MockError, MockFile

INVOKE = "arn:aws:states:::lambda:invoke"
CALL = {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "f"}}
RETRY = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 3}]


def throw(error: str, cause: str = "c") -> Any:
    return {"Throw": {"Error": error, "Cause": cause}}


def config(responses: dict[str, Any], state: str = "call") -> MockConfig:
    machines = {"m": {"TestCases": {"Case": {state: "Answers"}}}}
    text = json.dumps({"StateMachines": machines, "MockedResponses": {"Answers": responses}})
    return MockConfig(text)


def run(
    definition: dict[str, Any], mocks: MockConfig, data: Any = None, *, case: str = "Case"
) -> Run:
    def call(function: str, _payload: bytes) -> bytes:
        raise FunctionError("Called", function)

    engine = Engine(functions=InlineFunctions(call), clock=VirtualClock(), mocks=mocks)
    arn = engine.create_state_machine("m", definition)
    started = Run(engine, engine.start_execution(f"{arn}#{case}", "e", json.dumps(data)))
    engine.run_until(started.arn)
    return started


def single(fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"StartAt": "call", "States": {"call": {**fields, **more, "End": True}}}


def test_a_mocked_state_returns_what_is_written_and_calls_nothing() -> None:
    mocks = config({"0": {"Return": {"StatusCode": 200, "Payload": {"ok": True}}}})
    done = run(single(CALL, OutputPath="$.Payload"), mocks)

    assert (done.status, done.output) == ("SUCCEEDED", {"ok": True})
    assert [kind for _, _, kind in done.chain] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_a_mocked_function_by_arn_returns_its_result_as_it_is() -> None:
    task = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}
    done = run(single(task), config({"0": {"Return": "plain"}}), {"a": 1})

    assert done.output == "plain"
    assert done.chain[2:5] == [
        (3, 2, "LambdaFunctionScheduled"),
        (4, 3, "LambdaFunctionStarted"),
        (5, 4, "LambdaFunctionSucceeded"),
    ]


def test_a_mocked_callback_is_answered_without_its_token() -> None:
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    parameters = {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}
    task = {"Type": "Task", "Resource": resource, "Parameters": parameters}
    done = run(single(task), config({"0": {"Return": {"approved": True}}}))

    assert done.output == {"approved": True}
    assert [kind for _, _, kind in done.chain][2:6] == [
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
    ]


@pytest.mark.parametrize(
    ("resource", "parameters"),
    [
        ("arn:aws:states:::apigateway:invoke", {"ApiEndpoint": "x", "Method": "GET"}),
        ("arn:aws:states:::elasticmapreduce:addStep.sync", {"ClusterId": "c", "Step": {}}),
        ("arn:aws:states:::glue:startJobRun.sync", {"JobName": "j"}),
        ("arn:aws:states:::aws-sdk:comprehend:detectSentiment", {}),
        ("arn:aws:states:::bedrock:invokeModel", {"ModelId": "m"}),
    ],
)
def test_any_service_can_be_mocked(resource: str, parameters: dict[str, Any]) -> None:
    task = {"Type": "Task", "Resource": resource, "Parameters": parameters}
    done = run(single(task), config({"0": {"Return": 1}}))

    assert (done.status, done.output) == ("SUCCEEDED", 1)


def test_a_service_that_is_neither_served_nor_mocked_fails_and_says_so() -> None:
    resource = "arn:aws:states:::eks:runJob.sync"
    parameters = {"ClusterName": "c", "Job": {}}
    task = {"Type": "Task", "Resource": resource, "Parameters": parameters}
    done = run(single(task), config({"0": {"Return": 1}}, state="other"))

    assert done.error == "States.Runtime"
    assert f"does not serve the resource {resource}; mock the state" in str(done.cause)


def test_a_thrown_error_meets_retry_and_catch() -> None:
    catch = [{"ErrorEquals": ["Broken"], "Next": "caught"}]
    states = {"call": {**CALL, "Catch": catch, "End": True}, "caught": {"Type": "Succeed"}}
    mocks = config({"0": throw("Broken", "no")})
    done = run({"StartAt": "call", "States": states}, mocks)

    assert done.path == ["call", "caught"]
    assert done.output == {"Error": "Broken", "Cause": "no"}


def test_a_range_answers_the_first_call_and_its_retries() -> None:
    mocks = config({"0-1": throw("Busy"), "2": {"Return": "third"}})
    done = run(single(CALL, Retry=RETRY), mocks)

    assert (done.status, done.output) == ("SUCCEEDED", "third")


def test_a_thrown_timeout_is_one() -> None:
    done = run(single(CALL), config({"0": throw("States.Timeout")}))

    assert done.error == "States.Timeout"
    assert done.chain[4] == (5, 4, "TaskTimedOut")


def test_a_loop_goes_on_in_the_list_of_answers() -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.Payload", "StringEquals": "DONE", "Next": "end"}],
        "Default": "call",
    }
    states = {"call": {**CALL, "Next": "look"}, "look": choice, "end": {"Type": "Succeed"}}
    answers = {"0-1": {"Return": {"Payload": "PENDING"}}, "2": {"Return": {"Payload": "DONE"}}}
    done = run({"StartAt": "call", "States": states}, config(answers))

    assert done.path == ["call", "look"] * 3 + ["end"]


def test_iterations_of_a_map_share_one_list_of_answers() -> None:
    retry = {**CALL, "Retry": RETRY, "End": True}
    processor = {"StartAt": "call", "States": {"call": retry}}
    each = {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor, "End": True}
    answers = {"0": throw("Busy"), "1": {"Return": "idx1"}, "2": {"Return": "idx2"}}
    done = run({"StartAt": "each", "States": {"each": each}}, config(answers), [1, 2])

    assert done.output == ["idx1", "idx2"]


def test_a_call_without_an_answer_fails_the_execution_and_names_it() -> None:
    done = run(single(CALL, Retry=RETRY), config({"0": throw("Busy")}))

    assert done.error == "States.Runtime"
    assert str(done.cause).endswith(
        "The mocked response Answers has no answer to call 1 (counted from 0) of the state call; "
        'add one under "1"'
    )


def test_a_state_that_the_case_leaves_out_is_called() -> None:
    done = run(single(CALL), config({"0": {"Return": 1}}, state="other"))

    assert (done.error, done.cause) == ("Called", "f")


def test_an_execution_without_a_test_case_is_not_mocked() -> None:
    functions = InlineFunctions(lambda *_: b'"real"')
    mocks = config({"0": {"Return": 1}})
    engine = Engine(functions=functions, clock=VirtualClock(), mocks=mocks)
    arn = engine.create_state_machine("m", single(CALL, OutputPath="$.Payload"))
    done = Run(engine, engine.start_execution(arn))
    engine.run_until(done.arn)

    assert done.output == "real"


def test_executions_count_apart_from_each_other() -> None:
    mocks = config({"0": {"Return": 1}})
    engine = Engine(functions=InlineFunctions(lambda *_: b""), clock=VirtualClock(), mocks=mocks)
    arn = engine.create_state_machine("m", single(CALL))
    runs = [Run(engine, engine.start_execution(f"{arn}#Case")) for _ in range(2)]
    engine.run_until_idle()

    assert [done.output for done in runs] == [1, 1]
    assert engine.describe_execution(runs[0].arn)["stateMachineArn"] == arn


def test_an_unknown_test_case_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ValidationException) as caught:
        run(single(CALL), config({"0": {"Return": 1}}), case="Typo")

    assert str(caught.value) == "the machine m has no test case Typo; it has Case"


def test_a_test_case_without_a_configuration_is_refused() -> None:
    engine = Engine(functions=InlineFunctions(lambda *_: b""), clock=VirtualClock())
    arn = engine.create_state_machine("m", single(CALL))
    with pytest.raises(ValidationException, match="SFN_MOCK_CONFIG"):
        engine.start_execution(f"{arn}#Case")


def test_a_file_may_be_edited_between_executions(tmp_path: Path) -> None:
    path = tmp_path / "MockConfigFile.json"
    mocks = MockFile(path)
    answers = []
    for value in (1, 2):
        machines = {"m": {"TestCases": {"Case": {"call": "A"}}}}
        responses = {"A": {"0": {"Return": value}}}
        path.write_text(json.dumps({"StateMachines": machines, "MockedResponses": responses}))
        answer = mocks.case("m", "Case").next_answer("call")
        answers.append(getattr(answer, "value", None))

    assert answers == [1, 2]


GOOD: dict[str, Any] = {
    "StateMachines": {"m": {"TestCases": {"Case": {"call": "A"}}}},
    "MockedResponses": {"A": {"0": {"Return": 1}}},
}


@pytest.mark.parametrize("field", ["StateMachines", "MockedResponses"])
def test_a_configuration_needs_both_objects(field: str) -> None:
    with pytest.raises(MockError, match=f"{field} must be there, and an object"):
        MockConfig(json.dumps({**GOOD, field: []}))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"MockedResponses": {"A": {}}}, "The mocked response A has no answer to call 0"),
        (
            {"StateMachines": {"m": {"TestCases": {"Case": {"call": "B"}}}}},
            "there is no mocked response 'B'",
        ),
        (
            {"StateMachines": {"m": {"TestCases": {"Case": {"call": None}}}}},
            "there is no mocked response None",
        ),
        ({"MockedResponses": {"A": []}}, "MockedResponses.A must be an object with answers"),
        (
            {"MockedResponses": {"A": {"first": {"Return": 1}}}},
            'MockedResponses.A has the key "first"',
        ),
        ({"MockedResponses": {"A": {"2-1": {"Return": 1}}}}, 'MockedResponses.A has the key "2-1"'),
        ({"MockedResponses": {"A": {"0": 1}}}, 'MockedResponses.A.0 must be {"Return": value}'),
        (
            {"MockedResponses": {"A": {"0": {"Throw": {}}}}},
            'MockedResponses.A.0 must be {"Return": value}',
        ),
    ],
)
def test_a_response_that_cannot_be_read_fails_only_the_state_that_is_entered(
    changes: dict[str, Any], cause: str
) -> None:
    """floci-io/floci issue 2523 and pull request 2823, measured on Step Functions Local 2.0.0."""
    mocks = MockConfig(json.dumps({**GOOD, **changes}))
    skip = {"Type": "Choice", "Default": "call"}
    skip["Choices"] = [{"Variable": "$", "BooleanEquals": False, "Next": "end"}]
    states = {"skip": skip, **single(CALL)["States"], "end": {"Type": "Succeed"}}
    definition = {"StartAt": "skip", "States": states}
    entered, skipped = (run(definition, mocks, data) for data in (True, False))

    assert skipped.status == "SUCCEEDED"
    assert (entered.status, entered.error) == ("FAILED", "States.Runtime")
    assert cause in str(entered.cause)
    assert len(list(mocks.faults())) == 1


def test_a_good_configuration_has_no_faults() -> None:
    assert list(MockConfig(json.dumps(GOOD)).faults()) == []


@pytest.mark.parametrize(
    ("machines", "message"),
    [
        ({"m": {}}, "the machine m has no test case Case; it has none"),
        ({"m": {"TestCases": {"Case": []}}}, "the test case m#Case must be an object"),
    ],
)
def test_a_case_that_cannot_be_read_is_refused_when_it_is_started(
    machines: dict[str, Any], message: str
) -> None:
    mocks = MockConfig(json.dumps({**GOOD, "StateMachines": {**machines, "other": []}}))
    with pytest.raises(ValidationException) as caught:
        run(single(CALL), mocks)

    assert str(caught.value).startswith(message)
    assert len(list(mocks.faults())) == 2


def test_a_configuration_that_is_no_json_says_so() -> None:
    with pytest.raises(MockError, match="it is not JSON"):
        MockConfig("{")


def test_waits_and_pauses_last_as_long_as_their_scale() -> None:
    functions = InlineFunctions(lambda *_: b"")
    engine = Engine(functions=functions, clock=VirtualClock(), wait_time_scale=0.01)
    wait = {"Type": "Wait", "Seconds": 3600, "End": True}
    arn = engine.create_state_machine("m", {"StartAt": "w", "States": {"w": wait}})
    done = engine.start_execution(arn)

    assert engine.run_until(done, 36)
    assert not engine.run_until(engine.start_execution(arn), 35)


def test_a_skeleton_runs_and_has_a_case_for_each_caught_error() -> None:
    catch = [
        {"ErrorEquals": ["Busy"], "Next": "caught"},
        {"ErrorEquals": ["States.ALL"], "Next": "caught"},
    ]
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.result", "NumericEquals": 7, "Next": "end"}],
        "Default": "caught",
    }
    call = {**CALL, "OutputPath": "$.Payload", "Retry": RETRY, "Catch": catch, "Next": "look"}
    states = {
        "call": call,
        "look": choice,
        "end": {"Type": "Succeed"},
        "caught": {"Type": "Succeed"},
    }
    definition = {"StartAt": "call", "States": states}
    skeleton = mock_skeleton("m", definition)
    mocks = MockConfig(json.dumps(skeleton))
    cases = list(skeleton["StateMachines"]["m"]["TestCases"])
    paths = [run(definition, mocks, case=case).path for case in cases]

    assert cases == ["HappyPath", "call_Busy", "call_States_TaskFailed"]
    assert paths == [["call", "look", "end"], ["call", "caught"], ["call", "caught"]]


ROWS = {
    "Type": "Map",
    "ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        "Parameters": {"Bucket": "a-bucket", "Key": "rows.csv"},
    },
    "ItemBatcher": {"MaxItemsPerBatch": 2},
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "row",
        "States": {"row": {"Type": "Pass", "OutputPath": "$.Items", "End": True}},
    },
}
WRITER = {
    "Resource": "arn:aws:states:::s3:putObject",
    "Parameters": {"Bucket": "a-bucket", "Prefix": "results"},
}


def test_a_mocked_map_reads_what_is_returned_and_needs_no_bucket() -> None:
    rows = [{"code": "NRT"}, {"code": "HND"}, {"code": "KIX"}]
    done = run(single(ROWS), config({"0": {"Return": rows}}))

    assert done.status == "SUCCEEDED"
    assert done.output == [[{"code": "NRT"}, {"code": "HND"}], [{"code": "KIX"}]]


def test_a_mocked_map_tells_where_its_results_would_be() -> None:
    done = run(single(ROWS, ResultWriter=WRITER), config({"0": {"Return": [{}]}}))

    details = done.output["ResultWriterDetails"]
    assert details["Bucket"] == "a-bucket"
    assert details["Key"].startswith("results/")
    assert details["Key"].endswith("/manifest.json")


def test_what_a_mocked_map_throws_can_be_caught() -> None:
    catch = [{"ErrorEquals": ["States.ItemReaderFailed"], "Next": "caught"}]
    definition = single(ROWS, Catch=catch)
    definition["States"]["caught"] = {"Type": "Succeed"}
    done = run(definition, config({"0": throw("States.ItemReaderFailed", "no such key")}))

    assert (done.status, done.path) == ("SUCCEEDED", ["call", "caught"])
    assert done.output == {"Error": "States.ItemReaderFailed", "Cause": "no such key"}


def test_a_mocked_map_has_a_list_or_an_object_to_read() -> None:
    done = run(single(ROWS), config({"0": {"Return": 7}}))

    assert (done.status, done.error) == ("FAILED", "States.Runtime")


def test_a_skeleton_has_an_item_for_a_map_that_reads_a_file() -> None:
    processor = {
        **ROWS["ItemProcessor"],
        "StartAt": "work",
        "States": {"work": {**CALL, "End": True}},
    }
    definition = single({**ROWS, "ItemProcessor": processor})
    mocks = MockConfig(json.dumps(mock_skeleton("m", definition)))

    done = run(definition, mocks, case="HappyPath")

    assert done.output == [{"StatusCode": 200, "Payload": {}}]


def test_a_definition_without_tasks_has_no_skeleton() -> None:
    with pytest.raises(ValueError, match="nothing to mock"):
        mock_skeleton("m", {"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})


def test_an_activity_can_be_mocked() -> None:
    """Asked for in aws-samples/aws-stepfunctions-examples, issue 69."""
    activity = "arn:aws:states:us-east-1:123456789012:activity:a"
    retry = [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]
    task = {"Type": "Task", "Resource": activity, "Retry": retry}
    done = run(single(task), config({"0": throw("Busy"), "1": {"Return": {"ok": True}}}))

    assert done.output == {"ok": True}
    assert [kind for _, _, kind in done.chain][2:8] == [
        "ActivityScheduled",
        "ActivityStarted",
        "ActivityFailed",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
    ]


def details(done: Run, kind: str) -> dict[str, Any]:
    (event,) = (event for event in done.events if event["type"] == kind)
    return dict(event[f"{kind[0].lower()}{kind[1:]}EventDetails"])


def test_events_of_a_mock_are_those_that_awss_sample_suites_assert() -> None:
    """aws-samples/aws-stepfunctions-examples: sam/app-local-testing-mock-config, README."""
    resource = "arn:aws:states:::aws-sdk:comprehend:detectSentiment"
    retry = [{"ErrorEquals": ["InternalServerException"], "MaxAttempts": 1}]
    task = {"Type": "Task", "Resource": resource, "Parameters": {}, "Retry": retry}
    mocks = config({"0": throw("InternalServerException"), "1": {"Return": 1}})
    done = run(single(task), mocks)

    assert details(done, "TaskFailed") == {"error": "InternalServerException", "cause": "c"}
    assert details(done, "TaskSucceeded") == {
        "resourceType": "aws-sdk",
        "resource": "comprehend:detectSentiment",
        "output": "1",
        "outputDetails": {"truncated": False},
    }


def test_a_mock_of_a_function_by_arn_may_be_the_answer_of_the_invoke_api() -> None:
    """Recorded: local_mocking/test_base_scenarios, test_lambda_invoke."""
    task = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}
    answer = {"StatusCode": 200, "Payload": {"body": "b"}}

    assert run(single(task), config({"0": {"Return": answer}})).output == {"body": "b"}
