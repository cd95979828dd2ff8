"""The data table: one row per item, its version only ever going up."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.aws.attributes_bucket import AttributesBucket
from sfn_cqrs.kernel.command import DataRow
from sfn_cqrs.kernel.keys import ItemKey, data_partitions, type_prefix
from sfn_cqrs.kernel.tables.conditional import is_done
from sfn_cqrs.kernel.tables.dynamodb import Item, batch_get, get, marshal, unmarshal
from sfn_cqrs.kernel.tables.paging import Page, Range, query_page
from sfn_cqrs.machines.command.items import as_row, row_item
from sfn_cqrs.machines.command.process import DataVersion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def row_condition(expected: int) -> tuple[str, Item]:
    """Return the condition that the row is at a version (0: there is no row), and its values."""
    if expected == 0:
        return "attribute_not_exists(pk)", {}
    return "version = :expected", marshal({":expected": expected})


class DataTable:
    """The current rows."""

    def __init__(self, client: "DynamoDBClient", table: str, attributes: AttributesBucket) -> None:
        """Speak to one table."""
        self._client = client
        self._table = table
        self._attributes = attributes

    def version_of(self, key: ItemKey) -> DataVersion:
        """Return the row's version, read consistently; 0 if the row is missing."""
        item = self._client.get_item(
            TableName=self._table,
            Key=marshal({"pk": key.data_pk, "sk": key.sk}),
            ConsistentRead=True,
            ProjectionExpression="version, command_id",
        ).get("Item")
        if item is None:
            return DataVersion()
        plain = unmarshal(item)
        return DataVersion(plain["version"], plain["command_id"])

    def snapshot(self, key: ItemKey) -> Item | None:
        """Return the row in DynamoDB's format, to be copied, or None if it is missing."""
        return get(self._client, self._table, marshal({"pk": key.data_pk, "sk": key.sk}))

    def find(self, key: ItemKey) -> DataRow | None:
        """Return the row with its attributes, deleted or not, or None if it is missing."""
        item = self.snapshot(key)
        return None if item is None else self._loaded(unmarshal(item))

    def snapshots(self, keys: Iterable[ItemKey]) -> dict[ItemKey, Item]:
        """Return the existing rows in DynamoDB's format, read consistently."""
        wanted = {(key.data_pk, key.sk): key for key in keys}
        found = batch_get(self._client, self._table, wanted)
        return {wanted[place]: item for place, item in found.items()}

    def versions_of(self, keys: Iterable[ItemKey]) -> dict[ItemKey, int]:
        """Return the applied versions of the items that have a row, read consistently."""
        found = self.snapshots(keys)
        return {key: int(unmarshal(item)["version"]) for key, item in found.items()}

    def row_of(self, snapshot: Item) -> DataRow:
        """Return the row of a snapshot, with its attributes."""
        return self._loaded(unmarshal(snapshot))

    def put(self, row: DataRow, expected: int) -> bool:
        """Replace the row at the expected version; return False if it is at another version."""
        condition, values = row_condition(expected)
        arguments = {"ExpressionAttributeValues": values} if values else {}
        return is_done(
            self._client.put_item,
            TableName=self._table,
            Item=marshal(row_item(row)),
            ConditionExpression=condition,
            **arguments,  # type: ignore[arg-type]
        )

    def page(self, tenant: str, type_: str, limit: int, cursor: str | None) -> Page[DataRow]:
        """Return a page of the rows of a type that are not deleted, by code.

        Raises:
            InvalidInputError: the limit or the cursor is not valid for this list.
        """
        wanted = Range(data_partitions(tenant, type_), type_prefix(type_), limit, cursor)
        page = query_page(
            self._client,
            self._table,
            wanted,
            self._attributes.whole,
            FilterExpression="is_deleted = :no",
            values={":no": False},
        )
        return Page([as_row(item, item["attributes"]) for item in page.items], page.next_cursor)

    def bucket_page(
        self, tenant: str, type_: str, bucket: int, limit: int, after: str | None
    ) -> Page[DataRow]:
        """Return a page of a bucket of a type, deleted rows included, from an item's cursor on."""
        partition = data_partitions(tenant, type_)[bucket]
        wanted = Range([partition], type_prefix(type_), limit, after)
        page = query_page(self._client, self._table, wanted, self._attributes.whole)
        return Page([as_row(item, item["attributes"]) for item in page.items], page.next_cursor)

    def count_bucket(self, tenant: str, type_: str, bucket: int) -> int:
        """Return roughly how many rows a bucket of a type has."""
        partition, count = data_partitions(tenant, type_)[bucket], 0
        more: Any = {}
        while True:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues=marshal(
                    {":pk": partition, ":prefix": type_prefix(type_)}
                ),
                ConsistentRead=True,
                Select="COUNT",
                **more,
            )
            count += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return count
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _loaded(self, item: Item) -> DataRow:
        return as_row(item, self._attributes.whole(item)["attributes"])
