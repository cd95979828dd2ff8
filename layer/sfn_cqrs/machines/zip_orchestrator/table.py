"""The ZIP jobs of the import table: jobs are records, their files change by conditional writes.

The attempt owns the job: only the current one ends it, together with the files that it ends.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.errors import BusyError, SupersededError
from sfn_cqrs.kernel.keys import FILE_PREFIX, HOOK_PREFIX, ZipKey
from sfn_cqrs.kernel.tables.conditional import put_new, try_update
from sfn_cqrs.kernel.tables.dynamodb import Item, batch_get, cancellation_codes, marshal, unmarshal
from sfn_cqrs.kernel.tables.paging import Range, query
from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.items import ENDING, IMPORTS, PROBLEM, SOURCE
from sfn_cqrs.machines.import_csv.job import Job, Source
from sfn_cqrs.machines.zip_orchestrator.items import as_file, file_item
from sfn_cqrs.machines.zip_orchestrator.job import ArchivedFile, FileStatus, ZipJob

PER_TRANSACTION = 100
PAGE_SIZE = 1_000
_MINE = "attempt = :attempt AND #status IN (:created, :processing)"
_FILE_OPEN = "#status IN (:created, :extracted, :processing)"
_STATUSES = {f":{status.lower()}": str(status) for status in FileStatus}
_SPELT = {f"#{name}": name for name in ("status", "source")}


class ZipJobs(Records[ZipJob]):
    """The ZIP jobs of all tenants, and their files."""

    def put_files(self, key: ZipKey, files: Sequence[ArchivedFile]) -> None:
        """Store the files that are not stored yet."""
        for start in range(0, len(files), PER_TRANSACTION):
            group = files[start : start + PER_TRANSACTION]
            self._put_group(file_item(key, file) for file in group)

    def files(self, key: ZipKey) -> list[ArchivedFile]:
        """Return all files of a job by their index."""
        wanted = Range([key.parts_pk], FILE_PREFIX)
        return [as_file(item) for item in query(self._client, self._table, wanted, PAGE_SIZE)]

    def children(self, key: ZipKey, indexes: Iterable[int]) -> dict[int, Job]:
        """Return the existing imports of files, by the files' indexes."""
        keys = {index: key.child(index) for index in indexes}
        found = batch_get(
            self._client, self._table, ((child.pk, child.sk) for child in keys.values())
        )
        return {
            index: IMPORTS.record(unmarshal(found[child.pk, child.sk]))
            for index, child in keys.items()
            if (child.pk, child.sk) in found
        }

    def file(self, key: ZipKey, index: int) -> ArchivedFile | None:
        """Return one file, or None if there is no such file."""
        item = self._get(key.parts_pk, key.file_sk(index))
        return None if item is None else as_file(unmarshal(item))

    def extracted(self, key: ZipKey, index: int, source: Source) -> ArchivedFile | None:
        """Store where a file was extracted to; return None if known, or if the file has ended."""
        update = "SET #status = :extracted, #source = :source"
        values = {":source": SOURCE.part(source)}
        return self._write_file(key, index, update, "#status = :created", values)

    def refused(self, key: ZipKey, index: int, problem: Problem) -> ArchivedFile | None:
        """Store why a file cannot be extracted; return None if it was extracted or has ended."""
        update = "SET #status = :failed, problem = :problem"
        values = {":problem": PROBLEM[0](problem)}
        return self._write_file(key, index, update, "#status = :created", values)

    def processing(self, key: ZipKey, index: int) -> ArchivedFile | None:
        """Store that a file's child job is being made; return None if the file has ended."""
        condition = "#status IN (:extracted, :processing)"
        update = "SET #status = :processing, begun = :yes"
        return self._write_file(key, index, update, condition, {":yes": True})

    def end_files(self, key: ZipKey, attempt: int, files: Iterable[ArchivedFile]) -> None:
        """Write how files ended, while the attempt owns the job.

        Raises:
            SupersededError: the attempt no longer owns the job.
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

    def hook_ran(self, key: ZipKey, name: str, error: str) -> None:
        """Store a finalization hook's first result: an empty text, or its error."""
        item = {"pk": key.parts_pk, "sk": f"{HOOK_PREFIX}{name}", "name": name, "error": error}
        put_new(self._client, self._table, marshal({**item, "kind": "hook"}))

    def hooks(self, key: ZipKey) -> dict[str, str]:
        """Return the results of the hooks that have run, by name."""
        found = query(self._client, self._table, Range([key.parts_pk], HOOK_PREFIX), PAGE_SIZE)
        return {item["name"]: item["error"] for item in found}

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
        values = {":status": str(file.status), ":ending": ENDING.part(file.ending)}
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

    def _write_file(
        self, key: ZipKey, index: int, update: str, condition: str, values: Item
    ) -> ArchivedFile | None:
        done, item = try_update(
            self._client.update_item,
            TableName=self._table,
            Key=marshal({"pk": key.parts_pk, "sk": key.file_sk(index)}),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames=_names(update),
            ExpressionAttributeValues=_values(f"{update} {condition}", values),
        )
        return as_file(item) if done and item else None


def _names(text: str) -> dict[str, str]:
    return {spelt: name for spelt, name in _SPELT.items() if spelt in text}


def _values(text: str, values: Item) -> Item:
    known = {spelt: value for spelt, value in _STATUSES.items() if spelt in text}
    return marshal({**known, **values})
