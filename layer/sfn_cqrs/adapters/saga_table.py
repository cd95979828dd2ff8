"""The sagas table: every change is one conditional write, every read is consistent."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.dynamodb import (
    Item,
    cancellation_codes,
    is_refused,
    marshal,
    refused_item,
    unmarshal,
)
from sfn_cqrs.adapters.open_index import Cursor, OpenIndex, shard_of
from sfn_cqrs.adapters.paging import Page, Range, query_page
from sfn_cqrs.adapters.request_table import RequestTable
from sfn_cqrs.adapters.saga_items import as_saga, entry_item, saga_item
from sfn_cqrs.adapters.transient import is_busy
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.keys import SAGA_PREFIX, SagaKey
from sfn_cqrs.domain.publication import Refusal
from sfn_cqrs.domain.request import Request
from sfn_cqrs.domain.saga import Ending, Entry, Saga, SagaStatus
from sfn_cqrs.domain.saga_programs import SagaWritten

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_SHARDS = 4
_IS_OPEN = "#status IN (:created, :running, :compensating)"
_IS_LATER = (
    "(#log.#name.attempt < :attempt OR (#log.#name.attempt = :attempt AND #log.#name.seq <= :seq))"
)
_STATUSES = {f":{status.lower()}": str(status) for status in SagaStatus}
_SPELT = {f"#{name}": name for name in ("cause", "error", "log", "status")}


def open_shard(key: SagaKey) -> int:
    """The partition of the index of open sagas that this one is listed in."""
    return shard_of(key.pk, key.sk, OPEN_SHARDS)


class SagaTable:
    """The sagas with their logs."""

    def __init__(
        self, client: "DynamoDBClient", table: str, *, requests: RequestTable, now: Now
    ) -> None:
        """Speak to the sagas table, and to the one of requests."""
        self._client = client
        self._table = table
        self._requests = requests
        self._now = now
        self._open = OpenIndex(client, table, "sagas")

    def create(self, saga: Saga, request: Request | None = None) -> Refusal | None:
        """Store a saga; answers why it was refused, if it was."""
        put = {
            "TableName": self._table,
            "Item": marshal(saga_item(saga, open_shard(saga.key))),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        parts: list[Any] = [{"Put": put}]
        if request is not None:
            parts.append({"Put": self._requests.put_operation(request)})
        try:
            self._client.transact_write_items(TransactItems=parts)
        except ClientError as error:
            codes = cancellation_codes(error)
            if "ConditionalCheckFailed" in codes:
                return Refusal.REQUEST_SEEN
            if is_busy(error):
                return Refusal.BUSY
            raise
        return None

    def find(self, key: SagaKey) -> Saga | None:
        """One saga; None if there is none."""
        item = self._client.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True).get(
            "Item"
        )
        return None if item is None else as_saga(unmarshal(item))

    def page(
        self, tenant: str, limit: int, cursor: str | None, status: SagaStatus | None = None
    ) -> Page[Saga]:
        """A page of a tenant's sagas, the newest first, of one status or of all.

        Raises:
            InvalidInputError: the limit or the cursor is none of this list's.
        """
        pk = SagaKey(tenant, "").pk
        wanted = Range(pk, SAGA_PREFIX, limit, cursor, is_descending=True)
        filtered: dict[str, Any] = {}
        if status is not None:
            filtered = {
                "FilterExpression": "#status = :status",
                "names": {"#status": "status"},
                "values": {":status": str(status)},
            }
        page = query_page(self._client, self._table, wanted, **filtered)
        return Page([as_saga(item) for item in page.items], page.next_cursor)

    def open(self, key: SagaKey, attempt: int, *, is_undoing: bool) -> SagaWritten:
        """Begin an attempt, forward or back."""
        return self._write(
            key,
            "SET #status = :next, is_undoing = :undoing, updated_at = :now",
            "attempt = :attempt AND #status = :created",
            {":attempt": attempt, ":undoing": is_undoing, ":next": _status(is_undo=is_undoing)},
        )

    def begin(
        self, key: SagaKey, name: str, attempt: int, seq: int, *, is_undo: bool
    ) -> SagaWritten:
        """Write that a step or compensation begins; a later try takes over what has no end."""
        entry = Entry(attempt=attempt, seq=seq, began_at=iso(self._now()))
        can_begin = "#log.#name.#status <> :done" if is_undo else "#log.#name.#status = :started"
        return self._write(
            key,
            "SET #log.#name = :entry, updated_at = :now",
            "attempt = :attempt AND #status = :expected AND (attribute_not_exists(#log.#name)"
            f" OR ({can_begin} AND {_IS_LATER}))",
            {
                ":attempt": attempt,
                ":seq": seq,
                ":entry": entry_item(entry),
                ":expected": _status(is_undo=is_undo),
                ":done": "DONE",
                ":started": "STARTED",
            },
            name,
        )

    def end(
        self, key: SagaKey, name: str, attempt: int, seq: int, ending: Ending, *, is_undo: bool
    ) -> SagaWritten:
        """Write how the try that works on a step or compensation ended."""
        fields = {
            "ended_at": iso(self._now()),
            "result": ending.result,
            "error": ending.error,
            "cause": ending.cause,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        sets = "".join(f", #log.#name.#{field} = :{field}" for field in given)
        return self._write(
            key,
            f"SET #log.#name.#status = :ending, updated_at = :now{sets}",
            "attempt = :attempt AND #status = :expected AND #log.#name.#status = :started"
            " AND #log.#name.attempt = :attempt AND #log.#name.seq = :seq",
            {
                ":attempt": attempt,
                ":seq": seq,
                ":ending": str(ending.status),
                ":expected": _status(is_undo=is_undo),
                ":started": "STARTED",
                **{f":{field}": value for field, value in given.items()},
            },
            name,
        )

    def turn_back(self, key: SagaKey, attempt: int, error: str, cause: str) -> SagaWritten:
        """Write that the saga is undone from now on, and why."""
        return self._write(
            key,
            "SET #status = :compensating, is_undoing = :undoing, #error = :error, #cause = :cause,"
            " updated_at = :now",
            "attempt = :attempt AND #status = :running",
            {":attempt": attempt, ":undoing": True, ":error": error, ":cause": cause},
        )

    def close(self, key: SagaKey, attempt: int, status: SagaStatus) -> SagaWritten:
        """Write how the saga ended, and leave the index of open sagas."""
        is_undo = status is SagaStatus.COMPENSATED
        removed = "open_shard" if is_undo else "open_shard, #error, #cause"
        return self._write(
            key,
            f"SET #status = :next, updated_at = :now REMOVE {removed}",
            "attempt = :attempt AND #status = :expected",
            {
                ":attempt": attempt,
                ":next": str(status),
                ":expected": _status(is_undo=is_undo),
            },
        )

    def park(self, key: SagaKey, attempt: int, error: str, cause: str) -> SagaWritten:
        """Leave a saga to a person, and leave the index of open sagas."""
        return self._write(
            key,
            "SET #status = :parked, #error = :error, #cause = :cause, updated_at = :now"
            " REMOVE open_shard",
            f"attempt = :attempt AND {_IS_OPEN}",
            {":attempt": attempt, ":error": error, ":cause": cause},
        )

    def restart(self, key: SagaKey, attempt: int) -> SagaWritten:
        """Begin the next attempt in the place of one that died."""
        return self._write(
            key,
            "SET #status = :created, attempt = :next, restarts = restarts + :one,"
            " opened_at = :now, updated_at = :now",
            f"attempt = :attempt AND {_IS_OPEN}",
            {":attempt": attempt, ":next": attempt + 1, ":one": 1},
        )

    def redrive(self, key: SagaKey, attempt: int) -> SagaWritten:
        """Begin the next attempt of what was parked."""
        return self._write(
            key,
            "SET #status = :created, attempt = :next, restarts = :none, opened_at = :now,"
            " updated_at = :now, open_shard = :shard",
            "attempt = :attempt AND #status = :parked",
            {
                ":attempt": attempt,
                ":next": attempt + 1,
                ":none": 0,
                ":shard": open_shard(key),
            },
        )

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Saga], Cursor | None]:
        """The oldest sagas in one shard of the index, opened before a moment; from a cursor on."""
        items, more = self._open.opened(shard, cursor, before, limit)
        return [as_saga(item) for item in items], more

    def cursors(self) -> dict[str, Cursor]:
        """Where the next sweep goes on in each shard, by the shard's number."""
        return self._open.cursors()

    def keep_cursors(self, cursors: dict[str, Cursor]) -> None:
        """Remember how far this sweep came."""
        self._open.keep_cursors(cursors)

    def _write(
        self,
        key: SagaKey,
        update: str,
        condition: str,
        values: dict[str, Any],
        name: str | None = None,
    ) -> SagaWritten:
        text = f"{update} {condition}"
        given = {**_STATUSES, **values, ":now": iso(self._now())}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(key),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=_names(text, name),
                ExpressionAttributeValues=marshal(_used(text, given)),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            old = refused_item(error)
            return SagaWritten(done=False, saga=as_saga(old) if old else None)
        return SagaWritten(done=True, saga=as_saga(unmarshal(answer["Attributes"])))


def _key(key: SagaKey) -> Item:
    return marshal({"pk": key.pk, "sk": key.sk})


def _status(*, is_undo: bool) -> str:
    return str(SagaStatus.COMPENSATING if is_undo else SagaStatus.RUNNING)


def _names(text: str, name: str | None) -> dict[str, str]:
    spelt = {**_SPELT, "#ended_at": "ended_at", "#result": "result"}
    if name is not None:
        spelt["#name"] = name
    return {placeholder: real for placeholder, real in spelt.items() if placeholder in text}


def _used(text: str, values: dict[str, Any]) -> dict[str, Any]:
    words = set(text.replace(",", " ").replace("(", " ").replace(")", " ").split())
    return {name: value for name, value in values.items() if name in words}
