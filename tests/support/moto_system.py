"""A system over DynamoDB in memory and over moto: all is made as template.yaml has it."""

import json
from contextlib import ExitStack
from functools import cache
from math import ceil
from typing import Any, NamedTuple, Self
from unittest import mock
from urllib.parse import urlparse

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import unix_time_millis
from moto.s3.models import s3_backends
from moto.sns.models import Subscription, sns_backends
from moto.sqs.models import sqs_backends
from tests.support.stream import record_of
from tests.support.system import System

from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command.items import as_process
from sfn_cqrs.machines.command.process import Process
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.stored import TABLES
from sfn_local import FunctionError
from sfn_local.http_server import Request
from sfn_local.server import handler as engine_handler

NEVER = float("inf")
"""Moto has the machine's clock; this system says itself when a message comes again."""
RECEIVED_AT_ONCE = 10
ACCOUNT = DEFAULT_ACCOUNT_ID
REGION = "us-east-1"


class Hidden(NamedTuple):
    """A message that comes again at a time, for the how manieth time."""

    at: float
    receives: int
    message: dict[str, Any]


class MotoSystem(System):
    """Topics, queues and buckets are moto's, tables are in memory; Step Functions is the engine."""

    def __init__(
        self,
        seed: int | None = None,
        *,
        disorder: dict[str, Any] | None = None,
        variables: dict[str, str] | None = None,
        **lane: Any,
    ) -> None:
        """`variables` are put over those of the template."""
        super().__init__(seed, disorder=disorder, **lane)
        self._variables = variables or {}
        self._aws = ExitStack()
        self._refs: dict[str, str] = {}
        self._inboxes: dict[str, str] = {}
        self._hidden: dict[str, list[Hidden]] = {}
        self._read = 0
        self.streams = {"CommandsTable": self.stream}
        names = {logical_id: self.template.name(logical_id) for logical_id in TABLES}
        self._tables = {name: logical_id for logical_id, name in names.items()}
        self.dynamodb = DynamoDB({name: TABLES[each] for each, name in names.items()})
        self.dynamodb.around = self.calls.around

    def __enter__(self) -> Self:
        # moto's SNS makes a certificate for each message, and signs with it; nobody looks.
        self._aws.enter_context(mock.patch.object(Subscription, "get_post_data", _unsigned))
        self._aws.enter_context(mock_aws())
        self.clients: dict[str, Any] = {**clients(), "dynamodb": self.dynamodb}
        self._make_resources()
        _systems.append(self)
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        _systems.remove(self)
        self._aws.close()

    def processes(self) -> list[Process]:
        plain = [unmarshal(item) for item in self.items("CommandsTable")]
        return [as_process(item) for item in plain if item.get("kind") == "process"]

    def parts(self) -> dict[str, Any]:
        return {f"client:{service}": client for service, client in self.clients.items()}

    def environment(self) -> dict[str, str]:
        deployed = super().environment() | self._variables
        return {name: self._refs.get(value, value) for name, value in deployed.items()}

    def poll(self) -> None:
        written = self.dynamodb.written[self._read :]
        self._read += len(written)
        for number, change in enumerate(written, self._read - len(written) + 1):
            stream = self.streams.get(self._tables[change.table])
            if stream is not None:
                stream.offer(record_of(change, number, self.clock.time(), stream))

    def forget_written(self) -> None:
        """Have no stream tell of what was written until now."""
        self._read = len(self.dynamodb.written)

    def items(self, table: str) -> list[dict[str, Any]]:
        """The items of a table by its logical id; no function has asked for them."""
        return self.dynamodb.items(self.template.name(table))

    def client(self, service: str) -> Any:
        return self.clients[service]

    def notify(self) -> bool:
        messages = self.receive("NotificationQueue")
        if not messages:
            return False
        records = [_record(each, receives=1) for each in messages]
        answer = self.invoke("QueueOnNotificationFunction", {"Records": records})
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in failed:
                self._delete("NotificationQueue", message)
        return True

    def consume(self, queue: str, function: str) -> bool:
        """Deliver what a queue has to deliver now; whether there was anything.

        A message that is not done comes again when its consumer, or the queue, says so, until it
        has been received as often as the queue allows.
        """
        properties = self.template.of_type("AWS::SQS::Queue")[queue]
        messages = self.receive(queue, hidden=properties["VisibilityTimeout"])
        for message in messages:
            self._found(queue, message).visible_at = NEVER
        now, hidden = self.clock.time(), self._hidden.pop(queue, [])
        due = [each for each in hidden if each.at <= now]
        due += [Hidden(now, 1, message) for message in messages]
        self._hidden[queue] = [each for each in hidden if each.at > now]
        for each in due:
            is_done = self._is_done(function, _record(each.message, each.receives))
            if is_done or each.receives >= properties["RedrivePolicy"]["maxReceiveCount"]:
                self._delete(queue, each.message)
            else:
                asked = self._asked_for(queue, each.message) or properties["VisibilityTimeout"]
                at = self.clock.time() + asked
                self._hidden[queue].append(Hidden(at, each.receives + 1, each.message))
        return bool(due)

    def _wait(self) -> bool:
        """When nothing else waits, wait for the next message that comes again."""
        coming = [each.at for hidden in self._hidden.values() for each in hidden]
        if super()._wait():
            return True
        if coming:
            self.engine.run_for(max(0.0, min(coming) - self.clock.time()))
        return bool(coming)

    def _is_done(self, function: str, record: dict[str, Any]) -> bool:
        try:
            return not self.invoke(function, {"Records": [record]})["batchItemFailures"]
        except FunctionError:
            return False

    def _asked_for(self, queue: str, message: dict[str, Any]) -> float | None:
        """For how many seconds its consumer hides a message; None if it has not said so."""
        found = self._found(queue, message)
        until, found.visible_at = found.visible_at, NEVER
        return None if until == NEVER else max(1.0, ceil((until - unix_time_millis()) / 1000))

    def _found(self, queue: str, message: dict[str, Any]) -> Any:
        handle = message["ReceiptHandle"]
        return next(each for each in self._in_queue(queue) if each.receipt_handle == handle)

    def receive(self, queue: str, hidden: int = 0) -> list[dict[str, Any]]:
        """The messages of a queue, which stay in it, and are not seen again for so long."""
        if not self._in_queue(queue):
            return []  # as most of them are at most times; a call takes long
        self.before_call("ReceiveMessage")
        received = self._sqs.receive_message(self._queue(queue), RECEIVED_AT_ONCE, 0, hidden)
        self.after_call("ReceiveMessage")
        return [
            {"MessageId": each.id, "ReceiptHandle": each.receipt_handle, "Body": each.body}
            for each in received
        ]

    def _in_queue(self, queue: str) -> list[Any]:
        """All messages of a queue, from moto's backend: hidden ones, too."""
        messages: list[Any] = self._sqs.queues[self._queue(queue)]._messages
        return messages

    def _queue(self, logical_id: str) -> str:
        """The name of a queue."""
        return self.ref(logical_id).rpartition("/")[2]

    def letters(self, queue: str) -> list[dict[str, Any]]:
        """The JSON bodies of a dead letter queue."""
        return [json.loads(message["Body"]) for message in self.receive(queue)]

    def ref(self, logical_id: str) -> str:
        """What a resource, or an inbox, is called in moto."""
        if logical_id in self._inboxes:
            return self._inboxes[logical_id]
        return self._refs[self.template.resolve({"Ref": logical_id})]

    def failures(self) -> list[dict[str, Any]]:
        """The messages of the failure topic."""
        return [json.loads(message["Message"]) for message in self._inbox("FailureInbox")]

    def notices(self) -> list[dict[str, Any]]:
        """The messages of the events topic."""
        return [json.loads(message["Message"]) for message in self._inbox("EventsInbox")]

    def _inbox(self, queue: str) -> list[dict[str, Any]]:
        found = []
        while messages := self.receive(queue):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self._delete(queue, message)
        return found

    def _delete(self, queue: str, message: dict[str, Any]) -> None:
        self.before_call("DeleteMessage")
        self._sqs.delete_message(self._queue(queue), message["ReceiptHandle"])
        self.after_call("DeleteMessage")

    # Asked of moto's models, as everything below is: clients take ten times as long.

    @property
    def _sqs(self) -> Any:
        return sqs_backends[ACCOUNT][REGION]

    @property
    def _sns(self) -> Any:
        return sns_backends[ACCOUNT][REGION]

    # Making what the template declares.

    def _make_resources(self) -> None:
        for logical_id, properties in self._resources("AWS::S3::Bucket"):
            bucket = s3_backends[ACCOUNT]["aws"].create_bucket(
                self.template.name(logical_id), REGION
            )
            bucket.versioning_status = properties["VersioningConfiguration"]["Status"]
        for logical_id, _ in self._resources("AWS::SNS::Topic"):
            self._made(logical_id, self._sns.create_topic(self.template.name(logical_id)).arn)
        queues = dict(self._resources("AWS::SQS::Queue"))
        for logical_id in sorted(queues, key=lambda name: "RedrivePolicy" in queues[name]):
            self._make_queue(logical_id, queues[logical_id])
        for _, properties in self._resources("AWS::SNS::Subscription"):
            self._subscribe(properties)
        for topic, queue in (("FailureTopic", "FailureInbox"), ("EventsTopic", "EventsInbox")):
            self._listen(topic, queue)

    def _resources(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        return [
            (logical_id, self.template.resolve(properties))
            for logical_id, properties in self.template.of_type(kind).items()
        ]

    def _made(self, logical_id: str, ref: str) -> None:
        self._refs[self.template.resolve({"Ref": logical_id})] = ref

    def _make_queue(self, logical_id: str, properties: dict[str, Any]) -> None:
        attributes = {}
        if "RedrivePolicy" in properties:
            policy = properties["RedrivePolicy"]
            name = policy["deadLetterTargetArn"].rpartition(":")[2]
            target = {**policy, "deadLetterTargetArn": _queue_arn(name)}
            attributes["RedrivePolicy"] = json.dumps(target)
        self._made(logical_id, self._new_queue(self.template.name(logical_id), **attributes))

    def _subscribe(self, properties: dict[str, Any]) -> None:
        if properties["Protocol"] != "sqs":
            return
        name = properties["Endpoint"].rpartition(":")[2]
        made = self._sns.subscribe(self._refs[properties["TopicArn"]], _queue_arn(name), "sqs")
        if "FilterPolicy" in properties:
            policy = json.dumps(properties["FilterPolicy"])
            self._sns.set_subscription_attributes(made.arn, "FilterPolicy", policy)

    def _listen(self, topic: str, queue: str) -> None:
        """Keep a topic's messages for the test to read."""
        self._inboxes[queue] = self._new_queue(queue)
        self._sns.subscribe(self.ref(topic), _queue_arn(queue), "sqs")

    def _new_queue(self, name: str, **attributes: str) -> str:
        """Make a queue; answers its URL."""
        queue = self._sqs.create_queue(name, **attributes)
        return str(queue.url(urlparse(f"https://sqs.{REGION}.amazonaws.com")))

    def before_call(self, operation: str) -> None:
        self.calls.before(operation)

    def after_call(self, operation: str) -> None:
        self.calls.after(operation)

    def ask_engine(self, request: AWSPreparedRequest) -> AWSResponse:
        """Answer a request to Step Functions from the engine of this process."""
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
        answer = engine_handler(self.engine)(Request("POST", "/", "", headers, body))
        return respond(request, answer.status, answer.body, dict(answer.headers))


def _record(message: dict[str, Any], receives: int) -> dict[str, Any]:
    """A message as Lambda hands it to a queue's consumer."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {"ApproximateReceiveCount": str(receives)},
        "eventSource": "aws:sqs",
    }


def _queue_arn(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


_systems: list[MotoSystem] = []


def _unsigned(
    subscription: Subscription,
    message: str,
    message_id: str,
    subject: str | None,
    message_attributes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What SNS posts to a queue, without its signature."""
    return {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": subscription.topic.arn,
        "Message": message,
        **({"Subject": subject} if subject else {}),
        **({"MessageAttributes": message_attributes} if message_attributes else {}),
    }


@cache
def clients() -> dict[str, Any]:
    """The clients of this process, made once: that takes longer than a test."""
    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    config = Config(retries={"mode": "standard", "max_attempts": 4})
    made: dict[str, Any] = {
        service: boto3.client(service, region_name=REGION, config=config, **credentials)
        for service in ("s3", "sns", "sqs", "stepfunctions")
    }
    for client in made.values():
        client.meta.events.register_first("before-call", _before_call)
        client.meta.events.register_last("after-call", _after_call)
    made["stepfunctions"].meta.events.register_first("before-send.stepfunctions", _before_send)
    return made


def _before_call(model: Any, **_: Any) -> None:
    for system in _systems:
        system.before_call(model.name)


def _after_call(model: Any, **_: Any) -> None:
    for system in _systems:
        system.after_call(model.name)


def _before_send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    return _systems[-1].ask_engine(request)


def respond(
    request: AWSPreparedRequest, status: int, body: bytes, headers: dict[str, str] | None = None
) -> AWSResponse:
    """Answer a request in the place of AWS."""
    return AWSResponse(request.url, status, headers or {}, _Raw(body))


class _Raw:
    """The body of a response, as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Any:
        yield self._body

    def read(self, *_: Any, **__: Any) -> bytes:
        return self._body


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
