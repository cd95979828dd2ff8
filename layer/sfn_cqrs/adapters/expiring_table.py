"""What the tables have in common whose items are kept for as long as their types say."""

from typing import TYPE_CHECKING

from sfn_cqrs.domain.clock import Now
from sfn_cqrs.domain.retention import Retention

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ExpiringTable:
    """A table whose items expire, each type's after its own time or never."""

    def __init__(
        self, client: "DynamoDBClient", table: str, now: Now, retention: Retention
    ) -> None:
        """Speak to one table."""
        self._client = client
        self._table = table
        self._now = now
        self._retention = retention

    def _expiry(self, type_: str) -> int | None:
        """When what is written now expires, in epoch seconds; None: never."""
        return self._retention.expiry(type_, self._now())
