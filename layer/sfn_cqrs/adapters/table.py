"""What the adapters of DynamoDB's tables have in common."""

from typing import TYPE_CHECKING

from sfn_cqrs.domain.clock import Now
from sfn_cqrs.domain.retention import Retention

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Table:
    """A table, and the clock that tells when it is written."""

    def __init__(self, client: "DynamoDBClient", table: str, now: Now) -> None:
        """Speak to one table."""
        self._client = client
        self._table = table
        self._now = now


class ExpiringTable(Table):
    """A table whose items expire, each type's after its own time or never."""

    def __init__(
        self, client: "DynamoDBClient", table: str, now: Now, retention: Retention
    ) -> None:
        """Speak to one table."""
        super().__init__(client, table, now)
        self._retention = retention

    def _expiry(self, type_: str) -> int | None:
        """When what is written now expires, in epoch seconds; None: never."""
        return self._retention.expiry(type_, self._now())
