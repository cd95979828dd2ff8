"""Machines of the structure of public AWS samples, in words of our own, run from end to end.

The samples are those of https://github.com/aws-samples/step-functions-workflows-collection that
each definition names. Services are moto's, functions run in-process.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from engine.tests.conftest import Run
from engine.tests.test_service_jobs import Script, script  # noqa: F401 - a fixture
from moto import mock_aws

from sfn_local import Engine, FunctionError, InlineFunctions, VirtualClock, function_name
from sfn_local.calls.boto import BotoServices
from sfn_local.lint import lint

CREDENTIALS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}
STATES = "arn:aws:states:::"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
PASSING = {"ErrorEquals": ["Lambda.ServiceException"], "IntervalSeconds": 2, "MaxAttempts": 3}


class Project:
    """An engine with moto's services, and functions by name."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable[[Any], Any]] = {}
        self.engine = Engine(
            functions=InlineFunctions(self._call),
            clock=VirtualClock(),
            services=BotoServices(**CREDENTIALS),
        )

    def _call(self, name: str, payload: bytes) -> bytes:
        return json.dumps(self.functions[function_name(name)](json.loads(payload))).encode()

    def start(self, definition: dict[str, Any], data: Any) -> Run:
        errors = [each for each in lint(json.dumps(definition)) if each.severity == "error"]
        assert errors == []
        machine = self.engine.create_state_machine("sample", definition)
        run = Run(self.engine, self.engine.start_execution(machine, "x", json.dumps(data)))
        self.engine.run_until_waiting()
        return run

    def client(self, service: str) -> Any:
        return boto3.client(service, **CREDENTIALS)

    def topic(self) -> tuple[str, Callable[[], list[str]]]:
        """A topic, and what was published to it so far."""
        arn = self.client("sns").create_topic(Name="news")["TopicArn"]
        queue = self.client("sqs").create_queue(QueueName="news")["QueueUrl"]
        self.client("sns").subscribe(
            TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:news"
        )

        def published() -> list[str]:
            received = self.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            return [json.loads(each["Body"])["Message"] for each in received.get("Messages", [])]

        return arn, published


@pytest.fixture
def project() -> Iterator[Project]:
    with mock_aws():
        yield Project()


def invoke(name: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": f"{STATES}lambda:invoke",
        "Parameters": {"FunctionName": FUNCTION + name, "Payload.$": "$"},
        "Retry": [PASSING],
        **more,
    }


def publish(topic: str, message: str, **more: Any) -> dict[str, Any]:
    parameters = {"TopicArn": topic, "Message": message}
    return {"Type": "Task", "Resource": f"{STATES}sns:publish", "Parameters": parameters, **more}


def holiday_saga(topic: str) -> dict[str, Any]:
    """Like saga-pattern-sam: two bookings and a payment, each with what takes it back."""

    def step(name: str, following: str, undo: str) -> dict[str, Any]:
        catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": undo}]
        return invoke(name, ResultPath=f"$.{name}", Catch=catch, Next=following)

    def undoing(name: str, following: str) -> dict[str, Any]:
        return invoke(name, ResultPath=f"$.{name}", Next=following)

    return {
        "StartAt": "book_room",
        "States": {
            "book_room": step("book_room", "book_train", "free_room"),
            "book_train": step("book_train", "charge", "free_train"),
            "charge": step("charge", "confirm", "refund"),
            "confirm": step("confirm", "tell_success", "refund"),
            "tell_success": publish(topic, "booked", Next="booked"),
            "booked": {"Type": "Succeed"},
            "refund": undoing("refund", "free_train"),
            "free_train": undoing("free_train", "free_room"),
            "free_room": undoing("free_room", "tell_failure"),
            "tell_failure": publish(topic, "not booked", Next="not_booked"),
            "not_booked": {"Type": "Fail", "Error": "NotBooked"},
        },
    }


STEPS = ("book_room", "book_train", "charge", "confirm", "refund", "free_train", "free_room")


@pytest.mark.parametrize(
    ("broken", "path", "message"),
    [
        (None, ["book_room", "book_train", "charge", "confirm", "tell_success"], "booked"),
        (
            "confirm",
            ["book_room", "book_train", "charge", "confirm", "refund", "free_train", "free_room"],
            "not booked",
        ),
        ("book_train", ["book_room", "book_train", "free_train", "free_room"], "not booked"),
        ("book_room", ["book_room", "free_room"], "not booked"),
    ],
)
def test_a_saga_takes_back_what_it_has_done(
    project: Project, broken: str | None, path: list[str], message: str
) -> None:
    topic, published = project.topic()
    for name in STEPS:
        project.functions[name] = lambda _: {"ok": True}
    if broken is not None:

        def fail(_: Any) -> Any:
            raise FunctionError("SoldOut", "no")

        project.functions[broken] = fail
    run = project.start(holiday_saga(topic), {"trip": "t-1"})

    assert run.path[: len(path)] == path
    assert published() == [message]
    assert (run.status, run.error) == (
        ("SUCCEEDED", None) if broken is None else ("FAILED", "NotBooked")
    )


def csv_migration(topic: str) -> dict[str, Any]:
    """Like migrate-csv-to-ddb-distributed-map-main: a CSV in batches, a summary, a notice."""
    child = invoke(
        "move_rows",
        OutputPath="$.Payload",
        Catch=[{"ErrorEquals": ["States.ALL"], "Next": "rows_not_moved"}],
        End=True,
    )
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "not_moved"}]
    return {
        "StartAt": "read_file",
        "States": {
            "read_file": {
                "Type": "Map",
                "MaxConcurrency": 100,
                "ToleratedFailureCount": 2,
                "ItemReader": {
                    "Resource": f"{STATES}s3:getObject",
                    "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
                    "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.key"},
                },
                "ItemBatcher": {
                    "BatchInput": {"run.$": "$$.Execution.Name"},
                    "MaxItemsPerBatch": 2,
                    "MaxInputBytesPerBatch": 262144,
                },
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "move",
                    "States": {
                        "move": child,
                        "rows_not_moved": {"Type": "Fail", "Error": "RowsNotMoved"},
                    },
                },
                "ResultWriter": {
                    "Resource": f"{STATES}s3:putObject",
                    "Parameters": {"Bucket.$": "$.bucket", "Prefix": "out"},
                },
                "Catch": caught,
                "Next": "sum_up",
            },
            "sum_up": invoke("sum_up", OutputPath="$.Payload", Catch=caught, Next="tell"),
            "tell": publish(topic, "moved", ResultPath="$.told", Next="moved"),
            "moved": {"Type": "Pass", "End": True},
            "not_moved": {"Type": "Fail", "Error": "NotMoved"},
        },
    }


def test_a_csv_is_moved_in_batches_and_summed_up(project: Project) -> None:
    topic, published = project.topic()
    s3 = project.client("s3")
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="in.csv", Body=b"id,name\n1,a\n2,b\n3,c\n4,bad\n5,e\n")
    batches: list[Any] = []

    def move_rows(batch: Any) -> Any:
        batches.append(batch)
        if any(row["name"] == "bad" for row in batch["Items"]):
            raise FunctionError("BadRow", "no")
        return {"moved": len(batch["Items"])}

    def sum_up(result: Any) -> Any:
        details = result["ResultWriterDetails"]
        found = s3.get_object(Bucket=details["Bucket"], Key=details["Key"])
        files = json.loads(found["Body"].read())["ResultFiles"]
        children = {
            group: json.loads(s3.get_object(Bucket="data", Key=file["Key"])["Body"].read())
            for group, listed in files.items()
            for file in listed
        }
        moved = [json.loads(child["Output"])["moved"] for child in children["SUCCEEDED"]]
        return {"moved": sum(moved), "failed": len(children["FAILED"])}

    project.functions |= {"move_rows": move_rows, "sum_up": sum_up}
    run = project.start(csv_migration(topic), {"bucket": "data", "key": "in.csv"})

    assert sorted(len(batch["Items"]) for batch in batches) == [1, 2, 2]
    assert {batch["BatchInput"]["run"] for batch in batches} == {"x"}
    assert (run.output["moved"], run.output["failed"]) == (3, 1)
    assert published() == ["moved"]


def trade(queue: str, topic: str) -> dict[str, Any]:
    """Like lambda-orchestration-sam: an advice, a human's approval by token, the deed, a report."""
    asking = {
        "QueueUrl": queue,
        "MessageBody": {"advice.$": "$", "taskToken.$": "$$.Task.Token"},
    }
    return {
        "StartAt": "look_up_price",
        "States": {
            "look_up_price": {
                "Type": "Task",
                "Resource": FUNCTION + "look_up_price",
                "Next": "advise",
            },
            "advise": {
                "Type": "Task",
                "Resource": FUNCTION + "advise",
                "ResultPath": "$.advice",
                "Next": "ask_human",
            },
            "ask_human": {
                "Type": "Task",
                "Resource": f"{STATES}sqs:sendMessage.waitForTaskToken",
                "Parameters": asking,
                "TimeoutSeconds": 3600,
                "ResultPath": None,
                "Catch": [{"ErrorEquals": ["Declined", "States.Timeout"], "Next": "keep"}],
                "Next": "which_way",
            },
            "which_way": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.advice", "StringEquals": "buy", "Next": "buy"},
                    {"Variable": "$.advice", "StringEquals": "sell", "Next": "sell"},
                ],
                "Default": "keep",
            },
            "buy": {"Type": "Task", "Resource": FUNCTION + "trade", "Next": "report"},
            "sell": {"Type": "Task", "Resource": FUNCTION + "trade", "Next": "report"},
            "report": publish(topic, "traded", End=True),
            "keep": {"Type": "Succeed"},
        },
    }


@pytest.mark.parametrize(
    ("price", "decision", "last"),
    [(10, "approve", "buy"), (90, "approve", "sell"), (10, "decline", "keep"), (10, "", "keep")],
)
def test_a_trade_waits_for_a_humans_approval(
    project: Project, price: int, decision: str, last: str
) -> None:
    topic, published = project.topic()
    queue = project.client("sqs").create_queue(QueueName="approvals")["QueueUrl"]
    project.functions |= {
        "look_up_price": lambda _: {"price": price},
        "advise": lambda stock: "buy" if stock["price"] < 50 else "sell",
        "trade": lambda stock: stock,
    }
    run = project.start(trade(queue, topic), {})
    (message,) = project.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    body = json.loads(message["Body"])
    if decision == "approve":
        project.engine.send_task_success(body["taskToken"], '"go"')
    elif decision == "decline":
        project.engine.send_task_failure(body["taskToken"], "Declined", "too dear")
    project.engine.run_until(run.arn)

    assert body["advice"]["price"] == price
    assert last in run.path
    assert run.status == "SUCCEEDED"
    assert published() == ([] if last == "keep" else ["traded"])


def batch_job(topic: str) -> dict[str, Any]:
    """Like synchronous-job: it waits for a job of AWS Batch, and reports its end."""
    job = {"JobName": "nightly", "JobDefinition": "d:1", "JobQueue": "q"}
    return {
        "StartAt": "run_job",
        "States": {
            "run_job": {
                "Type": "Task",
                "Resource": f"{STATES}batch:submitJob.sync",
                "Parameters": job,
                "Retry": [{**PASSING, "ErrorEquals": ["Batch.ClientException"]}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "tell_failure"}],
                "Next": "tell_success",
            },
            "tell_success": publish(topic, "done", End=True),
            "tell_failure": publish(topic, "failed", End=True),
        },
    }


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_a_job_is_awaited_and_its_end_is_told(script: Script, status: str) -> None:  # noqa: F811
    project = Project()
    running = {"jobs": [{"jobId": "j", "status": "RUNNING"}]}
    ended = {"jobs": [{"jobId": "j", "status": status}]}
    script.answers = [{"jobId": "j", "jobName": "nightly"}, running, running, ended, {}]
    run = project.start(batch_job("arn:aws:sns:us-east-1:1:t"), {})

    assert run.path == ["run_job", f"tell_{'success' if status == 'SUCCEEDED' else 'failure'}"]
    assert [name for name, _ in script.calls] == [
        "SubmitJob",
        "DescribeJobs",
        "DescribeJobs",
        "DescribeJobs",
        "Publish",
    ]
