"""The jobs of the import table: every change is one conditional write."""

import hashlib
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.dynamodb import Item, is_refused, marshal, unmarshal
from sfn_cqrs.adapters.paging import Page, Range, query_page
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.import_job import (
    Ending,
    Job,
    JobStatus,
    Loaded,
    Reader,
    Source,
)
from sfn_cqrs.domain.imports import Counts, PublishMode
from sfn_cqrs.domain.keys import JOB_PREFIX, ImportKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_SHARDS = 4
_OPEN = "#status IN (:created, :processing)"
_OPEN_VALUES = {":created": "CREATED", ":processing": "PROCESSING"}


class ImportJobs:
    """The jobs of all tenants."""

    def __init__(self, client: "DynamoDBClient", table: str, now: Now) -> None:
        """Speak to one table."""
        self._client = client
        self._table = table
        self._now = now

    def create(self, job: Job) -> bool:
        """Store a new job; False if its key is taken."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=marshal(_job_item(job)),
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

    def page(self, tenant: str, limit: int, cursor: str | None) -> Page[Job]:
        """A page of a tenant's jobs, the newest first.

        Raises:
            InvalidInputError: the limit or the cursor is none of this list's.
        """
        wanted = Range(ImportKey(tenant, "").pk, JOB_PREFIX, limit, cursor, is_descending=True)
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
        """Keep what the loader found; None if the job has ended."""
        return self._write(key, "SET loaded = :loaded", {":loaded": _loaded_item(loaded)})

    def cancel(self, key: ImportKey) -> Job | None:
        """Have no further batch begun; None if the job has ended."""
        return self._write(key, "SET is_cancelled = :yes", {":yes": True})

    def end(self, key: ImportKey, ending: Ending) -> Job:
        """End a job once; answers it as it has ended, whoever ended it."""
        ended = self._write(
            key,
            "SET #status = :status, ending = :ending, finished_at = :now REMOVE open_shard",
            {":status": str(ending.status), ":ending": _ending_item(ending)},
        )
        if ended is not None:
            return ended
        found = self.find(key)
        if found is None:
            raise KeyError(key.id)
        return found

    def _write(self, key: ImportKey, update: str, values: dict[str, Any]) -> Job | None:
        values = {**_OPEN_VALUES, **values}
        if ":now" in update:
            values[":now"] = iso(self._now())
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=marshal({"pk": key.pk, "sk": key.sk}),
                UpdateExpression=update,
                ConditionExpression=_OPEN,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=marshal(values),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            return None
        return as_job(unmarshal(answer["Attributes"]))


def open_shard(key: ImportKey) -> int:
    """The partition of the index of open jobs that this one is listed in."""
    return hashlib.sha256(key.parts_pk.encode()).digest()[0] % OPEN_SHARDS


def as_job(item: Item) -> Job:
    """Read a job."""
    loaded, ending = item.get("loaded"), item.get("ending")
    return Job(
        key=ImportKey(item["tenant"], item["ulid"]),
        table=item["table"],
        source=Source(**item["source"]),
        by=Audit(item["created_at"], item.get("created_by", ""), item.get("created_ip", "")),
        encoding=item.get("encoding"),
        delimiter=item.get("delimiter"),
        publish_mode=PublishMode(item["publish_mode"]),
        dry_run=item["dry_run"],
        status=JobStatus(item["status"]),
        started_at=item.get("started_at", ""),
        finished_at=item.get("finished_at", ""),
        is_cancelled=item.get("is_cancelled", False),
        loaded=_as_loaded(loaded) if loaded else None,
        ending=_as_ending(ending) if ending else None,
    )


def _job_item(job: Job) -> Item:
    return {
        "pk": job.key.pk,
        "sk": job.key.sk,
        "kind": "job",
        "tenant": job.key.tenant,
        "ulid": job.key.ulid,
        "id": job.key.id,
        "table": job.table,
        "source": _source_item(job.source),
        "encoding": job.encoding,
        "delimiter": job.delimiter,
        "publish_mode": str(job.publish_mode),
        "dry_run": job.dry_run,
        "status": str(job.status),
        "created_at": job.by.at,
        "created_by": job.by.by or None,
        "created_ip": job.by.ip or None,
        "opened_at": job.by.at,
        "open_shard": open_shard(job.key),
    }


def _source_item(source: Source) -> Item:
    return {"bucket": source.bucket, "key": source.key, "version_id": source.version_id}


def _loaded_item(loaded: Loaded) -> Item:
    return {
        "rows": loaded.rows,
        "header": list(loaded.header),
        "columns": list(loaded.columns),
        "reader": str(loaded.reader),
        "source": _source_item(loaded.source),
    }


def _as_loaded(item: Item) -> Loaded:
    return Loaded(
        item["rows"],
        tuple(item["header"]),
        tuple(item["columns"]),
        Reader(item["reader"]),
        Source(**item["source"]),
    )


def _ending_item(ending: Ending) -> Item:
    counts = ending.counts
    item: Item = {
        "status": str(ending.status),
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
        "cancelled": ending.cancelled,
    }
    if ending.problem is not None:
        item["problem"] = [ending.problem.code, ending.problem.reason]
    return item


def _as_ending(item: Item) -> Ending:
    counts = Counts(item["created"], item["updated"], item["unchanged"], item["failed"])
    problem = item.get("problem")
    return Ending(
        JobStatus(item["status"]), counts, item["cancelled"], Problem(*problem) if problem else None
    )
