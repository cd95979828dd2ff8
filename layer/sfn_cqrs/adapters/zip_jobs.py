"""The ZIP jobs of the import table: every change is one conditional write.

The attempt owns the job: only the current one ends it, together with the files that it ends.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.batch_reads import batch_get
from sfn_cqrs.adapters.dynamodb import (
    Item,
    cancellation_codes,
    is_refused,
    marshal,
    unmarshal,
)
from sfn_cqrs.adapters.import_items import as_job
from sfn_cqrs.adapters.open_index import Cursor, OpenIndex, shard_of
from sfn_cqrs.adapters.paging import Page, Range, query, query_page
from sfn_cqrs.adapters.zip_items import (
    as_file,
    as_zip,
    ending_item,
    file_item,
    problem_item,
    source_item,
    zip_item,
)
from sfn_cqrs.domain.clock import Now, iso
from sfn_cqrs.domain.csv_rows import Problem
from sfn_cqrs.domain.errors import BusyError, SupersededError
from sfn_cqrs.domain.import_job import Ending, Job, Source
from sfn_cqrs.domain.keys import FILE_PREFIX, HOOK_PREFIX, JOB_PREFIX, ZipKey
from sfn_cqrs.domain.zip_job import ArchivedFile, FileStatus, ZipJob

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_SHARDS = 2
FIRST_SHARD = 100
"""The index is the table's, and its first shards list CSV jobs."""
PER_TRANSACTION = 100
PAGE_SIZE = 1_000
_NEVER_STORED = "attribute_not_exists(pk)"
_OPEN = "#status IN (:created, :processing)"
_MINE = f"attempt = :attempt AND {_OPEN}"
_FILE_OPEN = "#status IN (:created, :extracted, :processing)"
_STATUSES = {f":{status.lower()}": str(status) for status in FileStatus}
_SPELT = {f"#{name}": name for name in ("status", "files", "source")}


class ZipJobs:
    """The ZIP jobs of all tenants, and their files."""

    def __init__(self, client: "DynamoDBClient", table: str, now: Now) -> None:
        """Speak to one table."""
        self._client = client
        self._table = table
        self._now = now
        self._open = OpenIndex(client, table, "zips")

    def create(self, job: ZipJob) -> bool:
        """Store a new job; False if its key is taken."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=marshal(zip_item(job, open_shard(job.key))),
                ConditionExpression=_NEVER_STORED,
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            return False
        return True

    def find(self, key: ZipKey) -> ZipJob | None:
        """One job; None if there is none."""
        item = self._get(key.pk, key.sk)
        return None if item is None else as_zip(item)

    def page(self, tenant: str, limit: int, cursor: str | None) -> Page[ZipJob]:
        """A page of a tenant's jobs, the newest first.

        Raises:
            InvalidInputError: the limit or the cursor is none of this list's.
        """
        wanted = Range(ZipKey(tenant, "").pk, JOB_PREFIX, limit, cursor, is_descending=True)
        page = query_page(self._client, self._table, wanted)
        return Page([as_zip(item) for item in page.items], page.next_cursor)

    def begin(self, key: ZipKey, attempt: int) -> ZipJob | None:
        """Say that an attempt works on the job; None if it does not own it."""
        update = "SET #status = :processing, started_at = if_not_exists(started_at, :now)"
        return self._write(key, update, _MINE, {":attempt": attempt})

    def put_files(self, key: ZipKey, files: Sequence[ArchivedFile]) -> None:
        """Store the files that are not stored yet.

        They are put in the same groups whoever puts them: if one is there, its group is.
        """
        for start in range(0, len(files), PER_TRANSACTION):
            group = files[start : start + PER_TRANSACTION]
            puts: Any = [self._put(file_item(key, file)) for file in group]
            try:
                self._client.transact_write_items(TransactItems=puts)
            except ClientError as error:
                if "ConditionalCheckFailed" not in cancellation_codes(error):
                    raise

    def listed(self, key: ZipKey, files: int) -> ZipJob | None:
        """Say that every file is stored; None if the job has ended."""
        return self._write(key, "SET #files = :files", _OPEN, {":files": files})

    def unreadable(self, key: ZipKey, problem: Problem) -> ZipJob | None:
        """Say why the archive has no files that can be imported; None if the job has ended."""
        update = "SET #files = :files, problem = :problem"
        return self._write(key, update, _OPEN, {":files": 0, ":problem": problem_item(problem)})

    def files(self, key: ZipKey) -> list[ArchivedFile]:
        """All files of a job by their index."""
        wanted = Range(key.parts_pk, FILE_PREFIX)
        return [as_file(item) for item in query(self._client, self._table, wanted, PAGE_SIZE)]

    def children(self, key: ZipKey, indexes: Iterable[int]) -> dict[int, Job]:
        """The imports of files that there are, by the files' indexes."""
        keys = {index: key.child(index) for index in indexes}
        found = batch_get(
            self._client, self._table, ((child.pk, child.sk) for child in keys.values())
        )
        return {
            index: as_job(unmarshal(found[child.pk, child.sk]))
            for index, child in keys.items()
            if (child.pk, child.sk) in found
        }

    def file(self, key: ZipKey, index: int) -> ArchivedFile | None:
        """One file; None if there is none."""
        item = self._get(key.parts_pk, key.file_sk(index))
        return None if item is None else as_file(item)

    def extracted(self, key: ZipKey, index: int, source: Source) -> ArchivedFile | None:
        """Keep where a file was extracted to, once; None if it was already, or has ended."""
        update = "SET #status = :extracted, #source = :source"
        values = {":source": source_item(source)}
        return self._write_file(key, index, update, "#status = :created", values)

    def refused(self, key: ZipKey, index: int, problem: Problem) -> ArchivedFile | None:
        """Say why a file cannot be extracted; None if it was, or has ended."""
        update = "SET #status = :failed, problem = :problem"
        values = {":problem": problem_item(problem)}
        return self._write_file(key, index, update, "#status = :created", values)

    def processing(self, key: ZipKey, index: int) -> ArchivedFile | None:
        """Say that a file's child job is being made; None if the file has ended."""
        condition = "#status IN (:extracted, :processing)"
        update = "SET #status = :processing, begun = :yes"
        return self._write_file(key, index, update, condition, {":yes": True})

    def end_files(self, key: ZipKey, attempt: int, files: Iterable[ArchivedFile]) -> None:
        """Write how files ended, while the attempt owns the job.

        Raises:
            SupersededError: it does not any more.
            BusyError: somebody else has just written one of the files.
        """
        ended = list(files)
        for start in range(0, len(ended), PER_TRANSACTION - 1):
            group = ended[start : start + PER_TRANSACTION - 1]
            parts: Any = [self._check(key, attempt), *(self._end(key, file) for file in group)]
            try:
                self._client.transact_write_items(TransactItems=parts)
            except ClientError as error:
                codes = cancellation_codes(error)
                if codes[:1] == ["ConditionalCheckFailed"]:
                    raise SupersededError(f"attempt {attempt} no longer owns the job") from error
                if "ConditionalCheckFailed" in codes:
                    raise BusyError("somebody else writes the files of this job") from error
                raise

    def end(self, key: ZipKey, attempt: int, ending: Ending) -> ZipJob | None:
        """End a job; None if the attempt does not own it. It stays in the index of open ones."""
        update = "SET #status = :status, ending = :ending, finished_at = :now"
        values: Item = {":attempt": attempt, ":status": str(ending.status)}
        values[":ending"] = ending_item(ending)
        return self._write(key, update, _MINE, values)

    def hook_ran(self, key: ZipKey, name: str, error: str) -> None:
        """Keep how a finalization hook went: an empty text, or its error; the first stays."""
        item = {"pk": key.parts_pk, "sk": f"{HOOK_PREFIX}{name}", "name": name, "error": error}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=marshal({**item, "kind": "hook"}),
                ConditionExpression=_NEVER_STORED,
            )
        except ClientError as error_:
            if not is_refused(error_):
                raise

    def hooks(self, key: ZipKey) -> dict[str, str]:
        """How the hooks that have run went, by their names."""
        found = query(self._client, self._table, Range(key.parts_pk, HOOK_PREFIX), PAGE_SIZE)
        return {item["name"]: item["error"] for item in found}

    def leave(self, key: ZipKey, hooks: dict[str, str]) -> ZipJob | None:
        """Say that nothing is left to do, of which the world is told; None if that is known."""
        update = "SET hooks = :hooks, settled = :yes REMOVE open_shard"
        condition = f"attribute_exists(open_shard) AND NOT ({_OPEN})"
        return self._write(key, update, condition, {":hooks": hooks, ":yes": "yes"})

    def cancel(self, key: ZipKey) -> ZipJob | None:
        """Have no further file begun; None if the job has ended."""
        return self._write(key, "SET is_cancelled = :yes", _OPEN, {":yes": True})

    def retried_by(self, key: ZipKey, id_: str) -> str | None:
        """Note which job imports the failed files again; answers the first that was noted.

        None if there is nothing to retry: the job is open, or has gone well.
        """
        update = "SET retried_by = if_not_exists(retried_by, :id)"
        noted = self._write(key, update, "#status IN (:failed, :cancelled)", {":id": id_})
        return None if noted is None else noted.retried_by

    def go_on(self, key: ZipKey, attempt: int) -> ZipJob | None:
        """Open the next attempt of a job that has work left; None if somebody else did."""
        return self._write(
            key,
            "SET attempt = :next, opened_at = :now",
            "attempt = :attempt AND attribute_exists(open_shard)",
            {":attempt": attempt, ":next": attempt + 1},
        )

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[ZipJob], Cursor | None]:
        """The oldest jobs in one shard of the index, opened before a moment; from a cursor on."""
        items, more = self._open.opened(FIRST_SHARD + shard, cursor, before, limit)
        return [as_zip(item) for item in items], more

    def cursors(self) -> dict[str, Cursor]:
        """Where the next sweep goes on in each shard, by the shard's number."""
        return self._open.cursors()

    def keep_cursors(self, cursors: dict[str, Cursor]) -> None:
        """Remember how far this sweep came."""
        self._open.keep_cursors(cursors)

    def _put(self, item: Item) -> Any:
        return {
            "Put": {
                "TableName": self._table,
                "Item": marshal(item),
                "ConditionExpression": _NEVER_STORED,
            }
        }

    def _check(self, key: ZipKey, attempt: int) -> Any:
        return {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": marshal({"pk": key.pk, "sk": key.sk}),
                "ConditionExpression": _MINE,
                "ExpressionAttributeNames": _names(_MINE),
                "ExpressionAttributeValues": _values(_MINE, {":attempt": attempt}),
            }
        }

    def _end(self, key: ZipKey, file: ArchivedFile) -> Any:
        update = "SET #status = :status, ending = :ending"
        values = {":status": str(file.status), ":ending": ending_item(file.ending)}
        return {
            "Update": {
                "TableName": self._table,
                "Key": marshal({"pk": key.parts_pk, "sk": key.file_sk(file.index)}),
                "UpdateExpression": update,
                "ConditionExpression": _FILE_OPEN,
                "ExpressionAttributeNames": _names(update),
                "ExpressionAttributeValues": _values(_FILE_OPEN, values),
            }
        }

    def _get(self, pk: str, sk: str) -> Item | None:
        item = self._client.get_item(
            TableName=self._table, Key=marshal({"pk": pk, "sk": sk}), ConsistentRead=True
        ).get("Item")
        return None if item is None else unmarshal(item)

    def _write(self, key: ZipKey, update: str, condition: str, values: Item) -> ZipJob | None:
        item = self._updated(key.pk, key.sk, update, condition, values)
        return None if item is None else as_zip(item)

    def _write_file(
        self, key: ZipKey, index: int, update: str, condition: str, values: Item
    ) -> ArchivedFile | None:
        item = self._updated(key.parts_pk, key.file_sk(index), update, condition, values)
        return None if item is None else as_file(item)

    def _updated(self, pk: str, sk: str, update: str, condition: str, values: Item) -> Item | None:
        text = f"{update} {condition}"
        if ":now" in text:
            values = {**values, ":now": iso(self._now())}
        names = _names(text)
        more: Any = {"ExpressionAttributeNames": names} if names else {}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=marshal({"pk": pk, "sk": sk}),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=_values(text, values),
                ReturnValues="ALL_NEW",
                **more,
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            return None
        return unmarshal(answer["Attributes"])


def open_shard(key: ZipKey) -> int:
    """The partition of the index of open jobs that this one is listed in."""
    return FIRST_SHARD + shard_of(key.pk, key.sk, OPEN_SHARDS)


def _names(text: str) -> dict[str, str]:
    return {spelt: name for spelt, name in _SPELT.items() if spelt in text}


def _values(text: str, values: Item) -> Item:
    known = {spelt: value for spelt, value in _STATUSES.items() if spelt in text}
    return marshal({**known, **values})
