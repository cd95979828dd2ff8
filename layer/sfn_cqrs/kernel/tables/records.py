"""Records in DynamoDB: a change is the domain's rule and one put, if `rev` has not changed.

`rev` is the id of the put that made an item. Each try has its own id. If the item that refused a
put has an id of ours, our put succeeded and only its answer was lost.
"""

import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.clock import Now, iso
from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs.kernel.keys import shard_of
from sfn_cqrs.kernel.records import Record, RecordKey, Write, Written
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.tables.codec import Codec
from sfn_cqrs.kernel.tables.conditional import is_done, new_put
from sfn_cqrs.kernel.tables.dynamodb import (
    Item,
    cancellation_codes,
    get,
    has_expired,
    is_refused,
    marshal,
    unmarshal,
)
from sfn_cqrs.kernel.tables.open_index import SweptTable
from sfn_cqrs.kernel.tables.paging import MAX_LIMIT, Page, Range, every, query_page
from sfn_cqrs.kernel.tables.request_table import RequestTable
from sfn_cqrs.kernel.tables.transactions import write_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

R = TypeVar("R", bound=Record)
TRIES = 8
PAUSE = 0.02
"""In seconds, doubled at each try; fifty concurrent writers all succeed within two seconds."""
_IS_NEW = "attribute_not_exists(pk) OR rev = :rev"
"""Or this same put succeeded, its answer was lost, and botocore sent it again."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """How a kind of record is stored.

    The codec's `item` names every attribute that the code knows, with None if it has no value.
    Other attributes belong to another version of the code and are carried over. The same holds for
    parts of an attribute that `record` does not read, until the attribute changes. `is_open` says
    which records the index of open records lists. They are in `shards` partitions from
    `first_shard` on; kinds that share a table have their own partitions. `ttl` says when a record
    that was put at a moment expires.
    """

    codec: Codec[R]
    is_open: Callable[[R], bool] = lambda _record: False
    shards: int = 4
    first_shard: int = 0
    ttl: Callable[[R, datetime], int | None] = lambda _record, _now: None

    @property
    def item(self) -> Callable[[R], Item]:
        """Return the function that makes an item of a record."""
        return self.codec.item

    @property
    def record(self) -> Callable[[Item], R]:
        """Return the function that reads the record of an item."""
        return self.codec.record

    def shard(self, key: RecordKey) -> int:
        """Return the partition of the index of open records that lists this record."""
        return self.first_shard + shard_of(key.pk, key.sk, self.shards)

    def listed(self, record: R) -> int | None:
        """Return the partition of the index that lists this record, or None if none does."""
        return self.shard(_key_of(record)) if self.is_open(record) else None

    def read(self, stored: Item) -> R:
        """Return the record of an item in DynamoDB's format."""
        return replace(self.record(unmarshal(stored)), stored=stored)

    def stored(self, record: R, rev: str, now: datetime) -> Item:
        """Return the item that replaces the one that the record was read from.

        Attributes that the write does not change stay exactly as stored. This keeps what another
        version of the code stored inside them, and all digits of numbers.
        """
        also = {"rev": rev, "open_shard": self.listed(record), "ttl": self.ttl(record, now)}
        before: Any = record.stored or {}
        known = self.item(self.record(unmarshal(before))) if before else {}
        ours = self.item(record)
        new = {name: ours[name] for name in ours if ours[name] != known.get(name)} | also
        return {name: value for name, value in before.items() if name not in new} | marshal(new)


class Records(SweptTable[R]):
    """The records of one kind."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        kind: Kind[R],
        *,
        requests: RequestTable,
        now: Now,
    ) -> None:
        """Use the kind's table and the requests table."""
        super().__init__(client, table, now)
        self._kind = kind
        self._requests = requests
        self.shards, self._first_shard = range(kind.shards), kind.first_shard

    def create(self, record: R, request: Request | None = None, *also: Item) -> bool:
        """Store a new record, the answer to its request, and its other new items.

        It is one transaction, or a plain put if there are no other items. Return False if one of
        the items exists.

        Raises:
            BusyError: others keep writing the same items.
        """
        rev = new_rev()
        new: Any = {
            "TableName": self._table,
            "Item": self._kind.stored(record, rev, self._now()),
            "ConditionExpression": _IS_NEW,
            "ExpressionAttributeValues": marshal({":rev": rev}),
        }
        parts = [new, *(new_put(self._table, marshal(item)) for item in also)]
        if request is not None:
            parts.append(self._requests.put_operation(request))
        if len(parts) > 1:
            return write_all(self._client, [{"Put": part} for part in parts]) is None
        return is_done(self._client.put_item, **new)

    def find(self, key: RecordKey) -> R | None:
        """Return a record, read consistently, or None if it is missing or has expired."""
        return self._alive(self._get(key.pk, key.sk))

    def change(self, key: RecordKey, write: Write[R], seen: R | None = None) -> Written[R]:
        """Make the next record from the present one by a write's rule, and put it.

        A record `seen` a moment ago saves a read if nobody has changed it since. Only a record that
        is read here can refuse a write. If the rule returns the record itself, nothing is put.

        Raises:
            BusyError: another write came first at every try.
        """
        if seen is not None and _key_of(seen) != key:
            raise ValueError(f"{key} is not the key of {seen}")
        mine: set[str] = set()
        record, is_read = (seen, False) if seen is not None else (self.find(key), True)
        for number in range(TRIES):
            if record is None or rev_of(record) in mine:
                return Written(done=record is not None, record=record)
            now = self._now()
            after = write.on(record, iso(now))
            if after is not None and after is not record:
                item = self._kind.stored(replace(after, updated_at=iso(now)), new_rev(), now)
                mine.add(item["rev"]["S"])
                refused = self._put(item, rev_of(record))
                if refused is None:
                    return Written(done=True, record=self._kind.read(item))
                record = self._read_again(key, number, refused)
            elif is_read:
                return Written(done=after is not None, record=record)
            else:
                record = self.find(key)
            is_read = True
        if record is not None and rev_of(record) in mine:
            return Written(done=True, record=record)
        raise BusyError(f"others keep writing {key.pk} {key.sk}")

    def page(
        self, under: RecordKey, limit: int, cursor: str | None, **equal: str | None
    ) -> Page[R]:
        """Return a page of the records whose keys share this one's prefix, the newest first.

        If attributes are given, only records with these attributes are returned.

        Raises:
            InvalidInputError: the limit or the cursor is not valid for this list.
        """
        wanted = Range(under.listed_in, under.sk, limit, cursor, is_descending=True)
        given = {name: str(value) for name, value in equal.items() if value is not None}
        wants = [f"#{name} = :{name}" for name in given]
        kept = self._kept()
        page = query_page(
            self._client,
            self._table,
            wanted,
            FilterExpression=" AND ".join([f"({kept['FilterExpression']})", *wants]),
            names=kept["names"] | {f"#{name}": name for name in given},
            values=kept["values"] | {f":{name}": value for name, value in given.items()},
        )
        return Page([self._kind.record(item) for item in page.items], page.next_cursor)

    def all(self, under: RecordKey) -> Iterator[R]:
        """Yield the records whose keys share this one's prefix, the newest first.

        Each is read consistently, but not all at one moment.
        """
        return every(partial(self.page, under, MAX_LIMIT))

    def _as_opened(self, item: Item) -> R:
        return self._kind.record(item)

    def _get(self, pk: str, sk: str) -> Item | None:
        keys = marshal({"pk": pk, "sk": sk})
        return get(self._client, self._table, keys)

    def _alive(self, item: Item | None) -> R | None:
        if item is None or has_expired(item, self._now()):
            return None
        return self._kind.read(item)

    def _kept(self) -> dict[str, Any]:
        """Return the filter that leaves out records that have expired but are not deleted yet."""
        return {
            "names": {"#ttl": "ttl"},
            "values": {":instant": int(self._now().timestamp())},
            "FilterExpression": "attribute_not_exists(#ttl) OR #ttl > :instant",
        }

    def _put_group(self, items: Iterable[Item]) -> None:
        """Store items that are always put as one group: if one exists, all exist."""
        puts: Any = [{"Put": new_put(self._table, marshal(item))} for item in items]
        try:
            self._client.transact_write_items(TransactItems=puts)
        except ClientError as error:
            if "ConditionalCheckFailed" not in cancellation_codes(error):
                raise

    def _put(self, item: Item, rev: str) -> Item | None:
        """Replace a revision of an item; if refused, return the stored item, empty if unknown."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="rev = :rev",
                ExpressionAttributeValues=marshal({":rev": rev}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not is_refused(error) and not is_busy(error):
                raise
            found: Any = error.response.get("Item", {})
            return found  # type: ignore[no-any-return]
        return None

    def _read_again(self, key: RecordKey, number: int, found: Item) -> R | None:
        """Return the item that refused a put: first from the refusal, then read after a pause.

        An item from before the pause would be stale again, and the writer would starve.
        """
        if number == 0 and found:
            return self._alive(found)
        time.sleep(random.uniform(0, PAUSE * 2**number))
        return self.find(key)


def _key_of(record: Any) -> RecordKey:
    key: RecordKey = record.key
    return key


def new_rev() -> str:
    """Return the id of a put."""
    return secrets.token_urlsafe(9)


def rev_of(record: Record) -> str:
    """Return the id of the put that made the item of a record; empty if it is new."""
    stored: Any = record.stored
    return str(stored["rev"]["S"]) if stored else ""
