"""The two worlds that every contract is held against: DynamoDB in memory, and by moto."""

import re
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from sfn_cqrs.machines.import_csv.bucket import ImportBucket
from sfn_cqrs.machines.zip_orchestrator.bucket import ZipBucket
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes import World
from sfn_cqrs_tools.testing.fakes.stored import TABLES

BUCKET, IMPORTS = "attributes", "imports"
RECORDS = frozenset(("SagasTable", "TasksTable", "ApprovalsTable", "ImportTmpTable"))
OF_A_RECORD = re.compile("#[0-9A-Z]{26}$|^SWEEP$")
"""The partition of what belongs to one, and is none: it is named after its ULID; or of sweeps."""


class Checked(DynamoDB):
    """The one in memory; the calls are checked as those to moto are."""

    def _called(self, operation: str, call: dict[str, Any]) -> AbstractContextManager[None]:
        check_call(call, SimpleNamespace(name=operation))
        return super()._called(operation, call)


class MemoryWorld(World):
    """The world of unit tests, with what the contracts look at behind the adapters' backs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(dynamodb=Checked(TABLES), **options)

    def object_keys(self) -> list[str]:
        return list(self.objects.bodies)

    def upload(self, key: str, body: bytes) -> None:
        self.import_bucket.put(key, body)


class MotoWorld(World):
    """The adapters over moto, their tables made as template.yaml has them."""

    def __init__(self, clients: "Clients", **options: Any) -> None:
        self._clients = clients
        super().__init__(**{"dynamodb": clients.dynamodb, "s3": clients.s3, **options})
        self.import_bucket = ImportBucket(clients.s3, IMPORTS)
        self.zip_bucket = ZipBucket(clients.s3, IMPORTS)

    def upload(self, key: str, body: bytes) -> None:
        self._clients.s3.put_object(Bucket=IMPORTS, Key=key, Body=body)

    def object_keys(self) -> list[str]:
        found = self._clients.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
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
        """Make the tables, unless they stand since a test before."""
        for table in () if self._tables else TABLES:
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

    @property
    def _tables(self) -> dict[str, Any]:
        """Moto's tables; emptying them takes a hundredth of the time of making them anew."""
        found: dict[str, Any] = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables
        return found

    def empty(self) -> None:
        """Delete the items, and what lies in the buckets."""
        for table in self._tables.values():
            table.items.clear()
        if any(bucket.keys for bucket in s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.values()):
            self.empty_buckets()

    def empty_buckets(self) -> None:
        """Delete what lies in the buckets."""
        for found in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self.s3.delete_object(Bucket=BUCKET, Key=found["Key"])
        versions = self.s3.list_object_versions(Bucket=IMPORTS)
        for found in (*versions.get("Versions", []), *versions.get("DeleteMarkers", [])):
            self.s3.delete_object(Bucket=IMPORTS, Key=found["Key"], VersionId=found["VersionId"])


@cache
def template() -> Template:
    return Template.load(Path("template.yaml"))


def check_call(params: dict[str, Any], model: Any, **_: Any) -> None:
    """Fail where a read may be stale, and where a write of a record's item does not say so.

    A comparison of two values may be refused. An index has no consistent reads.
    """
    if model.name in ("GetItem", "Query") and "IndexName" not in params:
        assert params.get("ConsistentRead") is True, params
    for table, key, update in _updated(params, model.name):
        is_records = table in RECORDS and not OF_A_RECORD.search(key["pk"]["S"])
        assert not is_records or "#rev = :rev" in update, (
            f"an update does not renew the rev of {key}"
        )
    for text in _expressions(params):
        assert not re.search(r":\w+ *(=|<>|[<>]=?) *:\w", text), text


def _updated(params: Any, operation: str) -> list[tuple[str, Any, str]]:
    """The items that a call updates, by their tables and keys, and how."""
    parts = [params] if operation == "UpdateItem" else []
    if operation == "TransactWriteItems":
        parts = [each["Update"] for each in params["TransactItems"] if "Update" in each]
    return [(part["TableName"], part["Key"], part["UpdateExpression"]) for part in parts]


def _expressions(params: Any) -> list[str]:
    if isinstance(params, list):
        return [text for each in params for text in _expressions(each)]
    if not isinstance(params, dict):
        return []
    mine = [text for name, text in params.items() if name.endswith("Expression")]
    return mine + [text for value in params.values() for text in _expressions(value)]
