"""Makes what a sample event refers to, so that its state has something to do on a running stack.

Everything belongs to a tenant of its own, so nobody's items are touched: a version of Narita's
airport, a task, a saga, an approval, an import, an archive, a rebuild, each as it stands when the
machine comes to the state. Where states before it leave something, they are run first, on their
samples.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sfn_cqrs.adapters.approval_items import approval_item
from sfn_cqrs.adapters.command_items import command_item, process_item, row_item
from sfn_cqrs.adapters.dynamodb import marshal, unmarshal
from sfn_cqrs.adapters.generation_items import view_item
from sfn_cqrs.adapters.import_items import job_item
from sfn_cqrs.adapters.saga_items import saga_item
from sfn_cqrs.adapters.task_items import new_item, pointer_item, task_item
from sfn_cqrs.adapters.zip_items import zip_item
from sfn_cqrs.domain.approval import Approval, Happened, Pinned, Rules, Stage, Status
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.command import Audit, Command, Content
from sfn_cqrs.domain.ids import new_ulid
from sfn_cqrs.domain.import_job import Job, JobStatus, Source
from sfn_cqrs.domain.keys import (
    ApprovalRef,
    CommandRef,
    ImportKey,
    ItemKey,
    SagaRef,
    TaskRef,
    ZipRef,
)
from sfn_cqrs.domain.process import Outcome, Process
from sfn_cqrs.domain.read_models import Begin, View, ViewRef
from sfn_cqrs.domain.saga import Saga, SagaStatus
from sfn_cqrs.domain.task import Task, TaskStatus
from sfn_cqrs.domain.values import Json
from sfn_cqrs.domain.zip_job import ZipJob
from sfn_cqrs_tools.client.aws import Target

TENANT: Final = "sample"
SAMPLES_TENANT: Final = "tenant1"
"""Whose the events are in their files."""
CSV: Final = (
    "icao,name,country,lat,lon,tz\n"
    "NRT1,Narita,JP,35.7647,140.3864,Asia/Tokyo\n"
    "HND1,Haneda,JP,35.5523,139.78,Asia/Tokyo\n"
)
_STEPS: Final = ("reserve_stock", "charge_payment", "ship_order")
BEFORE: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("import-csv", "csv_rows_handler"): ("csv_loader",),
    ("import-csv", "finalize_parent_job"): ("csv_loader", "csv_rows_handler"),
    ("order-saga", "charge_payment"): _STEPS[:1],
    ("order-saga", "ship_order"): _STEPS[:2],
    ("order-saga", "release_stock"): _STEPS[:1],
    ("order-saga", "refund_payment"): _STEPS[:2],
    ("order-saga", "cancel_shipment"): _STEPS,
    ("order-saga", "finish_saga"): _STEPS,
    ("order-saga", "park_saga"): _STEPS[:1],
    ("task", "finalize_task"): ("iterator",),
    ("zip-orchestrator", "extract_file"): ("list_zip",),
    ("zip-orchestrator", "trigger_single_csv_and_wait"): ("list_zip", "extract_file"),
    ("zip-orchestrator", "finalize_zip_job"): ("list_zip",),
}
"""What the states before leave, by machine and state."""

Event = dict[str, Any]
Prepare = Callable[["Rehearsal", str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Ready:
    """An event whose items are there, and the events of the states that have to run before."""

    event: Event
    before: tuple[tuple[str, Event], ...] = ()
    tenant: str | None = None
    """Whose the items are; None where nothing had to be made."""


class Rehearsal:
    """Makes items in the tables of a local stack."""

    def __init__(self, target: Target, read: Callable[[str, str], Event]) -> None:
        """`read` answers the sample event of a state of a machine, by their names."""
        self._names = target.environment
        self._dynamodb = target.client("dynamodb")
        self._s3 = target.client("s3")
        self._read = read
        self._now = datetime.now(UTC)
        self.by = Audit(iso(self._now), "sample")
        self.at = self.by.at

    def ready(self, machine: str, state: str) -> Ready:
        """Make what the sample of a state refers to; of a machine of one's own, nothing."""
        sample = self._read(machine, state)
        if machine not in _PREPARE or "context" not in sample:
            return Ready(sample)
        ref, table, prepare = _PREPARE[machine]
        changes = self._changes(sample["context"]["Execution"]["Input"])
        events = {
            one: self._adapted(self._read(machine, one), changes, ref, self._names[table])
            for one in (*BEFORE.get((machine, state), ()), state)
        }
        event = events.pop(state)
        prepare(self, state, event["context"]["Execution"]["Input"])
        return Ready(event, tuple(events.items()), TENANT)

    def _changes(self, given: Mapping[str, Any]) -> dict[str, str]:
        """What stands for what in the samples: the tenant, and a new id where there is one."""
        changes = {SAMPLES_TENANT: TENANT}
        if "id" in given:
            changes[str(given["id"]).partition("-")[2]] = new_ulid(self._now)
        return changes

    def _adapted(self, sample: Event, changes: Mapping[str, str], ref: Any, table: str) -> Event:
        text = json.dumps(sample)
        for old, new in changes.items():
            text = text.replace(old, new)
        event: Event = json.loads(text)
        context = event["context"]
        execution = context["Execution"]
        execution["StartTime"] = context["State"]["EnteredTime"] = self.at
        if "/" not in context["StateMachine"]["Name"]:  # a Map's child has a name of its own
            name = ref.from_input(execution["Input"]).execution_name(table)
            execution["Id"] = f"{execution['Id'].rpartition(':')[0]}:{name}"
            execution["Name"] = name
        return event

    def put(self, table: str, item: Mapping[str, Any]) -> None:
        """Store an item as it is."""
        self._dynamodb.put_item(TableName=self._names[table], Item=marshal(item))

    def put_record(self, table: str, item: Mapping[str, Any]) -> None:
        """Store a record, which has a revision."""
        self.put(table, {**item, "rev": "sample"})

    def put_version(self, command: Command, outcome: Outcome) -> None:
        """Store a version; one that is applied is the data row, too."""
        process = Process(
            key=command.key,
            version=command.version,
            outcome=outcome,
            status="check_version:STARTED",  # another than start, at which the stream would run it
            command_id=command.id,
            source="sample",
            opened_at=self.at,
            updated_at=self.at,
        )
        is_open = outcome is Outcome.OPEN
        item = process_item(process, 0)
        self.put("COMMANDS_TABLE", command_item(command))
        self.put("COMMANDS_TABLE", item if is_open else {**item, "open_shard": None})
        if outcome is Outcome.APPLIED:
            self.put("DATA_TABLE", row_item(command.as_row()))

    def latest(self, key: ItemKey, name: str, attributes: dict[str, Any]) -> int:
        """The version of an item, which is made if it is not there."""
        command = self.version(key, 1, name, attributes)
        row = row_item(command.as_row())
        found = self._dynamodb.get_item(
            TableName=self._names["DATA_TABLE"],
            Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}},
            ConsistentRead=True,
        )
        if "Item" in found:
            return int(unmarshal(found["Item"])["version"])
        self.put_version(command, Outcome.APPLIED)
        return 1

    def version(self, key: ItemKey, version: int, name: str, attributes: dict[str, Any]) -> Command:
        """A version of an item."""
        content = Content(name, attributes, is_deleted=False)
        return Command(
            key=key,
            version=version,
            id=f"{key.code}-{version}",
            content=content,
            digest=content.digest(key),
            created=self.by,
            updated=self.by,
            source="sample",
        )

    def upload(self, key: str, body: bytes) -> Source:
        """Store an object in the bucket of imports."""
        bucket = self._names["IMPORT_BUCKET"]
        answer = self._s3.put_object(Bucket=bucket, Key=key, Body=body)
        return Source(bucket, key, answer.get("VersionId", "null"))

    def in_a_week(self) -> str:
        """When what is asked for today expires."""
        return iso(self._now + timedelta(days=7))


def _a_version(rehearsal: Rehearsal, state: str, given: Mapping[str, Any]) -> None:
    """Version 2 runs after version 1, which is applied, or is waited for."""
    key = ItemKey(given["tenant"], given["type"], given["code"])
    last = int(given["version"])
    before = Outcome.OPEN if state == "wait_prev_command" else Outcome.APPLIED
    for number in range(1, last + 1):
        command = rehearsal.version(key, number, "Narita", {"country": "JP", "lat": 35.7647})
        rehearsal.put_version(command, Outcome.OPEN if number == last else before)


def _made(rehearsal: Rehearsal) -> dict[str, Any]:
    """Who has made a sample of work, and when."""
    return {"created": rehearsal.by, "updated_at": rehearsal.at, "source": "sample"}


def _a_task(rehearsal: Rehearsal, _state: str, given: Mapping[str, Any]) -> None:
    """A task that is worked on; none of its items has begun."""
    key = TaskRef.from_input(dict(given)).key
    total = len(given["items"])
    task = Task(
        key=key,
        name="Sample",
        total=total,
        left=total,
        opened_at=rehearsal.at,
        status=TaskStatus.PROCESSING,
        **_made(rehearsal),
    )
    rehearsal.put_record("TASKS_TABLE", task_item(task))
    rehearsal.put_record("TASKS_TABLE", pointer_item(key))
    for index in range(total):
        value: Json = {"order": f"o-{index}", "to": f"c{index}@example.com"}
        rehearsal.put_record("TASKS_TABLE", new_item(task, index, value, rehearsal.at))


def _a_saga(rehearsal: Rehearsal, _state: str, given: Mapping[str, Any]) -> None:
    """An order of two books whose saga runs; there are enough of them."""
    key = SagaRef.from_input(dict(given)).key
    rehearsal.latest(ItemKey(TENANT, "STOCK", "BOOK"), "BOOK", {"available": 1_000_000})
    code = f"o-{key.ulid[-8:].lower()}"
    lines: Json = [{"sku": "BOOK", "quantity": 2}]
    saga = Saga(
        key=key,
        saga=str(given["saga"]),
        name=f"order {code}",
        input={"order": code, "customer": "ada", "card": "visa", "total": 40, "lines": lines},
        opened_at=rehearsal.at,
        status=SagaStatus.RUNNING,
        **_made(rehearsal),
    )
    rehearsal.put_record("SAGAS_TABLE", saga_item(saga))


_DECIDED: Final = {
    "check_decision": Status.GRANTED,
    "process_approval": Status.GRANTED,
    "mark_failed": Status.GRANTED,
    "rejected": Status.REJECTED,
    "expired": Status.EXPIRED,
}


def _an_approval(rehearsal: Rehearsal, state: str, given: Mapping[str, Any]) -> None:
    """The release of an order: asked for, or decided as the state needs it."""
    key = ApprovalRef.from_input(dict(given)).key
    code = f"o-{key.ulid[-8:].lower()}"
    order = ItemKey(TENANT, "ORDER", code)
    version = rehearsal.latest(order, "Kettle", {"customer": "ada", "total": 1200})
    status = _DECIDED.get(state, Status.OPEN)
    approval = Approval(
        key=key,
        type="ORDER_RELEASE",
        rules=Rules(group="operator"),
        expires_at=rehearsal.in_a_week(),
        due_at=rehearsal.in_a_week(),
        subject=code,
        payload={"total": 1200},
        item=Pinned("ORDER", code, version),
        note="a sample",
        status=status,
        stage=Stage.CREATED if status is Status.OPEN else Stage.WAITING,
        happened=Happened.WAITING,  # else the stream would run it
        **_made(rehearsal),
    )
    rehearsal.put_record(
        "APPROVALS_TABLE", approval_item(replace(approval, digest=approval.fingerprint))
    )


def _an_import(rehearsal: Rehearsal, _state: str, given: Mapping[str, Any]) -> None:
    """A file of two airports whose import has begun."""
    key = ImportKey.from_input(dict(given))
    source = rehearsal.upload(f"uploads/{TENANT}/{key.ulid}/airports.csv", CSV.encode())
    job = Job(
        key=key,
        table="airports",
        source=source,
        size=len(CSV),
        **_begun(rehearsal),
    )
    rehearsal.put_record("IMPORT_TMP_TABLE", job_item(job))


def _begun(rehearsal: Rehearsal) -> dict[str, Any]:
    """What the job of an import that has begun says of itself."""
    at = rehearsal.at
    status = JobStatus.PROCESSING
    return {"by": rehearsal.by, "status": status, "started_at": at, "updated_at": at}


def _an_archive(rehearsal: Rehearsal, _state: str, given: Mapping[str, Any]) -> None:
    """An archive of two files of two airports each, whose import has begun."""
    key = ZipRef.from_input(dict(given)).key
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in ("airports.csv", "more.csv"):
            opened.writestr(name, CSV)
    body = archive.getvalue()
    job = ZipJob(
        key=key,
        source=rehearsal.upload(f"uploads/{TENANT}/{key.ulid}/airports.zip", body),
        size=len(body),
        table="airports",
        opened_at=rehearsal.at,
        **_begun(rehearsal),
    )
    rehearsal.put_record("IMPORT_TMP_TABLE", zip_item(job))


def _a_rebuild(rehearsal: Rehearsal, _state: str, given: Mapping[str, Any]) -> None:
    """The orders by customer are rebuilt, and one order is there to replay."""
    ref = ViewRef.from_input(dict(given))
    rehearsal.latest(ItemKey(TENANT, "ORDER", "o-1"), "Kettle", {"customer": "ada", "total": 1200})
    begin = Begin(types=("ORDER",))
    view = View(key=ref.key, types=(), created=rehearsal.by, since=rehearsal.at)
    begun = begin.on(replace(view, attempt=ref.attempt - 1), rehearsal.at)
    if begun is not None:  # what serves alone can always begin
        rehearsal.put_record("READ_MODELS_TABLE", view_item(begun))


_PREPARE: Final[Mapping[str, tuple[Any, str, Prepare]]] = {
    "approval": (ApprovalRef, "APPROVALS_TABLE", _an_approval),
    "command": (CommandRef, "COMMANDS_TABLE", _a_version),
    "import-csv": (ImportKey, "IMPORT_TMP_TABLE", _an_import),
    "order-saga": (SagaRef, "SAGAS_TABLE", _a_saga),
    "rebuild": (ViewRef, "READ_MODELS_TABLE", _a_rebuild),
    "task": (TaskRef, "TASKS_TABLE", _a_task),
    "zip-orchestrator": (ZipRef, "IMPORT_TMP_TABLE", _an_archive),
}
"""By machine: the key of its executions, the table that they are named by, and what is made."""
