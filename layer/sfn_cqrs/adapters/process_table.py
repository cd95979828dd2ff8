"""The process items: every change is one conditional write, every read is consistent."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sfn_cqrs.adapters.batch_reads import batch_get
from sfn_cqrs.adapters.command_items import as_process, process_item
from sfn_cqrs.adapters.conditional import changed, is_done
from sfn_cqrs.adapters.dynamodb import Item, alive, get, has_expired, marshal, unmarshal
from sfn_cqrs.adapters.open_index import OpenIndex, SweptTable
from sfn_cqrs.adapters.table import ExpiringTable
from sfn_cqrs.domain.chain import Written
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.keys import CommandRef, ItemKey, shard_of
from sfn_cqrs.domain.process import START, Lane, Outcome, Process
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs.domain.sweeps import Cursor

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_SHARDS = 16
BLOCKED_SHARDS, FAILED_SHARDS = range(16, 32), range(32, 48)
"""These shards come after those of open versions, so that repairs never hide open ones."""
_SHARDS = {Outcome.BLOCKED: BLOCKED_SHARDS, Outcome.FAILED: FAILED_SHARDS}
_OWNED = "attempt = :attempt AND outcome IN (:open, :waiting)"
_CLAIMED = " AND (attribute_not_exists(#run) OR #run = :run)"
_OPEN = {":open": "OPEN", ":waiting": "WAITING"}
_REPAIRABLE = "outcome IN (:failed, :blocked)"
_BROKEN = {":failed": "FAILED", ":blocked": "BLOCKED"}


def open_shard(process: Process) -> int:
    """Return the index partition that lists this version until it is settled."""
    shards = _SHARDS.get(process.outcome, range(OPEN_SHARDS))
    sk = process.key.process_sk(process.version)
    return shards[shard_of(process.key.pk, sk, len(shards))]


def _owned_by(run: str | None) -> tuple[str, dict[str, str]]:
    """Return the condition of an attempt's writer, and its values; repairs have no claim."""
    return (f"{_OWNED}{_CLAIMED}", {":run": run}) if run else (_OWNED, {})


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

    def begin(
        self, ref: CommandRef, status: str, *, is_first: bool = False, run: str | None = None
    ) -> Process | None:
        """Write a state's status, and the claim with the first; return None if refused."""
        owned, claim = _owned_by(run)
        claims = ", #run = :run" if is_first and run else ""
        written = self._write(
            ref.key,
            ref.version,
            f"SET #status = :status, outcome = :open, updated_at = :now{claims} REMOVE task_token",
            f"{owned} AND attribute_not_exists(token_seq)" if is_first else owned,
            {":attempt": ref.attempt, ":status": status, **_OPEN, **claim},
        )
        return written.process if written.done else None

    def park(self, ref: CommandRef, token: str, seq: int) -> Written:
        """Store the token of a waiting state, unless a newer one is stored."""
        return self._write(
            ref.key,
            ref.version,
            "SET #status = :status, outcome = :waiting, task_token = :token, token_seq = :seq,"
            " updated_at = :now",
            f"{_OWNED} AND (attribute_not_exists(token_seq) OR token_seq < :seq)",
            {
                ":attempt": ref.attempt,
                ":status": "wait_prev_command:STARTED",
                ":token": token,
                ":seq": seq,
                **_OPEN,
            },
        )

    def close(
        self,
        ref: CommandRef,
        outcome: Outcome,
        status: str,
        error: str | None = None,
        cause: str | None = None,
        run: str | None = None,
    ) -> Written:
        """Write how an attempt ended; a version that needs a repair moves to other shards."""
        owned, claim = _owned_by(run)
        values: dict[str, Any] = {
            ":attempt": ref.attempt,
            ":status": status,
            ":outcome": str(outcome),
            **_OPEN,
            **claim,
        }
        sets = "#status = :status, outcome = :outcome, updated_at = :now"
        removes = "task_token"
        if outcome is Outcome.FAILED:
            sets += ", opened_at = :now"
        if outcome in _SHARDS:
            sets += ", open_shard = :shard"
            values[":shard"] = open_shard(
                Process(key=ref.key, version=ref.version, outcome=outcome)
            )
        else:
            removes += ", open_shard"
        if error is not None:
            sets += ", #error = :error, cause = :cause"
            values |= {":error": error, ":cause": cause or ""}
        else:
            removes += ", #error, cause"
        return self._close(ref, outcome, sets, removes, owned, values)

    def leave(self, ref: CommandRef, run: str | None = None) -> Written:
        """Open the next attempt of an open express version, for the standard machine."""
        claimed, claim = (_CLAIMED, {":run": run}) if run else ("", {})
        return self._write(
            ref.key,
            ref.version,
            "SET attempt = :next, #status = :status, updated_at = :now"
            " REMOVE task_token, token_seq, #run, #error, cause",
            "lane = :express AND attempt = :first AND attempt = :attempt AND outcome = :open"
            + claimed,
            {
                ":attempt": ref.attempt,
                ":first": 1,
                ":next": 2,
                ":express": str(Lane.EXPRESS),
                ":open": "OPEN",
                ":status": START,
                **claim,
            },
        )

    def renew(self, ref: CommandRef, run: str) -> Written:
        """Open the next attempt of an open version whose run belongs to another stack."""
        return self._write(
            ref.key,
            ref.version,
            "SET attempt = :next, outcome = :open, #status = :status, updated_at = :now"
            " REMOVE task_token, token_seq, #run, #error, cause",
            f"{_OWNED} AND #run = :run",
            {
                ":attempt": ref.attempt,
                ":next": ref.attempt + 1,
                ":status": START,
                ":run": run,
                **_OPEN,
            },
        )

    def restart(self, ref: CommandRef) -> Written:
        """Open the next attempt after a failure, a block, or the death of the publisher."""
        process = Process(key=ref.key, version=ref.version)
        with_its_publisher = "(#mode = :sync AND attempt = :first AND outcome = :open)"
        return self._write(
            ref.key,
            ref.version,
            "SET attempt = :next, outcome = :open, #status = :status, updated_at = :now,"
            " opened_at = :now, open_shard = :shard"
            " REMOVE task_token, token_seq, #run, #error, cause",
            f"attempt = :attempt AND ({_REPAIRABLE} OR {with_its_publisher})",
            {
                ":attempt": ref.attempt,
                ":next": ref.attempt + 1,
                ":first": 1,
                ":sync": "SYNC",
                ":open": "OPEN",
                ":status": START,
                ":shard": open_shard(process),
                **_BROKEN,
            },
        )

    def skip(self, ref: CommandRef) -> Written:
        """Skip a failed or blocked version; its error is kept."""
        return self._close(
            ref,
            Outcome.SKIPPED,
            "outcome = :outcome, #status = :status, updated_at = :now",
            "task_token, open_shard",
            f"attempt = :attempt AND {_REPAIRABLE}",
            {
                ":attempt": ref.attempt,
                ":outcome": "SKIPPED",
                ":status": "skip:FINISHED",
                **_BROKEN,
            },
        )

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

    def _close(
        self,
        ref: CommandRef,
        outcome: Outcome,
        sets: str,
        removes: str,
        condition: str,
        values: dict[str, Any],
    ) -> Written:
        expiry = self._expiry(ref.key.type)
        if outcome.may_expire and expiry is not None:
            sets += ", #ttl = :ttl"
            values = {**values, ":ttl": expiry}
        update = f"SET {sets} REMOVE {removes}"
        return self._write(ref.key, ref.version, update, condition, values)

    def _write(
        self, key: ItemKey, version: int, update: str, condition: str, values: dict[str, Any]
    ) -> Written:
        spelt = {f"#{name}": name for name in ("status", "error", "mode", "ttl", "run")}
        names = {name: real for name, real in spelt.items() if name in update + condition}
        values = {**values, ":now": iso(self._now())}
        done, item = changed(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": key.pk, "sk": key.process_sk(version)}),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=marshal(values),
        )
        return Written(done, as_process(item) if item else None)
