"""The process items: every change is one conditional write, every read is consistent."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sfn_cqrs.adapters.batch_reads import batch_get
from sfn_cqrs.adapters.command_items import as_process, process_item
from sfn_cqrs.adapters.conditional import changed, is_done, update
from sfn_cqrs.adapters.dynamodb import Item, alive, get, has_expired, marshal, unmarshal
from sfn_cqrs.adapters.open_index import OpenIndex, SweptTable
from sfn_cqrs.adapters.table import ExpiringTable
from sfn_cqrs.domain.chain import ProcessWrite, Written
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.keys import ItemKey, shard_of
from sfn_cqrs.domain.process import Outcome, Process
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs.domain.sweeps import Cursor

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_SHARDS = 16
BLOCKED_SHARDS, FAILED_SHARDS = range(16, 32), range(32, 48)
"""These shards come after those of open versions, so that repairs never hide open ones."""
_SHARDS = {Outcome.BLOCKED: BLOCKED_SHARDS, Outcome.FAILED: FAILED_SHARDS}
_RENAMED = {"token": "task_token"}


def open_shard(process: Process) -> int:
    """Return the index partition that lists this version until it is settled."""
    shards = _SHARDS.get(process.outcome, range(OPEN_SHARDS))
    sk = process.key.process_sk(process.version)
    return shards[shard_of(process.key.pk, sk, len(shards))]


def new_process_item(process: Process) -> Item:
    """Return the item that publish puts."""
    return process_item(process, open_shard(process))


class ProcessTable(ExpiringTable, SweptTable):
    """The process items of the commands table."""

    def __init__(
        self, client: "DynamoDBClient", table: str, now: Now, retention: Retention
    ) -> None:
        """Speak to one table."""
        super().__init__(client, table, now, retention)
        self._open = OpenIndex(client, table)

    def find(self, key: ItemKey, version: int) -> Process | None:
        """Return one version's process, or None if it is missing or has expired."""
        where = marshal({"pk": key.pk, "sk": key.process_sk(version)})
        item = alive(get(self._client, self._table, where), self._now())
        return as_process(item) if item else None

    def find_many(self, versions: Iterable[tuple[ItemKey, int]]) -> dict[ItemKey, Process]:
        """Return the existing processes of different items, read consistently."""
        keys = {(key.pk, key.process_sk(version)) for key, version in versions}
        found, now = batch_get(self._client, self._table, keys).values(), self._now()
        processes = [as_process(unmarshal(item)) for item in found if not has_expired(item, now)]
        return {process.key: process for process in processes}

    def hand_over(self, process: Process) -> bool:
        """Give the machine a version without a process item; return False if it has one."""
        return is_done(
            self._client.put_item,
            TableName=self._table,
            Item=marshal(new_process_item(process)),
            ConditionExpression="attribute_not_exists(pk)",
        )

    def write(self, key: ItemKey, write: ProcessWrite) -> Written:
        """Make a write if its condition holds; a version that needs a repair moves to other shards.

        A version that is settled leaves the index, and expires if its outcome may.
        """
        now = self._now()
        sets = write.sets()
        sets |= self._listing(key, write, sets["outcome"]) | {"updated_at": iso(now)}
        done, item = changed(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": key.pk, "sk": key.process_sk(write.version)}),
            **update(sets, write.when(now.timestamp()), _RENAMED),
        )
        return Written(done, as_process(item) if item else None)

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Process], Cursor | None]:
        """Return the oldest versions in one shard, opened before a moment, from a cursor on.

        The index is eventually consistent, so each version is read again. Expired versions are left
        out; versions that have closed meanwhile are not.
        """
        items, more = self._open.opened(shard, cursor, before, limit)
        return [as_process(item) for item in items], more

    def listed(
        self, shard: int, cursor: Cursor | None, since: str, until: str
    ) -> tuple[list[Cursor], Cursor | None]:
        """Return the keys of one shard's versions between two moments, from a cursor on.

        The index lists a FAILED version by the moment of its failure.
        """
        return self._open.keys(shard, cursor, since, until)

    def read_again(self, keys: Iterable[Cursor]) -> list[Process]:
        """Read listed versions consistently, in their order; leave out what has expired."""
        places = [(each["pk"], each["sk"]) for each in keys]
        found, now = batch_get(self._client, self._table, places), self._now()
        items = (found[place] for place in places if place in found)
        return [as_process(unmarshal(item)) for item in items if not has_expired(item, now)]

    def unrepaired(self, shard: int, limit: int) -> tuple[int, str]:
        """Return how many versions wait for a repair in one shard, and when the oldest was opened.

        It reads only keys, up to a limit. The moment is empty if none waits.
        """
        return self._open.counted(shard, limit)

    def _listing(self, key: ItemKey, write: ProcessWrite, outcome: Outcome) -> dict[str, Any]:
        """Return where the index lists the version after a write, and when it expires."""
        if outcome.is_settled:
            expiry = self._expiry(key.type) if outcome.may_expire else None
            return {"open_shard": None} | ({} if expiry is None else {"ttl": expiry})
        opened = {"opened_at": iso(self._now())} if write.is_listed_anew else {}
        if outcome in _SHARDS or opened:
            process = Process(key=key, version=write.version, outcome=outcome)
            return {"open_shard": open_shard(process), **opened}
        return {}
