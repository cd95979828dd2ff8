"""Messages to the world: status notices, alarms, and records that nobody could process."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.errors import BusyError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import PublishBatchRequestEntryTypeDef
    from mypy_boto3_sqs import SQSClient

    from sfn_cqrs.kernel.digest import Digest

BATCH = 10
MAX_ALARM_CAUSE = 8_000
Message = dict[str, Any]


class NotTakenError(BusyError):
    """A topic did not take all messages of a call; `position` is that of the first refused one."""

    def __init__(self, position: int, reason: str) -> None:
        """Say which and why."""
        super().__init__(reason)
        self.position = position


class Topic:
    """An SNS topic whose messages also carry their `action` as an attribute."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        """Use one topic."""
        self._client = client
        self._arn = arn

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish messages, ten to a call.

        Raises:
            NotTakenError: some messages of a call were not taken; later calls are not made.
        """
        for start in range(0, len(messages), BATCH):
            entries = [
                _entry(index, message)
                for index, message in enumerate(messages[start : start + BATCH])
            ]
            answer = self._client.publish_batch(
                TopicArn=self._arn, PublishBatchRequestEntries=entries
            )
            failed = answer.get("Failed", [])
            if failed:
                position = start + min(int(each["Id"]) for each in failed)
                reason = f"{len(failed)} notices were not taken: {failed[0]['Code']}"
                raise NotTakenError(position, reason)


class People(Topic):
    """The topic for people, by e-mail and the like."""

    def tell(self, digest: "Digest") -> None:
        """Send a message that people read."""
        self._client.publish(TopicArn=self._arn, Subject=digest.subject, Message=digest.text)


class DeadLetters:
    """The queue of records that cannot be processed, each with its reason."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """Use one queue."""
        self._client = client
        self._url = url

    def put(self, keys: Message, reason: str) -> None:
        """Send a record's keys and the reason, but not its content, which may be private."""
        body = json.dumps({"keys": keys, "reason": reason[:MAX_ALARM_CAUSE]}, ensure_ascii=False)
        self._client.send_message(QueueUrl=self._url, MessageBody=body)


def _entry(index: int, message: Message) -> "PublishBatchRequestEntryTypeDef":
    return {
        "Id": str(index),
        "Message": json.dumps(message, ensure_ascii=False),
        "MessageAttributes": {"action": {"DataType": "String", "StringValue": message["action"]}},
        "MessageGroupId": message["tenantCode"],  # makes a queue behind this topic fair to tenants
    }
