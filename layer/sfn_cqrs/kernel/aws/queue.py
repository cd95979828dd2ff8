"""A queue that delivers messages again until they are done."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sfn_cqrs.kernel.errors import BusyError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Queue:
    """An SQS queue, for its consumer."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """Use one queue."""
        self._client = client
        self._url = url

    def postpone(self, seconds: Mapping[str, int]) -> None:
        """Deliver messages again after these seconds, by receipt handle; at most ten.

        Raises:
            BusyError: some of them were not taken.
        """
        answer = self._client.change_message_visibility_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(place), "ReceiptHandle": receipt, "VisibilityTimeout": timeout}
                for place, (receipt, timeout) in enumerate(seconds.items())
            ],
        )
        failed = answer.get("Failed", [])
        if failed:
            raise BusyError(f"{len(failed)} messages were not postponed: {failed[0]['Code']}")
