"""The process items: every change is one conditional write, every read is consistent."""

from collections.abc import Iterable
from typing import Any

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.keys import ItemKey, shard_of
from sfn_cqrs.kernel.records import Written
from sfn_cqrs.kernel.sweeps import Cursor
from sfn_cqrs.kernel.tables.conditional import put_new, try_update, update
from sfn_cqrs.kernel.tables.dynamodb import ExpiringTable, Item, alive, get, marshal, unmarshal
from sfn_cqrs.kernel.tables.open_index import SweptTable
from sfn_cqrs.machines.command.chain import ProcessWrite
from sfn_cqrs.machines.command.items import as_process, process_item
from sfn_cqrs.machines.command.process import Outcome, Process

OPEN_SHARDS = 16
BLOCKED_SHARDS, FAILED_SHARDS = range(16, 32), range(32, 48)
"""These shards come after those of open versions, so that repairs never hide open ones."""
_SHARDS = {Outcome.BLOCKED: BLOCKED_SHARDS, Outcome.FAILED: FAILED_SHARDS}
_RENAMED = {"token": "task_token"}
KEYS_A_PAGE = 4_000
"""Keys of 250 bytes make the MiB that one query reads at most."""


def open_shard(process: Process) -> int:
    """Return the index partition that lists this version until it is settled."""
    shards = _SHARDS.get(process.outcome, range(OPEN_SHARDS))
    sk = process.key.process_sk(process.version)
    return shards[shard_of(process.key.pk, sk, len(shards))]


def new_process_item(process: Process) -> Item:
    """Return the item that publish puts."""
    return process_item(process, open_shard(process))


class ProcessTable(ExpiringTable, SweptTable[Process]):
    """The process items of the commands table."""

    def find(self, key: ItemKey, version: int) -> Process | None:
        """Return one version's process, or None if it is missing or has expired."""
        where = marshal({"pk": key.pk, "sk": key.process_sk(version)})
        item = alive(get(self._client, self._table, where), self._now())
        return as_process(item) if item else None

    def find_many(self, versions: Iterable[tuple[ItemKey, int]]) -> dict[ItemKey, Process]:
        """Return the existing processes of different items, read consistently."""
        found = self._alive((key.pk, key.process_sk(version)) for key, version in versions)
        return {process.key: process for process in map(as_process, found.values())}

    def hand_over(self, process: Process) -> bool:
        """Give the machine a version without a process item; return False if it has one."""
        return put_new(self._client, self._table, marshal(new_process_item(process)))

    def write(self, key: ItemKey, write: ProcessWrite) -> Written[Process]:
        """Make a write if its condition holds; a version that needs a repair moves to other shards.

        A version that is settled leaves the index, and expires if its outcome may.
        """
        now = self._now()
        sets = write.sets()
        sets |= self._listing(key, write, sets["outcome"]) | {"updated_at": iso(now)}
        if "repaired_by" in sets:
            sets["repaired_at"] = iso(now)
        done, item = try_update(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": key.pk, "sk": key.process_sk(write.version)}),
            **update(sets, write.when(now.timestamp()), _RENAMED),
        )
        return Written(done, as_process(item) if item else None)

    def listed(
        self, shard: int, cursor: Cursor | None, since: str, until: str
    ) -> tuple[list[Cursor], Cursor | None]:
        """Return the keys of one shard's versions between two moments, from a cursor on.

        The index lists a FAILED version by the moment of its failure. Each key is also a cursor.
        """
        at, between = "opened_at BETWEEN :since AND :until", {":since": since, ":until": until}
        return self._query_open(shard, cursor, at, between, KEYS_A_PAGE)

    def read_again(self, keys: Iterable[Cursor]) -> list[Process]:
        """Read listed versions consistently, in their order; leave out what has expired."""
        places = [(each["pk"], each["sk"]) for each in keys]
        found = self._alive(places)
        return [as_process(found[place]) for place in places if place in found]

    def unrepaired(self, shard: int, limit: int) -> tuple[int, str]:
        """Return how many versions wait for a repair in one shard, and when the oldest was opened.

        It reads only keys, up to a limit. The moment is empty if none waits.
        """
        answer = self._client.query(
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression="open_shard = :shard",
            ExpressionAttributeValues=marshal({":shard": shard}),
            ProjectionExpression="opened_at",
            Limit=limit,
        )
        moments = [unmarshal(item)["opened_at"] for item in answer["Items"]]
        return len(moments), next(iter(moments), "")

    def _as_opened(self, item: Item) -> Process:
        return as_process(item)

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
