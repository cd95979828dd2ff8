"""Makes the parts that reach AWS and belong to no machine: objects, topics and queues."""

from functools import partial

from sfn_cqrs.kernel.aws.app_secrets import AppSecrets
from sfn_cqrs.kernel.aws.attributes_bucket import AttributesBucket
from sfn_cqrs.kernel.aws.event_bus import EventBus
from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.aws.queue import Queue
from sfn_cqrs.kernel.aws.topics import DeadLetters, People, Topic
from sfn_cqrs.kernel.parts import Parts, part, tracer


@part
def app_secrets(parts: Parts) -> AppSecrets:
    """Return the secrets of the user's code; SSM's client is made when one is asked for."""
    return AppSecrets(partial(parts.client, "ssm"), parts.now)


@part
def attributes(parts: Parts) -> AttributesBucket:
    """Return the store of large attributes; S3's client is made when the first one is met."""
    return AttributesBucket(partial(parts.client, "s3"), parts.variable("ATTRIBUTES_BUCKET"))


@part
def events(parts: Parts) -> Topic:
    """Return the topic of status notices."""
    return Topic(parts.client("sns"), parts.variable("EVENTS_TOPIC_ARN"))


@part
def event_bus(parts: Parts) -> EventBus:
    """Return the event bus for other systems, if the stack has one."""
    name, stack = parts.variable("EVENT_BUS"), parts.variable("POWERTOOLS_SERVICE_NAME")
    return EventBus(parts.client("events"), name, stack)


@part
def failures(parts: Parts) -> Topic:
    """Return the topic of failures."""
    return Topic(parts.client("sns"), parts.variable("FAILURE_TOPIC_ARN"))


@part
def information(parts: Parts) -> People:
    """Return the topic of messages to people."""
    return People(parts.client("sns"), parts.variable("INFORMATION_TOPIC_ARN"))


@part
def dead_letters(parts: Parts) -> DeadLetters:
    """Return the queue of stream records that could not be processed."""
    return DeadLetters(parts.client("sqs"), parts.variable("STREAM_DEAD_LETTER_QUEUE_URL"))


@part
def notifications(parts: Parts) -> Queue:
    """Return the queue of notices for the user's package."""
    return Queue(parts.client("sqs"), parts.variable("NOTIFICATION_QUEUE_URL"))


def executions_of(parts: Parts, machine: str, table: str) -> Executions:
    """Return the executions of a machine; the table that starts them names them."""
    arn = parts.machine_arn(machine)
    return Executions(parts.client("stepfunctions"), arn, table, tracer(parts))
