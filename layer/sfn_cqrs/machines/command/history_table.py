"""The history table: the earlier states of data rows."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from sfn_cqrs.kernel.aws.attributes_bucket import AttributesBucket
from sfn_cqrs.kernel.clock import Now, Retention
from sfn_cqrs.kernel.command import DataRow
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.conditional import put_new
from sfn_cqrs.kernel.tables.dynamodb import ExpiringTable, Item, marshal, unmarshal
from sfn_cqrs.kernel.tables.paging import MAX_LIMIT, Page, Range, cursor_at, every, query_page
from sfn_cqrs.machines.command.items import as_key, as_row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class HistoryTable(ExpiringTable):
    """Earlier rows, each under the version that it had."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        attributes: AttributesBucket,
        now: Now,
        retention: Retention,
    ) -> None:
        """Speak to one table."""
        super().__init__(client, table, now, retention)
        self._attributes = attributes

    def item_of(self, snapshot: Item) -> Item:
        """Return the history item of a snapshot of the data table; a pointer to S3 is kept."""
        row = unmarshal({name: snapshot[name] for name in ("tenant", "type", "code", "version")})
        key = as_key(row)
        where = {"pk": key.pk, "sk": key.version_sk(row["version"])}
        return {**snapshot, **marshal({**where, "ttl": self._expiry(row["type"])})}

    def append(self, snapshot: Item) -> bool:
        """Store a row; return False if that version is already stored."""
        return put_new(self._client, self._table, self.item_of(snapshot))

    def find_many(self, versions: Iterable[tuple[ItemKey, int]]) -> dict[ItemKey, DataRow]:
        """Return the stored states of different items, each at a version, read consistently."""
        found = self._alive((key.pk, key.version_sk(version)) for key, version in versions)
        items = map(self._attributes.whole, found.values())
        return {row.key: row for row in (as_row(item, item["attributes"]) for item in items)}

    def later(self, key: ItemKey, version: int, limit: int) -> Page[DataRow]:
        """Return a page of the states of an item after a version, the oldest first."""
        after = cursor_at(key.version_sk(version))
        return self._page(Range([key.pk], key.versions_prefix, limit, after))

    def page(self, key: ItemKey, limit: int, cursor: str | None) -> Page[DataRow]:
        """Return a page of the earlier states of an item, the newest first.

        Raises:
            InvalidInputError: the limit or the cursor is not valid for this list.
        """
        wanted = Range([key.pk], key.versions_prefix, limit, cursor, is_descending=True)
        return self._page(wanted)

    def states(self, key: ItemKey, at_a_time: int = MAX_LIMIT) -> Iterator[DataRow]:
        """Yield all earlier states of an item, the newest first."""
        return every(partial(self.page, key, at_a_time))

    def _page(self, wanted: Range) -> Page[DataRow]:
        page = query_page(
            self._client,
            self._table,
            wanted,
            self._attributes.whole,
            FilterExpression="attribute_not_exists(#ttl) OR #ttl > :now",
            names={"#ttl": "ttl"},
            values={":now": int(self._now().timestamp())},
        )
        return Page([as_row(item, item["attributes"]) for item in page.items], page.next_cursor)
