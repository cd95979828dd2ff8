"""The approvals table: every change is one conditional write, every read is consistent."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.approval_items import approval_item, as_approval, tenant_status, vote_item
from sfn_cqrs.adapters.batch_reads import batch_get
from sfn_cqrs.adapters.dynamodb import (
    Item,
    cancellation_codes,
    is_refused,
    marshal,
    refused_item,
    unmarshal,
)
from sfn_cqrs.adapters.open_index import Cursor, OpenIndex, shard_of
from sfn_cqrs.adapters.paging import Page, Range, page_of, query_page
from sfn_cqrs.adapters.request_table import RequestTable
from sfn_cqrs.adapters.transient import is_busy
from sfn_cqrs.domain.approval import Approval, Happened, Stage, Status, Vote
from sfn_cqrs.domain.approval_programs import Written
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.keys import APPROVAL_PREFIX, ApprovalKey, approvals_partition_key
from sfn_cqrs.domain.publication import Refusal
from sfn_cqrs.domain.request import Request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_SHARDS = 4
_MINE = "attempt = :attempt AND stage IN (:created, :waiting)"
_UNDECIDED = "#status = :open"
_KNOWN = {
    ":open": str(Status.OPEN),
    ":created": str(Stage.CREATED),
    ":waiting": str(Stage.WAITING),
    ":failed": str(Stage.FAILED),
}
_SPELT = {f"#{name}": name for name in ("error", "round", "status")}


def open_shard(key: ApprovalKey) -> int:
    """The partition of the index of open approvals that this one is listed in."""
    return shard_of(key.pk, key.sk, OPEN_SHARDS)


class ApprovalTable:
    """The approvals."""

    def __init__(
        self, client: "DynamoDBClient", table: str, *, requests: RequestTable, now: Now
    ) -> None:
        """Speak to the approvals table, and to the one of requests."""
        self._client = client
        self._table = table
        self._requests = requests
        self._now = now
        self._open = OpenIndex(client, table, "approvals")

    def create(self, approval: Approval, request: Request | None = None) -> Refusal | None:
        """Store a new approval; answers why it was refused, if it was."""
        item = approval_item(approval, open_shard(approval.key))
        parts: list[Any] = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": marshal(item),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
        ]
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

    def find(self, key: ApprovalKey) -> Approval | None:
        """One approval; None if there is none."""
        item = self._client.get_item(
            TableName=self._table,
            Key=marshal({"pk": key.pk, "sk": key.sk}),
            ConsistentRead=True,
        ).get("Item")
        return None if item is None else as_approval(unmarshal(item))

    def page(self, tenant: str, limit: int, cursor: str | None) -> Page[Approval]:
        """A page of a tenant's approvals, the newest first.

        Raises:
            InvalidInputError: the limit or the cursor is none of this list's.
        """
        page = query_page(self._client, self._table, _range(tenant, limit, cursor))
        return Page([as_approval(item) for item in page.items], page.next_cursor)

    def page_of_status(
        self, tenant: str, status: Status, limit: int, cursor: str | None
    ) -> Page[Approval]:
        """A page of those with a status, the newest first.

        The index is eventually consistent; each one is read again, and left out if it has
        another status by now.

        Raises:
            InvalidInputError: the limit or the cursor is none of this list's.
        """
        wanted = _range(tenant, limit, cursor)
        index, sk = tenant_status(tenant, status), wanted.start_sk()
        last = marshal({"pk": wanted.pk, "sk": sk, "tenant_status": index})
        start: dict[str, Any] = {"ExclusiveStartKey": last} if sk else {}
        answer = self._client.query(
            TableName=self._table,
            IndexName="status",
            KeyConditionExpression="tenant_status = :status",
            ExpressionAttributeValues=marshal({":status": index}),
            ScanIndexForward=False,
            Limit=limit + 1,
            **start,
        )
        listed = page_of([unmarshal(keys) for keys in answer["Items"]], wanted)
        keys = {(wanted.pk, item["sk"]) for item in listed.items}
        found = map(unmarshal, batch_get(self._client, self._table, keys).values())
        approvals = sorted(map(as_approval, found), key=lambda one: one.key.sk, reverse=True)
        return Page([one for one in approvals if one.status is status], listed.next_cursor)

    def open_round(
        self,
        key: ApprovalKey,
        attempt: int,
        seen: int,
        *,
        remind_at: str | None,
        due_at: str,
        is_reminder: bool,
    ) -> Written:
        """Note that the machine is about to wait, and whether somebody is to be reminded."""
        next_at = ", remind_at = :remind" if remind_at is not None else ""
        gone = "" if remind_at is not None else " REMOVE remind_at"
        return self._write(
            key,
            f"SET stage = :waiting, happened = :happened, #round = :next, opened_at = :due{next_at}"
            f", updated_at = :now{gone} ADD reminders :one",
            f"{_MINE} AND {_UNDECIDED} AND #round = :seen",
            {
                ":attempt": attempt,
                ":happened": str(Happened.REMINDED if is_reminder else Happened.WAITING),
                ":seen": seen,
                ":next": seen + 1,
                ":due": due_at,
                ":remind": remind_at,
                ":one": int(is_reminder),
            },
        )

    def park(self, key: ApprovalKey, attempt: int, token: str, seq: int) -> Written:
        """Store a task token, unless a newer one is stored."""
        return self._write(
            key,
            "SET task_token = :token, token_seq = :seq, happened = :happened, updated_at = :now",
            f"{_MINE} AND (attribute_not_exists(token_seq) OR token_seq < :seq)",
            {
                ":attempt": attempt,
                ":token": token,
                ":seq": seq,
                ":happened": str(Happened.WAITING),
            },
        )

    def vote(self, key: ApprovalKey, vote: Vote, seen: int, status: Status) -> Written:
        """Add a vote on top of those that were seen, and the decision if it makes one."""
        values = {
            ":vote": [vote_item(vote)],
            ":seen": seen,
            ":next": seen + 1,
            ":at": vote.at,
            ":happened": str(Happened.APPROVED),
        }
        sets = "votes = list_append(votes, :vote), vote_count = :next"
        sets += ", happened = :happened, updated_at = :now"
        if status is not Status.OPEN:
            sets += f", {_decided()}"
            values |= _decision(key, status)
        condition = f"{_UNDECIDED} AND vote_count = :seen AND expires_at > :at"
        return self._write(key, f"SET {sets}", condition, values)

    def expire(self, key: ApprovalKey, now: str) -> Written:
        """Decide that nobody has decided in time."""
        return self._write(
            key,
            f"SET {_decided()}, happened = :happened, updated_at = :now",
            f"{_UNDECIDED} AND expires_at <= :at",
            {":at": now, **_decision(key, Status.EXPIRED)},
        )

    def close(
        self,
        key: ApprovalKey,
        attempt: int,
        stage: Stage,
        error: str | None = None,
        cause: str | None = None,
    ) -> Written:
        """Write how an attempt ended, and leave the index of open approvals."""
        sets = "stage = :stage, happened = :happened, updated_at = :now"
        removes = "task_token, token_seq, open_shard"
        if error is None:
            removes += ", #error, cause"
        else:
            sets += ", #error = :error, cause = :cause"
        return self._write(
            key,
            f"SET {sets} REMOVE {removes}",
            _MINE,
            {
                ":attempt": attempt,
                ":stage": str(stage),
                ":happened": str(Happened(stage)),
                ":error": error,
                ":cause": cause or "",
            },
        )

    def restart(self, key: ApprovalKey, attempt: int) -> Written:
        """Open the next attempt after an execution that died."""
        return self._restart(key, attempt, "restarts = restarts + :one", _MINE)

    def retry(self, key: ApprovalKey, attempt: int) -> Written:
        """Open the next attempt of what has failed."""
        condition = "attempt = :attempt AND stage = :failed"
        return self._restart(key, attempt, "restarts = :none", condition)

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Approval], Cursor | None]:
        """Those in one shard to which something was due before a moment; from a cursor on."""
        items, more = self._open.opened(shard, cursor, before, limit)
        return [as_approval(item) for item in items], more

    def cursors(self) -> dict[str, Cursor]:
        """Where the next sweep goes on in each shard, by the shard's number."""
        return self._open.cursors()

    def keep_cursors(self, cursors: dict[str, Cursor]) -> None:
        """Remember how far this sweep came."""
        self._open.keep_cursors(cursors)

    def _restart(self, key: ApprovalKey, attempt: int, restarts: str, condition: str) -> Written:
        return self._write(
            key,
            f"SET stage = :created, happened = :happened, attempt = :next, {restarts},"
            " opened_at = :now, open_shard = :shard, updated_at = :now"
            " REMOVE task_token, token_seq, #error, cause",
            condition,
            {
                ":attempt": attempt,
                ":next": attempt + 1,
                ":happened": str(Happened.RESTARTED),
                ":shard": open_shard(key),
                ":one": 1,
                ":none": 0,
            },
        )

    def _write(
        self, key: ApprovalKey, update: str, condition: str, values: dict[str, Any]
    ) -> Written:
        text = f"{update} {condition}"
        words = set(text.replace(",", " ").replace("(", " ").replace(")", " ").split())
        given = {**_KNOWN, **values, ":now": iso(self._now())}
        spelt = {name: real for name, real in _SPELT.items() if name in text}
        names: dict[str, Any] = {"ExpressionAttributeNames": spelt} if spelt else {}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=marshal({"pk": key.pk, "sk": key.sk}),
                UpdateExpression=update,
                ConditionExpression=condition,
                **names,
                ExpressionAttributeValues=marshal(
                    {name: value for name, value in given.items() if name in words}
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            found = refused_item(error)
            return Written(done=False, approval=as_approval(found) if found else None)
        return Written(done=True, approval=as_approval(unmarshal(answer["Attributes"])))


def _range(tenant: str, limit: int, cursor: str | None) -> Range:
    pk = approvals_partition_key(tenant)
    return Range(pk, APPROVAL_PREFIX, limit, cursor, is_descending=True)


def _decided() -> str:
    return "#status = :status, tenant_status = :index, opened_at = :at"


def _decision(key: ApprovalKey, status: Status) -> Item:
    return {
        ":status": str(status),
        ":index": tenant_status(key.tenant, status),
        ":happened": str(Happened(status)),
    }
