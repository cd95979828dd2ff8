from functools import partialmethod
from itertools import count
from typing import Any, TypeVar

from sfn_cqrs.adapters.approval_items import APPROVALS
from sfn_cqrs.adapters.approval_table import ApprovalTable
from sfn_cqrs.adapters.dynamodb import marshal
from sfn_cqrs.adapters.import_items import IMPORTS
from sfn_cqrs.adapters.paging import Range, query
from sfn_cqrs.adapters.records import Kind, Records
from sfn_cqrs.adapters.request_table import RequestTable
from sfn_cqrs.adapters.saga_items import SAGAS
from sfn_cqrs.adapters.task_items import TASKS, as_item, new_item, pointer_item
from sfn_cqrs.adapters.zip_items import ZIPS
from sfn_cqrs.adapters.zip_jobs import ZipJobs
from sfn_cqrs.domain.clock import Now
from sfn_cqrs.domain.keys import TaskKey
from sfn_cqrs.domain.records import Record, RecordKey
from sfn_cqrs.domain.task import Item, Task
from sfn_cqrs_tools.testing.builders import a_task

R = TypeVar("R", bound=Record)
_numbers = count(1)
TABLES = {
    "approvals": "ApprovalsTable",
    "buckets": "RequestsTable",
    "import_budgets": "ImportTmpTable",
    "import_queue": "ImportTmpTable",
    "imports": "ImportTmpTable",
    "problems": "ReadModelsTable",
    "sagas": "SagasTable",
    "segments": "ReadModelsTable",
    "tasks": "TasksTable",
    "views": "ReadModelsTable",
    "zips": "ImportTmpTable",
}
KINDS = {
    "approvals": "approval",
    "buckets": "bucket",
    "import_budgets": "budget",
    "import_queue": "queue",
    "imports": "job",
    "problems": "problem",
    "sagas": "saga",
    "segments": "segment",
    "tasks": "task",
    "views": "generations",
    "zips": "zip",
}
"""What an item of each kind calls itself."""


def is_a(kind: Kind[Any], item: dict[str, Any]) -> bool:
    """Whether an item is a record of a kind."""
    return bool(item["kind"]["S"] == KINDS[kind.name])


def stored_item(item: Item, ttl: int | None = None) -> dict[str, Any]:
    """An item of a task as DynamoDB has it."""
    new = new_item(a_task(item.key), item.index, item.input, item.updated_at)
    changed = {
        "status": str(item.status),
        "attempt": item.attempt,
        "seq": item.seq,
        "lease_until": item.lease_until,
        "result": item.result,
        "error": item.error,
        "cause": item.cause,
        "retries": item.retries,
        "retried_in": item.retried_in,
        "ttl": ttl,
    }
    return marshal(new | changed)


class KeepsRecords:
    """What a world has to do with records; they are the real ones, over whichever client."""

    dynamodb: Any
    requests: RequestTable
    clock: Now

    def records(self, kind: Kind[R], client: Any = None) -> Records[R]:
        return Records(
            client or self.dynamodb,
            TABLES[kind.name],
            kind,
            requests=self.requests,
            now=self.clock,
        )

    def approval_table(self) -> ApprovalTable:
        table = TABLES["approvals"]
        return ApprovalTable(self.dynamodb, table, requests=self.requests, now=self.clock)

    def zip_table(self, client: Any = None) -> ZipJobs:
        table = TABLES["zips"]
        return ZipJobs(client or self.dynamodb, table, requests=self.requests, now=self.clock)

    def seed_tasks(self, *tasks: Task) -> None:
        """Put tasks and the pointers to them in their places, whatever their states."""
        self._seed(TASKS, *tasks)
        for task in tasks:
            item = marshal(pointer_item(task.key))
            self.dynamodb.put_item(TableName=TABLES["tasks"], Item=item)

    def seed_items(self, *items: Item) -> None:
        """Put items of tasks in their places, whatever their states."""
        for item in items:
            self.dynamodb.put_item(TableName=TABLES["tasks"], Item=stored_item(item))

    def stored_items(self, key: TaskKey) -> list[Item]:
        """The items of a task with their inputs."""
        wanted = Range([key.items_pk], f"{key.sk}#")
        return [as_item(item) for item in query(self.dynamodb, TABLES["tasks"], wanted, 1_000)]

    def stored_item(self, key: TaskKey, index: int) -> Item | None:
        """One of them."""
        return next((item for item in self.stored_items(key) if item.index == index), None)

    def _seed(self, kind: Kind[R], *records: R) -> None:
        """Put records in their places, whatever their states."""
        for record in records:
            item = kind.stored(record, f"seeded-{next(_numbers)}", self.clock())
            self.dynamodb.put_item(TableName=TABLES[kind.name], Item=item)

    def _stored(self, kind: Kind[R], key: RecordKey) -> tuple[R | None, bool]:
        """A record, and whether the index lists it."""
        keys = marshal({"pk": key.pk, "sk": key.sk})
        item = self.dynamodb.get_item(TableName=TABLES[kind.name], Key=keys, ConsistentRead=True)
        if "Item" not in item:
            return None, False
        return kind.read(item["Item"]), "open_shard" in item["Item"]

    seed_approvals = partialmethod(_seed, APPROVALS)
    seed_jobs = partialmethod(_seed, IMPORTS)
    seed_sagas = partialmethod(_seed, SAGAS)
    seed_zips = partialmethod(_seed, ZIPS)
    stored_approval = partialmethod(_stored, APPROVALS)
    stored_job = partialmethod(_stored, IMPORTS)
    stored_saga = partialmethod(_stored, SAGAS)
    stored_task = partialmethod(_stored, TASKS)
    stored_zip = partialmethod(_stored, ZIPS)
