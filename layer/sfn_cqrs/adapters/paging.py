"""Pages of a query, and the opaque cursor between them."""

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sfn_cqrs.adapters.dynamodb import Item, marshal, unmarshal
from sfn_cqrs.domain.errors import InvalidInputError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_LIMIT = 100
DEFAULT_LIMIT = 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and where the next page begins; no cursor means that this is the last."""

    items: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """Part of one partition: the sort keys with a prefix, from a cursor on."""

    pk: str
    prefix: str
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    is_descending: bool = False

    def __post_init__(self) -> None:
        """Refuse a limit that is out of range.

        Raises:
            InvalidInputError: the limit is not between 1 and 100.
        """
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InvalidInputError("limit", f"must be between 1 and {MAX_LIMIT}")

    def start_sk(self) -> str | None:
        """The sort key that the cursor names.

        Raises:
            InvalidInputError: the cursor is none of this range's.
        """
        if self.cursor is None:
            return None
        try:
            sk = base64.urlsafe_b64decode(self.cursor.encode()).decode()
        except (binascii.Error, ValueError) as error:
            raise InvalidInputError("cursor", "is not a cursor of this list") from error
        if not sk.startswith(self.prefix):
            raise InvalidInputError("cursor", "is not a cursor of this list")
        return sk


def query_page(client: "DynamoDBClient", table: str, wanted: Range, **more: Any) -> Page[Item]:
    """Query consistently until the page is full, however many items a filter drops."""
    start = wanted.start_sk()
    names = more.pop("names", {})
    values = more.pop("values", {})
    found: list[Item] = []
    last_key: Item | None = marshal({"pk": wanted.pk, "sk": start}) if start else None
    while True:
        arguments: dict[str, Any] = {"ExclusiveStartKey": last_key} if last_key else {}
        if names:
            arguments["ExpressionAttributeNames"] = names
        answer = client.query(
            TableName=table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=marshal(
                {":pk": wanted.pk, ":prefix": wanted.prefix, **values}
            ),
            ConsistentRead=True,
            ScanIndexForward=not wanted.is_descending,
            Limit=wanted.limit + 1,
            **more,
            **arguments,
        )
        found.extend(unmarshal(item) for item in answer["Items"])
        last_key = answer.get("LastEvaluatedKey")
        if len(found) > wanted.limit:
            page = found[: wanted.limit]
            return Page(page, base64.urlsafe_b64encode(page[-1]["sk"].encode()).decode())
        if last_key is None:
            return Page(found)
