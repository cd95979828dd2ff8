"""EXPRESS machines, validation, tags and the clock, over the AWS protocol.

Sources: Step Functions Developer Guide, "Choosing workflow type in Step Functions"; API Reference
of StartSyncExecution, ValidateStateMachineDefinition, TagResource. Texts as AWS recorded them in
localstack's tests/aws/services/stepfunctions/v2/test_sfn_api_{express,validation,tagging}.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from engine.tests.served import Served, refused

from sfn_local import Engine, InlineFunctions, RealClock, ThreadScheduler, VirtualClock
from sfn_local.executions.express import MOST_BYTES

ROLE = "arn:aws:iam::000000000000:role/sfn"
PASS = {"Type": "Pass", "Result": {"Arg1": "argument1"}, "End": True}
FAIL = {"Type": "Fail", "Error": "SomeFailure", "Cause": "why"}
TYPE = "This operation is not supported by this type of state machine"
CONTEXT = "Invalid Arn: 'Resource type not valid in this context: express'"


class Express(Served):
    """A served engine with a virtual clock that runs on its own, and a client of it."""

    def __init__(self, log: Path) -> None:
        self.clock = VirtualClock()
        engine = Engine(
            functions=InlineFunctions(lambda _name, payload: payload),
            clock=self.clock,
            scheduler=ThreadScheduler(),
            express_log=log,
        )
        super().__init__(engine, inject_host_prefix=False)

    def create(self, state: dict[str, Any], name: str = "m", kind: str = "EXPRESS") -> str:
        definition = json.dumps({"StartAt": "a", "States": {"a": state}})
        answer = self.client.create_state_machine(
            name=name, definition=definition, roleArn=ROLE, type=kind
        )
        return str(answer["stateMachineArn"])

    def clock_answer(self, method: str, body: str = "{}") -> tuple[int, dict[str, Any]]:
        connection = HTTPConnection("127.0.0.1", self.server.port)
        connection.request(method, "/_engine/clock", body)
        response = connection.getresponse()
        answer = response.status, json.loads(response.read())
        connection.close()
        return answer


@pytest.fixture
def express(tmp_path: Path) -> Iterator[Express]:
    with Express(tmp_path / "express.jsonl") as express:
        yield express


def test_a_synchronous_execution_answers_with_its_output(express: Express) -> None:
    machine = express.create(PASS)
    answer = express.client.start_sync_execution(stateMachineArn=machine, name="x", input="[1]")

    assert answer["executionArn"].startswith("arn:aws:states:us-east-1:000000000000:express:m:x:")
    assert (answer["status"], answer["name"], answer["input"]) == ("SUCCEEDED", "x", "[1]")
    assert answer["output"] == '{"Arg1":"argument1"}'
    assert answer["billingDetails"] == {
        "billedDurationInMilliseconds": 100,
        "billedMemoryUsedInMB": 64,
    }


def test_a_synchronous_execution_that_fails_answers_with_its_error(express: Express) -> None:
    answer = express.client.start_sync_execution(stateMachineArn=express.create(FAIL))

    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "SomeFailure", "why")
    assert "output" not in answer


def test_only_express_machines_run_synchronously(express: Express) -> None:
    machine = express.create(PASS, kind="STANDARD")
    call = express.client.start_sync_execution

    assert refused(call, stateMachineArn=machine) == ("StateMachineTypeNotSupported", TYPE)


def test_executions_of_express_machines_are_kept_by_nobody(express: Express) -> None:
    machine = express.create({"Type": "Wait", "Seconds": 60, "End": True})
    arn = express.client.start_execution(stateMachineArn=machine, name="x")["executionArn"]
    again = express.client.start_execution(stateMachineArn=machine, name="x")["executionArn"]
    client = express.client

    assert arn != again
    assert refused(client.list_executions, stateMachineArn=machine) == (
        "StateMachineTypeNotSupported",
        TYPE,
    )
    for call in (
        client.describe_execution,
        client.stop_execution,
        client.get_execution_history,
    ):
        assert refused(call, executionArn=arn) == ("InvalidArn", CONTEXT)


def test_an_express_machine_is_described_as_one(express: Express) -> None:
    machine = express.create(PASS)
    described = express.client.describe_state_machine(stateMachineArn=machine)
    (listed,) = express.client.list_state_machines()["stateMachines"]

    assert (described["type"], listed["type"]) == ("EXPRESS", "EXPRESS")


def test_histories_of_express_executions_go_to_a_file(express: Express, tmp_path: Path) -> None:
    machine = express.create(PASS)
    arn = express.client.start_sync_execution(stateMachineArn=machine)["executionArn"]
    lines = (tmp_path / "express.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]

    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert events[3] == {
        "id": "4",
        "type": "ExecutionSucceeded",
        "details": {"output": '{"Arg1":"argument1"}'},
        "previous_event_id": "3",
        "event_timestamp": "1767225600000",
        "execution_arn": arn,
        "redrive_count": "0",
    }


def test_a_log_that_has_grown_too_large_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "express.jsonl"
    engine = Engine(
        functions=InlineFunctions(lambda _name, payload: payload),
        clock=VirtualClock(),
        express_log=path,
    )
    definition = {"StartAt": "a", "States": {"a": PASS}}
    machine = engine.create_state_machine("m", definition, "EXPRESS")

    for name in ("x", "y", "z"):
        engine.start_sync_execution(machine, name)
        logged = [json.loads(line) for line in path.read_text().splitlines()]
        assert {event["execution_arn"].split(":")[-2] for event in logged} == {name}
        path.write_text(path.read_text() + "\n" * MOST_BYTES)

    assert '"ExecutionSucceeded"' in path.with_suffix(".old").read_text()


@pytest.mark.parametrize(
    ("resource", "what"),
    [
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "'.waitForTaskToken' service integration",
        ),
        ("arn:aws:states:::states:startExecution.sync", "'.sync' service integration"),
        ("arn:aws:states:::states:startExecution.sync:2", "'.sync' service integration"),
        ("arn:aws:states:us-east-1:000000000000:activity:a", "Activity ARN"),
    ],
)
def test_an_express_machine_waits_for_nobody(express: Express, resource: str, what: str) -> None:
    parameters = {
        "QueueUrl": "q",
        "MessageBody.$": "$$.Task.Token",
        "StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:n",
    }
    task = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    with pytest.raises(ClientError, match=f"Express state machine does not support {what}"):
        express.create(task)


@pytest.mark.parametrize(
    ("definition", "kind", "result"),
    [
        ({"StartAt": "a", "States": {"a": PASS}}, "STANDARD", "OK"),
        ({"States": {"a": PASS}}, "STANDARD", "FAIL"),
        ({}, "STANDARD", "FAIL"),
        (
            {
                "StartAt": "a",
                "States": {
                    "a": {
                        "Type": "Task",
                        "Resource": "arn:aws:states:us-east-1:0:activity:a",
                        "End": True,
                    }
                },
            },
            "EXPRESS",
            "FAIL",
        ),
    ],
)
def test_a_definition_is_validated(
    express: Express, definition: dict[str, Any], kind: str, result: str
) -> None:
    answer = express.client.validate_state_machine_definition(
        definition=json.dumps(definition), type=kind
    )

    assert answer["result"] == result
    assert bool(answer["diagnostics"]) is (result == "FAIL")
    assert all(each["code"] == "SCHEMA_VALIDATION_FAILED" for each in answer["diagnostics"])


def test_warnings_are_shown_when_asked_for(express: Express) -> None:
    definition = json.dumps(
        {
            "StartAt": "a",
            "States": {
                "a": {"Type": "Task", "Resource": "arn:aws:lambda:::function:f", "End": True}
            },
        }
    )
    call = express.client.validate_state_machine_definition
    errors = call(definition=definition)
    warnings = call(definition=definition, severity="WARNING", maxResults=1)

    assert (errors["result"], errors["diagnostics"]) == ("OK", [])
    assert [each["severity"] for each in warnings["diagnostics"]] == ["WARNING"]


def test_tags_are_given_listed_and_taken(express: Express) -> None:
    definition = json.dumps({"StartAt": "a", "States": {"a": PASS}})
    arn = express.client.create_state_machine(
        name="m", definition=definition, roleArn=ROLE, tags=[{"key": "a", "value": "1"}]
    )["stateMachineArn"]
    express.client.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}, {"key": "c"}])
    express.client.untag_resource(resourceArn=arn, tagKeys=["a", "none"])

    assert express.client.list_tags_for_resource(resourceArn=arn)["tags"] == [
        {"key": "b", "value": "2"},
        {"key": "c", "value": ""},
    ]


def test_a_resource_has_at_most_fifty_tags(express: Express) -> None:
    machine = express.create(PASS)
    tags = [{"key": str(number), "value": ""} for number in range(51)]

    assert refused(express.client.tag_resource, resourceArn=machine, tags=tags)[0] == "TooManyTags"


def test_activities_are_reached_over_the_protocol(express: Express) -> None:
    activity = express.client.create_activity(name="worker")["activityArn"]
    task = {"Type": "Task", "Resource": activity, "End": True}
    machine = express.create(task, kind="STANDARD")
    arn = express.client.start_execution(stateMachineArn=machine, input="[1]")["executionArn"]
    taken = express.client.get_activity_task(activityArn=activity, workerName="ada")
    express.client.send_task_success(taskToken=taken["taskToken"], output="2")
    express.engine.run_until(arn, 5)
    listed = express.client.list_activities()["activities"]
    express.client.delete_activity(activityArn=activity)

    assert express.client.describe_execution(executionArn=arn)["output"] == "2"
    assert (taken["input"], [each["name"] for each in listed]) == ("[1]", ["worker"])
    assert refused(express.client.describe_activity, activityArn=activity)[0] == (
        "ActivityDoesNotExist"
    )


def test_the_clock_is_moved_over_http_timer_by_timer(express: Express) -> None:
    wait = {"Type": "Wait", "Seconds": 3600}
    definition = {
        "StartAt": "a",
        "States": {"a": {**wait, "Next": "b"}, "b": {**wait, "End": True}},
    }
    machine = express.engine.create_state_machine("m", definition)
    arn = express.engine.start_execution(machine)
    half = express.clock_answer("POST", '{"advance": 5400}')
    running = express.engine.describe_execution(arn)["status"]
    express.clock_answer("POST", '{"advance": 1800}')

    assert half == (200, {"now": 1767225600 + 5400})
    assert running == "RUNNING"
    assert express.engine.describe_execution(arn)["status"] == "SUCCEEDED"
    assert express.clock_answer("GET") == (200, {"now": 1767225600 + 7200})


@pytest.mark.parametrize("body", ['{"advance": -1}', '{"advance": "x"}', "[]", "{"])
def test_a_bad_advance_is_refused(express: Express, body: str) -> None:
    assert express.clock_answer("POST", body)[0] == 400


def test_a_real_clock_cannot_be_moved(express: Express) -> None:
    express.engine.clock = RealClock()
    status, answer = express.clock_answer("POST", '{"advance": 1}')

    assert (status, answer["__type"]) == (400, "ValidationException")


def test_the_command_line_serves_a_virtual_clock(tmp_path: Path) -> None:
    program = "from sfn_local.cli import main; main()"
    options = ["--port", "0", "--json", "--virtual-clock", "--express-log", str(tmp_path / "log")]
    with subprocess.Popen(
        [sys.executable, "-c", program, "serve", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(json.loads(process.stdout.readline())["sfn"].rpartition(":")[2])
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/_engine/clock", '{"advance": 60}')
        now = json.loads(connection.getresponse().read())["now"]
        connection.close()
        process.send_signal(signal.SIGTERM)

    assert now == 1767225600 + 60


@pytest.mark.parametrize(("share", "calls"), [(0.0, 10), (1.0, 20)])
def test_an_asynchronous_execution_may_run_twice(share: float, calls: int) -> None:
    called: list[bytes] = []

    def call(_name: str, payload: bytes) -> bytes:
        called.append(payload)
        return payload

    engine = Engine(functions=InlineFunctions(call), clock=VirtualClock(), express_repeats=share)
    task = {
        "Type": "Task",
        "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "End": True,
    }
    machine = {"StartAt": "a", "States": {"a": task}}
    arn = engine.create_state_machine("m", machine, "EXPRESS")
    for number in range(10):
        engine.start_execution(arn, input=str(number))
    engine.run_until_idle()
    assert len(called) == calls
    called.clear()
    engine.start_sync_execution(arn)

    assert len(called) == 1
