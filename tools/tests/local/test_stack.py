import json
import os
import sys
import threading
from pathlib import Path

import boto3
import pytest
from tests.support.over_http import fetch

from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.runtime.state import StackError, StateFolder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.settings import Settings

pytestmark = pytest.mark.stack

TOY = Path(__file__).parent / "toy" / "template.yaml"
TOY_OPTIONS = {"template": TOY, "name": "toy", "parameters": {"Issuer": "https://issuer.test"}}
PROCESS = {"pk": {"S": "a"}, "sk": {"S": "1"}, "kind": {"S": "process"}, "status": {"S": "start"}}


@pytest.fixture(scope="module")
def recorder():
    return Recorder()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, recorder):
    folder = tmp_path_factory.mktemp("state")
    with LocalStack(Settings(state_dir=folder, recorder=recorder, **TOY_OPTIONS)) as started:
        yield started


def request(
    url: str, body: object = None, headers: dict | None = None, method: str | None = None
) -> tuple[int, object]:
    headers = {"content-type": "application/json"} | (headers or {})
    answer = fetch(url, headers, body, method)
    return answer.status, json.loads(answer.text or "null")


def received(function: str):
    return sys.modules[f"sfn_function_{function}"].received


def test_a_request_reaches_its_function(stack):
    headers = {"x-tenant-code": "acme"}

    assert request(f"{stack.http}/items/a%2Fb", headers=headers) == (
        200,
        {"path": {"id": "a/b"}, "tenant": "acme"},
    )


def test_a_machine_runs_with_the_functions_of_the_template(stack):
    arn = stack.client("stepfunctions").start_execution(
        stateMachineArn=stack.template.machines["toy"].arn, input='{"names": ["ann", "bob"]}'
    )["executionArn"]
    ended = threading.Event()
    stack.engine.on_status_change.append(
        lambda execution: execution["status"] != "RUNNING" and ended.set()
    )

    assert stack.engine.describe_execution(arn)["status"] != "RUNNING" or ended.wait(60)
    assert json.loads(stack.engine.describe_execution(arn)["output"]) == ["hello ann", "hello bob"]


@pytest.fixture
def started(stack):
    """Return what waits until an execution of the toy's machine with this input has ended."""

    def wait(greeted: str) -> str:
        arn = stack.template.machines["toy"].arn
        for _ in range(600):
            for one in stack.engine.list_executions(arn):
                described = stack.engine.describe_execution(one["executionArn"])
                if greeted in described["input"] and described["status"] == "SUCCEEDED":
                    return described["output"]
            threading.Event().wait(0.05)
        raise AssertionError("no such execution")

    return wait


def test_a_rule_starts_its_machine_on_the_engine(stack, started):
    detail = json.dumps({"names": ["rule"]})
    entry = {"Source": "toy", "DetailType": "Greeted", "Detail": detail}

    stack.client("events").put_events(Entries=[entry])

    assert json.loads(started("rule")) == ["hello rule"]


@pytest.mark.proof
@pytest.mark.real_time("schedules are looked at each ten seconds")
def test_a_schedule_starts_its_machine_with_its_input(stack, started):
    machine = stack.template.machines["toy"].arn
    stack.client("scheduler").create_schedule(
        Name="nightly",
        ScheduleExpression="at(2026-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": machine, "RoleArn": machine, "Input": '{"names": ["schedule"]}'},
    )

    assert json.loads(started("schedule")) == ["hello schedule"]


def test_an_execution_that_fails_reaches_the_function_behind_its_rule(stack):
    arn = stack.engine.start_execution(
        stack.template.machines["toy"].arn, input='{"names": ["nobody"]}'
    )

    event = received("RulesFunction").get(timeout=60)

    assert event["detail"]["executionArn"] == arn
    assert (event["detail"]["status"], event["detail"]["error"]) == ("FAILED", "ValueError")


def test_a_written_item_comes_back_through_the_stream(stack):
    entry = PROCESS | {"pk": {"S": "written"}}

    assert request(f"{stack.http}/items", entry) == (201, None)
    record = received("ConsumerFunction").get(timeout=60)

    assert record["dynamodb"]["NewImage"] == entry


@pytest.mark.real_time("a stream pauses before it delivers a batch again")
def test_a_poison_record_goes_to_the_dead_letters_and_the_others_go_on(stack):
    dynamodb, sqs = stack.client("dynamodb"), stack.client("sqs")
    for key in ("before", "poison", "after"):
        dynamodb.put_item(
            TableName=stack.outputs["ItemsTableName"], Item=PROCESS | {"pk": {"S": key}}
        )

    (dead,) = sqs.receive_message(QueueUrl=stack.outputs["FailuresQueueUrl"], WaitTimeSeconds=10)[
        "Messages"
    ]
    keys = set()
    while keys != {"before", "poison", "after"}:  # how many records a batch has is the stream's
        record = received("ConsumerFunction").get(timeout=60)
        keys.add(record["dynamodb"]["Keys"]["pk"]["S"])

    assert json.loads(dead["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_plain_boto3_finds_everything_by_the_environment(stack):
    assert os.environ["AWS_ENDPOINT_URL"] == stack.aws
    assert os.environ["AWS_ENDPOINT_URL_SFN"] == stack.sfn
    assert os.environ["AWS_ENDPOINT_URL_LAMBDA"] == stack.lambda_
    assert os.environ["ITEMS_TABLE"] == stack.outputs["ItemsTableName"]

    arns = [
        one["name"] for one in boto3.client("stepfunctions").list_state_machines()["stateMachines"]
    ]
    tables = boto3.client("dynamodb").list_tables()["TableNames"]
    answer = boto3.client("lambda").invoke(
        FunctionName=stack.template.functions["ToyHelloFunction"].name, Payload=b'"x"'
    )

    assert arns == ["toy-toy"]
    assert tables == [stack.outputs["ItemsTableName"]]
    assert json.load(answer["Payload"]) == "hello x"


def denied(stack) -> str:
    return stack.denied[-1].partition(" is not authorized to perform: ")[2]


def test_a_function_may_do_what_its_role_allows_and_no_more(stack):
    before = len(stack.denied)

    status, _ = request(f"{stack.http}/files/a", method="DELETE")

    table = f"arn:aws:dynamodb:us-east-1:000000000000:table/{stack.outputs['ItemsTableName']}"
    assert (status, len(stack.denied)) == (500, before + 1)
    assert denied(stack).startswith(f"dynamodb:DeleteItem on resource: {table} because")
    assert "dynamodb:DeleteItem on ItemsTable to the Policies of ApiFunction" in denied(stack)


def test_who_may_not_list_a_bucket_is_told_403_of_an_object_that_does_not_exist(stack):
    status, told = request(f"{stack.http}/files/a", method="PUT")

    assert (status, told) == (
        404,
        "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied",
    )


def test_this_process_itself_may_do_everything(stack):
    key = {"pk": {"S": "nobody"}, "sk": {"S": "1"}}

    stack.client("dynamodb").delete_item(TableName=stack.outputs["ItemsTableName"], Key=key)


def test_the_recorder_counts_invocations_calls_and_capacity(stack, recorder):
    item = {"pk": {"S": "counted"}, "sk": {"S": "1"}, "text": {"S": "x" * 1500}}
    recorder.clear()

    request(f"{stack.http}/items", item)

    assert recorder.invocation_counts() == {"ApiFunction": 1}
    assert [(one.function, one.service, one.operation) for one in recorder.calls] == [
        ("ApiFunction", "dynamodb", "PutItem")
    ]
    assert (recorder.write_units, recorder.read_units) == (2.0, 0.0)


def test_another_process_finds_the_stack_by_its_state_folder(stack):
    info = StateFolder(stack.state.path).read()

    assert info == stack.info
    assert info.endpoints() == {
        "http": stack.http,
        "aws": stack.aws,
        "sfn": stack.sfn,
        "lambda": stack.lambda_,
        "pid": os.getpid(),
    }


def test_one_process_runs_one_stack(stack, tmp_path):
    with pytest.raises(StackError, match="already runs in this process"):
        LocalStack(Settings(state_dir=tmp_path, **TOY_OPTIONS)).__enter__()

    assert request(f"{stack.http}/items/1")[0] == 200
