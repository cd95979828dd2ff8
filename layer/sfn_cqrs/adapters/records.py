"""Records in DynamoDB: every change is the domain's rule and one put, if `rev` is as it was read.

`rev` is the id of the put that made an item. Each try has an id of its own: whoever finds one
of its own in the item that refused it has written it, and only the answer was lost.
"""

import random
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.conditional import is_done
from sfn_cqrs.adapters.dynamodb import (
    Item,
    cancellation_codes,
    get,
    has_expired,
    is_refused,
    marshal,
    unmarshal,
)
from sfn_cqrs.adapters.open_index import OpenIndex, SweptTable
from sfn_cqrs.adapters.paging import Page, Range, query_page
from sfn_cqrs.adapters.request_table import RequestTable
from sfn_cqrs.adapters.table import Table
from sfn_cqrs.adapters.transactions import write_all
from sfn_cqrs.adapters.transient import is_busy
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.errors import BusyError
from sfn_cqrs.domain.keys import shard_of
from sfn_cqrs.domain.records import Record, RecordKey, Write, Written
from sfn_cqrs.domain.request import Request
from sfn_cqrs.domain.sweeps import Cursor

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

R = TypeVar("R", bound=Record)
TRIES = 8
PAUSE = 0.02
"""In seconds, doubled at each try; fifty who come at once all get through, within two."""
_IS_NEW = "attribute_not_exists(pk) OR rev = :rev"
"""Or it is this very put, whose answer was lost and which botocore has made again."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """How records of a kind are stored.

    `item` names every attribute that the code knows, None where there is none: what it does
    not name is another version's of the code, and is carried over, as is what `record` does not
    read inside of an attribute, until that changes. `is_open` says what the
    index of open records lists, in `shards` partitions from `first_shard` on (kinds that share
    a table have their own); `ttl` when a record that was put at a moment expires.
    """

    name: str
    item: Callable[[R], Item]
    record: Callable[[Item], R]
    is_open: Callable[[R], bool] = lambda _record: False
    key: Callable[[R], RecordKey] = attrgetter("key")
    shards: int = 4
    first_shard: int = 0
    ttl: Callable[[R, datetime], int | None] = lambda _record, _now: None

    def shard(self, key: RecordKey) -> int:
        """The partition of the index of open records that one is listed in."""
        return self.first_shard + shard_of(key.pk, key.sk, self.shards)

    def read(self, stored: Item) -> R:
        """The record of an item as DynamoDB has it."""
        return replace(self.record(unmarshal(stored)), stored=stored)

    def stored(self, record: R, rev: str, now: datetime) -> Item:
        """The item to put in the place of the one that the record was made of.

        What the write leaves alone stays as it lies there, with what another version of the code
        keeps inside of it, and numbers to their last digit.
        """
        shard = self.shard(self.key(record)) if self.is_open(record) else None
        also = {"rev": rev, "open_shard": shard, "ttl": self.ttl(record, now)}
        before: Any = record.stored or {}
        known = self.item(self.record(unmarshal(before))) if before else {}
        ours = self.item(record)
        new = {name: ours[name] for name in ours if ours[name] != known.get(name)} | also
        return {name: value for name, value in before.items() if name not in new} | marshal(new)


class Records(Table, SweptTable, Generic[R]):
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
        """Speak to the kind's table, and to the one of requests."""
        super().__init__(client, table, now)
        self._kind = kind
        self._requests = requests
        self._open = OpenIndex(client, table)

    def create(self, record: R, request: Request | None = None, *also: Item) -> bool:
        """Store a new record with the answer to its request, and what else is new with it.

        One transaction, or a plain put where there is nothing else. False: something is there.

        Raises:
            BusyError: others keep writing the same items.
        """
        rev = _new_rev()
        new: Any = {
            "TableName": self._table,
            "Item": self._kind.stored(record, rev, self._now()),
            "ConditionExpression": _IS_NEW,
            "ExpressionAttributeValues": marshal({":rev": rev}),
        }
        parts = [new, *map(self._new, also)]
        if request is not None:
            parts.append(self._requests.put_operation(request))
        if len(parts) > 1:
            return write_all(self._client, [{"Put": part} for part in parts]) is None
        return is_done(self._client.put_item, **new)

    def find(self, key: RecordKey) -> R | None:
        """A record, read consistently; None if there is none, or it has expired."""
        return self._alive(self._get(key.pk, key.sk))

    def change(self, key: RecordKey, write: Write[R], seen: R | None = None) -> Written[R]:
        """Let a write's rule make the next record of the present one, and put it.

        A record that was `seen` a moment ago saves a read, as long as nobody changed it; a write
        is refused by what is read here only. A rule that answers the record itself is done
        without a put.

        Raises:
            BusyError: others came first at every try.
        """
        if seen is not None and self._kind.key(seen) != key:
            raise ValueError(f"{key} is not the key of {seen}")
        mine: set[str] = set()
        record, is_read = (seen, False) if seen is not None else (self.find(key), True)
        for number in range(TRIES):
            if record is None or _rev_of(record) in mine:
                return Written(done=record is not None, record=record)
            now = self._now()
            after = write.on(record, iso(now))
            if after is not None and after is not record:
                item = self._kind.stored(replace(after, updated_at=iso(now)), _new_rev(), now)
                mine.add(item["rev"]["S"])
                refused = self._put(item, _rev_of(record))
                if refused is None:
                    return Written(done=True, record=self._kind.read(item))
                record = self._read_again(key, number, refused)
            elif is_read:
                return Written(done=after is not None, record=record)
            else:
                record = self.find(key)
            is_read = True
        if record is not None and _rev_of(record) in mine:
            return Written(done=True, record=record)
        raise BusyError(f"others keep writing {key.pk} {key.sk}")

    def page(
        self, under: RecordKey, limit: int, cursor: str | None, **equal: str | None
    ) -> Page[R]:
        """A page of the records whose keys begin as this one, the newest first.

        Of those with these attributes, if any are given.

        Raises:
            InvalidInputError: the limit or the cursor is none of this list's.
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

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[R], Cursor | None]:
        """The oldest open records in a shard, opened before a moment; from a cursor on."""
        first = self._kind.first_shard
        items, more = self._open.opened(first + shard, cursor, before, limit)
        return [self._kind.record(item) for item in items], more

    def _get(self, pk: str, sk: str) -> Item | None:
        keys = marshal({"pk": pk, "sk": sk})
        return get(self._client, self._table, keys)

    def _alive(self, item: Item | None) -> R | None:
        if item is None or has_expired(item, self._now()):
            return None
        return self._kind.read(item)

    def _kept(self) -> dict[str, Any]:
        """What a query needs to leave out what has expired and is not deleted yet."""
        return {
            "names": {"#ttl": "ttl"},
            "values": {":instant": int(self._now().timestamp())},
            "FilterExpression": "attribute_not_exists(#ttl) OR #ttl > :instant",
        }

    def _new(self, item: Item) -> Any:
        return {
            "TableName": self._table,
            "Item": marshal(item),
            "ConditionExpression": "attribute_not_exists(pk)",
        }

    def _put_group(self, items: Iterable[Item]) -> None:
        """Store items that are in one group whoever puts them: if one is there, all are."""
        puts: Any = [{"Put": self._new(item)} for item in items]
        try:
            self._client.transact_write_items(TransactItems=puts)
        except ClientError as error:
            if "ConditionalCheckFailed" not in cancellation_codes(error):
                raise

    def _put(self, item: Item, rev: str) -> Item | None:
        """Put an item in the place of a revision; if refused, what is there, empty if unknown."""
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
        """What refused a put: at first as it came with the refusal, then after a pause.

        Who goes on after the pause from what came before it is late again, and starves.
        """
        if number == 0 and found:
            return self._alive(found)
        time.sleep(random.uniform(0, PAUSE * 2**number))
        return self.find(key)


def _new_rev() -> str:
    return secrets.token_urlsafe(9)


def _rev_of(record: Record) -> str:
    stored: Any = record.stored
    return str(stored["rev"]["S"]) if stored else ""
