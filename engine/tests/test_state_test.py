"""TestState, over the AWS protocol.

Sources: Step Functions Developer Guide, "Using TestState API to test a state in Step Functions"
(test-state-isolation.html); API Reference, TestState.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from engine.tests.served import Served

from sfn_local import Engine, FunctionError, InlineFunctions

INVOKE = "arn:aws:states:::lambda:invoke"
ROLE = "arn:aws:iam::123456789012:role/r"
CALL = {
    "Type": "Task",
    "Resource": INVOKE,
    "Parameters": {"FunctionName": "f", "Payload.$": "$.a"},
    "ResultSelector": {"got.$": "$.Payload"},
    "ResultPath": "$.result",
    "Next": "somewhere",
}


class StateApi(Served):
    def __init__(self) -> None:
        self.calls = 0
        self.failure: FunctionError | None = None
        super().__init__(Engine(functions=InlineFunctions(self._call)), inject_host_prefix=False)

    def _call(self, _name: str, payload: bytes) -> bytes:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        return payload

    def test(self, state: dict[str, Any], data: Any = None, **more: Any) -> dict[str, Any]:
        answer = self.client.test_state(
            definition=json.dumps(state), input=json.dumps(data), roleArn=ROLE, **more
        )
        del answer["ResponseMetadata"]
        return dict(answer)


@pytest.fixture
def api() -> Iterator[StateApi]:
    with StateApi() as api:
        yield api


def test_a_state_runs_alone_and_says_what_follows(api: StateApi) -> None:
    answer = api.test({"Type": "Pass", "Result": 1, "Next": "there"}, {})

    assert answer == {"status": "SUCCEEDED", "output": "1", "nextState": "there"}


def test_a_choice_says_where_it_leads(api: StateApi) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "one"}],
        "Default": "other",
    }

    assert api.test(choice, {"n": 1})["nextState"] == "one"
    assert api.test(choice, {"n": 2})["nextState"] == "other"


def test_debug_shows_the_steps_of_the_data_flow(api: StateApi) -> None:
    answer = api.test(CALL, {"a": 1}, inspectionLevel="DEBUG")
    shown = {name: json.loads(text) for name, text in answer["inspectionData"].items()}

    assert shown.pop("result")["Payload"] == 1
    assert shown == {
        "input": {"a": 1},
        "afterInputPath": {"a": 1},
        "afterParameters": {"FunctionName": "f", "Payload": 1},
        "afterResultSelector": {"got": 1},
        "afterResultPath": {"a": 1, "result": {"got": 1}},
    }
    assert answer["output"] == '{"a":1,"result":{"got":1}}'


def test_jsonata_shows_its_steps(api: StateApi) -> None:
    state = {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": "f", "Payload": "{% $v + 1 %}"},
        "Output": "{% $states.result.Payload %}",
        "End": True,
    }
    answer = api.test(state, {}, inspectionLevel="DEBUG", variables='{"v": 1}')

    assert answer["output"] == "2"
    assert json.loads(answer["inspectionData"]["afterArguments"])["Payload"] == 2


def test_a_failure_shows_its_error(api: StateApi) -> None:
    api.failure = FunctionError("Odd", "why")
    answer = api.test(CALL, {"a": 1})

    assert answer == {"status": "FAILED", "error": "Odd", "cause": "why"}


def test_a_failure_that_a_retrier_knows_is_retriable(api: StateApi) -> None:
    api.failure = FunctionError("Odd", "why")
    state = {**CALL, "Retry": [{"ErrorEquals": ["Odd"], "MaxAttempts": 2}]}
    first = api.test(state, {"a": 1})
    last = api.test(state, {"a": 1}, stateConfiguration={"retrierRetryCount": 2})

    assert (first["status"], first["error"]) == ("RETRIABLE", "Odd")
    assert last["status"] == "FAILED"
    assert api.calls == 2


def test_a_failure_that_is_caught_says_where_it_leads(api: StateApi) -> None:
    api.failure = FunctionError("Odd", "why")
    state = {**CALL, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "caught"}]}

    assert api.test(state, {"a": 1}) == {
        "status": "CAUGHT_ERROR",
        "output": '{"Error":"Odd","Cause":"why"}',
        "error": "Odd",
        "cause": "why",
        "nextState": "caught",
    }


def test_a_mock_answers_instead_of_the_service(api: StateApi) -> None:
    result = {"result": '{"Payload": 7}'}
    error = {"errorOutput": {"error": "Odd", "cause": "why"}}
    succeeded = api.test(CALL, {"a": 1}, mock=result)
    failed = api.test(CALL, {"a": 1}, mock=error)

    assert succeeded["output"] == '{"a":1,"result":{"got":7}}'
    assert (failed["status"], failed["error"]) == ("FAILED", "Odd")
    assert api.calls == 0


def test_a_mock_answers_for_a_map(api: StateApi) -> None:
    graph = {"StartAt": "i", "States": {"i": {"Type": "Pass", "End": True}}}
    state = {"Type": "Map", "ItemProcessor": graph, "End": True}

    assert api.test(state, [1], mock={"result": "[2]"})["output"] == "[2]"


def test_a_state_of_a_machine_is_tested_by_its_name(api: StateApi) -> None:
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "a",
        "States": {
            "a": {"Type": "Pass", "Next": "b"},
            "b": {"Type": "Pass", "Output": "{% $states.input + 1 %}", "End": True},
        },
    }

    assert api.test(definition, 1, stateName="b")["output"] == "2"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"definition": "{"}, "InvalidDefinition"),
        ({"definition": '{"Type": "Typo"}'}, "InvalidDefinition"),
        ({"definition": '{"Type": "Succeed"}', "input": "{"}, "InvalidExecutionInput"),
        ({"definition": '{"Type": "Succeed"}', "mock": {}}, "ValidationException"),
        ({"definition": '{"Type": "Succeed"}', "mock": {"result": "{"}}, "ValidationException"),
        ({"definition": '{"StartAt": "a"}', "stateName": "a"}, "ValidationException"),
    ],
)
def test_a_bad_test_is_refused(api: StateApi, parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        api.client.test_state(**parameters)

    assert caught.value.response["Error"]["Code"] == code
