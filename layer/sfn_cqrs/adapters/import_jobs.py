"""The jobs of the import table: every change is one conditional write."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.dynamodb import is_refused, marshal, unmarshal
from sfn_cqrs.adapters.import_items import (
    OPEN_SHARDS,
    as_job,
    ending_item,
    job_item,
    loaded_item,
    open_shard,
    parent_item,
)
from sfn_cqrs.adapters.open_index import Cursor, OpenIndex
from sfn_cqrs.adapters.paging import Page, Range, query_page
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.import_job import Ending, Job, Loaded, Parent, ProcessingMode
from sfn_cqrs.domain.keys import JOB_PREFIX, ImportKey, ImportKind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["OPEN_SHARDS", "ImportJobs", "open_shard"]

_OPEN = "#status IN (:created, :processing)"
_SPELT = ("mode", "parent", "status", "token")
_OPEN_VALUES = {":created": "CREATED", ":processing": "PROCESSING"}


class ImportJobs:
    """The jobs of all tenants."""

    def __init__(self, client: "DynamoDBClient", table: str, now: Now) -> None:
        """Speak to one table."""
        self._client = client
        self._table = table
        self._now = now
        self._open = OpenIndex(client, table, "imports")

    def create(self, job: Job) -> bool:
        """Store a new job; False if its key is taken."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=marshal(job_item(job)),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            return False
        return True

    def find(self, key: ImportKey) -> Job | None:
        """A job, read consistently."""
        item = self._client.get_item(
            TableName=self._table,
            Key=marshal({"pk": key.pk, "sk": key.sk}),
            ConsistentRead=True,
        ).get("Item")
        return as_job(unmarshal(item)) if item else None

    def page(
        self, tenant: str, limit: int, cursor: str | None, kind: ImportKind = ImportKind.CSV
    ) -> Page[Job]:
        """A page of a tenant's jobs of one kind, the newest first.

        Raises:
            InvalidInputError: the limit or the cursor is none of this list's.
        """
        pk = ImportKey(tenant, "", kind).pk
        wanted = Range(pk, JOB_PREFIX, limit, cursor, is_descending=True)
        page = query_page(self._client, self._table, wanted)
        return Page([as_job(item) for item in page.items], page.next_cursor)

    def begin(self, key: ImportKey) -> Job | None:
        """Say that a job is being worked on; None if it has ended."""
        return self._write(
            key,
            "SET #status = :processing, started_at = if_not_exists(started_at, :now)",
            {},
        )

    def loaded(self, key: ImportKey, loaded: Loaded) -> Job | None:
        """Keep what the loader found, of which the world is told; None if the job has ended."""
        update = "SET loaded = :loaded, step = if_not_exists(step, :none)"
        return self._write(key, update, {":loaded": loaded_item(loaded), ":none": 0})

    def refuse(self, key: ImportKey, problem: Problem) -> Job | None:
        """Keep why a file cannot be imported; None if the job has ended."""
        refusal = {":problem": [problem.code, problem.reason]}
        return self._write(key, "SET refusal = :problem", refusal)

    def advance(self, key: ImportKey, step: int) -> Job | None:
        """Say how far a job is, of which the world is told; None if that is known, or it ended."""
        return self._write(key, "SET step = :step", {":step": step}, "step < :step")

    def cancel(self, key: ImportKey) -> Job | None:
        """Have no further batch begun; None if the job has ended."""
        return self._write(key, "SET is_cancelled = :yes", {":yes": True})

    def hand_over(self, key: ImportKey) -> Job | None:
        """Leave the rows that are left to the machine; None if the job has ended."""
        values = {":machine": str(ProcessingMode.STEP_FUNCTION)}
        return self._write(key, "SET #status = :created, #mode = :machine", values)

    def retried_by(self, key: ImportKey, id_: str) -> str:
        """Note which job goes through the failed rows again; answers the first that was noted."""
        noted = self._update(
            key,
            "SET retried_by = if_not_exists(retried_by, :id)",
            "#status IN (:failed, :cancelled)",
            {":id": id_, ":failed": "FAILED", ":cancelled": "CANCELLED"},
        )
        if noted is None or noted.retried_by is None:
            raise KeyError(key.id)
        return noted.retried_by

    def wait(self, key: ImportKey, parent: Parent) -> Job | None:
        """Note who waits for a job, open or not, until that is answered.

        None if a later try has noted its own token, or there is no such job.
        """
        return self._update(
            key,
            "SET #parent = :parent, open_shard = :shard",
            "attribute_exists(pk) AND #parent.seq <= :seq",
            {":parent": parent_item(parent), ":shard": open_shard(key), ":seq": parent.seq},
        )

    def answered(self, key: ImportKey, token: str) -> Job | None:
        """Note that who waited with a token was answered; None if another one waits now."""
        return self._update(
            key, "REMOVE #parent.#token, open_shard", "#parent.#token = :token", {":token": token}
        )

    def end(self, key: ImportKey, ending: Ending, *, is_awaited: bool = False) -> Job:
        """End a job once; answers it as it has ended, whoever ended it.

        One that somebody waits for stays in the index of open jobs until that is answered.
        """
        ended = self._write(
            key,
            "SET #status = :status, ending = :ending, finished_at = :now"
            + ("" if is_awaited else " REMOVE open_shard"),
            {":status": str(ending.status), ":ending": ending_item(ending)},
        )
        if ended is not None:
            return ended
        found = self.find(key)
        if found is None:
            raise KeyError(key.id)
        return found

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Job], Cursor | None]:
        """The oldest jobs in one shard of the index, opened before a moment; from a cursor on."""
        items, more = self._open.opened(shard, cursor, before, limit)
        return [as_job(item) for item in items if item["kind"] == "job"], more

    def cursors(self) -> dict[str, Cursor]:
        """Where the next sweep goes on in each shard, by the shard's number."""
        return self._open.cursors()

    def keep_cursors(self, cursors: dict[str, Cursor]) -> None:
        """Remember how far this sweep came."""
        self._open.keep_cursors(cursors)

    def _write(
        self, key: ImportKey, update: str, values: dict[str, Any], also: str = ""
    ) -> Job | None:
        condition = f"{_OPEN} AND {also}" if also else _OPEN
        return self._update(key, update, condition, {**_OPEN_VALUES, **values})

    def _update(
        self, key: ImportKey, update: str, condition: str, values: dict[str, Any]
    ) -> Job | None:
        if ":now" in update:
            values[":now"] = iso(self._now())
        text = f"{update} {condition}"
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=marshal({"pk": key.pk, "sk": key.sk}),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={
                    f"#{name}": name for name in _SPELT if f"#{name}" in text
                },
                ExpressionAttributeValues=marshal(values),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            return None
        return as_job(unmarshal(answer["Attributes"]))
