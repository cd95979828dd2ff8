"""The two worlds that every contract is held against: the fakes, and DynamoDB by moto."""

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from sfn_cqrs.adapters.attributes_bucket import AttributesBucket
from sfn_cqrs.adapters.command_items import as_process, process_item
from sfn_cqrs.adapters.command_table import CommandTable
from sfn_cqrs.adapters.data_table import DataTable
from sfn_cqrs.adapters.dynamodb import marshal, unmarshal
from sfn_cqrs.adapters.generation_items import VIEWS
from sfn_cqrs.adapters.generation_rows import GenerationRows
from sfn_cqrs.adapters.generations import Generations
from sfn_cqrs.adapters.history_table import HistoryTable
from sfn_cqrs.adapters.import_bucket import ImportBucket
from sfn_cqrs.adapters.import_items import IMPORTS as IMPORT_JOBS
from sfn_cqrs.adapters.import_table import ImportTable
from sfn_cqrs.adapters.process_table import ProcessTable, open_shard
from sfn_cqrs.adapters.read_model import ReadModel
from sfn_cqrs.adapters.request_table import RequestTable
from sfn_cqrs.adapters.saga_items import SAGAS
from sfn_cqrs.adapters.task_table import TaskTable
from sfn_cqrs.adapters.wait_table import WaitTable
from sfn_cqrs.adapters.zip_bucket import ZipBucket
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.domain.process import Process
from sfn_cqrs.domain.read_models import ViewKey
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.testing.fakes import ManualClock, World
from sfn_cqrs_tools.testing.fakes.records import KeepsRecords
from sfn_cqrs_tools.testing.fakes.tables import is_listed

TABLES = (
    "CommandsTable",
    "DataTable",
    "HistoryTable",
    "SagasTable",
    "TasksTable",
    "ApprovalsTable",
    "RequestsTable",
    "ReadModelsTable",
    "ImportTmpTable",
)
BUCKET, IMPORTS = "attributes", "imports"
RECORDS = frozenset(("SagasTable", "TasksTable", "ApprovalsTable", "ImportTmpTable"))
OF_A_RECORD = re.compile("#[0-9A-Z]{26}$|^SWEEP$")
"""The partition of what belongs to one, and is none: it is named after its ULID; or of sweeps."""
StoredProcess = tuple[Process, bool, int | None]


class FakeWorld(World):
    """The fakes, with what the contracts put in and look at behind the adapters' backs."""

    def stored(self, key: ItemKey) -> dict[int, StoredProcess]:
        """An item's processes by version, each with whether the index lists it, and its ttl."""
        listed, processes = self.store.listed, self.store.processes
        return {
            process.version: (process, at in listed, processes.ttl(at))
            for at, process in processes.stored_items()
            if process.key == key
        }

    def object_keys(self) -> list[str]:
        return [key for key, _ in self.store.objects.items()]

    def upload(self, key: str, body: bytes) -> None:
        self.import_bucket.put(key, body)


class MotoWorld(KeepsRecords):
    """The adapters over moto, their tables made as template.yaml has them."""

    def __init__(
        self,
        clients: "Clients",
        *,
        command_ttl: Retention | None = None,
        history_ttl: Retention | None = None,
        task_ttl: Retention | None = None,
    ) -> None:
        dynamodb, command_ttl = clients.dynamodb, command_ttl or Retention()
        self.dynamodb: Any = dynamodb
        self._s3 = clients.s3
        self.clock = ManualClock()
        self.attributes = AttributesBucket(lambda: clients.s3, BUCKET)
        self.processes = ProcessTable(dynamodb, "CommandsTable", self.clock, command_ttl)
        self.requests = RequestTable(dynamodb, "RequestsTable", self.clock)
        self.waits = WaitTable(dynamodb, "RequestsTable", self.clock)
        self.commands = CommandTable(
            dynamodb,
            "CommandsTable",
            data_table="DataTable",
            history_table="HistoryTable",
            requests=self.requests,
            attributes=self.attributes,
            now=self.clock,
            retention=command_ttl,
        )
        self.tasks = TaskTable(
            dynamodb,
            "TasksTable",
            requests=self.requests,
            attributes=self.attributes,
            now=self.clock,
            retention=task_ttl or Retention(),
        )
        self.sagas = self.records(SAGAS)
        self.approvals = self.approval_table()
        self.data = DataTable(dynamodb, "DataTable", self.attributes)
        self.history = HistoryTable(
            dynamodb, "HistoryTable", self.attributes, self.clock, history_ttl or Retention()
        )

        self.views = self.records(VIEWS)
        self.generations = Generations(self.views, timedelta(seconds=30), self.clock)
        self.imports = ImportTable(dynamodb, "ImportTmpTable", self.clock)
        self.import_jobs = self.records(IMPORT_JOBS)
        self.import_bucket = ImportBucket(clients.s3, IMPORTS)
        self.zip_jobs = self.zip_table()
        self.zip_bucket = ZipBucket(clients.s3, IMPORTS)

    def parts(self) -> dict[str, object]:
        """What `bootstrap.override` takes."""
        names = ("clock", "processes", "commands", "data", "history", "requests", "attributes")
        parts = {
            name: getattr(self, name)
            for name in (
                *names,
                "sagas",
                "views",
                "generations",
                "generation_rows",
                "imports",
                "import_jobs",
                "import_bucket",
                "zip_jobs",
                "zip_bucket",
            )
        }
        return {**parts, "read_models": self.read_model}

    def read_model(self, view: str, *, buckets: int = 1) -> ReadModel:
        return ReadModel(
            self.dynamodb,
            "ReadModelsTable",
            view,
            buckets=buckets,
            generation=self.generations.of,
        )

    def generation_rows(self, key: ViewKey) -> GenerationRows:
        return GenerationRows(self.dynamodb, "ReadModelsTable", key)

    def seed(self, *processes: Process) -> None:
        items = [
            process_item(process, open_shard(process))
            | {
                "open_shard": open_shard(process) if is_listed(process) else None,
                "task_token": process.token,
                "token_seq": process.token_seq,
                "run": process.run,
                "error": process.error,
                "cause": process.cause,
            }
            for process in processes
        ]
        for start in range(0, len(items), 25):
            puts = [{"PutRequest": {"Item": marshal(item)}} for item in items[start : start + 25]]
            self.dynamodb.batch_write_item(RequestItems={"CommandsTable": puts})

    def stored(self, key: ItemKey) -> dict[int, StoredProcess]:
        """An item's processes by version, each with whether the index lists it, and its ttl."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName="CommandsTable",
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ConsistentRead=True,
            FilterExpression="kind = :process",
            ExpressionAttributeValues=marshal(
                {":pk": key.pk, ":prefix": key.versions_prefix, ":process": "process"}
            ),
        )
        items = [unmarshal(item) for page in pages for item in page["Items"]]
        return {
            item["version"]: (as_process(item), "open_shard" in item, item.get("ttl"))
            for item in items
        }

    def upload(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=IMPORTS, Key=key, Body=body)

    def object_keys(self) -> list[str]:
        found = self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [each["Key"] for each in found]


class Clients:
    """Clients of moto, and what they speak to."""

    def __init__(self) -> None:
        self.dynamodb = boto3.client("dynamodb", region_name="us-east-1")
        self.s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in (BUCKET, IMPORTS):
            self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket=IMPORTS, VersioningConfiguration={"Status": "Enabled"})
        self.dynamodb.meta.events.register("before-parameter-build.dynamodb", check_call)

    def make_tables(self) -> None:
        for table in TABLES:
            properties = template().resources[table]["Properties"]
            indexes = [
                {name: value for name, value in index.items() if name != "WarmThroughput"}
                for index in properties.get("GlobalSecondaryIndexes", [])
            ]
            self.dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=properties["KeySchema"],
                AttributeDefinitions=properties["AttributeDefinitions"],
                **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
            )

    def empty(self) -> None:
        """Drop the tables, and what lies in the buckets."""
        for table in TABLES:
            self.dynamodb.delete_table(TableName=table)
        for found in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self.s3.delete_object(Bucket=BUCKET, Key=found["Key"])
        versions = self.s3.list_object_versions(Bucket=IMPORTS)
        for found in (*versions.get("Versions", []), *versions.get("DeleteMarkers", [])):
            self.s3.delete_object(Bucket=IMPORTS, Key=found["Key"], VersionId=found["VersionId"])


@cache
def template() -> Template:
    return Template.load(Path("template.yaml"))


def check_call(params: dict[str, Any], model: Any, **_: Any) -> None:
    """Fail where moto takes what DynamoDB refuses, or does not show what DynamoDB shows.

    A reserved word in an expression is refused, and so may be a comparison of two values; a
    read of a table that is not consistent may be stale. An index has no consistent reads.
    """
    if model.name in ("GetItem", "Query") and "IndexName" not in params:
        assert params.get("ConsistentRead") is True, params
    for table, key in _updated(params, model.name):
        is_records = table in RECORDS and not OF_A_RECORD.search(key["pk"]["S"])
        assert not is_records, f"an update does not renew the rev of {key}"
    reserved = set(ReservedKeywords.get_reserved_keywords())
    keywords = {"SET", "REMOVE", "ADD", "AND", "OR", "IN", "NOT", "BETWEEN"}
    for text in _expressions(params):
        words = {word.upper() for word in re.findall(r"(?<![#:\w])[A-Za-z_]\w*", text)}
        assert not words & reserved - keywords, text
        assert not re.search(r":\w+ *(=|<>|[<>]=?) *:\w", text), text


def _updated(params: Any, operation: str) -> list[tuple[str, Any]]:
    """The items that a call updates, by their tables and keys."""
    parts = [params] if operation == "UpdateItem" else []
    if operation == "TransactWriteItems":
        parts = [each["Update"] for each in params["TransactItems"] if "Update" in each]
    return [(part["TableName"], part["Key"]) for part in parts]


def _expressions(params: Any) -> list[str]:
    if isinstance(params, list):
        return [text for each in params for text in _expressions(each)]
    if not isinstance(params, dict):
        return []
    mine = [text for name, text in params.items() if name.endswith("Expression")]
    return mine + [text for value in params.values() for text in _expressions(value)]
